/* test_id_map.c - md/id_map: where atoms are by their ids, as a search finds it, with any number of threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "md/id_map.h"
#include "support/pools.h"
#include "support/prop.h"

enum { MOST = 300, NPOOLS = 4 };

static const uint32_t counts[NPOOLS] = {1, 2, 3, 5};
static allot_pool *pools[NPOOLS];
static uint64_t ids[MOST];

/** Few enough ids that some are there several times, or so many that chains are of different ones. */
static uint64_t random_id(uint64_t range)
{
    return prop_below(range) * (prop_chance(20) ? UINT64_C(1) << 40 : 1);
}

/** All atoms with an id, in the order of their numbers, and then no more. */
static void check(const al_id_map *map, uint32_t n, uint64_t id)
{
    uint32_t found = al_id_map_find(map, id);
    for (uint32_t k = 0; k < n; k++) {
        if (ids[k] != id)
            continue;
        prop_require(found == k);
        found = al_id_map_next(map, found);
    }
    prop_require(found == AL_ID_NONE);
}

static void atoms_are_found(void **state)
{
    (void)state;
    al_id_map map = {.room = 0};
    for (uint64_t round = 0; round < prop_rounds(300); round++) {
        prop_begin(round);
        uint32_t n = (uint32_t)prop_below(MOST + 1);
        uint64_t range = 1 + prop_below(2 * MOST);
        for (uint32_t k = 0; k < n; k++)
            ids[k] = random_id(range);
        int pool = (int)(round % NPOOLS);
        const al_threads threads = {pools[pool], counts[pool]};
        assert_true(al_id_map_build(&map, ids, n, &threads)); /* in what was another one before */
        for (uint32_t k = 0; k < n; k++)
            check(&map, n, ids[k]);
        for (int k = 0; k < 50; k++)
            check(&map, n, random_id(range + 5));
    }
    al_id_map_fini(&map);
}

static int make_pools(void **state)
{
    (void)state;
    make_pools_of(pools, counts, 0, NPOOLS);
    return 0;
}

static int end_pools(void **state)
{
    (void)state;
    end_pools_of(pools, 0, NPOOLS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(atoms_are_found)};
    return cmocka_run_group_tests(tests, make_pools, end_pools);
}
