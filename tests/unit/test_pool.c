/* test_pool.c - making and ending pools of every size, what they cost when idle, and what remains of them
 * after a fork or where no more threads can be had.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool/pool.h"
#include "support/pools.h"
#include "support/sanitizers.h"

/** A user that nobody is, so that its limits are this test's alone. */
#define NOBODYS_UID 61234
#define HANG_SECONDS 60

static int count(uint64_t begin, uint64_t end, void *arg)
{
    atomic_fetch_add((_Atomic uint64_t *)arg, end - begin);
    spend_ns(20000);
    return 0;
}

/** A loop that every thread of the pool has time to come to. */
static bool loop_works(allot_pool *pool)
{
    _Atomic uint64_t done = 0;
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    opts.chunk_items = 1;
    return allot_for(pool, 50, count, &done, &opts, NULL) == ALLOT_OK && done == 50;
}

static uint32_t nthreads_now(void)
{
    uint32_t n = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        n += entry->d_name[0] != '.';
    (void)closedir(tasks);
    return n;
}

/** A thread that was joined may still be listed for a moment. */
static uint32_t nthreads_after(uint32_t expected)
{
    for (int i = 0; i < 1000 && nthreads_now() != expected; i++)
        nap_ns(1000000);
    return nthreads_now();
}

static uint32_t nthreads_settled(void)
{
    nap_ns(20000000);
    return nthreads_now();
}

/** Two items, each of which waits for the other to be under way. */
typedef struct meeting {
    allot_pool *pool;
    _Atomic uint32_t ninside;
    _Atomic uint32_t nleft_spinning; /* once both were inside */
} meeting;

static int meet(uint64_t begin, uint64_t end, void *arg)
{
    meeting *m = arg;
    (void)begin, (void)end;
    atomic_fetch_add(&m->ninside, 1);
    for (int i = 0; i < 10000 && m->ninside < 2; i++)
        nap_ns(1000000);
    if (al_worker_self == NULL) /* the caller looks, while the worker waits for it to have looked */
        m->nleft_spinning = m->pool->nspinning;
    else
        for (int i = 0; i < 10000 && m->nleft_spinning == UINT32_MAX; i++)
            nap_ns(1000000);
    return 0;
}

/** Other callers must not take a worker that sits in a long item for one that is free to help. */
static void a_busy_worker_does_not_count_as_spinning(void **state)
{
    (void)state;
    meeting m = {.pool = pool_of(2), .nleft_spinning = UINT32_MAX};
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    opts.chunk_items = 1;
    assert_int_equal(allot_for(m.pool, 2, meet, &m, &opts, NULL), ALLOT_OK);
    assert_int_equal(m.ninside, 2);
    assert_int_equal(m.nleft_spinning, 0);
    for (int i = 0; i < 10000 && m.pool->nspinning != 0; i++) /* counted again, until it falls asleep */
        nap_ns(1000000);
    assert_int_equal(m.pool->nspinning, 0);
    assert_true(loop_works(m.pool));
    allot_pool_destroy(m.pool);
}

static void pools_of_every_size_work(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 3, 8, 64};
    allot_pool_destroy(pool_of(2)); /* a sanitizer's own thread comes with the first */
    uint32_t before = nthreads_settled();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        allot_pool *pool = pool_of(sizes[i]);
        assert_int_equal(allot_pool_nthreads(pool), sizes[i]);
        assert_int_equal(nthreads_now(), before + sizes[i] - 1);
        for (int round = 0; round < 20; round++)
            assert_true(loop_works(pool));
        allot_pool_destroy(pool);
        assert_int_equal(nthreads_after(before), before);
    }
}

static void the_default_size_is_what_the_process_may_use(void **state)
{
    (void)state;
    cpu_set_t allowed;
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    uint32_t nthreads = allot_pool_nthreads(NULL);
    assert_true(nthreads >= 1 && nthreads <= (uint32_t)CPU_COUNT(&allowed));
    allot_pool *pool;
    assert_int_equal(allot_pool_create(&pool, NULL, NULL), ALLOT_OK);
    assert_int_equal(allot_pool_nthreads(pool), nthreads);
    allot_pool_destroy(pool);
}

typedef struct places {
    pthread_t caller;
    _Atomic uint32_t nworkers, npinned;
} places;

static int look_where(uint64_t begin, uint64_t end, void *arg)
{
    (void)begin;
    (void)end;
    places *p = arg;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    if (!pthread_equal(pthread_self(), p->caller)) {
        p->nworkers++;
        p->npinned += CPU_COUNT(&set) == 1;
    }
    spend_ns(200000);
    return 0;
}

static void pinned_workers_keep_to_a_processor(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {2, 3, 64};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        allot_pool_opts opts = ALLOT_POOL_OPTS_INIT;
        opts.nthreads = sizes[i];
        opts.pin = true;
        allot_pool *pool;
        assert_int_equal(allot_pool_create(&pool, &opts, NULL), ALLOT_OK);
        places p = {.caller = pthread_self()};
        allot_map_opts fine = ALLOT_MAP_OPTS_INIT;
        fine.chunk_items = 1;
        for (int round = 0; round < 100 && p.nworkers == 0; round++)
            assert_int_equal(allot_for(pool, 40, look_where, &p, &fine, NULL), ALLOT_OK);
        assert_true(p.nworkers > 0);
        assert_int_equal(p.npinned, p.nworkers);
        allot_pool_destroy(pool);
    }
}

static void impossible_pools_are_refused(void **state)
{
    (void)state;
    allot_error err = {.code = ALLOT_OK};
    assert_int_equal(allot_pool_create(NULL, NULL, &err), ALLOT_EINVAL);
    assert_int_equal(err.code, ALLOT_EINVAL);
    assert_true(strlen(err.text) > 0);
    allot_pool_opts opts = ALLOT_POOL_OPTS_INIT;
    opts.nthreads = 1025;
    allot_pool *pool = (allot_pool *)&opts;
    assert_int_equal(allot_pool_create(&pool, &opts, &err), ALLOT_EINVAL);
    assert_null(pool);
    assert_non_null(strstr(err.text, "1025"));
    assert_non_null(strstr(err.text, "1024"));
    opts.nthreads = UINT32_MAX;
    assert_int_equal(allot_pool_create(&pool, &opts, NULL), ALLOT_EINVAL);
    opts = (allot_pool_opts){.nthreads = 2, .reserved = {0, 0, 1, 0}};
    assert_int_equal(allot_pool_create(&pool, &opts, &err), ALLOT_EINVAL);
    assert_non_null(strstr(err.text, "reserved"));
    allot_pool_destroy(NULL);
}

/** Ended at any moment of their workers' lives: starting, spinning, falling asleep, asleep. */
static void pools_end_at_any_moment(void **state)
{
    (void)state;
    (void)alarm(HANG_SECONDS);
    for (uint32_t i = 0; i < 400; i++) {
        allot_pool_opts opts = ALLOT_POOL_OPTS_INIT;
        opts.nthreads = 3 + i % 6;
        opts.spin_ns = 1000 * (1 + i % 50);
        allot_pool *pool;
        assert_int_equal(allot_pool_create(&pool, &opts, NULL), ALLOT_OK);
        nap_ns(i * 7919 % 60000);
        allot_pool_destroy(pool);
    }
    (void)alarm(0);
}

static double cpu_ms(void)
{
    struct rusage use;
    assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
    return 1e3 * (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           1e-3 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static void idle_workers_use_no_processor(void **state)
{
    (void)state;
    allot_pool *pools[] = {pool_of(2), pool_of(8), NULL};
    allot_costs costs;
    assert_int_equal(allot_pool_costs(NULL, &costs), ALLOT_OK); /* makes the default pool */
    for (size_t i = 0; i < 3; i++)
        assert_true(loop_works(pools[i]));
    nap_ns(50000000); /* they may spin for a while */
    double before = cpu_ms();
    nap_ns(300000000);
    assert_true(cpu_ms() - before < 20.0);
    for (size_t i = 0; i < 3; i++)
        assert_true(loop_works(pools[i])); /* and can be woken */
    allot_pool_destroy(pools[0]);
    allot_pool_destroy(pools[1]);
}

static bool is_cost(double ns)
{
    return isfinite(ns) && ns > 0.0;
}

static void costs_are_known(void **state)
{
    (void)state;
    allot_costs costs;
    assert_int_equal(allot_pool_costs(NULL, NULL), ALLOT_EINVAL);
    allot_pool *pools[] = {NULL, pool_of(1), pool_of(2), pool_of(8)};
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
        memset(&costs, 0xff, sizeof costs);
        for (int round = 0; round < 5; round++) {
            assert_true(loop_works(pools[i]));
            assert_int_equal(allot_pool_costs(pools[i], &costs), ALLOT_OK);
            assert_true(is_cost(costs.clock_ns) && is_cost(costs.handover_ns) && is_cost(costs.spawn_ns));
            assert_true(is_cost(costs.wake_call_ns) && is_cost(costs.wake_latency_ns));
            assert_true(costs.copy_bytes_per_ns >= 0.0);
        }
        allot_pool_destroy(pools[i]);
    }
}

typedef struct other_pool {
    allot_pool *pool;
    _Atomic uint64_t nfailed;
} other_pool;

static int use_other(uint64_t begin, uint64_t end, void *arg)
{
    other_pool *other = arg;
    for (uint64_t i = begin; i < end; i++)
        other->nfailed += !loop_works(other->pool);
    return 0;
}

static void several_pools_work_side_by_side_and_inside_each_other(void **state)
{
    (void)state;
    allot_pool *outer = pool_of(3);
    other_pool inner = {.pool = pool_of(4)};
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    opts.chunk_items = 1;
    assert_int_equal(allot_for(outer, 10, use_other, &inner, &opts, NULL), ALLOT_OK);
    assert_true(inner.nfailed == 0);
    inner.pool = NULL;
    assert_int_equal(allot_for(outer, 10, use_other, &inner, &opts, NULL), ALLOT_OK);
    assert_true(inner.nfailed == 0);
    allot_pool_destroy(outer);
}

/** Run fn in a child; it must say 0 before long. */
static void expect_from_child(int (*fn)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(HANG_SECONDS);
        _exit(fn());
    }
    int status;
    assert_true(waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status))
        fail_msg("the child was ended by signal %d", WTERMSIG(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void *do_nothing(void *arg)
{
    return arg;
}

static int make_too_many(void)
{
    struct rlimit few = {4, 4};
    if (setresgid(NOBODYS_UID, NOBODYS_UID, NOBODYS_UID) != 0 ||
        setresuid(NOBODYS_UID, NOBODYS_UID, NOBODYS_UID) != 0 || setrlimit(RLIMIT_NPROC, &few) != 0)
        return 1;
    pthread_t first;
    if (pthread_create(&first, NULL, do_nothing, NULL) != 0 || pthread_join(first, NULL) != 0)
        return 6;
    uint32_t before = nthreads_settled(); /* with a sanitizer's own, which comes with the first */
    allot_pool_opts opts = ALLOT_POOL_OPTS_INIT;
    opts.nthreads = 16;
    for (int round = 0; round < 3; round++) {
        allot_pool *pool = (allot_pool *)&opts;
        allot_error err;
        if (allot_pool_create(&pool, &opts, &err) != ALLOT_ENOMEM || pool != NULL)
            return 2;
        if (err.code != ALLOT_ENOMEM || strstr(err.text, "16 threads") == NULL || err.os_errno == 0)
            return 3;
        if (nthreads_after(before) != before)
            return 4;
    }
    few.rlim_cur = few.rlim_max = 0;
    return setrlimit(RLIMIT_NPROC, &few) == 0 && loop_works(NULL) ? 0 : 5; /* alone, then */
}

static void too_few_threads_leave_nothing_behind(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* another user's limits can be had by root only */
    expect_from_child(make_too_many);
}

static int loop_alone(void)
{
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 1;
    CPU_ZERO(&one);
    for (size_t cpu = 0; CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &allowed))
            CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0)
        return 2;
    allot_pool *pool;
    if (allot_pool_create(&pool, NULL, NULL) != ALLOT_OK)
        return 3;
    bool works = loop_works(pool);
    allot_pool_destroy(pool);
    allot_pool_opts opts = ALLOT_POOL_OPTS_INIT;
    opts.nthreads = 4;
    opts.pin = true;
    if (allot_pool_create(&pool, &opts, NULL) != ALLOT_OK)
        return 4;
    works = works && loop_works(pool);
    allot_pool_destroy(pool);
    return works ? 0 : 5;
}

static void one_processor_is_enough(void **state)
{
    (void)state;
    expect_from_child(loop_alone);
}

static bool job_works(allot_pool *pool)
{
    _Atomic uint64_t done = 0;
    allot_job *job;
    if (allot_job_start(pool, 100, count, &done, NULL, &job, NULL) != ALLOT_OK)
        return false;
    bool works = allot_job_wait(job, UINT64_MAX, NULL, NULL) == ALLOT_OK && done == 100;
    allot_job_destroy(job);
    return works;
}

static int loop_in_child(void)
{
    for (int round = 0; round < 20; round++)
        if (!loop_works(NULL))
            return 1;
    allot_pool *pool = NULL;
    allot_pool_opts opts = ALLOT_POOL_OPTS_INIT;
    opts.nthreads = 3;
    if (allot_pool_create(&pool, &opts, NULL) != ALLOT_OK || !loop_works(pool))
        return 2;
    allot_pool_destroy(pool);
    return job_works(NULL) ? 0 : 3;
}

static atomic_bool enough;

static void *loop_on(void *arg)
{
    while (!enough)
        if (!loop_works(NULL))
            *(bool *)arg = false;
    return NULL;
}

/** While this thread is idle, and while another thread's loop runs on the default pool. */
static void a_forked_child_can_loop(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it mistakes the child's threads for those of the parent */
#endif
    assert_true(loop_works(NULL) && job_works(NULL)); /* with all the threads it ever has */
    expect_from_child(loop_in_child);
    bool works = true;
    enough = false;
    pthread_t other = thread_of(loop_on, &works);
    for (int round = 0; round < 10; round++)
        expect_from_child(loop_in_child);
    enough = true;
    (void)pthread_join(other, NULL);
    assert_true(works);
    assert_true(loop_works(NULL));
}

static allot_pool *inherited;

/** A pool whose threads stayed with the parent: loops are done alone, jobs refused in words. */
static int use_inherited(void)
{
    _Atomic uint64_t done = 0;
    allot_job *job;
    allot_error err;
    if (!loop_works(inherited))
        return 1;
    if (allot_job_start(inherited, 100, count, &done, NULL, &job, &err) == ALLOT_OK || job != NULL)
        return 2;
    if (strstr(err.text, "fork") == NULL)
        return 3;
    allot_pool_destroy(inherited);
    return 0;
}

static void a_pool_does_not_follow_a_fork(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* its child of a process with threads hung once in some fifty runs, whatever it does */
#endif
    inherited = pool_of(4);
    for (int round = 0; round < 10; round++) {
        assert_true(loop_works(inherited) && job_works(inherited));
        expect_from_child(use_inherited);
    }
    assert_true(loop_works(inherited) && job_works(inherited));
    allot_pool_destroy(inherited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_threads_leave_nothing_behind),
        cmocka_unit_test(one_processor_is_enough),
        cmocka_unit_test(pools_of_every_size_work),
        cmocka_unit_test(a_busy_worker_does_not_count_as_spinning),
        cmocka_unit_test(the_default_size_is_what_the_process_may_use),
        cmocka_unit_test(pinned_workers_keep_to_a_processor),
        cmocka_unit_test(impossible_pools_are_refused),
        cmocka_unit_test(pools_end_at_any_moment),
        cmocka_unit_test(idle_workers_use_no_processor),
        cmocka_unit_test(costs_are_known),
        cmocka_unit_test(several_pools_work_side_by_side_and_inside_each_other),
        cmocka_unit_test(a_forked_child_can_loop),
        cmocka_unit_test(a_pool_does_not_follow_a_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
