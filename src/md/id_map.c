/* id_map.c - a table with open addressing, at most half full. See id_map.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/id_map.h"

#include <stdlib.h>
#include <string.h>

static bool grow(al_id_map *map, uint32_t n)
{
    uint64_t size = 64;
    if (n < map->room)
        return true;
    al_id_map_fini(map);
    map->room = n + n / 4 + 1;
    while (size < 2 * (uint64_t)map->room)
        size *= 2;
    map->mask = size - 1;
    map->ids = malloc(size * sizeof *map->ids);
    map->first = malloc(size * sizeof *map->first);
    map->next = malloc(map->room * sizeof *map->next);
    return map->ids != NULL && map->first != NULL && map->next != NULL;
}

bool al_id_map_build(al_id_map *map, const uint64_t *id, uint32_t n)
{
    if (!grow(map, n)) {
        al_id_map_fini(map);
        return false;
    }
    memset(map->first, 0xFF, (map->mask + 1) * sizeof *map->first); /* AL_ID_NONE */
    for (uint32_t k = n; k-- > 0;) { /* backwards: the lowest comes out first */
        uint64_t slot = al_id_map_slot(map, id[k]);
        map->next[k] = map->first[slot];
        map->first[slot] = k;
        map->ids[slot] = id[k];
    }
    return true;
}

void al_id_map_fini(al_id_map *map)
{
    free(map->ids);
    free(map->first);
    free(map->next);
    *map = (al_id_map){.room = 0};
}
