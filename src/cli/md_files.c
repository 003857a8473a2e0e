/* md_files.c - see md_files.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_files.h"

#include <stdlib.h>
#include <string.h>

#include "md/match.h"
#include "md/read/ndx.h"
#include "md/read/positions.h"
#include "md/read/top.h"
#include "md/read/topologies.h"

/** -I and -D of the parameters, as the topology's reader wants them: without these letters. */
static const char **without_letter(const al_words *words, size_t *n)
{
    const char **all = calloc((size_t)words->n + 1, sizeof *all);
    *n = 0;
    for (uint32_t k = 0; all != NULL && k < words->n; k++)
        if (words->at[k][0] == '-' && (words->at[k][1] == 'I' || words->at[k][1] == 'D') &&
            words->at[k][2] != '\0')
            all[(*n)++] = words->at[k] + 2;
    return all;
}

static allot_err read_topology(const al_md_options *o, al_md_files *f, allot_error *err)
{
    al_source_options from = {.nfolders = 0};
    const char **folders = without_letter(&f->mdp.include, &from.nfolders);
    const char **defines = without_letter(&f->mdp.define, &from.ndefines);
    from.folders = folders;
    from.defines = defines;
    allot_err code = folders != NULL && defines != NULL
                         ? al_topology_read(o->topology, &from, &f->topology, &f->warnings, err)
                         : ALLOT_ENOMEM;
    free(folders);
    free(defines);
    f->has_topology = code == ALLOT_OK;
    bool has_constraints = f->has_mdp && f->mdp.constraints != AL_CONSTRAIN_NONE;
    if (code == ALLOT_OK && has_constraints)
        code = al_topology_constrain(&f->topology, f->mdp.constraints == AL_CONSTRAIN_H_BONDS, err);
    return code;
}

allot_err al_md_files_read(const al_md_options *o, al_md_files *f, allot_error *err)
{
    allot_err code = ALLOT_OK;
    if (o->parameters != NULL) {
        code = al_mdp_read(o->parameters, &f->mdp, err);
        f->has_mdp = code == ALLOT_OK;
        if (f->has_mdp && f->mdp.notes.nbytes > 0)
            (void)al_buffer_append(&f->warnings, f->mdp.notes.at, f->mdp.notes.nbytes);
    }
    if (code == ALLOT_OK)
        code = read_topology(o, f, err);
    if (code == ALLOT_OK && o->conf != NULL) {
        code = al_positions_read(o->conf, &f->gro, err);
        f->has_gro = code == ALLOT_OK;
    }
    if (code == ALLOT_OK && o->reference != NULL) {
        code = al_positions_read(o->reference, &f->reference, err);
        f->has_reference = code == ALLOT_OK;
    }
    if (code == ALLOT_OK)
        code = o->index != NULL ? al_ndx_read(o->index, &f->index, err)
                                : al_index_of(&f->topology, &f->index, err);
    if (code == ALLOT_OK && f->has_gro)
        code = al_topology_match(&f->topology, &f->gro, o->conf, &f->warnings, err);
    if (code == ALLOT_OK && f->has_gro)
        al_topology_label(&f->topology, &f->gro);
    return code;
}

/** Each line as a complaint that ends nothing. */
void al_md_files_warn(const al_md_files *files)
{
    const al_buffer *warnings = &files->warnings;
    const char *at = warnings->at, *end = at + warnings->nbytes;
    while (at != NULL && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline != NULL ? newline : end) - at);
        al_complain("md", "warning: %.*s", (int)n, at);
        at += n + 1;
    }
}

void al_md_files_fini(al_md_files *files)
{
    if (files->has_mdp)
        al_mdp_fini(&files->mdp);
    if (files->has_topology)
        al_topology_fini(&files->topology);
    if (files->has_gro)
        al_gro_fini(&files->gro);
    if (files->has_reference)
        al_gro_fini(&files->reference);
    al_index_fini(&files->index);
    al_buffer_fini(&files->warnings);
    *files = (al_md_files){.has_mdp = false};
}

/** The shortest of intervals, of which 0 is none. */
static uint64_t shortest(const int64_t *every, int n)
{
    int64_t least = 0;
    for (int k = 0; k < n; k++)
        if (every[k] > 0 && (least == 0 || every[k] < least))
            least = every[k];
    return (uint64_t)least;
}

/** A step of a minimisation is no time: files count steps, as GROMACS' do. Nothing can go on from the middle
 * of one but another, from the last structure. */
static void apply_minimiser(const al_mdp *mdp, al_md_options *o)
{
    if (!al_mdp_minimises(mdp))
        return;
    o->minimiser = mdp->integrator == AL_INTEGRATE_LBFGS ? AL_MD_LBFGS : AL_MD_STEEP;
    o->tolerance_force = mdp->emtol;
    o->first_length = mdp->emstep;
    o->ncorrections = (uint64_t)mdp->nbfgscorr;
    o->dt = 1;
    o->time_of_zero = 0;
    o->first_step = 0;
    o->renew = 0;
}

void al_md_files_apply(const al_md_files *files, al_md_options *o)
{
    const al_mdp *mdp = &files->mdp;
    const int64_t energies[] = {mdp->nstenergy}, told[] = {mdp->nstlog},
                  full[] = {mdp->nstxout, mdp->nstvout, mdp->nstfout};
    o->dt = mdp->dt;
    o->integrator = mdp->integrator == AL_INTEGRATE_VELOCITY_VERLET ? AL_MD_VERLET : AL_MD_LEAP_FROG;
    o->still_every = mdp->removes_drift ? (uint64_t)mdp->nstcomm : 0;
    o->temperature = mdp->gen_temp;
    o->time_of_zero = mdp->tinit;
    o->first_step = (uint64_t)mdp->init_step;
    apply_minimiser(mdp, o);
    if (!o->has_nsteps)
        o->nsteps = mdp->nsteps < 0 ? UINT64_MAX / 2 : (uint64_t)mdp->nsteps;
    o->nsteps += o->first_step;
    if (!o->has_every) {
        o->every = shortest(energies, 1);
        o->told_every = shortest(told, 1);
    }
    if (!o->has_frames)
        o->frames = mdp->nstxout_compressed > 0 ? (uint64_t)mdp->nstxout_compressed : 0;
    o->frame_precision = mdp->compressed_precision;
    if (!o->has_full_frames)
        o->full_frames = shortest(full, 3);
    if (!o->has_seed && mdp->gen_seed >= 0)
        o->seed = (uint64_t)mdp->gen_seed;
}
