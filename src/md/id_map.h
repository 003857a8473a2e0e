/* id_map.h - where a rank has an atom: at home, and as copies, each near another side of the box.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_ID_MAP_H
#define AL_MD_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AL_ID_NONE UINT32_MAX

/** From atoms' numbers in the system to their numbers on this rank. Begin with zeros. */
typedef struct al_id_map {
    uint64_t *ids;   /**< [mask + 1] */
    uint32_t *first; /**< [mask + 1]: of the atoms with this id; AL_ID_NONE: there is none */
    uint32_t *next;  /**< [n]: the next one with the same id */
    uint64_t mask;
    uint32_t room;
} al_id_map;

/** @param id  [n]: of each atom of this rank. @return false: out of memory */
bool al_id_map_build(al_id_map *map, const uint64_t *id, uint32_t n);
void al_id_map_fini(al_id_map *map);

static inline uint64_t al_id_map_slot(const al_id_map *map, uint64_t id)
{
    uint64_t slot = (id * UINT64_C(0x9e3779b97f4a7c15)) >> 20 & map->mask;
    while (map->first[slot] != AL_ID_NONE && map->ids[slot] != id)
        slot = (slot + 1) & map->mask;
    return slot;
}

/** The first atom with this id, in the order of their numbers; al_id_map.next[] has the others.
 * @return AL_ID_NONE: there is none */
static inline uint32_t al_id_map_find(const al_id_map *map, uint64_t id)
{
    return map->first[al_id_map_slot(map, id)];
}

#endif
