/* astray.h - of a simulation that blew up: the atom that went astray, and who was beside it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_ASTRAY_H
#define AL_MD_ASTRAY_H

#include "md/space.h"

enum { AL_ASTRAY_NEIGHBOURS = 4 };

/** An atom, where it was when the list was made, where it is, and the atoms that were nearest then. */
typedef struct al_astray {
    uint64_t id;
    double before[3], now[3];
    double moved; /**< infinite if it is nowhere */
    int nneighbours;
    struct {
        uint64_t id;
        double distance; /**< when the list was made */
    } neighbours[AL_ASTRAY_NEIGHBOURS];
} al_astray;

/** Of all ranks' atoms the one that moved farthest since the list was made; the same on all. Collective. */
void al_astray_find(const al_space *space, al_astray *astray);

#endif
