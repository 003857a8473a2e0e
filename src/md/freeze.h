/* freeze.h - atoms that are frozen along some directions and move along the others.
 *
 * Those that are frozen along all three are atoms without mass (al_masses), which nothing moves. These have
 * one: a step moves them as all others, and then they are put back along the directions in which they are
 * frozen, to where they were when pairs were last listed; their velocities there are 0.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_FREEZE_H
#define AL_MD_FREEZE_H

#include "md/space.h"

enum { AL_FREEZE_ALL = 7 }; /* directions of an atom: 1 for x, 2 for y, 4 for z */

/** Begin with zeros. */
typedef struct al_freeze {
    const uint8_t *of; /**< [natoms]: directions; borrowed. NULL: no atom is frozen in some, but not in all */
    uint8_t *mask;     /**< by home place: directions of those that are frozen in some, but not in all */
    size_t room;
} al_freeze;

/** @param of  [natoms] directions; NULL: none is frozen */
void al_freeze_open(al_freeze *freeze, const uint8_t *of, uint64_t natoms);
void al_freeze_close(al_freeze *freeze);
static inline bool al_freeze_is_any(const al_freeze *freeze)
{
    return freeze->of != NULL;
}
/** For the places that atoms have now. @return false: out of memory */
bool al_freeze_place(al_freeze *freeze, const al_space *space);

/** Vectors of home places, in blocks, are 0 along the directions. */
void al_freeze_rest(const al_freeze *freeze, const al_space *space, double *vectors);
/** Atoms are where they were along them, and do not move there. */
void al_freeze_hold(const al_freeze *freeze, al_space *space);

#endif
