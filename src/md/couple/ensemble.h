/* ensemble.h - what holds temperature and pressure, on one rank: couple.h's thermostat, barostat and friction
 * done to the atoms of a space, with what they remember.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_COUPLE_ENSEMBLE_H
#define AL_MD_COUPLE_ENSEMBLE_H

#include "md/couple/step.h"
#include "md/space.h"

typedef struct al_ensemble_opts {
    const al_couple *couple; /**< borrowed; NULL: nothing is held */
    const uint8_t *group;    /**< [natoms]: each atom's temperature group; NULL: all are of the first */
} al_ensemble_opts;

/** Begin with zeros. */
typedef struct al_ensemble {
    al_ensemble_opts opts;
    al_couple_state state,
        shown;      /**< as the next step finds it; and with what a step would do, for what is told */
    bool has_begun; /**< a step, since it was opened: so there may be one to finish */
    double given;   /**< energy that friction gave to the atoms of all ranks */
    al_turn *turns; /**< [ngroups], or one */
    double *halves;
    uint8_t *group; /**< by place; NULL as in opts */
    size_t room;
} al_ensemble;

/** @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_ensemble_open(al_ensemble *ensemble, const al_ensemble_opts *opts, allot_error *err);
void al_ensemble_close(al_ensemble *ensemble);
/** For the places that atoms have now. @return false: out of memory */
bool al_ensemble_place(al_ensemble *ensemble, const al_space *space);

/** Numbers that a checkpoint keeps: how many; to and from them. */
uint32_t al_ensemble_nkept(const al_ensemble *ensemble);
void al_ensemble_keep(const al_ensemble *ensemble, double *kept);
void al_ensemble_recall(al_ensemble *ensemble, const double *kept);

/** Anything that steps have to ask for. */
static inline bool al_ensemble_is_any(const al_ensemble *ensemble)
{
    return ensemble->opts.couple != NULL;
}
bool al_ensemble_has_friction(const al_ensemble *ensemble);

/** A step has ended, and velocities are of its time: what is still to be done to them for it. Collective.
 * @return whether al_ensemble_kick() is wanted */
bool al_ensemble_finish(al_ensemble *ensemble, const al_space *space, uint64_t step);
/** What is told is as it is now, before a step begins. */
void al_ensemble_look(al_ensemble *ensemble);

/** A step begins: what it does to velocities is found, from those of half a step before in leap-frog, of the
 * step's own time in velocity Verlet. Collective.
 * @param is_kept  it is remembered; otherwise it is as if it had not been, but for al_ensemble_energy()
 * @return whether al_ensemble_kick() is wanted instead of forces alone */
bool al_ensemble_begin(al_ensemble *ensemble, const al_space *space, uint64_t step, bool is_kept,
                       const double box[3][3]);
/** Do that to velocities, with forces over dt (0: without). */
void al_ensemble_kick(const al_ensemble *ensemble, al_space *space, double dt);
/** Friction and chance; see langevin.h. Collective. @param frozen, half  as al_langevin has them */
void al_ensemble_rub(al_ensemble *ensemble, al_space *space, const uint8_t *frozen, uint64_t step,
                     double half, bool is_kept);
/** Of what the rub gave, what lengths that are kept took from this rank's atoms. Collective. */
void al_ensemble_take(al_ensemble *ensemble, const al_space *space, double energy);

/** Whether a barostat wants to know this step's pressure. */
bool al_ensemble_wants_pressure(const al_ensemble *ensemble, uint64_t step);
/** A step ends. @param is_kept  as in al_ensemble_begin() @param kinetic, virial  as in step.h
 * @return whether box and atoms are to be multiplied by state.mu */
bool al_ensemble_end(al_ensemble *ensemble, uint64_t step, bool is_kept, const double kinetic[3][3],
                     const double virial[3][3], const double box[3][3]);
/** Multiply positions of home atoms that can move by state.mu, and divide velocities by its diagonal where
 * the barostat does. */
void al_ensemble_move(const al_ensemble *ensemble, al_space *space);

/** What is to be added to the energy of the atoms for a sum that stays. */
double al_ensemble_energy(const al_ensemble *ensemble, const double box[3][3]);

#endif
