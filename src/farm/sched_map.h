/* sched_map.h - numbers by task: for what few tasks have.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_SCHED_MAP_H
#define AL_FARM_SCHED_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A hash table with open addressing. Zero-initialise. Key 0 cannot be. */
typedef struct al_sched_map {
    uint64_t *keys, *values;
    size_t room, count; /* room: a power of two, at most three quarters full */
} al_sched_map;

/** @return false: out of memory */
bool al_sched_map_set(al_sched_map *map, uint64_t key, uint64_t value);
/** @return the value, or `missing` where there is none */
uint64_t al_sched_map_get(const al_sched_map *map, uint64_t key, uint64_t missing);
void al_sched_map_remove(al_sched_map *map, uint64_t key);
void al_sched_map_fini(al_sched_map *map);

#endif
