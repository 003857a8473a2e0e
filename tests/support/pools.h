/* pools.h - what tests of loops need again and again: pools, threads, and bodies that take their time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SUPPORT_POOLS_H
#define TESTS_SUPPORT_POOLS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <allot/allot.h>

#include "base/clock.h"
#include "base/spin.h"

/** A pool of nthreads, the caller among them. */
static inline allot_pool *pool_of(uint32_t nthreads)
{
    allot_pool_opts opts = ALLOT_POOL_OPTS_INIT;
    opts.nthreads = nthreads;
    allot_pool *pool = NULL;
    allot_error err;
    if (allot_pool_create(&pool, &opts, &err) != ALLOT_OK)
        fail_msg("a pool of %u threads: %s", nthreads, err.text);
    return pool;
}

/** Pools of counts[p] threads for p in [first, npools). */
static inline void make_pools_of(allot_pool **pools, const uint32_t *counts, size_t first, size_t npools)
{
    for (size_t p = first; p < npools; p++)
        pools[p] = pool_of(counts[p]);
}

static inline void end_pools_of(allot_pool **pools, size_t first, size_t npools)
{
    for (size_t p = first; p < npools; p++)
        allot_pool_destroy(pools[p]);
}

/** Somebody who looks at a call's progress until told that it is over, and counts what should not be: a step
 * back, more done than there is, a total other than n. */
typedef struct watcher {
    allot_control *control;
    uint64_t n;
    atomic_bool over;
    _Atomic uint64_t nlooks;
    uint64_t nwrong;
} watcher;

static inline void *watch(void *arg)
{
    watcher *w = arg;
    uint64_t last = 0;
    while (!w->over) {
        uint64_t done, total;
        allot_control_progress(w->control, &done, &total);
        w->nwrong += done < last || done > total || (total != w->n && total != 0);
        w->nlooks++;
        last = done;
    }
    return NULL;
}

/** Keep the processor busy. */
static inline void spend_ns(uint64_t ns)
{
    uint64_t until = al_clock_ns() + ns;
    while (al_clock_ns() < until)
        al_spin_pause();
}

/** Leave the processor to others. */
static inline void nap_ns(uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    (void)nanosleep(&time, NULL);
}

static inline pthread_t thread_of(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fn, arg), 0);
    return thread;
}

/** The largest number of threads that were between crowd_enter() and crowd_leave() at one time. */
typedef struct crowd {
    _Atomic uint32_t inside, most;
} crowd;

static inline void crowd_enter(crowd *c)
{
    uint32_t inside = atomic_fetch_add(&c->inside, 1) + 1, most = atomic_load(&c->most);
    while (inside > most && !atomic_compare_exchange_weak(&c->most, &most, inside))
        ;
}

static inline void crowd_leave(crowd *c)
{
    atomic_fetch_sub(&c->inside, 1);
}

#endif
