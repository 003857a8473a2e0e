/* md.c - see md.h. The list is made anew before any atom can have come within the cut-off of
 * one that is not in it: when some atom has moved by half the buffer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/md.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "md/buffer.h"
#include "md/step.h"
#include "md/tensor.h"

/** Messages travel on, all that are on their way. */
static void go_on(void *arg)
{
    al_md *md = arg;
    (void)al_halo_go_on(&md->space.halo);
    al_field_go_on(&md->field);
}

allot_err al_md_open(al_md *md, const al_md_opts *opts, allot_error *err)
{
    const al_pair_params *pairs = &opts->pairs;
    *md = (al_md){.opts = *opts, .least_force_ns = UINT64_MAX};
    if (opts->tolerance > 0 &&
        (pairs->lj != AL_PAIR_LJ_CUT || pairs->types != AL_PAIR_ONE_TYPE || opts->space.masses.of != NULL))
        return al_fail(
            err, ALLOT_EUNSUPPORTED, 0,
            "a tolerance of drift is for one kind of atoms with a plain or shifted cut-off only, so far");
    md->forces.go_on = go_on;
    md->forces.go_on_arg = md;
    if (!al_pair_prepare(&md->opts.pairs))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (opts->field.topology == NULL)
        return al_space_open(&md->space, &opts->space, err);
    allot_err code = al_field_open(&md->field, &opts->field, &md->opts.pairs, &md->opts.space, err);
    md->forces.more.touch = al_bound_touch;
    md->forces.more.compute = al_bound_compute;
    md->forces.more.arg = &md->field.bound;
    if (code == ALLOT_OK)
        code = al_space_open(&md->space, &md->opts.space, err);
    if (code == ALLOT_OK)
        code = al_field_open_mesh(&md->field, &md->space, err);
    return code == ALLOT_OK ? al_ensemble_open(&md->ensemble, &opts->ensemble, err) : code;
}

double al_md_cutoff(const al_md *md)
{
    const al_pair_params *pairs = &md->opts.pairs;
    return pairs->coulomb != AL_PAIR_NO_COULOMB ? fmax(pairs->lj_cutoff, pairs->coulomb_cutoff)
                                                : pairs->lj_cutoff;
}

void al_md_close(al_md *md)
{
    al_pair_unprepare(&md->opts.pairs);
    al_space_close(&md->space);
    al_forces_fini(&md->forces);
    al_field_close(&md->field);
    al_ensemble_close(&md->ensemble);
    free(md->ahead);
}

/** Time since *since goes to a phase; *since becomes now. */
static void spend(al_md *md, al_md_phase phase, uint64_t *since)
{
    uint64_t now = al_clock_ns();
    md->phase_ns[phase] += now - *since;
    *since = now;
}

/** The same for a new list: what of it were atoms' ways between ranks is theirs. */
static void spend_list(al_md *md, uint64_t *since)
{
    const al_space *space = &md->space;
    spend(md, AL_MD_LIST, since);
    md->phase_ns[AL_MD_LIST] -= space->migrate_ns + space->halo_ns;
    md->phase_ns[AL_MD_MIGRATE] += space->migrate_ns;
    md->phase_ns[AL_MD_HALO] += space->halo_ns;
}

/* ---- steps ----------------------------------------------------------------------------------------------
 */

/** From time to time, see whether ranks take the same time for their forces, and move the edges of domains
 * if not. The shortest of the steps since counts: whatever else a machine does makes the others longer. It is
 * the processor's time of the slowest thread: ranks that share a processor would find in the clock's time
 * whose turn it was. */
static allot_err balance(al_md *md, allot_error *err)
{
    uint64_t every = md->opts.balance_every;
    if (every == 0 || md->opts.space.comm->size == 1 || md->nlists == 0 || md->nlists % every != 0)
        return ALLOT_OK;
    double load = (double)md->least_force_ns;
    md->least_force_ns = UINT64_MAX;
    return al_space_balance(&md->space, load, &md->imbalance, err);
}

/** For how many steps prunings hold with the tolerance, at the temperature that it is now. Collective. */
static void find_near_steps(al_md *md)
{
    enum { MOST = 1000 };
    const al_space *space = &md->space;
    al_buffer_job job = {
        .cutoff = md->opts.pairs.lj_cutoff, .density = space->opts.density, .dt = md->opts.dt};
    double sums[] = {0, space->nhome}, buffer = space->opts.near - job.cutoff;
    for (size_t n = 0; n < (size_t)space->nhome_blocks * AL_BLOCK_REALS; n++)
        sums[0] += space->v[n] * space->v[n];
    space->opts.comm->sum(space->opts.comm, sums, 2);
    job.speed2 = sums[0] / (3 * sums[1]);
    al_buffer_lj(&job, md->opts.pairs.c6, md->opts.pairs.c12);
    md->near_steps = al_buffer_steps(&job, buffer, md->opts.tolerance, MOST);
    md->estimate = al_buffer_drift(&job, buffer, md->near_steps);
}

/** Whether the pruned list may miss a pair: a sure bound, or the estimate. */
static bool is_prune_due(const al_md *md)
{
    if (md->opts.tolerance > 0)
        return md->step - md->pruned_at >= md->near_steps;
    return !(2 * md->drifted < md->opts.space.near - al_md_cutoff(md));
}

static void note_pruning(al_md *md)
{
    md->drifted = 0;
    md->pruned_at = md->step;
}

static allot_err make_list(al_md *md, bool is_fresh, allot_error *err)
{
    allot_error found;
    allot_err code = balance(md, &found);
    if (code == ALLOT_OK)
        code = al_space_rebuild(&md->space, is_fresh, &found);
    if (code == ALLOT_ERANGE && md->nlists > 0)
        return al_fail(
            err, code, 0,
            "step %llu: %s: the system blew up; a shorter time step may help, or atoms that are less "
            "close to each other at first",
            (unsigned long long)md->step, found.text);
    if (code != ALLOT_OK)
        return al_fail(err, code, 0, "%s", found.text);
    if (al_field_is_open(&md->field)) {
        code = al_field_settle(&md->field, &md->space, (md->opts.space.reach - al_md_cutoff(md)) / 2, err);
        if (code != ALLOT_OK)
            return code;
        if (!al_ensemble_place(&md->ensemble, &md->space))
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    if (!al_forces_divide(&md->forces, &md->space))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    md->nlists++;
    note_pruning(md);
    if (md->opts.tolerance > 0)
        find_near_steps(md);
    return ALLOT_OK;
}

/** Messages, of positions and of the mesh, travel while pairs are computed that need none: in pieces, as the
 * mesh's come in turns. Forces on copies travel back while atoms gather theirs from the mesh. */
static allot_err find_forces(al_md *md, bool is_summed, uint64_t *since, allot_error *err)
{
    al_space *space = &md->space;
    const al_pair_atoms *atoms = &md->field.atoms.pairs;
    bool has_field = al_field_is_open(&md->field);
    uint32_t npieces = md->field.pme != NULL ? 3 : 1; /* between the mesh's beginning and its end */
    allot_err code = al_field_begin_mesh(&md->field, space, is_summed, err);
    spend(md, AL_MD_MESH, since);
    if (code != ALLOT_OK)
        return code;
    for (uint32_t piece = 0; piece < npieces; piece++) {
        al_forces_home(&md->forces, space, &md->opts.pairs, atoms, is_summed, piece, npieces);
        spend(md, AL_MD_FORCE, since);
        al_field_advance_mesh(&md->field);
        spend(md, AL_MD_MESH, since);
    }
    al_halo_end(&space->halo); /* of what may be on its way */
    spend(md, AL_MD_HALO, since);
    al_forces_rest(&md->forces, space, &md->opts.pairs, atoms, is_summed ? &md->sums : NULL);
    if (md->forces.cpu_ns < md->least_force_ns)
        md->least_force_ns = md->forces.cpu_ns;
    if (is_summed && has_field) {
        memset(md->virial, 0, sizeof md->virial);
        al_tensor_virial(space, 1, md->virial);
        al_bound_add_virial(&md->field.bound, space, md->virial);
    }
    spend(md, AL_MD_FORCE, since);
    al_space_begin_reverse(space);
    spend(md, AL_MD_HALO, since);
    al_field_end_mesh(&md->field, space);
    spend(md, AL_MD_MESH, since);
    al_halo_end(&space->halo);
    spend(md, AL_MD_HALO, since);
    if (al_vsites_are_any(&md->field.vsites))
        al_vsites_spread(&md->field.vsites, space, is_summed ? md->virial : NULL);
    return ALLOT_OK;
}

static allot_err check_energy(const al_md *md, allot_error *err)
{
    double potential = md->sums.lj + md->sums.coulomb + md->virial[0] + md->field.mesh.energy;
    return isfinite(potential) && isfinite(md->mv2)
               ? ALLOT_OK
               : al_fail(err, ALLOT_ERANGE, 0,
                         "step %llu: the energy is not a number: atoms are on top of each other, or the time "
                         "step is too long",
                         (unsigned long long)md->step);
}

/** @param has_ended  velocities of velocity Verlet are of this time, not of half a step before */
static allot_err begin(al_md *md, bool has_ended, allot_error *err)
{
    uint64_t since = al_clock_ns();
    allot_err code = make_list(md, true, err);
    if (code != ALLOT_OK)
        return code;
    spend_list(md, &since);
    code = find_forces(md, true, &since, err);
    if (code == ALLOT_OK)
        code = al_step_sum_up(md, has_ended, err);
    return code == ALLOT_OK ? check_energy(md, err) : code;
}

allot_err al_md_repeat(al_md *md, allot_error *err)
{
    uint64_t since = al_clock_ns();
    al_space_begin_forward(&md->space);
    spend(md, AL_MD_HALO, &since);
    return find_forces(md, false, &since, err);
}

allot_err al_md_renew(al_md *md, allot_error *err)
{
    return begin(md, true, err);
}

/** What a force field makes of the atoms that it begins with. */
static allot_err prepare(al_md *md, allot_error *err)
{
    bool is_settled = md->opts.settles_start && al_step_keeps_lengths(md);
    bool is_stilled = md->opts.settles_start && md->opts.still_every > 0;
    if (!is_settled && !is_stilled && !al_field_has_rest(&md->field))
        return ALLOT_OK;
    allot_err code = make_list(md, true, err);
    if (code != ALLOT_OK)
        return code;
    al_field_rest(&md->field, &md->space);
    if (is_settled)
        code = al_step_settle_start(md, err);
    if (is_stilled && code == ALLOT_OK)
        code = al_drift_remove(&md->space, &md->opts.still, err);
    al_field_rest(&md->field, &md->space);
    al_vsites_place(&md->field.vsites, &md->space);
    return code;
}

allot_err al_md_start(al_md *md, uint64_t step, allot_error *err)
{
    double natoms = md->space.migrants.n;
    md->opts.space.comm->sum(md->opts.space.comm, &natoms, 1);
    md->natoms = (uint64_t)natoms;
    md->step = step;
    allot_err code = al_field_is_open(&md->field) ? prepare(md, err) : ALLOT_OK;
    return code == ALLOT_OK ? begin(md, !md->opts.begins_late, err) : code;
}

/** Some atom is farther from where it was listed than any listed pair was apart: no list that was made in
 * time would have found what it came near to. Collective. */
static allot_err fail_astray(al_md *md, allot_error *err)
{
    al_astray_find(&md->space, &md->astray);
    return al_fail(
        err, ALLOT_ERANGE, 0,
        "step %llu: an atom moved by %.4g since pairs were last listed, farther than they are (%.4g): "
        "the system blew up; a shorter time step may help, or atoms that are less close to each "
        "other at first",
        (unsigned long long)md->step, md->astray.moved, md->opts.space.reach);
}

/** Forces where atoms are now; before that whatever their list, or its pruning, needs.
 * @param moved2  the square of the farthest that an atom of any rank is from where it was listed */
static allot_err look_around(al_md *md, double moved2, bool is_summed, uint64_t *since, allot_error *err)
{
    if (!(sqrt(moved2) <= md->opts.space.reach))
        return fail_astray(md, err);
    if (md->is_resized || !(2 * sqrt(moved2) < md->opts.space.reach - al_md_cutoff(md))) {
        md->is_resized = false;
        allot_err code = make_list(md, false, err);
        spend_list(md, since);
        if (code != ALLOT_OK)
            return code;
    } else {
        al_space_begin_forward(&md->space);
        spend(md, AL_MD_HALO, since);
        if (is_prune_due(md)) {
            al_halo_end(&md->space.halo);
            spend(md, AL_MD_HALO, since);
            if (!al_space_prune(&md->space))
                return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
            note_pruning(md);
            md->nprunings++;
            spend(md, AL_MD_PRUNE, since);
        }
    }
    return find_forces(md, is_summed, since, err);
}

/** Velocities become the forces that move atoms: none where no force does, and none along lengths that stay.
 */
static allot_err take_forces(al_md *md, allot_error *err)
{
    al_space *space = &md->space;
    for (size_t place = 0; place < (size_t)space->nhome_blocks * AL_BLOCK; place++) {
        size_t k = space->mass_stride > 0 ? place : place % AL_BLOCK;
        bool moves = space->id[place] != AL_NO_ATOM && space->inverse_mass[k] > 0;
        for (unsigned d = 0; d < 3; d++) {
            size_t at = al_block_at(place, d);
            space->v[at] = moves ? al_space_real(space, space->fr, at) : 0;
        }
    }
    al_freeze_rest(&md->field.freeze, space, space->v);
    if (!al_step_keeps_lengths(md))
        return ALLOT_OK;
    memset(md->rigid_virial, 0, sizeof md->rigid_virial);
    allot_err code = al_rigid_velocities(&md->field.rigid, space, 1, md->rigid_virial, err);
    if (code != ALLOT_ERANGE)
        return code;
    md->sums.lj = NAN; /* on this rank alone; the sum over all tells the others */
    return ALLOT_OK;
}

allot_err al_md_evaluate(al_md *md, double moved, allot_error *err)
{
    uint64_t since = al_clock_ns();
    al_vsites_place(&md->field.vsites, &md->space);
    double moved2 = al_step_note(md).moved2;
    md->opts.space.comm->greatest(md->opts.space.comm, &moved2, 1);
    md->drifted += moved;
    spend(md, AL_MD_STEP, &since);
    allot_err code = look_around(md, moved2, true, &since, err);
    if (code == ALLOT_OK)
        code = take_forces(md, err);
    md->mv2 = 0;
    memset(md->mvv, 0, sizeof md->mvv);
    spend(md, AL_MD_STEP, &since);
    return code;
}

/** One step, from the middle of a pass to the middle of the next. has_ended: so has the step before, as it
 * has where the first one begins. *is_last is set when some rank wants to
 * stop. */
static allot_err step_once(al_md *md, bool has_ended, bool *is_last, allot_error *err)
{
    const al_space_opts *opts = &md->opts.space;
    uint64_t since = al_clock_ns();
    al_nve_sums sums;
    allot_err code = al_step_be_still(md, &has_ended, err);
    if (code == ALLOT_OK)
        code = al_step_begin(md, has_ended, true, &sums, err);
    if (code != ALLOT_OK)
        return code;
    bool is_late = md->opts.deadline_ns > 0 && since >= md->opts.deadline_ns;
    spend(md, AL_MD_STEP, &since);
    double found[] = {sums.moved2, sums.speed2, is_late || (md->opts.stop != NULL && *md->opts.stop != 0)};
    opts->comm->greatest(opts->comm, found, 3);
    *is_last = *is_last || found[2] > 0;
    md->drifted += sqrt(found[1]) * md->opts.dt;
    spend(md, AL_MD_SUM, &since);
    md->step++;
    bool is_summed = *is_last || al_ensemble_wants_pressure(&md->ensemble, md->step);
    return look_around(md, found[0], is_summed, &since, err);
}

allot_err al_md_advance(al_md *md, uint64_t nsteps, allot_error *err)
{
    bool is_last = false;
    for (uint64_t k = 0; k < nsteps && !is_last; k++) {
        is_last = k + 1 == nsteps;
        allot_err code = step_once(md, k == 0, &is_last, err);
        if (code != ALLOT_OK)
            return code;
    }
    allot_err code = al_step_sum_up(md, false, err);
    return code == ALLOT_OK ? check_energy(md, err) : code;
}
