/* test_for.c - loops: each item once, errors in order, stopping, watching, nesting, many at once.
 *
 * Most loops here are cut finely (chunk_items) so that they are open to others from the start, or have
 * bodies slow enough that the planner opens them. Nothing is asserted about time, but that it ends.
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

#define NITEMS_MAX 200000
#define NTHREADS 4

static allot_pool *pool; /* NTHREADS, for all tests */

static int make_pool(void **state)
{
    (void)state;
    pool = pool_of(NTHREADS);
    return 0;
}

static int end_pool(void **state)
{
    (void)state;
    allot_pool_destroy(pool);
    return 0;
}

static allot_map_opts chunks_of(uint64_t chunk_items)
{
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    opts.chunk_items = chunk_items;
    return opts;
}

/* ---- each item once -------------------------------------------------------------------------------- */

/** A byte an item, and how long each takes. */
typedef struct ledger {
    uint64_t n, item_ns;
    _Atomic unsigned char *times;
} ledger;

static ledger ledger_of(uint64_t n, uint64_t item_ns)
{
    ledger l = {.n = n, .item_ns = item_ns, .times = calloc(n + 1, 1)};
    assert_non_null(l.times);
    return l;
}

static int enter_in_ledger(uint64_t begin, uint64_t end, void *arg)
{
    ledger *l = arg;
    if (begin >= end || end > l->n)
        return 1;
    for (uint64_t i = begin; i < end; i++) {
        atomic_fetch_add_explicit(&l->times[i], 1, memory_order_relaxed);
        if (l->item_ns > 0)
            spend_ns(l->item_ns);
    }
    return 0;
}

static void close_ledger(ledger *l)
{
    for (uint64_t i = 0; i < l->n; i++)
        if (l->times[i] != 1)
            fail_msg("item %llu of %llu was done %d times", (unsigned long long)i, (unsigned long long)l->n,
                     l->times[i]);
    free((void *)l->times);
}

static void each_item_is_done_once(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 2, 3, 7, 64, 1000, 4097, NITEMS_MAX};
    static const uint64_t chunks[] = {0, 1, 3, 64, 5000};
    allot_pool *pools[] = {NULL, pool_of(1), pool_of(2), pool, pool_of(8)};
    for (size_t p = 0; p < 5; p++) {
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (size_t c = 0; c < sizeof chunks / sizeof chunks[0]; c++) {
                ledger l = ledger_of(sizes[s], 0);
                allot_map_opts opts = chunks_of(chunks[c]);
                assert_int_equal(allot_for(pools[p], l.n, enter_in_ledger, &l, &opts, NULL), ALLOT_OK);
                close_ledger(&l);
            }
        for (uint64_t n = 100; n <= 10000; n *= 10) {
            ledger l = ledger_of(n, 1000000 / n);
            assert_int_equal(allot_for(pools[p], n, enter_in_ledger, &l, NULL, NULL), ALLOT_OK);
            close_ledger(&l);
        }
    }
    allot_pool_destroy(pools[1]);
    allot_pool_destroy(pools[2]);
    allot_pool_destroy(pools[4]);
}

/** From the same place again and again, when the loop is known to be short and takes the short way. */
static void short_loops_are_done_again_and_again(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        static _Atomic unsigned char times[5];
        memset((void *)times, 0, sizeof times);
        static ledger l;
        l = (ledger){.n = (uint64_t)(round % 6), .times = times};
        assert_int_equal(allot_for(pool, l.n, enter_in_ledger, &l, NULL, NULL), ALLOT_OK);
        for (uint64_t i = 0; i < 5; i++)
            assert_int_equal(times[i], i < l.n);
    }
}

static int add_length(uint64_t begin, uint64_t end, void *arg)
{
    if (begin >= end)
        return 1;
    atomic_fetch_add((_Atomic uint64_t *)arg, end - begin);
    return 0;
}

/** More items than fit in 32 bits, up to all there can be. */
static void huge_loops_are_whole(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {UINT64_C(1) << 33, (UINT64_C(1) << 33) + 1, UINT64_C(1) << 40,
                                     UINT64_C(1) << 63, UINT64_MAX - 1,          UINT64_MAX};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (uint32_t shift = 0; shift < 20; shift++) {
            if (shift != 0 && shift != 1 && shift != 12)
                continue;
            allot_map_opts opts = chunks_of(shift == 0 ? 0 : (sizes[s] >> shift) + shift / 12 * 77);
            allot_stats stats;
            opts.stats = &stats;
            _Atomic uint64_t done = 0;
            assert_int_equal(allot_for(pool, sizes[s], add_length, &done, &opts, NULL), ALLOT_OK);
            assert_true(done == sizes[s]);
            assert_true(stats.nitems == sizes[s]);
        }
    }
}

/* ---- chunks ---------------------------------------------------------------------------------------- */

typedef struct cutter {
    uint64_t n, chunk;
    allot_control *control; /* to stop by after a few chunks, or NULL */
    _Atomic uint64_t nchunks, nwrong;
} cutter;

static int look_at_chunk(uint64_t begin, uint64_t end, void *arg)
{
    cutter *c = arg;
    uint64_t nchunks = atomic_fetch_add(&c->nchunks, 1) + 1;
    bool is_last = end == c->n;
    if (begin % c->chunk != 0 || end > c->n || (is_last ? end - begin > c->chunk : end - begin != c->chunk))
        atomic_fetch_add(&c->nwrong, 1);
    if (c->control != NULL && nchunks >= 2000)
        allot_control_cancel(c->control);
    return 0;
}

static void chunks_have_the_size_that_was_asked_for(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 99, 100, 101, 10007};
    static const uint64_t chunks[] = {1, 2, 7, 100, 10007, UINT64_MAX};
    allot_pool *alone = pool_of(1);
    for (int serial = 0; serial < 2; serial++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (size_t k = 0; k < sizeof chunks / sizeof chunks[0]; k++) {
                cutter c = {.n = sizes[s], .chunk = chunks[k]};
                allot_map_opts opts = chunks_of(c.chunk);
                assert_int_equal(allot_for(serial ? alone : pool, c.n, look_at_chunk, &c, &opts, NULL),
                                 ALLOT_OK);
                assert_true(c.nwrong == 0);
                assert_true(c.nchunks == (c.n - 1) / c.chunk + 1);
            }
    allot_pool_destroy(alone);
}

/** So many chunks that they cannot be counted in 32 bits; the loop is stopped before it is done. */
static void small_chunks_of_huge_loops_have_it_too(void **state)
{
    (void)state;
    static const uint64_t chunks[] = {1, 100, 255, 256};
    for (size_t k = 0; k < sizeof chunks / sizeof chunks[0]; k++) {
        cutter c = {.n = (UINT64_C(1) << 42) + 1, .chunk = chunks[k]};
        assert_int_equal(allot_control_create(&c.control, NULL), ALLOT_OK);
        allot_map_opts opts = chunks_of(c.chunk);
        opts.control = c.control;
        assert_int_equal(allot_for(pool, c.n, look_at_chunk, &c, &opts, NULL), ALLOT_ECANCELED);
        assert_true(c.nwrong == 0);
        allot_control_destroy(c.control);
    }
}

/* ---- errors ---------------------------------------------------------------------------------------- */

typedef struct faults {
    ledger done;
    const unsigned char *fails; /* [n] the value item i fails with, or 0 */
    bool say_which;
} faults;

static int fail_some(uint64_t begin, uint64_t end, void *arg)
{
    faults *f = arg;
    for (uint64_t i = begin; i < end; i++) {
        atomic_fetch_add_explicit(&f->done.times[i], 1, memory_order_relaxed);
        spend_ns(i * 2654435761u % 3000);
        if (f->fails[i] != 0)
            return f->say_which ? allot_fail_at(i, f->fails[i]) : f->fails[i];
    }
    return 0;
}

/** Whatever the timing: the lowest failing item is told, and all below it are done, once. */
static void expect_lowest(allot_pool *on, uint64_t n, const allot_map_opts *opts, uint64_t lowest,
                          uint64_t nfailing, bool say_which)
{
    unsigned char *fails = calloc(n, 1);
    assert_non_null(fails);
    for (uint64_t k = 0; k < nfailing; k++)
        fails[lowest + (n - lowest) * k / nfailing] = (unsigned char)(1 + (lowest + k) % 250);
    faults f = {.done = ledger_of(n, 0), .fails = fails, .say_which = say_which};
    allot_error err = {.code = ALLOT_OK};
    assert_int_equal(allot_for(on, n, fail_some, &f, opts, &err), ALLOT_EUSER);
    assert_int_equal(err.code, ALLOT_EUSER);
    assert_true(err.index == lowest);
    assert_int_equal(err.user, fails[lowest]);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "item %llu ", (unsigned long long)lowest);
    assert_non_null(strstr(err.text, expected));
    for (uint64_t i = 0; i < n; i++)
        assert_true(f.done.times[i] == 1 || (i > lowest && f.done.times[i] == 0));
    free((void *)f.done.times);
    free(fails);
}

static void the_lowest_failing_item_is_told(void **state)
{
    (void)state;
    const uint64_t n = 600;
    for (uint32_t nthreads = 1; nthreads <= 8; nthreads++) {
        allot_pool *on = pool_of(nthreads);
        for (uint64_t lowest = 0; lowest < n; lowest += 1 + lowest / 2)
            for (uint64_t nfailing = 1; nfailing <= n - lowest; nfailing *= 5) {
                allot_map_opts single = chunks_of(1), ten = chunks_of(10);
                expect_lowest(on, n, &single, lowest, nfailing, false);
                expect_lowest(on, n, &ten, lowest, nfailing, true);
                expect_lowest(on, n, NULL, lowest, nfailing, true);
            }
        allot_pool_destroy(on);
    }
}

static int fail_all(uint64_t begin, uint64_t end, void *arg)
{
    (void)end;
    spend_ns(begin * 40503u % 2000);
    return *(int *)arg + (int)begin;
}

static void where_every_item_fails_the_first_is_told(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        allot_error err;
        allot_map_opts opts = chunks_of(1);
        int base = -5 - round;
        assert_int_equal(allot_for(pool, 100, fail_all, &base, &opts, &err), ALLOT_EUSER);
        assert_true(err.index == 0);
        assert_int_equal(err.user, base);
        assert_int_equal(allot_for(pool, 100, fail_all, &base, NULL, NULL), ALLOT_EUSER);
    }
}

static int fail_in_chunk(uint64_t begin, uint64_t end, void *arg)
{
    uint64_t at = *(uint64_t *)arg;
    return begin <= at && at < end ? 3 : 0;
}

/** Without allot_fail_at() the first item of the range stands for it. */
static void a_range_that_fails_is_told_by_its_first_item(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 1000; at += 37) {
        allot_error err;
        allot_map_opts opts = chunks_of(10);
        assert_int_equal(allot_for(pool, 1000, fail_in_chunk, &at, &opts, &err), ALLOT_EUSER);
        assert_true(err.index == at / 10 * 10);
        assert_int_equal(err.user, 3);
    }
}

static int fail_elsewhere(uint64_t begin, uint64_t end, void *arg)
{
    return allot_fail_at(*(uint64_t *)arg == 0 ? begin - 1 : end, 0);
}

static void an_index_outside_the_range_is_not_believed(void **state)
{
    (void)state;
    for (uint64_t above = 0; above < 2; above++) {
        allot_error err;
        assert_int_equal(allot_for(pool, 1, fail_elsewhere, &above, NULL, &err), ALLOT_EUSER);
        assert_true(err.index == 0);
        assert_int_equal(err.user, 1); /* code 0 would be success */
    }
}

static int fail_at_third(uint64_t begin, uint64_t end, void *arg)
{
    (void)arg;
    return begin <= 3 && 3 < end ? allot_fail_at(3, 9) : 0;
}

static int nest_a_failure(uint64_t begin, uint64_t end, void *arg)
{
    (void)arg;
    allot_error err;
    for (uint64_t i = begin; i < end; i++)
        if (allot_for(pool, 10, fail_at_third, NULL, NULL, &err) != ALLOT_EUSER || err.index != 3)
            return allot_fail_at(i, 100);
    return begin <= 5 && 5 < end ? 7 : 0;
}

/** What an inner loop's body said is not taken for the outer one's. */
static void inner_failures_stay_inside(void **state)
{
    (void)state;
    allot_error err;
    allot_map_opts opts = chunks_of(1);
    assert_int_equal(allot_for(pool, 10, nest_a_failure, NULL, &opts, &err), ALLOT_EUSER);
    assert_true(err.index == 5);
    assert_int_equal(err.user, 7);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    allot_error err;
    assert_int_equal(allot_for(pool, 10, NULL, NULL, NULL, &err), ALLOT_EINVAL);
    assert_int_equal(err.code, ALLOT_EINVAL);
    assert_int_equal(allot_for(pool, 0, NULL, NULL, NULL, NULL), ALLOT_EINVAL);
    _Atomic uint64_t done = 0;
    for (size_t i = 0; i < sizeof((allot_map_opts *)0)->reserved / sizeof(uint64_t); i++) {
        allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
        opts.reserved[i] = 1;
        assert_int_equal(allot_for(pool, 10, add_length, &done, &opts, &err), ALLOT_EINVAL);
        assert_non_null(strstr(err.text, "reserved"));
    }
    assert_true(done == 0);
    assert_int_equal(allot_control_create(NULL, &err), ALLOT_EINVAL);
    allot_control_destroy(NULL);
}

/* ---- stopping -------------------------------------------------------------------------------------- */

typedef struct stopper {
    allot_control *control;
    uint64_t at; /* the chunk that cancels, UINT64_MAX: none */
    atomic_bool canceled;
    _Atomic uint64_t nbegun, nlate; /* chunks in all, and those begun after the cancel */
} stopper;

static int maybe_cancel(uint64_t begin, uint64_t end, void *arg)
{
    stopper *s = arg;
    if (s->canceled)
        s->nlate++;
    if (s->nbegun++ == s->at) {
        allot_control_cancel(s->control);
        s->canceled = true;
    }
    spend_ns(1000 * (end - begin));
    return 0;
}

static void a_cancel_from_a_body_stops_within_a_chunk(void **state)
{
    (void)state;
    for (uint32_t max_threads = 0; max_threads <= 2; max_threads++)
        for (uint64_t at = 0; at < 5000; at = at * 3 + 1) {
            stopper s = {.at = at};
            assert_int_equal(allot_control_create(&s.control, NULL), ALLOT_OK);
            allot_map_opts opts = chunks_of(1);
            allot_stats stats;
            opts.control = s.control;
            opts.max_threads = max_threads;
            opts.stats = &stats;
            allot_error err;
            assert_int_equal(allot_for(pool, 1000000, maybe_cancel, &s, &opts, &err), ALLOT_ECANCELED);
            assert_int_equal(err.code, ALLOT_ECANCELED);
            assert_true(strlen(err.text) > 0);
            assert_true(s.nlate <= NTHREADS);
            assert_true(stats.nitems == s.nbegun && stats.nchunks == s.nbegun);
            /* It stays in force. */
            uint64_t before = s.nbegun;
            assert_int_equal(allot_for(pool, 10, maybe_cancel, &s, &opts, NULL), ALLOT_ECANCELED);
            assert_true(s.nbegun == before);
            allot_control_destroy(s.control);
        }
}

static void *cancel_soon(void *arg)
{
    stopper *s = arg;
    while (s->nbegun < 100)
        nap_ns(100000);
    allot_control_cancel(s->control);
    s->canceled = true;
    return NULL;
}

static void a_cancel_from_another_thread_stops_within_a_chunk(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        stopper s = {.at = UINT64_MAX};
        assert_int_equal(allot_control_create(&s.control, NULL), ALLOT_OK);
        allot_map_opts opts = chunks_of(round % 2);
        opts.control = s.control;
        opts.max_threads = round % 3;
        pthread_t other = thread_of(cancel_soon, &s);
        assert_int_equal(allot_for(pool, 4000000000, maybe_cancel, &s, &opts, NULL), ALLOT_ECANCELED);
        (void)pthread_join(other, NULL);
        assert_true(s.nlate <= NTHREADS);
        allot_control_destroy(s.control);
    }
}

static void a_cancel_beforehand_does_nothing_at_all(void **state)
{
    (void)state;
    _Atomic uint64_t done = 0;
    allot_control *control;
    assert_int_equal(allot_control_create(&control, NULL), ALLOT_OK);
    allot_control_cancel(control);
    allot_control_cancel(control);
    for (uint64_t chunk = 0; chunk < 3; chunk++) {
        allot_map_opts opts = chunks_of(chunk);
        opts.control = control;
        assert_int_equal(allot_for(pool, 1000, add_length, &done, &opts, NULL), ALLOT_ECANCELED);
    }
    assert_true(done == 0);
    allot_control_destroy(control);
}

static int nap_an_item(uint64_t begin, uint64_t end, void *arg)
{
    atomic_fetch_add((_Atomic uint64_t *)arg, end - begin);
    nap_ns(1000000 * (end - begin));
    return 0;
}

static void a_deadline_ends_the_loop(void **state)
{
    (void)state;
    for (uint64_t chunk = 0; chunk < 2; chunk++)
        for (uint32_t max_threads = 0; max_threads < 3; max_threads++) {
            _Atomic uint64_t done = 0;
            allot_map_opts opts = chunks_of(chunk);
            opts.timeout_ns = 20000000;
            opts.max_threads = max_threads;
            allot_error err;
            assert_int_equal(allot_for(pool, 100000, nap_an_item, &done, &opts, &err), ALLOT_ETIMEDOUT);
            assert_int_equal(err.code, ALLOT_ETIMEDOUT);
            assert_true(done > 0 && done < 10000);
        }
    _Atomic uint64_t done = 0;
    allot_map_opts opts = chunks_of(1);
    opts.timeout_ns = UINT64_MAX;
    assert_int_equal(allot_for(pool, 1000, add_length, &done, &opts, NULL), ALLOT_OK);
    assert_true(done == 1000);
}

/* ---- watching -------------------------------------------------------------------------------------- */

static void progress_grows_to_the_end(void **state)
{
    (void)state;
    for (uint64_t chunk = 0; chunk < 3; chunk++) {
        watcher w = {.n = 2000};
        assert_int_equal(allot_control_create(&w.control, NULL), ALLOT_OK);
        pthread_t other = thread_of(watch, &w);
        while (w.nlooks == 0)
            nap_ns(100000);
        ledger l = ledger_of(w.n, 10000);
        allot_map_opts opts = chunks_of(chunk * 3);
        opts.control = w.control;
        assert_int_equal(allot_for(pool, w.n, enter_in_ledger, &l, &opts, NULL), ALLOT_OK);
        uint64_t done, total;
        allot_control_progress(w.control, &done, &total);
        w.over = true;
        (void)pthread_join(other, NULL);
        assert_true(done == w.n && total == w.n);
        assert_true(w.nwrong == 0);
        close_ledger(&l);
        allot_control_destroy(w.control);
    }
}

static void an_empty_loop_has_no_progress(void **state)
{
    (void)state;
    allot_control *control;
    assert_int_equal(allot_control_create(&control, NULL), ALLOT_OK);
    allot_stats stats;
    memset(&stats, 0xff, sizeof stats);
    allot_map_opts opts = {.control = control, .stats = &stats};
    _Atomic uint64_t items = 0;
    assert_int_equal(allot_for(pool, 7, add_length, &items, &opts, NULL), ALLOT_OK);
    assert_int_equal(allot_for(pool, 0, add_length, &items, &opts, NULL), ALLOT_OK);
    uint64_t done, total;
    allot_control_progress(control, &done, &total);
    assert_true(done == 0 && total == 0 && items == 7);
    assert_true(stats.nitems == 0 && stats.nchunks == 0);
    assert_int_equal(stats.plan.reason, ALLOT_REASON_NOTHING);
    allot_control_destroy(control);
}

static int count_call(uint64_t begin, uint64_t end, void *arg)
{
    (void)begin;
    atomic_fetch_add((_Atomic uint64_t *)arg, 1);
    spend_ns(2000 * (end - begin));
    return 0;
}

static void figures_are_consistent(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 60; round++) {
        _Atomic uint64_t ncalls = 0;
        allot_stats stats;
        memset(&stats, 0xff, sizeof stats);
        allot_map_opts opts = chunks_of(round % 3);
        opts.max_threads = round % 5;
        opts.stats = &stats;
        uint64_t n = 1 + round * 17;
        assert_int_equal(allot_for(pool, n, count_call, &ncalls, &opts, NULL), ALLOT_OK);
        assert_true(stats.nitems == n);
        assert_true(stats.nchunks == ncalls);
        assert_true(stats.nengines >= 1 && stats.nengines <= NTHREADS && stats.nengines <= n);
        assert_true(stats.busy_ns > 0.0 && stats.wall_ns > 0.0);
        assert_true(stats.busy_ns <= 1.5 * stats.wall_ns * NTHREADS);
        assert_true(stats.busy_ns >= 1000.0 * (double)n);
        assert_true(stats.first_ns >= 0.0 && stats.first_ns <= stats.wall_ns);
        assert_true(opts.max_threads != 1 || (stats.nsteals == 0 && stats.nwakes == 0));
    }
}

/* ---- bounds ---------------------------------------------------------------------------------------- */

static int be_in_crowd(uint64_t begin, uint64_t end, void *arg)
{
    crowd_enter(arg);
    spend_ns((begin + end) * 40503u % 20000);
    crowd_leave(arg);
    return 0;
}

static void no_more_threads_than_allowed_work_at_once(void **state)
{
    (void)state;
    allot_pool *eight = pool_of(8);
    for (uint32_t max_threads = 1; max_threads <= 4; max_threads++) {
        crowd c = {0};
        allot_map_opts opts = chunks_of(1);
        opts.max_threads = max_threads;
        for (int round = 0; round < 300; round++)
            assert_int_equal(allot_for(eight, 30, be_in_crowd, &c, &opts, NULL), ALLOT_OK);
        if (c.most > max_threads)
            fail_msg("%u threads at once, %u were allowed", c.most, max_threads);
    }
    allot_pool_destroy(eight);
}

static int spend_wildly(uint64_t begin, uint64_t end, void *arg)
{
    ledger *l = arg;
    for (uint64_t i = begin; i < end; i++) {
        l->times[i]++;
        uint64_t mix = i * 0x9e3779b97f4a7c15u >> 40;
        if (mix % 997 == 0)
            spend_ns(2000000);
        else if (mix % 31 == 0)
            spend_ns(20000);
        if (i == l->n - 1 || i == l->n / 2)
            spend_ns(10000000);
    }
    return 0;
}

static void wildly_irregular_loops_are_whole(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {10, 1000, 10000};
    for (size_t s = 0; s < 3; s++)
        for (uint64_t chunk = 0; chunk < 2; chunk++) {
            ledger l = ledger_of(sizes[s], 0);
            allot_map_opts opts = chunks_of(chunk);
            assert_int_equal(allot_for(pool, l.n, spend_wildly, &l, &opts, NULL), ALLOT_OK);
            close_ledger(&l);
        }
}

/* ---- loops in loops, and side by side ---------------------------------------------------------------- */

typedef struct nest {
    allot_pool *pool;
    _Atomic uint64_t done;
    uint64_t level;
} nest;

static int loop_within(uint64_t begin, uint64_t end, void *arg)
{
    nest *of = arg;
    for (uint64_t i = begin; i < end; i++) {
        if (of->level == 0) {
            atomic_fetch_add(&of->done, 1);
            spend_ns(500);
            continue;
        }
        nest in = {.pool = of->pool, .level = of->level - 1};
        allot_map_opts opts = chunks_of(of->level % 2);
        if (allot_for(of->pool, 12, loop_within, &in, of->level == 2 ? NULL : &opts, NULL) != ALLOT_OK)
            return 1;
        atomic_fetch_add(&of->done, in.done);
    }
    return 0;
}

static void loops_nest(void **state)
{
    (void)state;
    allot_pool *pools[] = {pool, NULL};
    for (size_t p = 0; p < 2; p++) {
        nest all = {.pool = pools[p], .level = 3};
        allot_map_opts opts = chunks_of(1);
        assert_int_equal(allot_for(pools[p], 12, loop_within, &all, &opts, NULL), ALLOT_OK);
        assert_true(all.done == 12 * 12 * 12 * 12);
    }
}

typedef struct caller {
    allot_pool *pool;
    uint64_t nfailed;
} caller;

static void *call_often(void *arg)
{
    caller *c = arg;
    for (uint64_t round = 0; round < 150; round++) {
        _Atomic uint64_t done = 0;
        allot_map_opts opts = chunks_of(round % 4);
        uint64_t n = 1 + round * 13 % 400;
        opts.max_threads = (uint32_t)(round % 7);
        if (allot_for(c->pool, n, add_length, &done, round % 2 != 0 ? &opts : NULL, NULL) != ALLOT_OK ||
            done != n)
            c->nfailed++;
    }
    return NULL;
}

static void eight_callers_share_a_pool(void **state)
{
    (void)state;
    allot_pool *pools[] = {pool, NULL};
    for (size_t p = 0; p < 2; p++) {
        caller callers[8];
        pthread_t threads[8];
        for (size_t i = 0; i < 8; i++) {
            callers[i] = (caller){.pool = pools[p]};
            threads[i] = thread_of(call_often, &callers[i]);
        }
        for (size_t i = 0; i < 8; i++) {
            (void)pthread_join(threads[i], NULL);
            assert_true(callers[i].nfailed == 0);
        }
    }
}

#define NCALLERS 320

static _Atomic uint32_t nmet;

/** Begun by as many as there are callers: each loop is under way when the last one starts. */
static int wait_for_all(uint64_t begin, uint64_t end, void *arg)
{
    atomic_fetch_add((_Atomic uint64_t *)arg, end - begin);
    nmet++;
    while (nmet < NCALLERS)
        nap_ns(1000000);
    return 0;
}

static void *call_once(void *arg)
{
    _Atomic uint64_t done = 0;
    allot_map_opts opts = chunks_of(1);
    if (allot_for(pool, 20, wait_for_all, &done, &opts, NULL) != ALLOT_OK || done != 20)
        *(bool *)arg = false;
    return NULL;
}

/** Beyond the loops that a pool can hold open, callers work alone. */
static void more_loops_than_a_pool_can_hold_are_done(void **state)
{
    (void)state;
    static pthread_t threads[NCALLERS];
    static bool works[NCALLERS];
    nmet = 0;
    for (size_t i = 0; i < NCALLERS; i++) {
        works[i] = true;
        threads[i] = thread_of(call_once, &works[i]);
    }
    for (size_t i = 0; i < NCALLERS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_true(works[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_is_done_once),
        cmocka_unit_test(short_loops_are_done_again_and_again),
        cmocka_unit_test(huge_loops_are_whole),
        cmocka_unit_test(chunks_have_the_size_that_was_asked_for),
        cmocka_unit_test(small_chunks_of_huge_loops_have_it_too),
        cmocka_unit_test(the_lowest_failing_item_is_told),
        cmocka_unit_test(where_every_item_fails_the_first_is_told),
        cmocka_unit_test(a_range_that_fails_is_told_by_its_first_item),
        cmocka_unit_test(an_index_outside_the_range_is_not_believed),
        cmocka_unit_test(inner_failures_stay_inside),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(a_cancel_from_a_body_stops_within_a_chunk),
        cmocka_unit_test(a_cancel_from_another_thread_stops_within_a_chunk),
        cmocka_unit_test(a_cancel_beforehand_does_nothing_at_all),
        cmocka_unit_test(a_deadline_ends_the_loop),
        cmocka_unit_test(progress_grows_to_the_end),
        cmocka_unit_test(an_empty_loop_has_no_progress),
        cmocka_unit_test(figures_are_consistent),
        cmocka_unit_test(no_more_threads_than_allowed_work_at_once),
        cmocka_unit_test(wildly_irregular_loops_are_whole),
        cmocka_unit_test(loops_nest),
        cmocka_unit_test(eight_callers_share_a_pool),
        cmocka_unit_test(more_loops_than_a_pool_can_hold_are_done),
    };
    return cmocka_run_group_tests(tests, make_pool, end_pool);
}
