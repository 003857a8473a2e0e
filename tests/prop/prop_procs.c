/* prop_procs.c - engines that are killed from outside at random times: every item is done all the same, and
 * as long as no engine is killed, once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/engines.h"
#include "support/pools.h"
#include "support/prop.h"
#include "support/sanitizers.h"

enum { NITEMS = 20000, NENGINES = 3 };

typedef struct record {
    _Atomic pid_t who[NENGINES];
    _Atomic uint32_t done[NITEMS];
    uint64_t item_ns;
} record;

static int do_items(uint64_t begin, uint64_t end, void *arg)
{
    record *r = arg;
    r->who[allot_engine_index()] = getpid();
    for (uint64_t i = begin; i < end; i++) {
        if (r->item_ns > 0)
            spend_ns(r->item_ns);
        atomic_fetch_add(&r->done[i], 1);
    }
    return 0;
}

typedef struct killer {
    record *r;
    uint64_t pause_ns;
    atomic_bool over;
    uint64_t nkilled;
} killer;

/** Kill engines of this process, one after the other. */
static void *kill_engines(void *arg)
{
    killer *k = arg;
    for (uint32_t e = 0; !k->over; e++) {
        nap_ns(k->pause_ns);
        pid_t pid = atomic_exchange(&k->r->who[e % NENGINES], 0);
        k->nkilled += pid != 0 && !k->over && kill(pid, SIGKILL) == 0;
    }
    return NULL;
}

static void try_one(allot_pool *pool, record *r, bool with_killer, uint64_t *nkilled)
{
    uint64_t n = 1 + prop_u64() % NITEMS;
    killer k = {.r = r, .pause_ns = 200000 + prop_u64() % 3000000};
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    allot_error err = {.text = ""};
    pthread_t thread;
    memset((void *)r, 0, sizeof *r);
    r->item_ns = prop_u64() % 2 * (prop_u64() % 2000);
    opts.chunk_items = prop_u64() % 3 == 0 ? 1 + prop_u64() % 100 : 0;
    opts.max_threads = (uint32_t)(prop_u64() % 4);
    if (with_killer)
        assert_int_equal(pthread_create(&thread, NULL, kill_engines, &k), 0);
    allot_err code = allot_for(pool, n, do_items, r, &opts, &err);
    k.over = true;
    if (with_killer)
        assert_int_equal(pthread_join(thread, NULL), 0);
    /* One that is killed twice with the same item in hand alone makes the item suspect: then it is named. */
    bool blamed = with_killer && code == ALLOT_EUSER && strstr(err.text, "SIGKILL") != NULL;
    if (code != ALLOT_OK && !blamed)
        fail_msg("PROP_SEED=%llu: %s", (unsigned long long)prop_seed, err.text);
    for (uint64_t i = 0; i < (blamed ? err.index : n); i++)
        prop_require(with_killer ? r->done[i] >= 1 : r->done[i] == 1);
    for (uint64_t i = n; i < NITEMS; i++)
        prop_require(r->done[i] == 0);
    *nkilled += k.nkilled;
}

static void every_item_is_done_whoever_is_killed(void **state)
{
    (void)state;
    record *r = shared_of(sizeof *r);
    uint64_t nkilled = 0;
    allot_pool *pools[] = {engines_of("procs:3"), engines_of("procs:3,kept")};
    for (uint64_t k = 0; k < prop_rounds(80); k++) {
        prop_begin(k);
        try_one(pools[k % 2], r, k % 4 < 2, &nkilled);
    }
    print_message("%llu engines were killed\n", (unsigned long long)nkilled);
    assert_true(nkilled > 0);
    allot_pool_destroy(pools[0]);
    allot_pool_destroy(pools[1]);
    allot_shared_free(r);
    assert_true(has_no_children());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_item_is_done_whoever_is_killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
