/* constrain.h - lengths that stay as they are: rigid waters, and bonds of a given length.
 *
 * Constraints that share no atom, not even over others, are clusters of their own; all atoms of a cluster are
 * this rank's. Waters are solved in closed form (kernel/settle.h). Other clusters are solved by Newton's
 * method on all of their constraints at once, until each length is right to `tolerance`: SHAKE with its
 * linear equations solved as they are. (Ryckaert, Ciccotti and Berendsen, J. Comput. Phys. 23, 327, 1977;
 * Kräutler, van Gunsteren and Hünenberger, J. Comput. Chem. 22, 501, 2001.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_CONSTRAIN_H
#define AL_MD_CONSTRAIN_H

#include "base/shares.h"
#include "md/kernel/settle.h"

/** Relative, of lengths. */
#define AL_CONSTRAIN_TOLERANCE 1e-10

/** Two atoms, by place, at a distance. */
typedef struct al_constraint {
    uint32_t place[2];
    double per_mass[2]; /**< one over their masses */
    double length;
} al_constraint;

/** Waters of one kind. */
typedef struct al_waters {
    al_settle kind;
    uint32_t *places; /**< [3 n] */
    uint32_t n, room;
} al_waters;

/** All that a rank has. Begin with zeros. */
typedef struct al_constraints {
    al_waters *waters;
    uint32_t nkinds;
    al_constraint *bonds; /**< those of a cluster beside each other */
    uint32_t nbonds, room_bonds;
    struct constrain_coupling *couplings; /* of bonds that share an atom */
    uint32_t ncouplings, room_couplings;
    struct constrain_cluster *clusters;
    uint32_t nclusters, room_clusters;
    struct constrain_share *shares; /* of threads */
    uint32_t nshares;
} al_constraints;

/** Forget them all, but not the memory. */
void al_constraints_clear(al_constraints *constraints);
/** @return false: out of memory */
bool al_constraints_add_water(al_constraints *constraints, const al_settle *kind, const uint32_t places[3]);
/** Add n constraints that hang together, and with no others. @return false: out of memory */
bool al_constraints_add_cluster(al_constraints *constraints, const al_constraint *bonds, uint32_t n);
/** Add all that another has. @return false: out of memory */
bool al_constraints_append(al_constraints *constraints, const al_constraints *more);
void al_constraints_fini(al_constraints *constraints);

/** What a call works on. */
typedef struct al_constrain_step {
    al_settle_step settle;
    const al_settle_kernels *kernels;
    al_threads threads;
} al_constrain_step;

/** Put atoms where they would be had lengths been kept during a free flight of dt with v, and change v
 * likewise.
 * @param x, v    of home atoms, in blocks
 * @param virial  [9]; NULL: not wanted. The sum over atoms of x . (force of the constraints)
 * @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE: some cannot be kept; *bad is the first one's place */
allot_err al_constrain_positions(al_constraints *constraints, const al_constrain_step *step, double *x,
                                 double *v, double *virial, uint32_t *bad);
/** Take from v what would change lengths. @return as al_constrain_positions() */
allot_err al_constrain_velocities(al_constraints *constraints, const al_constrain_step *step, const double *x,
                                  double *v, double *virial, uint32_t *bad);

#endif
