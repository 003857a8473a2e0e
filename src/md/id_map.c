/* id_map.c - a table of chains, on average half an atom long. Each thread makes the chains of a part of the
 * table, of all atoms: so an atom's place in its chain does not depend on how many threads there are.
 *
 * See id_map.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/id_map.h"

#include <stdlib.h>

/** A map being built. */
typedef struct building {
    al_id_map *map;
    uint32_t n, nshares;
} building;

static bool grow(al_id_map *map, uint32_t n)
{
    if (n < map->room)
        return true;
    al_id_map_fini(map);
    map->room = n + n / 4 + 1;
    map->bits = 6;
    while (UINT64_C(1) << map->bits < 2 * (uint64_t)map->room)
        map->bits++;
    map->first = malloc((sizeof *map->first) << map->bits);
    map->next = malloc(map->room * sizeof *map->next);
    return map->first != NULL && map->next != NULL;
}

static int build_shares(uint64_t begin, uint64_t end, void *arg)
{
    const building *b = arg;
    al_id_map *map = b->map;
    uint64_t nchains = UINT64_C(1) << map->bits;
    uint64_t least = al_share_begin(nchains, begin, b->nshares),
             most = al_share_begin(nchains, end, b->nshares);
    for (uint64_t chain = least; chain < most; chain++)
        map->first[chain] = AL_ID_NONE;
    for (uint32_t k = b->n; k-- > 0;) { /* backwards: the lowest comes out first */
        uint64_t chain = al_id_map_chain(map, map->ids[k]);
        if (chain < least || chain >= most)
            continue;
        map->next[k] = map->first[chain];
        map->first[chain] = k;
    }
    return 0;
}

bool al_id_map_build(al_id_map *map, const uint64_t *ids, uint32_t n, const al_threads *threads)
{
    building b = {map, n, al_threads_count(threads)};
    if (!grow(map, n)) {
        al_id_map_fini(map);
        return false;
    }
    map->ids = ids;
    return al_shares_do(threads, b.nshares, build_shares, &b);
}

void al_id_map_fini(al_id_map *map)
{
    free(map->first);
    free(map->next);
    *map = (al_id_map){.room = 0};
}
