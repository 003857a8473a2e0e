/* locals.h - which of a topology's atoms this rank has, at home and as copies: looked up once, when atoms
 * have other places, for all who then look for what is theirs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_LOCALS_H
#define AL_MD_LOCALS_H

#include "md/id_map.h"
#include "md/space.h"
#include "md/topology.h"

/** An atom in its molecule. */
typedef struct al_local {
    uint64_t first_id; /**< of the molecule's first atom */
    uint32_t molecule; /**< its kind */
    uint32_t atom;
} al_local;

/** Begin with zeros. */
typedef struct al_locals {
    al_id_map map; /**< to numbers in space->atoms */
    al_local *of;  /**< [space->atoms.n] */
    uint32_t room;
} al_locals;

/** @return false: out of memory */
bool al_locals_find(al_locals *locals, const al_topology *topology, const al_space *space);
void al_locals_fini(al_locals *locals);

/** The place of an atom of a molecule that is here; at home rather than a copy. */
static inline uint32_t al_locals_place(const al_locals *locals, const al_space *space, uint64_t id)
{
    return space->places[al_id_map_find(&locals->map, id)];
}

#endif
