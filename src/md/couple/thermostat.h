/* thermostat.h - temperature that is held: what is done to the velocities of each temperature group, and the
 * energy that this puts in or takes out.
 *
 * Leap-frog, as in GROMACS: where `kinetic` is of velocities half a step before the step's time, velocities
 * half a step after it are
 *
 *     v' = ((lambda - drag) v + dt F/m - period M v) / (1 + drag)
 *
 * of which M is a barostat's (barostat.h), and lambda 1 and drag 0 where nothing is due. It is due where
 * al_thermostat_is_due() says so. With velocity Verlet `kinetic` is of the step's time, and velocities of
 * that time are multiplied by lambda at once. The drag is for leap-frog alone; with velocity Verlet
 * Nosé-Hoover is a chain of thermostats, each link holding the one before, that does half of its work
 * before the first of `every` steps, and half after it.
 *
 * Pure: energies may be in any unit, times too, and all ranks find the same bits from the same sums.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_COUPLE_THERMOSTAT_H
#define AL_MD_COUPLE_THERMOSTAT_H

#include <allot/error.h>

#include "md/mdp.h"

enum { AL_LINKS_MOST = 32 };

/** Atoms of one temperature. */
typedef struct al_bath {
    double freedom;     /**< degrees of freedom: freedom.h */
    double temperature; /**< that is held */
    double tau;         /**< the time constant; not coupled: below 0, and but for v-rescale 0, too */
} al_bath;

typedef struct al_thermostat_opts {
    int kind;         /**< al_thermostat */
    double boltzmann; /**< energy a degree */
    double dt;        /**< of a step */
    uint32_t every;   /**< steps from one coupling to the next: nsttcouple */
    bool is_verlet;   /**< kinetic energies are of the step's time */
    uint32_t nlinks;  /**< of Nosé-Hoover's chains, 1 to AL_LINKS_MOST: nh-chain-length; in leap-frog 1 */
    uint64_t seed;    /**< v-rescale's */
    const al_bath *baths; /**< [nbaths], borrowed */
    uint32_t nbaths;
} al_thermostat_opts;

/** What a group's thermostat remembers, and a checkpoint must. Begin with zeros. */
typedef struct al_bath_state {
    double rate[AL_LINKS_MOST]; /**< Nosé-Hoover's friction, one over a time: p_xi/Q, of each link */
    double xi[AL_LINKS_MOST];   /**< its integral over time */
    double taken;               /**< energy that v-rescale or Berendsen has taken from the atoms */
} al_bath_state;

/** What is done to a group's velocities: see above. */
typedef struct al_bath_kick {
    double lambda, drag;
} al_bath_kick;

/** @return ALLOT_OK; ALLOT_ERANGE: a group whose numbers make no sense, by its place from 0 on, and why */
allot_err al_thermostat_check(const al_thermostat_opts *opts, allot_error *err);

/** Whether velocities are coupled on their way from half a step before `step` to half a step after it: one
 * step after each multiple of `every`; with velocity Verlet at each multiple. As in GROMACS. */
bool al_thermostat_is_due(const al_thermostat_opts *opts, uint64_t step);

/** Couple, `every` steps at once.
 *
 * Berendsen: lambda^2 = 1 + period/tau (T0/T - 1), lambda in 0.8 to 1.25. (Berendsen, Postma, van Gunsteren,
 * DiNola and Haak, J. Chem. Phys. 81, 3684, 1984; period is every * dt.)
 * V-rescale: the kinetic energy becomes one that is drawn, exactly for any period. (Bussi, Donadio and
 * Parrinello, J. Chem. Phys. 126, 014101, 2007, equation A7; here as a square and a sum of squares, which is
 * never below 0.)
 * Nosé-Hoover: d rate/dt = (T - T0)/Q, Q = tau^2 T0/(4 pi^2). (Nosé, Mol. Phys. 52, 255, 1984; Hoover,
 * Phys. Rev. A 31, 1695, 1985; in leap-frog: Holian, Voter and Ravelo, Phys. Rev. E 52,
 * 2338, 1995.) With velocity Verlet it is al_thermostat_chain().
 *
 * @param group    its place in opts->baths
 * @param kinetic  its energy, over all ranks
 * @return what is to be done to its velocities */
al_bath_kick al_thermostat_couple(const al_thermostat_opts *opts, uint64_t step, uint32_t group,
                                  double kinetic, al_bath_state *state);

/** Nosé-Hoover's chain over half of `every` steps, for velocity Verlet: once before the kick that
 * al_thermostat_is_due() is for, once where al_thermostat_is_to_finish() says so, in a run that has done a
 * step. Masses of links are k Q, of the first Nf k Q. (Martyna, Tuckerman, Tobias and Klein, Mol. Phys. 87,
 * 1117, 1996: their factorisation, five times with five weights of Suzuki and Yoshida.)
 * @param kinetic  the group's energy, over all ranks
 * @return what its velocities are to be multiplied by */
double al_thermostat_chain(const al_thermostat_opts *opts, uint32_t group, double kinetic,
                           al_bath_state *state);
/** Whether a step that has ended is one after which the chain does the second half of its work. As in
 * GROMACS: the first of those that it stands for. */
bool al_thermostat_is_to_finish(const al_thermostat_opts *opts, uint64_t step);

/** What is to be added to the energy of the atoms for a sum that stays: of v-rescale and Berendsen the energy
 * that was taken; of Nosé-Hoover  Nf k Q/2 rate^2 + Nf k T0 xi, and the same without Nf of further links. */
double al_thermostat_energy(const al_thermostat_opts *opts, const al_bath_state *states);

#endif
