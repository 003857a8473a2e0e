/* rigid.h - the lengths of a topology that stay as they are, and how a step keeps them: rigid waters and
 * constraints of this rank's atoms. What hangs together is on one rank (held.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_RIGID_H
#define AL_MD_RIGID_H

#include "md/constrain.h"
#include "md/held.h"
#include "md/locals.h"
#include "md/term_index.h"

/** Begin with zeros. */
typedef struct al_rigid {
    const al_topology *topology;
    const uint8_t *frozen;  /**< [natoms]: as in al_field_opts */
    al_term_index *indices; /**< NULL: no length is kept */
    al_constraints constraints;
    const al_settle_kernels *kernels;
    struct al_rigid_share *shares; /* of threads that find them */
    uint32_t nshares;
} al_rigid;

/** @param topology, frozen, kernels  borrowed; held: what hangs together. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_rigid_open(al_rigid *rigid, const al_topology *topology, const al_held *held,
                        const uint8_t *frozen, const al_settle_kernels *kernels, allot_error *err);
void al_rigid_close(al_rigid *rigid);
static inline bool al_rigid_is_any(const al_rigid *rigid)
{
    return rigid->indices != NULL;
}

/** How many degrees of freedom lengths of a topology take. Pure. */
double al_rigid_freedom(const al_topology *topology);

/** Find them anew for the places that atoms have now. @param locals  of the space's atoms
 * @return false: out of memory */
bool al_rigid_find(al_rigid *rigid, const al_space *space, const al_locals *locals);

/** After a free flight of dt: atoms to where they would be had they kept their lengths; v likewise if
 * has_velocities.
 * @param virial  [9], added to: the sum of x . (force of the constraints); NULL: not wanted
 * @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE: a length cannot be kept, and whose. Of this rank alone */
allot_err al_rigid_positions(al_rigid *rigid, al_space *space, double dt, bool has_velocities, double *virial,
                             allot_error *err);
/** Take from velocities what would change lengths. @return as al_rigid_positions() */
allot_err al_rigid_velocities(al_rigid *rigid, al_space *space, double dt, double *virial, allot_error *err);

#endif
