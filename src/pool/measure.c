/* measure.c - what hand-over and wake-up cost on this machine, found with the real thing.
 *
 * A probe is a loop of two items, each of which waits until the other has been begun: it cannot end before a
 * worker has come, and ends as soon as one has. Its time with a spinning worker is two hand-overs (come;
 * say that it is done); with a sleeping one it makes park.c note call and latency.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/spin.h"
#include "pool/loop.h"
#include "pool/pool.h"

/** Before anything was measured: a common server. */
#define ASSUMED_SPAWN_NS 60e3
static const double assumed_call_ns[AL_POOL_DEPTHS] = {8e3, 10e3, 15e3, 20e3};
static const double assumed_latency_ns[AL_POOL_DEPTHS] = {30e3, 35e3, 50e3, 80e3};

/** A probe gives up on a worker that does not come, one that waits for its processor, say. */
#define PROBE_PATIENCE_NS 2e6
#define HOT_PROBES 15
#define WAKE_PROBES 4
#define CLOCK_READS 64

typedef struct probe {
    _Atomic uint32_t begun;
    atomic_bool gave_up;
} probe;

static int meet(uint64_t begin, uint64_t end, void *arg)
{
    (void)begin;
    (void)end;
    probe *p = arg;
    uint64_t patience = al_ticks_from_ns(PROBE_PATIENCE_NS), start = al_ticks();
    atomic_fetch_add_explicit(&p->begun, 1, memory_order_relaxed);
    while (atomic_load_explicit(&p->begun, memory_order_relaxed) < 2) {
        al_spin_pause();
        if (al_ticks() - start > patience) {
            atomic_store_explicit(&p->gave_up, true, memory_order_relaxed);
            return 0;
        }
    }
    return 0;
}

/** Run a probe. @return its time in ns, or a negative number when no worker came */
static double run_probe(allot_pool *pool, bool wake)
{
    probe p = {.begun = 0};
    al_loop_spec spec = {.end = 2,
                         .fn = meet,
                         .arg = &p,
                         .chunk_items = 1,
                         .max_threads = 2,
                         .deadline = UINT64_MAX,
                         .scale = 1};
    uint64_t start = al_ticks();
    al_loop *loop = al_loop_open(pool, &spec);
    if (loop == NULL)
        return -1.0;
    al_loop_result result = {0};
    al_loop_finish(loop, wake, &result);
    double ns = al_ticks_to_ns(al_ticks() - start);
    return atomic_load_explicit(&p.gave_up, memory_order_relaxed) ? -1.0 : ns;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure_handover(allot_pool *pool)
{
    double times[HOT_PROBES];
    int n = 0;
    for (int i = 0; i < HOT_PROBES; i++) {
        double ns = run_probe(pool, false);
        if (ns >= 0.0)
            times[n++] = ns;
        else
            break;
    }
    if (n == 0)
        return;
    qsort(times, (size_t)n, sizeof *times, by_value);
    double ns = times[n / 4] / 2.0; /* the quicker ones: nothing came between */
    atomic_store_explicit(&pool->handover_ns, ns < AL_HANDOVER_MOST_NS ? ns : AL_HANDOVER_MOST_NS,
                          memory_order_relaxed);
}

static bool await_sleep(const allot_pool *pool)
{
    uint64_t until = al_ticks() + al_ticks_from_ns(2.0 * PROBE_PATIENCE_NS);
    while (!al_park_any_asleep(pool)) {
        if (al_ticks() > until)
            return false;
        (void)sched_yield();
    }
    return true;
}

/** Deeper sleeps are not waited for: they are assumed to cost more in the same proportion. */
static void scale_deeper(allot_pool *pool)
{
    double call = atomic_load_explicit(&pool->wake_costs[0].call_ns, memory_order_relaxed);
    double latency = atomic_load_explicit(&pool->wake_costs[0].latency_ns, memory_order_relaxed);
    for (int d = 1; d < AL_POOL_DEPTHS; d++) {
        atomic_store_explicit(&pool->wake_costs[d].call_ns, call * assumed_call_ns[d] / assumed_call_ns[0],
                              memory_order_relaxed);
        atomic_store_explicit(&pool->wake_costs[d].latency_ns,
                              latency * assumed_latency_ns[d] / assumed_latency_ns[0], memory_order_relaxed);
    }
}

static double measure_clock(void)
{
    uint64_t start = al_ticks(), now = start;
    for (int i = 0; i < CLOCK_READS; i++)
        now = al_ticks();
    return al_ticks_to_ns(now - start) / CLOCK_READS;
}

void al_measure_assume(allot_pool *pool)
{
    pool->clock_ns = measure_clock();
    atomic_store_explicit(&pool->handover_ns, AL_HANDOVER_ASSUMED_NS, memory_order_relaxed);
    atomic_store_explicit(&pool->spawn_ns, ASSUMED_SPAWN_NS, memory_order_relaxed);
    for (int d = 0; d < AL_POOL_DEPTHS; d++) {
        atomic_store_explicit(&pool->wake_costs[d].call_ns, assumed_call_ns[d], memory_order_relaxed);
        atomic_store_explicit(&pool->wake_costs[d].latency_ns, assumed_latency_ns[d], memory_order_relaxed);
    }
}

void al_measure_run(allot_pool *pool)
{
    for (int i = 0; i < WAKE_PROBES && await_sleep(pool); i++)
        (void)run_probe(pool, true);
    scale_deeper(pool);
    measure_handover(pool);
    al_park_refresh(pool);
}
