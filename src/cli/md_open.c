/* md_open.c - see md_open.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_open.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "cli/md_atoms.h"
#include "cli/md_cut.h"
#include "cli/md_input.h"
#include "cli/md_step.h"

/* A step is a row of short loops; between them threads stay awake. */
#define SPIN_NS UINT64_C(1000000)

/** 4 epsilon ((sigma/r)^12 - (sigma/r)^6), and how it ends. */
static al_pair_params pair_params(const al_md_options *o)
{
    static const al_pair_lj forms[] = {AL_PAIR_LJ_CUT, AL_PAIR_LJ_CUT, AL_PAIR_LJ_FORCE_SWITCH,
                                       AL_PAIR_LJ_POTENTIAL_SWITCH}; /* by AL_MD_CUT and so on */
    double six = pow(o->sigma, 6);
    return (al_pair_params){.lj = forms[o->modifier],
                            .is_shifted = o->modifier == AL_MD_SHIFT,
                            .c6 = 4 * o->epsilon * six,
                            .c12 = 4 * o->epsilon * six * six,
                            .lj_cutoff = o->cutoff,
                            .switch_from = al_md_switch_from(o)};
}

static al_md_opts md_opts(const al_simulation *s, const al_box *box, const int grid[3],
                          const al_kernels *kernels, uint32_t nthreads)
{
    const al_md_options *o = &s->options;
    return (al_md_opts){.space = {.comm = s->comm,
                                  .box = {box->edge[0], box->edge[1], box->edge[2]},
                                  .tilt = {box->tilt[0], box->tilt[1], box->tilt[2]},
                                  .grid = {grid[0], grid[1], grid[2]},
                                  .reach = o->cutoff + o->skin,
                                  .near = o->cutoff + (o->near_skin < o->skin ? o->near_skin : o->skin),
                                  .density = (double)o->natoms / (box->edge[0] * box->edge[1] * box->edge[2]),
                                  .masses = {.same = o->mass},
                                  .is_double = o->precision == AL_MD_DOUBLE,
                                  .kernels = kernels,
                                  .pool = s->pool,
                                  .nthreads = nthreads},
                        .pairs = pair_params(o),
                        .has_dispersion = o->has_dispersion,
                        .has_dispersion_pressure = o->has_dispersion,
                        .dt = o->dt,
                        .integrator = o->integrator == AL_MD_LEAP_FROG ? AL_LEAP_FROG : AL_VELOCITY_VERLET,
                        .still_every = o->still_every,
                        .tolerance = o->tolerance,
                        .balance_every = o->balance == AL_MD_BALANCE_AUTO ? 10 : 0,
                        .units = al_md_units(o),
                        .stop = s->stop,
                        .deadline_ns = o->has_timeout ? o->begin_ns + o->timeout_ns : 0};
}

/** Edges of domains where the checkpoint has them, if the grid is the same. */
static allot_err restore_edges(al_simulation *s, const int grid[3], allot_error *err)
{
    const al_checkpoint_cut *cut = &s->from.cut;
    allot_error found;
    if (s->from.natoms == 0 || cut->edges == NULL || memcmp(grid, cut->grid, sizeof cut->grid) != 0)
        return ALLOT_OK;
    allot_err code = al_space_cut(&s->md.space, cut->edges, &found);
    return code == ALLOT_OK ? code
                            : al_fail(err, code, 0, "%s/checkpoint: %s", s->options.output, found.text);
}

/** What thermostat and barostat remember, from the checkpoint. */
static allot_err restore_ensemble(al_simulation *s, allot_error *err)
{
    if (s->from.natoms == 0)
        return ALLOT_OK;
    if (s->from.nkept != al_ensemble_nkept(&s->md.ensemble))
        return al_fail(
            err, ALLOT_EINVAL, 0,
            "%s/checkpoint was made with other thermostats or barostats: say the same, or start anew",
            s->options.output);
    al_ensemble_recall(&s->md.ensemble, s->from.kept);
    return ALLOT_OK;
}

/** Molecules, as their files say. The mesh, and how blocks are cut, are those of the box that they began
 * with, whatever pressure made of it since: so a restart has the same bits. */
static allot_err set_up(al_simulation *s, al_md_opts *opts, allot_error *err)
{
    const al_md_options *o = &s->options;
    const al_setup_files files = {.mdp = &s->files.mdp,
                                  .mdp_name = o->parameters,
                                  .topology = &s->files.topology,
                                  .index = &s->files.index,
                                  .reference = s->files.has_reference ? &s->files.reference : NULL,
                                  .reference_name = o->reference,
                                  .seed = o->seed};
    const double *edge = s->conf_box.edge;
    allot_err code = al_setup_make(&s->setup, &files, &s->conf_box, opts, err);
    opts->space.density = (double)o->natoms / (edge[0] * edge[1] * edge[2]);
    if (code == ALLOT_OK && s->split.cutoff > 0)
        al_split_apply(&s->split, opts);
    if (s->from.natoms > 0)
        opts->settles_start = opts->begins_late = false;
    return code;
}

/** Of rank 0; the others learn of it when that fails. */
static allot_err open_log(al_simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    char path[PATH_MAX];
    if (s->comm->rank != 0 || o->output == NULL)
        return ALLOT_OK;
    (void)snprintf(path, sizeof path, "%s/md.log", o->output);
    return al_md_log_open(&s->log, path, o, &s->md, err);
}

/** Threads: as many as are asked for; or this rank's share of what the machine offers to all that are here.
 */
static allot_err create_pool(al_simulation *s, allot_error *err)
{
    allot_pool_opts opts = ALLOT_POOL_OPTS_INIT;
    uint64_t share = allot_pool_nthreads(NULL) / al_md_step_nlocal();
    opts.spin_ns = SPIN_NS;
    opts.nthreads = (uint32_t)(s->options.nthreads > 0 ? s->options.nthreads : share > 0 ? share : 1);
    return allot_pool_create(&s->pool, &opts, err);
}

/** Once boxes are cut and blocks laid out: atoms, their forces, the files that are written. */
static allot_err begin(al_simulation *s, const al_box *box, const int grid[3], allot_error *err)
{
    const al_md_options *o = &s->options;
    allot_err code = restore_edges(s, grid, err);
    if (code == ALLOT_OK)
        code = restore_ensemble(s, err);
    if (code == ALLOT_OK)
        code = al_md_atoms_add(s, box, err);
    if (code == ALLOT_OK)
        code = al_md_start(&s->md, al_simulation_begin(s), err);
    if (code == ALLOT_OK)
        code = al_md_output_open(&s->output, o, &s->md,
                                 &(al_md_output_facts){.nranks = s->nranks,
                                                       .from = s->from.natoms > 0 ? &s->from : NULL,
                                                       .conf = o->conf != NULL ? &s->files.gro : NULL,
                                                       .setup = &s->setup},
                                 err);
    return code == ALLOT_OK ? open_log(s, err) : code;
}

allot_err al_simulation_open(al_simulation *s, allot_error *err)
{
    static const int one[3] = {1, 1, 1};
    const char *kernel = s->options.kernel;
    const al_kernels *kernels = al_kernels_find(kernel);
    al_box box;
    int grid[3];
    if (kernels == NULL)
        return al_fail(err, ALLOT_EINVAL, 0,
                       "--kernel %.40s: there is no such kernel, or this processor does not run it", kernel);
    allot_err code = al_md_input_box(s, &box, err);
    if (code == ALLOT_OK)
        code = create_pool(s, err);
    if (code != ALLOT_OK)
        return code;
    const al_md_opts alone = md_opts(s, &box, one, kernels, 1);
    code = al_md_cut_box(s, &box, &alone, grid, err);
    if (code != ALLOT_OK || s->is_idle)
        return code;
    al_md_opts opts = md_opts(s, &box, grid, kernels, allot_pool_nthreads(s->pool));
    if (s->options.topology != NULL)
        code = set_up(s, &opts, err);
    if (code == ALLOT_OK)
        code = al_md_open(&s->md, &opts, err);
    return code == ALLOT_OK ? begin(s, &box, grid, err) : code;
}

void al_simulation_close(al_simulation *s)
{
    al_md_close(&s->md);
    al_setup_fini(&s->setup);
    allot_pool_destroy(s->pool);
    al_md_files_fini(&s->files);
    if (s->from.natoms > 0)
        al_checkpoint_fini(&s->from);
}
