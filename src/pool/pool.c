/* pool.c - making and ending pools, and the default one.
 *
 * An explicit pool starts all its threads and measures them before it is handed out. The default pool is
 * made by the first loop that pays for it, which then runs: its threads start by themselves, the first
 * starting the second and so on, so that the loop's caller pays for one.
 *
 * After fork() a child has none of its parent's threads: its pools have no workers that could come, calls
 * work alone, and the default pool is forgotten and made anew when it pays again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "pool/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "pool/loop.h"
#include "pool/procs.h"
#include "topo/topo.h"

_Atomic(allot_pool *) al_pool_default_made;
static pthread_mutex_t default_lock = PTHREAD_MUTEX_INITIALIZER;
uint32_t al_pool_forks;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static _Atomic uint32_t default_nthreads;

static void mark_child(void)
{
    /* In a forked child: the parent's threads are not here, and its locks may be held for ever. */
    al_pool_forks++;
    atomic_store_explicit(&al_pool_default_made, NULL, memory_order_relaxed);
    (void)pthread_mutex_init(&default_lock, NULL);
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, mark_child);
}

void al_pool_watch_forks(void)
{
    (void)pthread_once(&fork_once, watch_forks);
}

static allot_pool *pool_create(uint32_t nthreads, const allot_pool_opts *opts, allot_error *err)
{
    allot_pool *pool = aligned_alloc(AL_CACHE_LINE, sizeof *pool);
    al_worker *workers = aligned_alloc(AL_CACHE_LINE, (nthreads + 1) * sizeof *workers);
    if (pool == NULL || workers == NULL) {
        free(pool);
        free(workers);
        (void)al_fail(err, ALLOT_ENOMEM, 0, "pool of %u threads: out of memory", nthreads);
        return NULL;
    }
    al_pool_watch_forks();
    memset(pool, 0, sizeof *pool);
    pool->forks = al_pool_forks;
    memset(workers, 0, (nthreads + 1) * sizeof *workers);
    pool->nthreads = nthreads;
    pool->nworkers_max = nthreads; /* nthreads - 1 and the extra one */
    pool->pin = opts->pin;
    pool->fixed_spin_ns = opts->spin_ns;
    pool->workers = workers;
    (void)pthread_mutex_init(&pool->spawn_lock, NULL);
    if (sched_getaffinity(0, sizeof pool->allowed, &pool->allowed) != 0)
        CPU_ZERO(&pool->allowed); /* more than 1024 processors: keep_off() does nothing then */
    for (uint32_t id = 0; id <= nthreads; id++) {
        workers[id].pool = pool;
        workers[id].id = id;
        atomic_store_explicit(&workers[id].kept_off, -1, memory_order_relaxed);
    }
    al_measure_assume(pool);
    al_park_refresh(pool);
    return pool;
}

static int start_thread(al_worker *worker)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    /* Signals are for the program's own threads, but for those that a body raises by itself. */
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        (void)sigdelset(&all, own[i]);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&worker->thread, NULL, al_worker_main, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

void al_pool_spawn(allot_pool *pool, uint32_t target)
{
    if (atomic_load_explicit(&pool->nworkers, memory_order_acquire) >= target)
        return;
    (void)pthread_mutex_lock(&pool->spawn_lock);
    uint32_t n = atomic_load_explicit(&pool->nworkers, memory_order_relaxed);
    uint64_t start = al_ticks(), before = n;
    while (n < target && start_thread(&pool->workers[n + 1]) == 0)
        atomic_store_explicit(&pool->nworkers, ++n, memory_order_release);
    if (n > before)
        atomic_store_explicit(&pool->spawn_ns, al_ticks_to_ns(al_ticks() - start) / (double)(n - before),
                              memory_order_relaxed);
    (void)pthread_mutex_unlock(&pool->spawn_lock);
}

static allot_err pin_order(allot_pool *pool, allot_error *err)
{
    pool->order = calloc(pool->nthreads, sizeof *pool->order);
    if (pool->order == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "pool of %u threads: out of memory", pool->nthreads);
    return al_topo_order(pool->nthreads, pool->order, err);
}

allot_err allot_pool_create(allot_pool **out, const allot_pool_opts *opts, allot_error *err)
{
    static const allot_pool_opts defaults = ALLOT_POOL_OPTS_INIT;
    if (out == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "allot_pool_create: no place for the pool was given");
    *out = NULL;
    opts = opts != NULL ? opts : &defaults;
    for (size_t i = 0; i < sizeof opts->reserved / sizeof opts->reserved[0]; i++)
        if (opts->reserved[i] != 0)
            return al_fail(err, ALLOT_EINVAL, 0,
                           "allot_pool_create: a reserved option is set; begin with ALLOT_POOL_OPTS_INIT");
    if (opts->nthreads > AL_POOL_THREADS_MAX)
        return al_fail(err, ALLOT_EINVAL, 0, "a pool of %u threads was asked for; the most is %d",
                       opts->nthreads, AL_POOL_THREADS_MAX);
    uint32_t nthreads = opts->nthreads != 0 ? opts->nthreads : al_pool_default_nthreads();
    allot_pool *pool = pool_create(nthreads, opts, err);
    if (pool == NULL)
        return ALLOT_ENOMEM;
    allot_err code = opts->pin ? pin_order(pool, err) : ALLOT_OK;
    if (code != ALLOT_OK)
        goto fail;
    al_pool_spawn(pool, nthreads - 1);
    if (atomic_load_explicit(&pool->nworkers, memory_order_acquire) < nthreads - 1) {
        code = al_fail(err, ALLOT_ENOMEM, EAGAIN,
                       "only %u of %u threads could be started; see `ulimit -u` and the cgroup's pids.max",
                       pool->nworkers + 1, nthreads);
        goto fail;
    }
    if (nthreads > 1)
        al_measure_run(pool);
    *out = pool;
    return ALLOT_OK;
fail:
    allot_pool_destroy(pool);
    return code;
}

static void end_threads(allot_pool *pool)
{
    atomic_store_explicit(&pool->shutdown, true, memory_order_seq_cst);
    uint32_t nworkers = atomic_load_explicit(&pool->nworkers, memory_order_acquire);
    while (al_park_wake_one(pool, -1, true))
        ;
    for (uint32_t id = 1; id <= nworkers; id++)
        (void)pthread_join(pool->workers[id].thread, NULL);
}

void allot_pool_destroy(allot_pool *pool)
{
    if (pool == NULL)
        return;
    if (al_procs_of(pool) != NULL) {
        al_procs_destroy(al_procs_of(pool));
        return;
    }
    if (!al_pool_is_orphan(pool))
        end_threads(pool);
    for (uint32_t i = 0; i < AL_POOL_LOOPS_MAX; i++)
        al_loop_destroy(atomic_load_explicit(&pool->loops[i], memory_order_relaxed));
    (void)pthread_mutex_destroy(&pool->spawn_lock);
    free(pool->order);
    free(pool->workers);
    free(pool);
}

/* The default pool. */

uint32_t al_pool_default_nthreads(void)
{
    uint32_t n = atomic_load_explicit(&default_nthreads, memory_order_relaxed);
    if (n == 0) {
        n = al_cpus_usable();
        n = n <= AL_POOL_THREADS_MAX ? n : AL_POOL_THREADS_MAX;
        atomic_store_explicit(&default_nthreads, n, memory_order_relaxed);
    }
    return n;
}

allot_pool *al_pool_default(void)
{
    static const allot_pool_opts defaults = ALLOT_POOL_OPTS_INIT;
    allot_pool *pool = al_pool_default_peek();
    if (AL_LIKELY(pool != NULL))
        return pool;
    (void)pthread_mutex_lock(&default_lock);
    pool = al_pool_default_peek();
    if (pool == NULL) {
        pool = pool_create(al_pool_default_nthreads(), &defaults, NULL);
        if (pool != NULL) {
            pool->chained = true;
            atomic_store_explicit(&al_pool_default_made, pool, memory_order_release);
            if (pool->nthreads > 1)
                al_pool_spawn(pool, 1);
        }
    }
    (void)pthread_mutex_unlock(&default_lock);
    return pool;
}

void al_pool_default_alone(void)
{
    atomic_store_explicit(&default_nthreads, 1, memory_order_relaxed);
}

uint32_t allot_pool_nthreads(const allot_pool *pool)
{
    const al_procs *procs = al_procs_of(pool);
    if (procs != NULL)
        return procs->nengines;
    return pool != NULL ? pool->nthreads : al_pool_default_nthreads();
}

allot_err allot_pool_costs(allot_pool *pool, allot_costs *costs)
{
    if (costs == NULL)
        return ALLOT_EINVAL;
    if (al_procs_of(pool) != NULL)
        return ALLOT_EUNSUPPORTED;
    pool = pool != NULL ? pool : al_pool_default();
    if (pool == NULL)
        return ALLOT_ENOMEM;
    al_park_costs(pool, costs);
    return ALLOT_OK;
}
