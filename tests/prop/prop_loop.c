/* prop_loop.c - properties of loops over random sizes, cuts, threads, costs and misfortunes.
 *
 *  - every item is done once; when one fails, every item below the lowest failing one is, and no item twice;
 *  - the error is that of the lowest failing item, with its value;
 *  - a loop that is stopped says so, or it was done;
 *  - figures and progress agree with what was done;
 *  - no more threads than allowed are inside at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/pools.h"
#include "support/prop.h"

#define ROUNDS 4000
#define NITEMS_MAX 70000
#define NPOOLS 5

static allot_pool *pools[NPOOLS];
static const uint32_t sizes[NPOOLS] = {0, 1, 2, 3, 8};

/** One loop, and what befell it. */
typedef struct trial {
    uint64_t n, cost_mix, cost_ns_max;
    uint64_t fail_from, fail_every; /* item fail_from and each fail_every-th one after it */
    bool say_which;
    uint64_t cancel_at; /* the item that cancels, UINT64_MAX: none */
    allot_control *control;
    crowd crowd;
    _Atomic uint64_t ncalls;
    _Atomic unsigned char times[NITEMS_MAX];
} trial;

/** Irregular, but the same for the same item. */
static uint64_t cost_ns(const trial *t, uint64_t i)
{
    uint64_t mix = (i + t->cost_mix) * UINT64_C(0x9e3779b97f4a7c15) >> 33;
    return mix % 64 == 0 ? t->cost_ns_max : mix % 8 == 0 ? t->cost_ns_max / 16 : 0;
}

static bool fails(const trial *t, uint64_t i)
{
    return i >= t->fail_from && (i - t->fail_from) % t->fail_every == 0;
}

static int user_value(uint64_t i)
{
    return -1 - (int)(i % 1000);
}

static int body(uint64_t begin, uint64_t end, void *arg)
{
    trial *t = arg;
    int user = 0;
    crowd_enter(&t->crowd);
    t->ncalls++;
    for (uint64_t i = begin; i < end && user == 0; i++) {
        atomic_fetch_add_explicit(&t->times[i], 1, memory_order_relaxed);
        if (t->cost_ns_max > 0 && cost_ns(t, i) > 0)
            spend_ns(cost_ns(t, i));
        if (i == t->cancel_at)
            allot_control_cancel(t->control);
        if (fails(t, i))
            user = t->say_which ? allot_fail_at(i, user_value(i)) : user_value(i);
    }
    crowd_leave(&t->crowd);
    return user;
}

static void draw(trial *t, allot_map_opts *opts)
{
    memset(t, 0, sizeof *t);
    t->n = prop_chance(4) ? prop_below(10) : prop_size(16);
    t->cost_mix = prop_u64();
    t->cost_ns_max = prop_chance(2) ? 0 : prop_size(14) * 1000 / (t->n + 1000);
    t->fail_from = t->n > 0 && prop_chance(4) ? prop_below(t->n) : UINT64_MAX;
    t->fail_every = 1 + prop_size(12);
    t->cancel_at = t->n > 0 && prop_chance(8) ? prop_below(t->n) : UINT64_MAX;
    *opts = (allot_map_opts){.chunk_items = prop_chance(2) ? 0 : prop_size(10),
                             .max_threads = prop_chance(2) ? 0 : 1 + (uint32_t)prop_below(8),
                             .timeout_ns = prop_chance(20) ? 1 + prop_size(18) : 0};
    /* Without a name for the item, only a chunk of one stands for it. */
    t->say_which = opts->chunk_items != 1 || prop_chance(2);
    if (t->cancel_at != UINT64_MAX || prop_chance(4)) {
        assert_int_equal(allot_control_create(&t->control, NULL), ALLOT_OK);
        opts->control = t->control;
    }
}

static void check_items(const trial *t, uint64_t below)
{
    for (uint64_t i = 0; i < t->n; i++)
        prop_require(t->times[i] == 1 || (i >= below && t->times[i] == 0));
}

static void check(trial *t, const allot_map_opts *opts, allot_err code, const allot_error *err,
                  const allot_stats *stats, uint32_t nthreads)
{
    bool may_fail = t->fail_from != UINT64_MAX;
    uint64_t ndone = 0, total = 0;
    switch (code) {
    case ALLOT_OK:
        prop_require(!may_fail);
        check_items(t, t->n);
        prop_require(stats == NULL || stats->nitems == t->n);
        break;
    case ALLOT_EUSER:
        prop_require(may_fail && err->index == t->fail_from && err->user == user_value(t->fail_from));
        check_items(t, t->fail_from + 1);
        break;
    case ALLOT_ECANCELED:
        prop_require(t->cancel_at != UINT64_MAX);
        check_items(t, 0);
        break;
    default:
        prop_require(code == ALLOT_ETIMEDOUT && opts->timeout_ns != 0);
        check_items(t, 0);
    }
    prop_require(code == ALLOT_OK || err->code == code);
    prop_require(stats == NULL || stats->nchunks == t->ncalls);
    prop_require(stats == NULL ||
                 ((stats->nengines >= 1 || stats->nitems == 0) && stats->nengines <= nthreads));
    prop_require(opts->max_threads == 0 || t->crowd.most <= opts->max_threads);
    prop_require(t->crowd.most <= nthreads && t->crowd.inside == 0);
    if (t->control == NULL)
        return;
    allot_control_progress(t->control, &ndone, &total);
    prop_require(total == t->n && ndone <= total && (code != ALLOT_OK || ndone == total));
    allot_control_destroy(t->control);
}

static void loops_keep_their_promises(void **state)
{
    (void)state;
    static trial t;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++) {
        prop_begin(k);
        allot_map_opts opts;
        allot_error err = {.code = ALLOT_OK};
        allot_stats stats;
        uint64_t p = prop_below(NPOOLS);
        draw(&t, &opts);
        opts.stats = prop_chance(2) ? &stats : NULL;
        bool plain = t.control == NULL && opts.chunk_items == 0 && opts.max_threads == 0 &&
                     opts.timeout_ns == 0 && opts.stats == NULL && prop_chance(2);
        allot_err code = allot_for(pools[p], t.n, body, &t, plain ? NULL : &opts, &err);
        check(&t, &opts, code, &err, opts.stats, allot_pool_nthreads(pools[p]));
    }
}

/** The same by way of jobs, which have one more thread at hand. */
static void jobs_keep_their_promises(void **state)
{
    (void)state;
    static trial t;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS / 2); k < rounds; k++) {
        prop_begin(k);
        allot_map_opts opts;
        allot_error err = {.code = ALLOT_OK};
        allot_stats stats;
        uint64_t p = prop_below(NPOOLS);
        draw(&t, &opts);
        opts.stats = t.n > 0 && prop_chance(2) ? &stats : NULL;
        allot_job *job;
        assert_int_equal(allot_job_start(pools[p], t.n, body, &t, &opts, &job, NULL), ALLOT_OK);
        bool is_ended_early = prop_chance(10);
        if (is_ended_early) {
            allot_job_destroy(job);
            allot_control_destroy(t.control);
            prop_require(t.crowd.inside == 0);
            check_items(&t, 0);
            continue;
        }
        allot_err code = allot_job_wait(job, UINT64_MAX, NULL, &err);
        allot_job_destroy(job);
        if (opts.stats != NULL && stats.nitems == 0) /* stopped before it began */
            opts.stats = NULL;
        check(&t, &opts, code, &err, opts.stats, allot_pool_nthreads(pools[p]) + 1);
    }
}

static int make_pools(void **state)
{
    (void)state;
    make_pools_of(pools, sizes, 1, NPOOLS);
    return 0;
}

static int end_pools(void **state)
{
    (void)state;
    end_pools_of(pools, 1, NPOOLS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_keep_their_promises),
        cmocka_unit_test(jobs_keep_their_promises),
    };
    return cmocka_run_group_tests(tests, make_pools, end_pools);
}
