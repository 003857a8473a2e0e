/* bound.h - the terms between bonded atoms that are this rank's to compute, by place. Found from the topology
 * when a list is made.
 *
 * A term's atoms may be on several ranks. As with pairs, a rank has copies of what is near above its domain;
 * a term is of the rank that, in each direction, has one of its atoms not copied from above: there is one, as
 * long as a term's atoms are nearer to each other than the list reaches. Whether that is so is found by
 * counting: al_bound_check().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_BOUND_H
#define AL_MD_BOUND_H

#include "md/forces.h"
#include "md/locals.h"
#include "md/reference.h"
#include "md/term/term.h"
#include "md/term_index.h"

/** Begin with zeros. */
typedef struct al_bound {
    const al_topology *topology;
    const al_reference *reference; /**< where RESTRAINT holds atoms; borrowed; NULL: no term does */
    double coulomb;                /**< al_term_tables' */
    al_term_index *indices;
    al_cmap *cmaps;
    al_term *terms[AL_TERM_NKINDS]; /**< atom[] are places */
    uint32_t n[AL_TERM_NKINDS], room[AL_TERM_NKINDS];
    double *held_at;    /**< reference, by place: al_term_tables' */
    double *held_fixed; /**< what of it does not grow with the box, likewise */
    uint32_t room_held, room_fixed;
    struct al_bound_share *shares; /**< of threads */
    uint32_t nshares;
} al_bound;

/** @param topology   borrowed
 *  @param reference, coulomb  as in al_bound
 *  @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_bound_open(al_bound *bound, const al_topology *topology, const al_reference *reference,
                        double coulomb, uint32_t nthreads, allot_error *err);
void al_bound_close(al_bound *bound);

/** Find them anew for the places that atoms have now. @param locals  of the space's atoms
 * @return false: out of memory */
bool al_bound_find(al_bound *bound, const al_space *space, const al_locals *locals);
/** Whether each term is some rank's. Collective. @return ALLOT_OK; ALLOT_ERANGE, on all: some have atoms that
 * are too far from each other; of which kind, and how many */
allot_err al_bound_check(const al_bound *bound, al_comm *comm, double reach, allot_error *err);

/** What al_forces_divide() and al_forces_rest() call for them; arg is the al_bound. */
al_forces_touch al_bound_touch;
al_forces_compute al_bound_compute;
/** Instead of x f, as of all forces, what is due of restraints': nothing is their other side, so it would
 * matter where x counts from. It is (x - at + fixed) f along each direction, as in GROMACS: reference.h. */
void al_bound_add_virial(const al_bound *bound, const al_space *space, double virial[9]);
/** Of this rank's terms, at the last al_bound_compute(). */
void al_bound_sum(const al_bound *bound, al_term_energies *energies);

#endif
