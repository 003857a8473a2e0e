/* md.h - a simulation: atoms that attract and repel each other, all alike or of a force field, step after
 * step. One a rank; all calls that say so are collective.
 *
 * Units are those of units.h: what matters here is that mass times velocity squared is an energy.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_MD_H
#define AL_MD_MD_H

#include <signal.h>
#include <stdatomic.h>

#include "md/astray.h"
#include "md/couple/ensemble.h"
#include "md/dispersion.h"
#include "md/drift.h"
#include "md/field.h"
#include "md/forces.h"
#include "md/pme_choice.h"
#include "md/units.h"

/** How time goes on: see kernel/nve.h. */
typedef enum al_integrator {
    AL_VELOCITY_VERLET, /**< velocities are those of a step's time */
    AL_LEAP_FROG        /**< velocities, also those that it begins with, are half a step behind */
} al_integrator;

typedef struct al_md_opts {
    al_space_opts space;          /**< reach: cut-off and buffer; masses */
    al_pair_params pairs;         /**< al_md_open() prepares its own copy */
    al_field_opts field;          /**< topology NULL: atoms are all alike */
    al_ensemble_opts ensemble;    /**< couple NULL: constant energy */
    al_split split;               /**< where it is not as run parameters say: al_split_apply() */
    bool has_dispersion;          /**< energy is that of attraction without a cut-off */
    bool has_dispersion_pressure; /**< the pressure is, too */
    bool settles_start; /**< with a field: what it begins with gets its lengths, and the whole is still */
    bool begins_late;   /**< velocities that it begins with are half a step behind in velocity Verlet, too */
    bool is_minimised;  /**< it takes no steps: al_md_evaluate() */
    double freedom;     /**< degrees of freedom; 0: 3 N - 3 */
    double dt;
    double tolerance; /**< energy a time unit that an atom may drift because the pruned list is used for
                         longer than is safe for the fastest atoms (buffer.h); 0: no pair is ever missed */
    al_integrator integrator;
    uint64_t still_every;  /**< motion of the whole is taken out of steps that are done from 0, this, twice
                              this ...: in leap-frog after, in velocity Verlet before; 0: never */
    al_drift_groups still; /**< or of these groups */
    uint64_t
        balance_every; /**< lists between two looks at whether domains should be of other sizes; 0: never */
    const al_units *units;
    const volatile sig_atomic_t
        *stop;            /**< NULL, or not 0: al_md_advance() is to end after the step it is in */
    uint64_t deadline_ns; /**< of al_clock_ns(): the same as *stop from then on; 0: none */
} al_md_opts;

/** What is told of a step. Energies are sums over all atoms of all ranks. */
typedef struct al_thermo {
    uint64_t step, natoms;
    double per; /**< what energies are told per: atoms where all are alike, 1 with a field */
    double potential, kinetic, total; /**< kinetic, in leap-frog: the mean of half a step before and after */
    double conserved;                 /**< total, and what thermostat and barostat have of it */
    double temperature;
    double pressure; /**< in units->pressure: kinetic part and virial; without what is beyond the cut-off
                        unless has_dispersion_pressure */
    /** With a field, and zeros without one: what potential is made of; and the tensors of the virial (the sum
     * of x f), of kinetic energy and of the pressure. */
    al_energies energies;
    double virial[9], kinetics[9], pressures[9];
} al_thermo;

/** Where the time goes. */
typedef enum al_md_phase {
    AL_MD_FORCE,
    AL_MD_LIST,
    AL_MD_PRUNE,
    AL_MD_HALO,    /**< copies: made anew, their positions, and forces on them */
    AL_MD_MIGRATE, /**< atoms to the ranks that they have moved to */
    AL_MD_STEP,    /**< positions and velocities */
    AL_MD_MESH,    /**< the far part of electrostatics */
    AL_MD_SUM,     /**< what all ranks must agree on: whoever was slower is waited for here */
    AL_MD_NPHASES
} al_md_phase;

typedef struct al_md {
    al_md_opts opts;
    al_space space;
    al_forces forces;
    al_field field;
    al_ensemble ensemble;
    uint64_t natoms;       /**< of all ranks */
    _Atomic uint64_t step; /**< another thread may look */
    uint64_t nlists, nprunings;
    double imbalance;         /**< of ranks' times for forces when it was last looked at; 0: never */
    uint64_t least_force_ns;  /**< of this rank's steps since then, as al_forces.cpu_ns */
    uint64_t pruned_at;       /**< the step of the last pruning */
    uint32_t near_steps;      /**< that what a pruning leaves may be used for, with a tolerance */
    double estimate;          /**< of the drift, with near_steps */
    double drifted;           /**< since the last pruning, no atom has moved farther than this */
    al_pair_sums sums;        /**< of this rank's pairs, at the last step that was asked for */
    double mv2;               /**< of this rank's atoms, likewise: twice their kinetic energy */
    double virial[9], mvv[9]; /**< with a field, likewise: the sum of x f, and of m v v */
    double rigid_virial[9];   /**< of lengths that are kept, likewise */
    bool is_resized;          /**< the step that is being done ends in another box */
    double *ahead;            /* [2][room_ahead]: of home blocks: what is kept while it looks ahead */
    size_t room_ahead;
    al_astray astray; /**< of a simulation that blew up, the same on all ranks; moved 0: none is */
    uint64_t phase_ns[AL_MD_NPHASES];
} al_md;

/** The longer one of the cut-offs. */
double al_md_cutoff(const al_md *md);

/** @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_EUNSUPPORTED: a tolerance with pairs that the estimate does not know
 */
allot_err al_md_open(al_md *md, const al_md_opts *opts, allot_error *err);
void al_md_close(al_md *md);
/** Begin at a step with the atoms that al_space_add() was given: forces and energies. Collective.
 * @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE: atoms are not in the box, or too close to each other */
allot_err al_md_start(al_md *md, uint64_t step, allot_error *err);
/** Go on as if it had begun here: what follows has the same bits as after al_md_start() with the same atoms.
 * Collective. @return as al_md_start() */
allot_err al_md_renew(al_md *md, allot_error *err);
/** Find the forces where atoms are once more, as in a step that is not told of: to see what it takes. What
 * follows has the same bits after al_md_renew(). Collective. @return as al_md_start() */
allot_err al_md_repeat(al_md *md, allot_error *err);
/** nsteps > 0 more, or fewer if *stop says so on some rank; md->step tells. Collective. @return ALLOT_OK;
 * ALLOT_ENOMEM; ALLOT_ERANGE: the system blew up; which atom
 */
allot_err al_md_advance(al_md *md, uint64_t nsteps, allot_error *err);
/** Instead of steps: energies and forces where something else has put atoms since the last time (space.x).
 * Their velocities are lost: space.v is then the force that moves each, which leaves out what lengths that
 * stay take up, as if all atoms had the mass of 1 if they have it in the topology. Where atoms had moved too
 * far for the list, it is made anew (nlists), and they have other places. What is not a number is told by
 * al_md_thermo(), not as an error. Collective.
 * @param moved  no atom of any rank has gone farther than that since the last time
 * @return as al_md_start() */
allot_err al_md_evaluate(al_md *md, double moved, allot_error *err);
/** Of the step that it is at. Collective. */
void al_md_thermo(const al_md *md, al_thermo *thermo);

#endif
