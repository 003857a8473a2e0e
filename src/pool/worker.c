/* worker.c - what a worker does: spin a little, help, sleep.
 *
 * The spin looks at one word, the bell, which a loop's owner writes with a plain store; it is a hint, and
 * lost hints are made up for by a look at all open loops every few spins. Two costs are kept low here: the
 * owner of a short loop never waits for a worker's cache line, and a worker that found nothing sleeps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/spin.h"
#include "pool/loop.h"
#include "pool/pool.h"

/** Spins between two looks at all open loops and at the clock; about a microsecond. */
#define LOOK_SPINS 32u

AL_TLS al_worker *al_worker_self;

static bool is_ending(const allot_pool *pool)
{
    return atomic_load_explicit(&pool->shutdown, memory_order_relaxed);
}

/** The loop that the bell points to if it rang since the worker last looked, else NULL. */
static al_loop *bell_loop(al_worker *worker)
{
    uint32_t bell = atomic_load_explicit(&worker->pool->bell, memory_order_acquire);
    if (bell == worker->seen_bell)
        return NULL;
    worker->seen_bell = bell;
    return atomic_load_explicit(&worker->pool->loops[bell & 0xffu], memory_order_acquire);
}

/** Help loops as they open, until none has for the length of the spin. */
static void help_until_idle(al_worker *worker)
{
    allot_pool *pool = worker->pool;
    uint64_t until = 0;
    bool idle = false; /* it was looking already when the bell rang */
    atomic_fetch_add_explicit(&pool->nspinning, 1, memory_order_relaxed);
    worker->counted = true;
    for (uint32_t spins = 0; !is_ending(pool); spins++) {
        al_loop *loop = bell_loop(worker);
        bool rung = loop != NULL && idle;
        if (loop == NULL && spins % LOOK_SPINS == 0) {
            uint64_t now = al_ticks();
            if (until == 0)
                until = now + atomic_load_explicit(&pool->spin_ticks, memory_order_relaxed);
            loop = al_loop_find_open(worker);
            if (loop == NULL && now > until)
                break;
        }
        if (loop != NULL && al_loop_visit(worker, loop, rung))
            until = 0;
        idle = loop == NULL;
        al_spin_pause();
    }
    worker->counted = false;
    atomic_fetch_sub_explicit(&pool->nspinning, 1, memory_order_relaxed);
}

static void settle(al_worker *worker)
{
    allot_pool *pool = worker->pool;
    al_worker_self = worker;
    atomic_store_explicit(&worker->tid, (int32_t)gettid(), memory_order_relaxed);
    (void)pthread_setname_np(pthread_self(), "allot-worker");
    if (pool->order != NULL) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)pool->order[worker->id % pool->nthreads], &set);
        (void)sched_setaffinity(0, sizeof set, &set);
    }
    if (pool->chained && worker->id + 1 < pool->nthreads)
        al_pool_spawn(pool, worker->id + 1);
}

void *al_worker_main(void *arg)
{
    al_worker *worker = arg;
    settle(worker);
    while (!is_ending(worker->pool)) {
        al_park_note_arrival(worker);
        help_until_idle(worker);
        al_park_sleep(worker);
    }
    return NULL;
}
