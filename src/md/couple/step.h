/* step.h - a step of leap-frog with all that couples it: what is to be done to velocities before it, and to
 * the box and the atoms after it. All ranks call it with the same sums, and find the same.
 *
 * A step from x(t), v(t - dt/2) to x(t + dt), v(t + dt/2), where `kinetic` and such are sums over all ranks:
 *
 *     al_couple_begin()     with kinetic energies of groups at t - dt/2, if al_couple_wants_halves()
 *     v = A v + b dt F/m    of each atom, by its group's turn; lengths are kept
 *     x = x + dt v
 *     al_couple_end()       with tensors of t, if al_couple_wants_pressure(): the mean of kinetic energies
 * before and after; virials of forces and of what keeps lengths x = x mu, box = box mu, v = v / diagonal of
 * mu if divides_velocities; if al_couple_end() said that mu matters
 *
 * With velocity Verlet kinetic energies of groups are those of t, turns come between the two halves of its
 * kicks, and b is 1; al_couple_finish() ends what of them is due to the step before, if
 * al_couple_is_to_finish(), once velocities are of t. Friction (langevin.h) comes after v and x and before
 * al_couple_end().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_COUPLE_STEP_H
#define AL_MD_COUPLE_STEP_H

#include "md/couple/couple.h"

/** What a step does to velocities of a group: v' = A v + b dt F/m, A lower triangular. */
typedef struct al_turn {
    double a[3][3], b;
} al_turn;

/** What is remembered from step to step. Owned by whoever made it, al_couple_state_fini(). */
typedef struct al_couple_state {
    al_bath_state *baths; /**< [ngroups] */
    al_barostat_state barostat;
    double pressure[3][3]; /**< of the last step that ended with one, for Parrinello-Rahman */
    bool has_pressure;
    double mu[3][3]; /**< of the step that has begun */
} al_couple_state;

/** As at the first step of a run. @return false: out of memory */
bool al_couple_state_init(const al_couple *couple, al_couple_state *state);
void al_couple_state_fini(al_couple_state *state);

/** How many numbers a checkpoint keeps. */
uint32_t al_couple_nkept(const al_couple *couple);
/** Between steps: what the next one needs to know, [al_couple_nkept()] numbers, and back. */
void al_couple_keep(const al_couple *couple, const al_couple_state *state, double *kept);
void al_couple_recall(const al_couple *couple, const double *kept, al_couple_state *state);

bool al_couple_wants_halves(const al_couple *couple, uint64_t step);
bool al_couple_wants_pressure(const al_couple *couple, uint64_t step);

/** Nosé-Hoover chains with velocity Verlet do half of their work after a step. */
bool al_couple_is_to_finish(const al_couple *couple, uint64_t step);
/** @param kinetic  [ngroups] @param[out] turns  [ngroups] */
void al_couple_finish(const al_couple *couple, const double *kinetic, al_couple_state *state, al_turn *turns);
/** @param halves  [ngroups]; not read unless wanted
 *  @param[out] turns  [ngroups], or one that is for all atoms where there are no groups */
void al_couple_begin(const al_couple *couple, uint64_t step, const double *halves, const double box[3][3],
                     al_couple_state *state, al_turn *turns);
/** @param kinetic, virial, pressure  as al_barostat_scale() has them; not read unless wanted
 *  @return whether state->mu is to be applied */
bool al_couple_end(const al_couple *couple, uint64_t step, const double kinetic[3][3],
                   const double virial[3][3], const double pressure[3][3], const double box[3][3],
                   al_couple_state *state);
static inline bool al_couple_divides_velocities(const al_couple *couple)
{
    return couple->barostat.kind == AL_BAROSTAT_C_RESCALE;
}

/** To be added to the energy of the atoms at a step that has ended, for what is conserved.
 * @param box  as mu made it */
double al_couple_energy(const al_couple *couple, const al_couple_state *state, const double box[3][3]);

#endif
