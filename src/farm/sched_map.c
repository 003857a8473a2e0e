/* sched_map.c - see sched_map.h. Linear probing; a removal moves those behind it up, so that nothing marks
 * graves.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/sched_map.h"

#include <stdlib.h>

#define ROOM_LEAST 16

static size_t place_of(const al_sched_map *map, uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (map->room - 1);
}

/** Where the key is, or the free place where it would be. */
static size_t find(const al_sched_map *map, uint64_t key)
{
    size_t at = place_of(map, key);
    while (map->keys[at] != 0 && map->keys[at] != key)
        at = (at + 1) & (map->room - 1);
    return at;
}

static bool grow(al_sched_map *map)
{
    al_sched_map larger = {.room = map->room > 0 ? 2 * map->room : ROOM_LEAST, .count = map->count};
    larger.keys = calloc(larger.room, sizeof *larger.keys);
    larger.values = calloc(larger.room, sizeof *larger.values);
    if (larger.keys == NULL || larger.values == NULL) {
        al_sched_map_fini(&larger);
        return false;
    }
    for (size_t k = 0; k < map->room; k++)
        if (map->keys[k] != 0) {
            size_t at = find(&larger, map->keys[k]);
            larger.keys[at] = map->keys[k];
            larger.values[at] = map->values[k];
        }
    al_sched_map_fini(map);
    *map = larger;
    return true;
}

bool al_sched_map_set(al_sched_map *map, uint64_t key, uint64_t value)
{
    if (4 * (map->count + 1) > 3 * map->room && !grow(map))
        return false;
    size_t at = find(map, key);
    map->count += map->keys[at] == 0;
    map->keys[at] = key;
    map->values[at] = value;
    return true;
}

uint64_t al_sched_map_get(const al_sched_map *map, uint64_t key, uint64_t missing)
{
    if (map->count == 0)
        return missing;
    size_t at = find(map, key);
    return map->keys[at] == key ? map->values[at] : missing;
}

void al_sched_map_remove(al_sched_map *map, uint64_t key)
{
    if (map->count == 0)
        return;
    size_t hole = find(map, key), mask = map->room - 1;
    if (map->keys[hole] != key)
        return;
    for (size_t at = (hole + 1) & mask; map->keys[at] != 0; at = (at + 1) & mask) {
        size_t home = place_of(map, map->keys[at]);
        if (((at - home) & mask) >= ((at - hole) & mask)) { /* the hole is on its way */
            map->keys[hole] = map->keys[at];
            map->values[hole] = map->values[at];
            hole = at;
        }
    }
    map->keys[hole] = 0;
    map->count--;
}

void al_sched_map_fini(al_sched_map *map)
{
    free(map->keys);
    free(map->values);
    *map = (al_sched_map){.keys = NULL};
}
