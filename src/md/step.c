/* step.c - see step.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/box.h"
#include "md/tensor.h"

/* ---- a pass over home blocks ----------------------------------------------------------------------------
 */

enum { SHARES_MOST = 256 };

typedef struct pass {
    al_md *md;
    al_nve nve;
    uint32_t nshares;
    al_nve_sums sums[SHARES_MOST];
} pass;

static int pass_share(uint64_t begin, uint64_t end, void *arg)
{
    pass *p = arg;
    al_space *space = &p->md->space;
    const al_kernels *kernels = space->opts.kernels;
    for (uint64_t k = begin; k < end; k++) {
        size_t first = al_share_begin(space->nhome_blocks, k, p->nshares);
        size_t last = al_share_begin(space->nhome_blocks, k + 1, p->nshares);
        p->sums[k] = (al_nve_sums){.mv2 = 0};
        if (space->opts.is_double)
            kernels->nve_double(&p->nve, first, last, space->x, space->v, space->x_listed, space->fr,
                                space->xr, &p->sums[k]);
        else
            kernels->nve(&p->nve, first, last, space->x, space->v, space->x_listed, space->fr, space->xr,
                         &p->sums[k]);
    }
    return 0;
}

/** What a pass does. */
enum {
    ENDS = 1,   /* the step that is */
    BEGINS = 2, /* the next one, and the drift */
    DRIFTS = 4, /* the same without forces: something else did that */
    HALF = 8,   /* with BEGINS or DRIFTS: the drift goes half of the way */
    NOTES = 16, /* nothing but where atoms are now: something else moved them */
    SUMS = 32   /* twice the kinetic energy */
};

static bool leaps(const al_md *md)
{
    return md->opts.integrator == AL_LEAP_FROG;
}

/** @return what all shares found, in their order */
static al_nve_sums do_pass(al_md *md, unsigned what)
{
    static pass p;
    const al_space *space = &md->space;
    al_nve_sums all = {.mv2 = 0};
    p = (pass){.md = md,
               .nve = {.end_kick = leaps(md) ? 0 : md->opts.dt / 2,
                       .begin_kick = what & (NOTES | DRIFTS) ? 0
                                     : leaps(md)             ? md->opts.dt
                                                             : md->opts.dt / 2,
                       .dt = what & NOTES  ? 0
                             : what & HALF ? md->opts.dt / 2
                                           : md->opts.dt,
                       .middle = {space->middle[0], space->middle[1], space->middle[2]},
                       .mass = space->mass,
                       .inverse_mass = space->inverse_mass,
                       .stride = space->mass_stride,
                       .ends = what & ENDS && !leaps(md),
                       .begins = what & (BEGINS | DRIFTS | NOTES),
                       .is_summed = what & SUMS},
               .nshares = space->opts.nthreads < SHARES_MOST ? space->opts.nthreads : SHARES_MOST};
    (void)al_shares_do(&space->threads, p.nshares, pass_share, &p);
    for (uint32_t k = 0; k < p.nshares; k++) {
        all.mv2 += p.sums[k].mv2;
        if (!(p.sums[k].moved2 <= all.moved2)) /* not a number wins */
            all.moved2 = p.sums[k].moved2;
        all.speed2 = fmax(all.speed2, p.sums[k].speed2);
    }
    return all;
}

/* ---- with lengths that stay -----------------------------------------------------------------------------
 */

bool al_step_keeps_lengths(const al_md *md)
{
    return al_rigid_is_any(&md->field.rigid);
}

/** The end of the step that is, of which leap-frog knows nothing. */
static allot_err end_step(al_md *md, allot_error *err)
{
    if (leaps(md))
        return ALLOT_OK;
    (void)do_pass(md, ENDS);
    al_freeze_rest(&md->field.freeze, &md->space, md->space.v);
    allot_err code = al_step_keeps_lengths(md)
                         ? al_rigid_velocities(&md->field.rigid, &md->space, md->opts.dt / 2, NULL, err)
                         : ALLOT_OK;
    if (code == ALLOT_OK && al_ensemble_finish(&md->ensemble, &md->space, md->step))
        al_ensemble_kick(&md->ensemble, &md->space, 0);
    return code;
}

/** What a step does to the atoms besides forces, and to the box. */
typedef struct stepping {
    bool is_real; /* otherwise all will be as before: thermostats and barostats are not to remember it */
    bool is_seen; /* kinetic energy and forces of constraints are wanted */
    double box[3][3];
} stepping;

/** Velocities to half a step after, and places to a step after, or half of it. */
static void kick_and_drift(al_md *md, const stepping *t, unsigned half)
{
    bool is_kicked = leaps(md) && al_ensemble_is_any(&md->ensemble) &&
                     al_ensemble_begin(&md->ensemble, &md->space, md->step, t->is_real, t->box);
    if (is_kicked)
        al_ensemble_kick(&md->ensemble, &md->space, md->opts.dt);
    (void)do_pass(md, (is_kicked ? DRIFTS : BEGINS) | half);
}

/** Lengths kept over a flight of dt. @param by  of its impulses' virial, what counts as of the whole step */
static allot_err keep_lengths(al_md *md, stepping *t, double dt, double by, allot_error *err)
{
    double virial[9] = {0};
    allot_error found;
    if (!al_step_keeps_lengths(md))
        return ALLOT_OK;
    allot_err code =
        al_rigid_positions(&md->field.rigid, &md->space, dt, true, t->is_seen ? virial : NULL, &found);
    for (int n = 0; n < 9 && t->is_seen; n++)
        md->rigid_virial[n] += by * virial[n];
    return code == ALLOT_OK
               ? code
               : al_fail(err, code, 0, "step %llu: %s", (unsigned long long)md->step, found.text);
}

/** Of this rank's atoms. */
static double kinetic_energy(const al_md *md)
{
    double sum[9] = {0};
    al_tensor_kinetic(&md->space, 0.5, sum);
    return sum[0] + sum[4] + sum[8];
}

/** With friction and lengths that are kept: see couple/langevin.h. Velocities are along what lengths allow
 * before the rub, too: what lengths then take back is of what it gave, and no heat. */
static allot_err rub_along(al_md *md, stepping *t, allot_error *err)
{
    double half = md->opts.dt / 2;
    kick_and_drift(md, t, HALF);
    allot_err code = keep_lengths(md, t, half, 0.5, err);
    if (code == ALLOT_OK)
        code = al_rigid_velocities(&md->field.rigid, &md->space, half, NULL, err);
    al_ensemble_rub(&md->ensemble, &md->space, md->field.freeze.mask, md->step, 0, t->is_real);
    double rubbed = kinetic_energy(md);
    if (code == ALLOT_OK)
        code = al_rigid_velocities(&md->field.rigid, &md->space, half, NULL, err);
    if (t->is_real)
        al_ensemble_take(&md->ensemble, &md->space, rubbed - kinetic_energy(md));
    (void)do_pass(md, DRIFTS | HALF);
    return code == ALLOT_OK ? keep_lengths(md, t, half, 0.5, err) : code;
}

/** Where lengths are kept, something is coupled, or rubs. */
static allot_err step_with_more(al_md *md, stepping *t, allot_error *err)
{
    bool rubs = al_ensemble_has_friction(&md->ensemble);
    if (rubs && al_step_keeps_lengths(md))
        return rub_along(md, t, err);
    kick_and_drift(md, t, 0);
    if (rubs)
        al_ensemble_rub(&md->ensemble, &md->space, md->field.freeze.mask, md->step, md->opts.dt / 2,
                        t->is_real);
    return keep_lengths(md, t, md->opts.dt, leaps(md) ? 1 : 2, err); /* half of the force's kick is behind */
}

/** With velocities of a step's own time, what the thermostat does to them at once. */
static void couple_at_once(al_md *md, const stepping *t)
{
    if (leaps(md) || !al_ensemble_is_any(&md->ensemble))
        return;
    if (al_ensemble_begin(&md->ensemble, &md->space, md->step, t->is_real, t->box))
        al_ensemble_kick(&md->ensemble, &md->space, 0);
    if (!t->is_real) /* what is told of the step is as it was before, in GROMACS, too */
        al_ensemble_look(&md->ensemble);
}

/** Box and atoms as the barostat will have them. */
static allot_err resize(al_md *md, const stepping *t, allot_error *err)
{
    double vectors[3][3], thick[3];
    bool was_reduced;
    al_box box;
    memcpy(vectors, t->box, sizeof vectors);
    for (int n = 0; n < 3; n++)
        al_barostat_place(md->ensemble.state.mu, vectors[n]);
    allot_err code = al_box_take(vectors, "the barostat", &box, &was_reduced, err);
    if (code != ALLOT_OK)
        return code;
    al_box_widths(&box, thick);
    for (int d = 0; d < 3; d++)
        if (!(thick[d] >= md->opts.space.reach))
            return al_fail(err, ALLOT_ERANGE, 0,
                           "step %llu: the box has shrunk to %.4g between its faces, below cut-off and skin, "
                           "%.4g: a pressure that the atoms do not have, or a barostat that is too fast",
                           (unsigned long long)md->step, thick[d], md->opts.space.reach);
    al_ensemble_move(&md->ensemble, &md->space);
    al_freeze_hold(&md->field.freeze, &md->space);
    memcpy(md->opts.space.box, box.edge, sizeof box.edge);
    memcpy(md->opts.space.tilt, box.tilt, sizeof box.tilt);
    al_space_resize(&md->space, box.edge, box.tilt);
    al_field_resize(&md->field, &md->space);
    md->is_resized = true;
    return ALLOT_OK;
}

/** A step has been done, all but for what pressure makes of the box. */
static allot_err press(al_md *md, const stepping *t, allot_error *err)
{
    double kinetic[3][3] = {{0}}, virial[3][3] = {{0}};
    al_thermo thermo;
    if (al_ensemble_wants_pressure(&md->ensemble, md->step)) { /* by all ranks */
        al_md_thermo(md, &thermo);
        for (int n = 0; n < 9; n++) {
            kinetic[n / 3][n % 3] = thermo.kinetics[n];
            virial[n / 3][n % 3] = thermo.virial[n];
        }
    }
    bool is_moved = al_ensemble_end(&md->ensemble, md->step, t->is_real, kinetic, virial, t->box);
    return is_moved && t->is_real ? resize(md, t, err) : ALLOT_OK;
}

static bool is_still_due(const al_md *md)
{
    return md->opts.still_every > 0 && md->step % md->opts.still_every == 0;
}

static allot_err be_still(al_md *md, allot_error *err)
{
    allot_err code = al_drift_remove(&md->space, &md->opts.still, err);
    al_freeze_rest(&md->field.freeze, &md->space, md->space.v);
    return code;
}

/** With lengths that are kept, or thermostats, or whatever else a pass does not know of. */
static allot_err step_slowly(al_md *md, bool has_ended, stepping *t, al_nve_sums *sums, allot_error *err)
{
    al_space_box(&md->space, t->box);
    memset(md->rigid_virial, 0, sizeof md->rigid_virial);
    allot_err code = has_ended ? ALLOT_OK : end_step(md, err);
    if (t->is_seen)
        memset(md->mvv, 0, sizeof md->mvv);
    if (t->is_seen)
        al_tensor_kinetic(&md->space, leaps(md) ? 0.5 : 1, md->mvv);
    couple_at_once(md, t);
    if (code == ALLOT_OK)
        code = step_with_more(md, t, err);
    al_freeze_hold(&md->field.freeze, &md->space);
    if (t->is_seen && leaps(md))
        al_tensor_kinetic(&md->space, 0.5, md->mvv);
    if (code == ALLOT_OK)
        code = press(md, t, err);
    al_vsites_place(&md->field.vsites, &md->space);
    *sums = do_pass(md, NOTES);
    return code;
}

allot_err al_step_begin(al_md *md, bool has_ended, bool is_real, al_nve_sums *sums, allot_error *err)
{
    stepping t = {.is_real = is_real};
    allot_err code = ALLOT_OK;
    t.is_seen = !is_real || al_ensemble_wants_pressure(&md->ensemble, md->step);
    if (!t.is_seen && !al_step_keeps_lengths(md) && !al_ensemble_is_any(&md->ensemble) &&
        !al_vsites_are_any(&md->field.vsites) && !al_freeze_is_any(&md->field.freeze))
        *sums = do_pass(md, has_ended ? BEGINS : ENDS | BEGINS);
    else
        code = step_slowly(md, has_ended, &t, sums, err);
    /* As in GROMACS, positions have moved by what is taken out. */
    return code == ALLOT_OK && is_real && leaps(md) && is_still_due(md) ? be_still(md, err) : code;
}

allot_err al_step_be_still(al_md *md, bool *has_ended, allot_error *err)
{
    if (leaps(md) || !is_still_due(md))
        return ALLOT_OK;
    allot_err code = *has_ended ? ALLOT_OK : end_step(md, err);
    *has_ended = true;
    return code == ALLOT_OK ? be_still(md, err) : code;
}

/** Forces of constraints are those that keep positions in the step that begins here; leap-frog has no
 * velocities of the step's own time: kinetic energy is the mean of half a step before and after. So go there,
 * look, and come back. Velocity Verlet's other constraints, of velocities at a step's end, are no measure of
 * forces where no step came before, and GROMACS takes its virial from here, too. */
static allot_err look_ahead(al_md *md, allot_error *err)
{
    al_space *space = &md->space;
    size_t n = (size_t)space->nhome_blocks * AL_BLOCK_REALS;
    al_nve_sums sums;
    if (n > md->room_ahead || md->ahead == NULL) {
        free(md->ahead);
        md->room_ahead = n + n / 4 + 1;
        md->ahead = malloc(2 * md->room_ahead * sizeof *md->ahead);
        if (md->ahead == NULL)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    double *x = md->ahead, *v = x + md->room_ahead;
    memcpy(x, space->x, n * sizeof *x);
    memcpy(v, space->v, n * sizeof *v);
    allot_err code = al_step_begin(md, true, false, &sums, err);
    memcpy(space->x, x, n * sizeof *x);
    memcpy(space->v, v, n * sizeof *v);
    (void)do_pass(md, NOTES);
    return code;
}

allot_err al_step_sum_up(al_md *md, bool has_ended, allot_error *err)
{
    allot_err code = ALLOT_OK;
    if (!al_field_is_open(&md->field)) {
        md->mv2 = do_pass(md, SUMS | (has_ended ? 0 : ENDS)).mv2;
        return ALLOT_OK;
    }
    if (!has_ended)
        code = end_step(md, err);
    if (code == ALLOT_OK && (leaps(md) || al_step_keeps_lengths(md)) && !md->opts.is_minimised) {
        code = look_ahead(md, err);
    } else {
        memset(md->mvv, 0, sizeof md->mvv);
        memset(md->rigid_virial, 0, sizeof md->rigid_virial);
        al_tensor_kinetic(&md->space, 1, md->mvv);
    }
    md->mv2 = md->mvv[0] + md->mvv[4] + md->mvv[8];
    return code;
}

/** Turn the flight round. */
static void turn(const al_space *space)
{
    for (size_t k = 0; k < (size_t)space->nhome_blocks * AL_BLOCK_REALS; k++)
        space->v[k] = -space->v[k];
}

/** Velocities of leap-frog, which are those of half a step before, such that what is where they come from has
 * its lengths. */
static allot_err settle_back(al_md *md, double *x, allot_error *err)
{
    al_space *space = &md->space;
    size_t n = (size_t)space->nhome_blocks * AL_BLOCK_REALS;
    memcpy(x, space->x, n * sizeof *x);
    turn(space);
    for (size_t k = 0; k < n; k++)
        space->x[k] += md->opts.dt * space->v[k];
    allot_err code = al_rigid_positions(&md->field.rigid, space, md->opts.dt, true, NULL, err);
    turn(space);
    memcpy(space->x, x, n * sizeof *x);
    return code;
}

allot_err al_step_settle_start(al_md *md, allot_error *err)
{
    al_space *space = &md->space;
    al_rigid *rigid = &md->field.rigid;
    size_t n = (size_t)space->nhome_blocks * AL_BLOCK_REALS;
    double *kept = malloc((n + 1) * sizeof *kept);
    if (kept == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    memcpy(kept, space->v, n * sizeof *kept);
    memset(space->v, 0, n * sizeof *kept);
    allot_err code = al_rigid_positions(rigid, space, md->opts.dt, false, NULL, err);
    memcpy(space->v, kept, n * sizeof *kept);
    if (code == ALLOT_OK)
        code = al_rigid_velocities(rigid, space, md->opts.dt, NULL, err);
    if (code == ALLOT_OK && leaps(md))
        code = settle_back(md, kept, err);
    free(kept);
    return code;
}

al_nve_sums al_step_note(al_md *md)
{
    return do_pass(md, NOTES);
}
