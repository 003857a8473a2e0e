/* test_job.c - loops that run by themselves: waited for, watched, canceled, ended while they run, started
 * and waited for from inside bodies.
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

#define NTHREADS 3
static allot_pool *pool;

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

static allot_job *start(allot_pool *on, uint64_t n, allot_for_fn fn, void *arg, const allot_map_opts *opts)
{
    allot_job *job = NULL;
    allot_error err;
    if (allot_job_start(on, n, fn, arg, opts, &job, &err) != ALLOT_OK)
        fail_msg("a job of %llu items: %s", (unsigned long long)n, err.text);
    return job;
}

static void expect_end(allot_job *job, allot_err expected)
{
    bool done = false;
    assert_int_equal(allot_job_wait(job, UINT64_MAX, &done, NULL), expected);
    assert_true(done);
    assert_int_equal(allot_job_wait(job, 0, &done, NULL), expected); /* again, and it stays so */
    assert_true(done);
    allot_job_destroy(job);
}

/** A byte an item. */
typedef struct ledger {
    uint64_t n, item_ns;
    _Atomic unsigned char times[5000];
} ledger;

static int enter_in_ledger(uint64_t begin, uint64_t end, void *arg)
{
    ledger *l = arg;
    for (uint64_t i = begin; i < end; i++) {
        l->times[i]++;
        if (l->item_ns > 0)
            spend_ns(l->item_ns);
    }
    return 0;
}

static void expect_once(const ledger *l)
{
    for (uint64_t i = 0; i < l->n; i++)
        assert_int_equal(l->times[i], 1);
}

static void jobs_do_each_item_once(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 3, 100, 5000};
    allot_pool *pools[] = {pool, NULL, pool_of(1), pool_of(8)};
    for (size_t p = 0; p < 4; p++) {
        for (size_t s = 0; s < 5; s++)
            for (uint64_t chunk = 0; chunk < 20; chunk += 9)
                for (uint32_t max_threads = 0; max_threads < 3; max_threads++) {
                    static ledger l;
                    memset(&l, 0, sizeof l);
                    l.n = sizes[s];
                    l.item_ns = max_threads == 0 ? 1000 : 0;
                    allot_stats stats;
                    allot_map_opts opts = {.chunk_items = chunk, .max_threads = max_threads, .stats = &stats};
                    expect_end(start(pools[p], l.n, enter_in_ledger, &l, &opts), ALLOT_OK);
                    expect_once(&l);
                    assert_true(stats.nitems == l.n && stats.nchunks >= 1);
                    assert_true(stats.nengines >= 1 && stats.nengines <= l.n);
                }
        if (p >= 2)
            allot_pool_destroy(pools[p]);
    }
}

static void a_job_of_nothing_has_ended(void **state)
{
    (void)state;
    static ledger l;
    allot_stats stats;
    memset(&stats, 0xff, sizeof stats);
    allot_map_opts opts = {.stats = &stats};
    allot_job *job = start(pool, 0, enter_in_ledger, &l, &opts);
    uint64_t ndone = 1, total = 1;
    allot_job_progress(job, &ndone, &total);
    assert_true(ndone == 0 && total == 0);
    bool done = false;
    assert_int_equal(allot_job_wait(job, 0, &done, NULL), ALLOT_OK);
    assert_true(done && stats.nitems == 0);
    allot_job_cancel(job); /* too late */
    expect_end(job, ALLOT_OK);
}

/** Waits, on a processor it leaves to others, for the door to open. */
typedef struct door {
    atomic_bool is_open;
    _Atomic uint32_t nbegun;
} door;

static int wait_at_door(uint64_t begin, uint64_t end, void *arg)
{
    (void)begin;
    (void)end;
    door *d = arg;
    d->nbegun++;
    while (!d->is_open)
        nap_ns(200000);
    return 0;
}

static void await_begun(door *d, uint32_t nbegun)
{
    while (d->nbegun < nbegun)
        nap_ns(100000);
}

static void looking_does_not_wait(void **state)
{
    (void)state;
    door d = {.nbegun = 0};
    allot_map_opts opts = {.chunk_items = 1};
    allot_job *job = start(pool, 10, wait_at_door, &d, &opts);
    static const uint64_t timeouts_ns[] = {0, 1, 1000, 3000000};
    for (size_t t = 0; t < 4; t++) {
        bool done = true;
        assert_int_equal(allot_job_wait(job, timeouts_ns[t], &done, NULL), ALLOT_OK);
        assert_false(done);
        assert_int_equal(allot_job_wait(job, timeouts_ns[t], NULL, NULL), ALLOT_OK);
    }
    await_begun(&d, 1);
    uint64_t ndone, total;
    allot_job_progress(job, &ndone, &total);
    assert_true(ndone == 0 && total == 10);
    d.is_open = true;
    bool done;
    while (allot_job_wait(job, 1000000, &done, NULL) == ALLOT_OK && !done)
        ;
    allot_job_progress(job, &ndone, &total);
    assert_true(ndone == 10 && total == 10);
    expect_end(job, ALLOT_OK);
}

static int fail_third(uint64_t begin, uint64_t end, void *arg)
{
    (void)arg;
    for (uint64_t i = begin; i < end; i++) {
        spend_ns(1000);
        if (i % 3 == 2)
            return allot_fail_at(i, (int)i + 100);
    }
    return 0;
}

static void the_lowest_failing_item_is_told(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 100; round++) {
        allot_map_opts opts = {.chunk_items = round % 3};
        allot_job *job = start(pool, 1000, fail_third, NULL, &opts);
        allot_error err;
        for (int again = 0; again < 2; again++) {
            memset(&err, 0, sizeof err);
            assert_int_equal(allot_job_wait(job, UINT64_MAX, NULL, &err), ALLOT_EUSER);
            assert_int_equal(err.code, ALLOT_EUSER);
            assert_true(err.index == 2);
            assert_int_equal(err.user, 102);
        }
        allot_job_destroy(job);
    }
}

static int nap_an_item(uint64_t begin, uint64_t end, void *arg)
{
    atomic_fetch_add((_Atomic uint64_t *)arg, end - begin);
    nap_ns(500000 * (end - begin));
    return 0;
}

static void a_deadline_ends_a_job(void **state)
{
    (void)state;
    for (uint64_t chunk = 0; chunk < 2; chunk++) {
        _Atomic uint64_t ndone = 0;
        allot_map_opts opts = {.chunk_items = chunk, .timeout_ns = 10000000};
        allot_job *job = start(pool, 1000000, nap_an_item, &ndone, &opts);
        allot_error err;
        assert_int_equal(allot_job_wait(job, UINT64_MAX, NULL, &err), ALLOT_ETIMEDOUT);
        assert_int_equal(err.code, ALLOT_ETIMEDOUT);
        expect_end(job, ALLOT_ETIMEDOUT);
        assert_true(ndone < 100000);
    }
}

static void a_cancel_ends_a_job(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 40; round++) {
        _Atomic uint64_t ndone = 0;
        allot_control *control = NULL;
        allot_map_opts opts = {.chunk_items = round % 2};
        if (round % 4 >= 2)
            assert_int_equal(allot_control_create(&control, NULL), ALLOT_OK);
        opts.control = control;
        allot_job *job = start(pool, 10000000, nap_an_item, &ndone, &opts);
        while (round % 8 >= 4 && ndone == 0)
            nap_ns(100000);
        if (control != NULL) {
            allot_control_cancel(control);
        } else {
            allot_job_cancel(job);
            allot_job_cancel(job);
        }
        expect_end(job, ALLOT_ECANCELED);
        allot_control_destroy(control);
    }
}

/** Keep every worker busy, the one that does jobs only among them, until the door opens. */
static void occupy_all(door *d, allot_job *jobs[NTHREADS])
{
    for (uint32_t i = 0; i < NTHREADS; i++) {
        jobs[i] = start(pool, 1, wait_at_door, d, NULL);
        await_begun(d, i + 1);
    }
}

static void release_all(door *d, allot_job *jobs[NTHREADS])
{
    d->is_open = true;
    for (uint32_t i = 0; i < NTHREADS; i++)
        expect_end(jobs[i], ALLOT_OK);
}

/** A job that nobody can come to, all being busy for as long as the test likes. */
static void a_cancel_needs_no_free_worker(void **state)
{
    (void)state;
    door d = {.nbegun = 0};
    allot_job *busy[NTHREADS];
    occupy_all(&d, busy);
    _Atomic uint64_t ndone = 0;
    allot_map_opts opts = {.chunk_items = 1};
    allot_job *stuck = start(pool, 100, nap_an_item, &ndone, &opts);
    opts.timeout_ns = 5000000;
    allot_job *late = start(pool, 100, nap_an_item, &ndone, &opts);
    allot_job_cancel(stuck);
    expect_end(stuck, ALLOT_ECANCELED);
    expect_end(late, ALLOT_ETIMEDOUT);
    assert_true(ndone == 0);
    release_all(&d, busy);
}

static void *cancel_later(void *arg)
{
    nap_ns(20000000);
    allot_job_cancel(arg);
    return NULL;
}

/** As above, canceled while somebody already sleeps until its end. */
static void a_cancel_reaches_who_waits(void **state)
{
    (void)state;
    door d = {.nbegun = 0};
    allot_job *busy[NTHREADS];
    occupy_all(&d, busy);
    _Atomic uint64_t ndone = 0;
    allot_job *stuck = start(pool, 100, nap_an_item, &ndone, NULL);
    pthread_t other = thread_of(cancel_later, stuck);
    assert_int_equal(allot_job_wait(stuck, UINT64_MAX, NULL, NULL), ALLOT_ECANCELED);
    (void)pthread_join(other, NULL);
    expect_end(stuck, ALLOT_ECANCELED);
    release_all(&d, busy);
}

static void jobs_can_be_ended_at_any_moment(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 500; round++) {
        static ledger l;
        memset(&l, 0, sizeof l);
        l.n = 5000;
        l.item_ns = 500;
        allot_map_opts opts = {.chunk_items = round % 5};
        allot_job *job = start(pool, l.n, enter_in_ledger, &l, &opts);
        nap_ns(round * 7919 % 100000);
        allot_job_destroy(job); /* nobody is in the body any more when this returns */
        for (uint64_t i = 0; i < l.n; i++)
            assert_true(l.times[i] <= 1);
        memset(&l, 0, sizeof l);
    }
    allot_job_destroy(NULL);
}

/** 300 that cannot end: some are refused, in words; the others are all done. */
static void so_many_jobs_and_no_more(void **state)
{
    (void)state;
    door d = {.nbegun = 0};
    allot_job *jobs[300] = {NULL};
    uint32_t njobs = 0;
    allot_error err = {.code = ALLOT_OK};
    allot_map_opts opts = {.chunk_items = 1};
    for (uint32_t i = 0; i < 300; i++)
        if (allot_job_start(pool, 2, wait_at_door, &d, &opts, &jobs[njobs], &err) == ALLOT_OK)
            njobs++;
    assert_true(njobs >= 200 && njobs < 300);
    assert_null(jobs[njobs]);
    assert_int_equal(err.code, ALLOT_ENOMEM);
    assert_non_null(strstr(err.text, "256"));
    static ledger l;
    memset(&l, 0, sizeof l);
    l.n = 1000;
    assert_int_equal(allot_for(pool, l.n, enter_in_ledger, &l, &opts, NULL), ALLOT_OK); /* alone */
    expect_once(&l);
    d.is_open = true;
    for (uint32_t i = 0; i < njobs; i++)
        expect_end(jobs[i], ALLOT_OK);
    assert_int_equal(d.nbegun, 2 * njobs);
    for (uint32_t i = 0; i < 1000; i++)
        expect_end(start(pool, 2, wait_at_door, &d, &opts), ALLOT_OK); /* there is room again */
}

typedef struct family {
    uint64_t level;
    _Atomic uint64_t nleaves;
} family;

/** Start a job for each item and wait for it here, on a worker, which may be the only one. */
static int start_children(uint64_t begin, uint64_t end, void *arg)
{
    family *f = arg;
    for (uint64_t i = begin; i < end; i++) {
        if (f->level == 0) {
            f->nleaves++;
            continue;
        }
        family child = {.level = f->level - 1};
        allot_map_opts opts = {.chunk_items = i % 2};
        allot_job *job;
        if (allot_job_start(pool, 4, start_children, &child, &opts, &job, NULL) != ALLOT_OK)
            return 1;
        allot_err code = allot_job_wait(job, UINT64_MAX, NULL, NULL);
        allot_job_destroy(job);
        if (code != ALLOT_OK)
            return 2;
        f->nleaves += child.nleaves;
    }
    return 0;
}

static void bodies_start_jobs_and_wait_for_them(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        family from_job = {.level = 3}, from_loop = {.level = 3};
        expect_end(start(pool, 6, start_children, &from_job, NULL), ALLOT_OK);
        assert_true(from_job.nleaves == 6 * 4 * 4 * 4);
        allot_map_opts opts = {.chunk_items = 1};
        assert_int_equal(allot_for(pool, 6, start_children, &from_loop, &opts, NULL), ALLOT_OK);
        assert_true(from_loop.nleaves == 6 * 4 * 4 * 4);
    }
}

/** What a body asks about the job it belongs to. */
typedef struct self_watch {
    _Atomic(allot_job *) job;
    ledger *l;
    _Atomic uint64_t nwrong;
} self_watch;

static int look_at_own_job(uint64_t begin, uint64_t end, void *arg)
{
    self_watch *w = arg;
    (void)enter_in_ledger(begin, end, w->l);
    allot_job *job;
    while ((job = w->job) == NULL)
        nap_ns(10000);
    bool done = true;
    if (allot_job_wait(job, end % 2 * 1000, &done, NULL) != ALLOT_OK || done)
        w->nwrong++;
    return 0;
}

static void a_body_may_look_at_its_own_job(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        static ledger l;
        memset(&l, 0, sizeof l);
        l.n = 300;
        self_watch w = {.l = &l};
        allot_map_opts opts = {.chunk_items = 1};
        allot_job *job = start(pool, l.n, look_at_own_job, &w, &opts);
        w.job = job;
        assert_int_equal(allot_job_wait(job, UINT64_MAX, NULL, NULL), ALLOT_OK);
        assert_true(w.nwrong == 0);
        expect_once(&l);
        expect_end(job, ALLOT_OK);
    }
}

static int count_call(uint64_t begin, uint64_t end, void *arg)
{
    *(_Atomic uint64_t *)arg += end - begin;
    return 0;
}

/** On the only worker there is: a look at a job it might do must not do it, a wait must. */
static int look_then_wait(uint64_t begin, uint64_t end, void *arg)
{
    (void)begin;
    (void)end;
    _Atomic uint64_t ndone = 0;
    bool done = true;
    allot_job *job;
    if (allot_job_start(arg, 10, count_call, &ndone, NULL, &job, NULL) != ALLOT_OK)
        return 1;
    bool only_looked = allot_job_wait(job, 0, &done, NULL) == ALLOT_OK && !done && ndone == 0;
    bool waited = allot_job_wait(job, UINT64_MAX, &done, NULL) == ALLOT_OK && done && ndone == 10;
    allot_job_destroy(job);
    return !only_looked ? 2 : !waited ? 3 : 0;
}

static void a_look_does_none_of_the_work(void **state)
{
    (void)state;
    allot_pool *one = pool_of(1);
    expect_end(start(one, 3, look_then_wait, one, NULL), ALLOT_OK);
    allot_pool_destroy(one);
}

static int wait_for_given(uint64_t begin, uint64_t end, void *arg)
{
    (void)begin;
    (void)end;
    return allot_job_wait(arg, UINT64_MAX, NULL, NULL) == ALLOT_OK ? 0 : 1;
}

/** A job that ends while the workers of a loop opened just then wait for it. */
static void a_loop_may_wait_for_a_job_that_ends(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 2000; round++) {
        static ledger l;
        memset(&l, 0, sizeof l);
        l.n = 1 + round % 40;
        l.item_ns = 200;
        allot_job *job = start(pool, l.n, enter_in_ledger, &l, NULL);
        allot_map_opts opts = {.chunk_items = 1};
        assert_int_equal(allot_for(pool, 30, wait_for_given, job, &opts, NULL), ALLOT_OK);
        expect_once(&l);
        expect_end(job, ALLOT_OK);
    }
}

static int be_in_crowd(uint64_t begin, uint64_t end, void *arg)
{
    crowd_enter(arg);
    spend_ns((begin + end) * 40503u % 20000);
    crowd_leave(arg);
    return 0;
}

static int wait_in_crowd(uint64_t begin, uint64_t end, void *arg)
{
    (void)begin;
    (void)end;
    return allot_job_wait(arg, UINT64_MAX, NULL, NULL) == ALLOT_OK ? 0 : 1;
}

/** Also when workers wait for the job, and so might help it. */
static void no_more_threads_than_allowed_work_at_once(void **state)
{
    (void)state;
    allot_pool *eight = pool_of(8);
    for (uint32_t max_threads = 1; max_threads <= 3; max_threads++) {
        crowd c = {0};
        allot_map_opts bounded = {.chunk_items = 1, .max_threads = max_threads}, fine = {.chunk_items = 1};
        for (int round = 0; round < 200; round++) {
            allot_job *job = start(eight, 20, be_in_crowd, &c, &bounded);
            if (round % 2 != 0)
                assert_int_equal(allot_for(eight, 8, wait_in_crowd, job, &fine, NULL), ALLOT_OK);
            expect_end(job, ALLOT_OK);
        }
        if (c.most > max_threads)
            fail_msg("%u threads at once, %u were allowed", c.most, max_threads);
    }
    allot_pool_destroy(eight);
}

static void *wait_too(void *arg)
{
    return allot_job_wait(arg, UINT64_MAX, NULL, NULL) == ALLOT_OK ? arg : NULL;
}

static void two_may_wait(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        static ledger l;
        memset(&l, 0, sizeof l);
        l.n = 100;
        l.item_ns = 1000;
        allot_job *job = start(pool, l.n, enter_in_ledger, &l, NULL);
        pthread_t other = thread_of(wait_too, job);
        assert_int_equal(allot_job_wait(job, UINT64_MAX, NULL, NULL), ALLOT_OK);
        void *same;
        (void)pthread_join(other, &same);
        assert_ptr_equal(same, job);
        expect_once(&l);
        allot_job_destroy(job);
    }
}

static void progress_of_a_job_grows(void **state)
{
    (void)state;
    static ledger l;
    memset(&l, 0, sizeof l);
    l.n = 5000;
    l.item_ns = 5000;
    allot_job *job = start(pool, l.n, enter_in_ledger, &l, NULL);
    uint64_t last = 0;
    for (bool done = false; !done;) {
        uint64_t ndone, total;
        assert_int_equal(allot_job_wait(job, 100000, &done, NULL), ALLOT_OK);
        allot_job_progress(job, &ndone, &total);
        assert_true(ndone >= last && ndone <= total && total == l.n);
        last = ndone;
    }
    assert_true(last == l.n);
    expect_end(job, ALLOT_OK);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    static ledger l;
    allot_error err = {.code = ALLOT_OK};
    allot_job *job = (allot_job *)&l;
    assert_int_equal(allot_job_start(pool, 10, NULL, NULL, NULL, &job, &err), ALLOT_EINVAL);
    assert_int_equal(err.code, ALLOT_EINVAL);
    assert_int_equal(allot_job_start(pool, 10, enter_in_ledger, &l, NULL, NULL, &err), ALLOT_EINVAL);
    allot_map_opts opts = {.reserved = {0, 1}};
    assert_int_equal(allot_job_start(pool, 10, enter_in_ledger, &l, &opts, &job, &err), ALLOT_EINVAL);
    assert_null(job);
    assert_int_equal(l.times[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_do_each_item_once),
        cmocka_unit_test(a_job_of_nothing_has_ended),
        cmocka_unit_test(looking_does_not_wait),
        cmocka_unit_test(the_lowest_failing_item_is_told),
        cmocka_unit_test(a_deadline_ends_a_job),
        cmocka_unit_test(a_cancel_ends_a_job),
        cmocka_unit_test(a_cancel_needs_no_free_worker),
        cmocka_unit_test(a_cancel_reaches_who_waits),
        cmocka_unit_test(jobs_can_be_ended_at_any_moment),
        cmocka_unit_test(so_many_jobs_and_no_more),
        cmocka_unit_test(bodies_start_jobs_and_wait_for_them),
        cmocka_unit_test(a_body_may_look_at_its_own_job),
        cmocka_unit_test(a_look_does_none_of_the_work),
        cmocka_unit_test(a_loop_may_wait_for_a_job_that_ends),
        cmocka_unit_test(no_more_threads_than_allowed_work_at_once),
        cmocka_unit_test(two_may_wait),
        cmocka_unit_test(progress_of_a_job_grows),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, make_pool, end_pool);
}
