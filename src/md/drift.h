/* drift.h - motion of the whole, or of groups of atoms, which rounding brings in and nothing takes away.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_DRIFT_H
#define AL_MD_DRIFT_H

#include "md/space.h"

/** Groups whose motion is taken out, each group's by itself. Zeros: all atoms are one. */
typedef struct al_drift_groups {
    const uint8_t *of; /**< [natoms]: each atom's; from n on: it keeps its motion. NULL: all are of one */
    uint32_t n;
} al_drift_groups;

/** Take from all atoms that forces move the velocity of their group's centre of mass, over all ranks.
 * Collective. @return ALLOT_OK; ALLOT_ENOMEM, of this rank alone */
allot_err al_drift_remove(al_space *space, const al_drift_groups *groups, allot_error *err);

#endif
