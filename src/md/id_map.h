/* id_map.h - where a rank has an atom: at home, and as copies, each near another side of the box.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_ID_MAP_H
#define AL_MD_ID_MAP_H

#include "base/shares.h"

#define AL_ID_NONE UINT32_MAX

/** From atoms' numbers in the system to their numbers on this rank. Begin with zeros. */
typedef struct al_id_map {
    const uint64_t *ids; /**< [n]; borrowed */
    uint32_t *first;     /**< [2^bits]: of the atoms in each chain; AL_ID_NONE: there is none */
    uint32_t *next;      /**< [n]: in the same chain, in the order of numbers */
    uint32_t bits, room;
} al_id_map;

/** @param ids  [n]: of each atom of this rank; to stay as they are while the map is used
 *  @return false: out of memory */
bool al_id_map_build(al_id_map *map, const uint64_t *ids, uint32_t n, const al_threads *threads);
void al_id_map_fini(al_id_map *map);

/** The first atom from k on, in its chain, with this id. */
static inline uint32_t al_id_map_from(const al_id_map *map, uint32_t k, uint64_t id)
{
    while (k != AL_ID_NONE && map->ids[k] != id)
        k = map->next[k];
    return k;
}

static inline uint64_t al_id_map_chain(const al_id_map *map, uint64_t id)
{
    return (id * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - map->bits);
}

/** The first atom with this id, in the order of their numbers. @return AL_ID_NONE: there is none */
static inline uint32_t al_id_map_find(const al_id_map *map, uint64_t id)
{
    return al_id_map_from(map, map->first[al_id_map_chain(map, id)], id);
}

/** The next one with the id of atom k. @return AL_ID_NONE: there is none */
static inline uint32_t al_id_map_next(const al_id_map *map, uint32_t k)
{
    return al_id_map_from(map, map->next[k], map->ids[k]);
}

#endif
