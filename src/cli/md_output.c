/* md_output.c - see md_output.h.
 *
 * A run is *renewed* every so many steps: it goes on as if it had begun there. What it was then is kept in
 * memory, and on disk once a minute and at the end. So whatever step a run is ended at, it goes on from one
 * at which it would have been renewed anyway, and has the same bits as a run that was never ended.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_output.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "md/gather.h"

#define WRITE_NS UINT64_C(60000000000)

static const char *in_folder(const al_md_output *output, const char *name, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/%s", output->options->output, name);
    return path;
}

static bool is_root(const al_md *md)
{
    return md->opts.space.comm->rank == 0;
}

/** A result of rank 0's, known to all: the others fail without a sentence of their own. Collective. */
static allot_err agree(const al_md *md, allot_err code, allot_error *err)
{
    double found = (double)code;
    md->opts.space.comm->greatest(md->opts.space.comm, &found, 1);
    if (code == ALLOT_OK && found > 0)
        return al_fail(err, (allot_err)found, 0, "rank 0 failed");
    return code;
}

/* ---- the options that a restart must have in common -----------------------------------------------------
 */

static char *write_options(const al_md_options *o)
{
    al_buffer text = {.at = NULL};
    char line[800];
    (void)snprintf(line, sizeof line,
                   "units %s\nintegrator %s\nsigma %.17g\nepsilon %.17g\nmass %.17g\nremove-drift %llu\n",
                   al_md_units(o)->name, o->integrator == AL_MD_LEAP_FROG ? "md" : "md-vv", o->sigma,
                   o->epsilon, o->mass, (unsigned long long)o->still_every);
    (void)al_buffer_text(&text, line);
    (void)snprintf(line, sizeof line,
                   "conf %s\natoms %llu\ndensity %.17g\ntemperature %.17g\nseed %llu\ncutoff %.17g\nmodifier "
                   "%d\nswitch %.17g\n"
                   "skin %.17g\nnear-skin %.17g\ndt %.17g\nprecision %s\nrenew %llu\n",
                   o->conf != NULL ? o->conf : "(a lattice)", (unsigned long long)o->natoms, o->density,
                   o->temperature, (unsigned long long)o->seed, o->cutoff, o->modifier, al_md_switch_from(o),
                   o->skin, o->near_skin, o->dt, o->precision == AL_MD_DOUBLE ? "double" : "mixed",
                   (unsigned long long)o->renew);
    (void)al_buffer_text(&text, line);
    if (o->topology != NULL) {
        (void)al_buffer_text(&text, "topology ");
        (void)al_buffer_text(&text, o->topology);
        (void)al_buffer_text(&text, "\nparameters ");
        (void)al_buffer_text(&text, o->parameters);
        (void)al_buffer_text(&text, "\n");
    }
    if (o->tune == AL_MD_TUNE_FACTOR) {
        (void)snprintf(line, sizeof line, "tune-pme %.17g\n", o->tune_factor);
        (void)al_buffer_text(&text, line);
    }
    if (o->first_step != 0 || o->time_of_zero != 0) { /* checkpoints from before there were such know none */
        (void)snprintf(line, sizeof line, "init-step %llu\ntinit %.17g\n", (unsigned long long)o->first_step,
                       o->time_of_zero);
        (void)al_buffer_text(&text, line);
    }
    (void)al_buffer_byte(&text, '\0');
    if (text.failed)
        al_buffer_fini(&text);
    return text.at;
}

allot_err al_md_output_recall(const al_md_options *options, al_checkpoint *checkpoint, allot_error *warning,
                              allot_error *err)
{
    char path[PATH_MAX];
    const al_md_output output = {.options = options};
    allot_err code = al_checkpoint_read(in_folder(&output, "checkpoint", path), checkpoint, warning, err);
    if (code != ALLOT_OK)
        return code;
    char *texts = write_options(options);
    code = texts != NULL ? al_checkpoint_compare(checkpoint, texts, path, err)
                         : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    free(texts);
    if (code != ALLOT_OK)
        al_checkpoint_fini(checkpoint);
    return code;
}

/* ---- opening --------------------------------------------------------------------------------------------
 */

static allot_err make_folder(const al_md_output *output, bool goes_on, allot_error *err)
{
    char path[PATH_MAX];
    struct stat st;
    if (mkdir(output->options->output, 0777) != 0 && errno != EEXIST)
        return al_fail(err, ALLOT_EIO, errno, "%s cannot be made", output->options->output);
    if (!goes_on && stat(in_folder(output, "energies.xvg", path), &st) == 0)
        return al_fail(err, ALLOT_EINVAL, 0,
                       output->options->minimiser != AL_MD_STEPS
                           ? "%s has a minimisation in it: take another folder"
                           : "%s has a simulation in it: --resume goes on with it; or take another folder",
                       output->options->output);
    return ALLOT_OK;
}

static allot_err open_energies(al_md_output *output, const al_md *md, const al_checkpoint *from,
                               allot_error *err)
{
    static const char *const names[] = {"energies.xvg", "energies.jsonl"};
    char path[PATH_MAX];
    const al_units *units = al_md_units(output->options);
    output->ncolumns = al_md_columns(md, output->columns);
    const al_series_opts opts = {.title = md->opts.field.topology != NULL ? "Energies" : "Energies an atom",
                                 .time_unit = units->time,
                                 .columns = output->columns,
                                 .ncolumns = output->ncolumns,
                                 .goes_on = from != NULL,
                                 .last_step = from != NULL ? from->step : 0,
                                 .dt = output->options->dt,
                                 .time_of_zero = output->options->time_of_zero};
    allot_err code = ALLOT_OK;
    for (int k = 0; k < 2 && code == ALLOT_OK; k++)
        code = al_series_open(in_folder(output, names[k], path), &opts, &output->energies[k], err);
    return code;
}

static allot_err open_frames(al_md_output *output, const al_md *md, const al_checkpoint *from,
                             allot_error *err)
{
    char path[PATH_MAX];
    const al_md_options *o = output->options;
    al_trajectory_opts opts = {.precision = o->frame_precision,
                               .is_double = o->precision == AL_MD_DOUBLE,
                               .goes_on = from != NULL,
                               .last_step = from != NULL ? from->step : 0,
                               .natoms = md->natoms,
                               .dt = o->dt,
                               .time_of_zero = o->time_of_zero};
    allot_err code = ALLOT_OK;
    if (o->full_frames > 0)
        code =
            al_trajectory_open(in_folder(output, "trajectory.trr", path), &opts, &output->full_frames, err);
    opts.natoms = output->setup->framed != NULL ? output->setup->nframed : md->natoms;
    if (o->frames > 0 && code == ALLOT_OK)
        code = al_trajectory_open(in_folder(output, "trajectory.xtc", path), &opts, &output->frames, err);
    return code;
}

allot_err al_md_output_open(al_md_output *output, const al_md_options *options, const al_md *md,
                            const al_md_output_facts *facts, allot_error *err)
{
    const al_checkpoint *from = facts->from;
    *output = (al_md_output){.options = options,
                             .conf = facts->conf,
                             .setup = facts->setup,
                             .keeps_newest = true,
                             .written_ns = al_clock_ns(),
                             .nranks = (uint32_t)facts->nranks};
    if (options->output == NULL)
        return ALLOT_OK;
    allot_err code = ALLOT_OK;
    if (is_root(md)) {
        bool has_molecules = options->topology != NULL;
        output->texts = write_options(options);
        bool good = output->texts != NULL &&
                    (!has_molecules || al_whole_open(&output->whole, md->opts.field.topology));
        code = good ? make_folder(output, from != NULL, err) : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        if (code == ALLOT_OK)
            code = open_energies(output, md, from, err);
        if (code == ALLOT_OK)
            code = open_frames(output, md, from, err);
    }
    return agree(md, code, err);
}

/* ---- steps ----------------------------------------------------------------------------------------------
 */

static allot_err write_energies(al_md_output *output, const al_md *md, const al_thermo *t, allot_error *err)
{
    double values[AL_MD_COLUMNS_MOST];
    al_md_columns_values(md, t, values);
    allot_err code = ALLOT_OK;
    for (int k = 0; k < 2 && code == ALLOT_OK; k++) {
        code =
            al_series_row(output->energies[k], t->step, al_md_time_of(output->options, t->step), values, err);
        if (code == ALLOT_OK)
            code = al_series_flush(output->energies[k], err);
    }
    return code;
}

/** A frame of positions alone, of those atoms that it is to have. */
static allot_err write_compressed(al_md_output *output, al_frame frame, allot_error *err)
{
    const al_setup *setup = output->setup;
    if (setup->framed == NULL)
        return al_trajectory_frame(output->frames, &frame, err);
    double *x = malloc(3 * setup->nframed * sizeof *x);
    if (x == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    for (uint64_t k = 0; k < setup->nframed; k++)
        memcpy(x + 3 * k, frame.x.at + setup->framed[k] * frame.x.stride, 3 * sizeof *x);
    frame.x = (al_vectors){x, 3};
    frame.natoms = setup->nframed;
    allot_err code = al_trajectory_frame(output->frames, &frame, err);
    free(x);
    return code;
}

/** Frames that are due: positions, or all there is. */
static allot_err write_frames(al_md_output *output, const al_md *md, bool is_due, bool is_full_due,
                              allot_error *err)
{
    al_atom *atoms = NULL;
    double *forces = NULL;
    allot_err code = al_md_gather(md, &atoms, is_full_due ? &forces : NULL, err);
    if (code == ALLOT_OK && is_root(md)) {
        if (output->options->writes_whole && output->whole.topology != NULL)
            al_whole_make(&output->whole, &md->space.lattice, atoms->x, sizeof *atoms / sizeof(double));
        al_frame frame = {.step = md->step,
                          .natoms = md->natoms,
                          .time = al_md_time_of(output->options, md->step),
                          .x = {atoms->x, sizeof *atoms / sizeof(double)},
                          .v = {output->options->minimiser == AL_MD_STEPS ? atoms->v : NULL,
                                sizeof *atoms / sizeof(double)},
                          .f = {forces, 3}};
        al_space_box(&md->space, frame.box);
        if (is_due)
            code = write_compressed(output, frame, err);
        if (is_full_due && code == ALLOT_OK)
            code = al_trajectory_frame(output->full_frames, &frame, err);
    }
    free(atoms);
    free(forces);
    return agree(md, code, err);
}

static allot_err write_checkpoint(al_md_output *output, allot_error *err)
{
    char path[PATH_MAX];
    allot_err code = ALLOT_OK;
    for (int k = 0; k < 2 && code == ALLOT_OK; k++)
        code = al_series_sync(output->energies[k], err);
    if (code == ALLOT_OK && output->frames != NULL)
        code = al_trajectory_sync(output->frames, err);
    if (code == ALLOT_OK && output->full_frames != NULL)
        code = al_trajectory_sync(output->full_frames, err);
    if (code == ALLOT_OK)
        code = al_checkpoint_write(in_folder(output, "checkpoint", path), &output->latest,
                                   output->keeps_newest, err);
    output->is_latest_written = code == ALLOT_OK;
    output->keeps_newest = output->keeps_newest || code == ALLOT_OK;
    output->written_ns = al_clock_ns();
    return code;
}

static void forget(al_md_output *output)
{
    if (output->has_latest) { /* all but its options, which are the folder's */
        free(output->latest.atoms);
        free(output->latest.cut.edges);
        free(output->latest.kept);
    }
    output->has_latest = false;
}

/** How the box is cut, for a restart to be the same to the last bit. */
static allot_err describe_cut(const al_md_output *output, const al_space *space, al_checkpoint_cut *cut,
                              allot_error *err)
{
    *cut = (al_checkpoint_cut){.nranks = output->nranks};
    memcpy(cut->grid, space->opts.grid, sizeof cut->grid);
    if (space->domain.cuts == NULL)
        return ALLOT_OK;
    cut->edges = malloc(al_cuts_nedges(cut->grid) * sizeof *cut->edges);
    if (cut->edges == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    al_cuts_save(space->domain.cuts, cut->edges);
    return ALLOT_OK;
}

/** What md is now is what a restart would go on from. */
static allot_err remember(al_md_output *output, al_md *md, allot_error *err)
{
    al_atom *atoms = NULL;
    al_checkpoint_cut cut;
    allot_err code = al_md_gather(md, &atoms, NULL, err);
    if (code != ALLOT_OK || !is_root(md))
        return code;
    code = describe_cut(output, &md->space, &cut, err);
    uint32_t nkept = al_ensemble_nkept(&md->ensemble);
    double *kept = calloc((size_t)nkept + 1, sizeof *kept);
    if (code == ALLOT_OK && kept == NULL)
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (code != ALLOT_OK) {
        free(atoms);
        free(kept);
        return code;
    }
    al_ensemble_keep(&md->ensemble, kept);
    forget(output);
    output->latest = (al_checkpoint){.step = md->step,
                                     .natoms = md->natoms,
                                     .seed = output->options->seed,
                                     .time = al_md_time_of(output->options, md->step),
                                     .dt = output->options->dt,
                                     .cut = cut,
                                     .split = md->opts.split,
                                     .options = output->texts,
                                     .kept = kept,
                                     .nkept = nkept,
                                     .atoms = atoms};
    al_space_box(&md->space, output->latest.box);
    output->has_latest = true;
    output->is_latest_written = false;
    return ALLOT_OK;
}

/** Whether a step is one of every so-manieth; never where that is 0. */
static bool is_due(uint64_t step, uint64_t every)
{
    return every > 0 && step % every == 0;
}

allot_err al_md_output_step(al_md_output *output, al_md *md, const al_thermo *thermo, allot_error *err)
{
    const al_md_options *o = output->options;
    allot_err code = ALLOT_OK;
    if (o->output == NULL)
        return ALLOT_OK;
    if (is_due(md->step, o->every) || md->step == o->nsteps)
        code = agree(md, is_root(md) ? write_energies(output, md, thermo, err) : ALLOT_OK, err);
    bool frame = is_due(md->step, o->frames), full_frame = is_due(md->step, o->full_frames);
    if (code == ALLOT_OK && (frame || full_frame))
        code = write_frames(output, md, frame, full_frame, err);
    if (code != ALLOT_OK || !is_due(md->step, o->renew))
        return code;
    code = al_md_renew(md, err);
    if (code == ALLOT_OK)
        code = remember(output, md, err);
    bool is_time = is_root(md) && al_clock_ns() >= output->written_ns + WRITE_NS;
    if (code == ALLOT_OK)
        code = agree(md, is_time ? write_checkpoint(output, err) : ALLOT_OK, err);
    return code;
}

uint64_t al_md_output_wait(const al_md_options *o, uint64_t step)
{
    const uint64_t every[] = {o->every, o->told_every, o->output != NULL ? o->frames : 0,
                              o->output != NULL ? o->full_frames : 0, o->output != NULL ? o->renew : 0};
    uint64_t least = o->nsteps - step;
    for (size_t k = 0; k < sizeof every / sizeof every[0]; k++)
        if (every[k] > 0 && every[k] - step % every[k] < least)
            least = every[k] - step % every[k];
    return least > 0 ? least : 1;
}

/* ---- the end --------------------------------------------------------------------------------------------
 */

/** The last structure, with the names that it came with. */
static allot_err write_structure(const al_md_output *output, const al_md *md, const al_atom *atoms,
                                 bool has_velocities, allot_error *err)
{
    char path[PATH_MAX];
    const char *title =
        output->options->units == AL_MD_REAL ? "Lennard-Jones atoms" : "Lennard-Jones atoms, reduced units";
    if (output->options->topology != NULL && output->conf->title != NULL)
        title = output->conf->title;
    al_gro gro = {.title = (char *)(uintptr_t)title, .natoms = md->natoms, .decimals = 6};
    gro.labels = calloc(md->natoms, sizeof *gro.labels);
    gro.x = malloc(3 * md->natoms * sizeof *gro.x);
    if (has_velocities)
        gro.v = malloc(3 * md->natoms * sizeof *gro.v);
    bool good = gro.labels != NULL && gro.x != NULL && (gro.v != NULL || !has_velocities);
    for (uint64_t k = 0; good && k < md->natoms; k++) {
        gro.labels[k] = output->conf != NULL ? output->conf->labels[k]
                                             : (al_gro_label){.residue = (int32_t)((k + 1) % AL_GRO_WRAP),
                                                              .residue_name = "LJ",
                                                              .name = "LJ"};
        memcpy(&gro.x[3 * k], atoms[k].x, 3 * sizeof(double));
        if (has_velocities)
            memcpy(&gro.v[3 * k], atoms[k].v, 3 * sizeof(double));
    }
    if (good && output->whole.topology != NULL)
        al_whole_make(&output->whole, &md->space.lattice, gro.x, 3);
    al_space_box(&md->space, gro.box);
    gro.is_triclinic = al_lattice_is_skewed(&md->space.lattice);
    allot_err code = good ? al_gro_write(in_folder(output, "final.gro", path), &gro, err)
                          : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    free(gro.labels);
    free(gro.x);
    free(gro.v);
    return code;
}

allot_err al_md_output_end(al_md_output *output, al_md *md, bool is_done, allot_error *err)
{
    allot_err code = ALLOT_OK;
    if (output->options->output == NULL)
        return ALLOT_OK;
    if (is_done)
        code = remember(output, md, err);
    if (code == ALLOT_OK && is_root(md) && is_done)
        code = write_structure(output, md, output->latest.atoms, true, err);
    if (code == ALLOT_OK && is_root(md) && output->has_latest && !output->is_latest_written)
        code = write_checkpoint(output, err);
    return agree(md, code, err);
}

allot_err al_md_output_minimum(al_md_output *output, al_md *md, allot_error *err)
{
    al_atom *atoms = NULL;
    if (output->options->output == NULL)
        return ALLOT_OK;
    allot_err code = al_md_gather(md, &atoms, NULL, err);
    if (code == ALLOT_OK && is_root(md))
        code = write_structure(output, md, atoms, false, err);
    free(atoms);
    return agree(md, code, err);
}

bool al_md_output_save(al_md_output *output, uint64_t *step)
{
    bool is_there =
        output->has_latest && (output->is_latest_written || write_checkpoint(output, NULL) == ALLOT_OK);
    *step = output->latest.step;
    return is_there;
}

allot_err al_md_output_close(al_md_output *output, allot_error *err)
{
    allot_err code = ALLOT_OK, closed;
    for (int k = 0; k < 2; k++)
        if ((closed = al_series_close(output->energies[k], code == ALLOT_OK ? err : NULL)) != ALLOT_OK)
            code = closed;
    al_trajectory *const trajectories[] = {output->frames, output->full_frames};
    for (int k = 0; k < 2; k++)
        if ((closed = al_trajectory_close(trajectories[k], code == ALLOT_OK ? err : NULL)) != ALLOT_OK)
            code = closed;
    forget(output);
    if (output->whole.topology != NULL)
        al_whole_close(&output->whole);
    free(output->texts);
    *output = (al_md_output){.has_latest = false};
    return code;
}
