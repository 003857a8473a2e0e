/* park.c - how workers sleep, and how they are woken without hurting whoever wakes them.
 *
 * A sleeping worker waits on a futex of its own and is a bit in pool->asleep. Waking it costs the waker a
 * system call of 5 to 40 us (it must interrupt a halted processor) and the worker comes 20 to 100 us later,
 * the more the deeper the processor slept. So both are measured at every wake-up, by class of how long the
 * sleep was, and the planner is asked with the class of the worker that would be woken.
 *
 * Left to itself, the kernel likes to put a woken thread on the waker's own processor (they seem to belong
 * together), where it waits for the end of the waker's time slice: milliseconds. Workers that are not pinned
 * are therefore forbidden the processor that the waker is on.
 *
 * Invariant: a worker is asleep or about to be if and only if its bit is set; whoever clears the bit
 * (waker, or the worker itself having found work) owns the right to un-park it. A worker sets its bit first
 * and looks for open loops second, a loop's owner opens first and looks for bits second, so one of them
 * sees the other.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/loop.h"
#include "pool/pool.h"

/** Weight of a new measurement in a moving average, and how far one may be off before it is clipped: a
 * worker that was kept waiting by another program says little about the machine. */
#define AVERAGE_WEIGHT 0.25
#define OUTLIER_RATIO 2.0
/** No machine charges more than this; other programs may, and their charge must not end sharing for good. */
#define CALL_MOST_NS 60e3
#define LATENCY_MOST_NS 300e3

/** Class of a sleep: under 0.1 ms, under 1 ms, under 10 ms, longer. */
static uint32_t sleep_depth(uint64_t slept_ticks)
{
    double ns = al_ticks_to_ns(slept_ticks);
    return ns < 1e5 ? 0 : ns < 1e6 ? 1 : ns < 1e7 ? 2 : 3;
}

static void average_in(_Atomic double *average, double sample, double most)
{
    double old = atomic_load_explicit(average, memory_order_relaxed);
    if (sample > old * OUTLIER_RATIO)
        sample = old * OUTLIER_RATIO;
    if (sample > most)
        sample = most;
    atomic_store_explicit(average, old + (sample - old) * AVERAGE_WEIGHT, memory_order_relaxed);
}

void al_park_refresh(allot_pool *pool)
{
    allot_costs costs = {
        .handover_ns = atomic_load_explicit(&pool->handover_ns, memory_order_relaxed),
        .wake_call_ns = atomic_load_explicit(&pool->wake_costs[0].call_ns, memory_order_relaxed),
        .wake_latency_ns = atomic_load_explicit(&pool->wake_costs[0].latency_ns, memory_order_relaxed)};
    atomic_store_explicit(&pool->share_ticks, allot_plan_share_ns(&costs) * al_clock_ticks_per_ns,
                          memory_order_relaxed);
    atomic_store_explicit(&pool->wake_ticks, allot_plan_wake_ns(&costs) * al_clock_ticks_per_ns,
                          memory_order_relaxed);
    /* The sleep that a spin puts off begins shallow, so it is weighed against a shallow wake-up. */
    double spin_ns = pool->fixed_spin_ns != 0 ? (double)pool->fixed_spin_ns : allot_plan_spin_ns(&costs);
    atomic_store_explicit(&pool->spin_ticks, al_ticks_from_ns(spin_ns), memory_order_relaxed);
}

bool al_park_any_asleep(const allot_pool *pool)
{
    uint32_t nwords = pool->nworkers_max / 64 + 1;
    for (uint32_t w = 0; w < nwords; w++)
        if (atomic_load_explicit(&pool->asleep[w], memory_order_relaxed) != 0)
            return true;
    return false;
}

/** The lowest sleeping worker that a loop's owner may wake, or NULL. */
static al_worker *find_sleeper(const allot_pool *pool, bool jobs_too)
{
    uint32_t nwords = pool->nworkers_max / 64 + 1;
    for (uint32_t w = 0; w < nwords; w++) {
        uint64_t bits = atomic_load_explicit(&pool->asleep[w], memory_order_seq_cst);
        if (bits == 0)
            continue;
        uint32_t id = w * 64 + (uint32_t)__builtin_ctzll(bits);
        return id < pool->nthreads || jobs_too ? &pool->workers[id] : NULL;
    }
    return NULL;
}

static bool clear_bit(allot_pool *pool, uint32_t id)
{
    uint64_t bit = UINT64_C(1) << (id % 64);
    return (atomic_fetch_and_explicit(&pool->asleep[id / 64], ~bit, memory_order_acq_rel) & bit) != 0;
}

/** Forbid the worker processor cpu, leaving it the others that the pool may use, if there are any. */
static void keep_off(al_worker *worker, int cpu)
{
    allot_pool *pool = worker->pool;
    if (pool->pin || cpu < 0 || cpu >= CPU_SETSIZE ||
        atomic_load_explicit(&worker->kept_off, memory_order_relaxed) == cpu)
        return;
    cpu_set_t set = pool->allowed;
    if (!CPU_ISSET((size_t)cpu, &set) || CPU_COUNT(&set) < 2)
        return;
    CPU_CLR((size_t)cpu, &set);
    if (sched_setaffinity(atomic_load_explicit(&worker->tid, memory_order_relaxed), sizeof set, &set) == 0)
        atomic_store_explicit(&worker->kept_off, cpu, memory_order_relaxed);
}

static void unpark(al_worker *worker)
{
    atomic_store_explicit(&worker->parked, 0, memory_order_release);
    (void)syscall(SYS_futex, &worker->parked, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

bool al_park_wake_one(allot_pool *pool, int cpu, bool jobs_too)
{
    al_worker *worker;
    do {
        worker = find_sleeper(pool, jobs_too);
        if (worker == NULL)
            return false;
    } while (!clear_bit(pool, worker->id)); /* it woke by itself: the next one then */
    uint64_t start = al_ticks();
    uint32_t depth = sleep_depth(start - atomic_load_explicit(&worker->slept_at, memory_order_relaxed));
    keep_off(worker, cpu);
    atomic_store_explicit(&worker->woken_depth, depth, memory_order_relaxed);
    atomic_store_explicit(&worker->woken_at, start, memory_order_relaxed);
    unpark(worker);
    average_in(&pool->wake_costs[depth].call_ns, al_ticks_to_ns(al_ticks() - start), CALL_MOST_NS);
    return true;
}

void al_park_note_arrival(al_worker *worker)
{
    uint64_t woken_at = atomic_exchange_explicit(&worker->woken_at, 0, memory_order_relaxed);
    if (woken_at == 0)
        return;
    uint32_t depth = atomic_load_explicit(&worker->woken_depth, memory_order_relaxed);
    allot_pool *pool = worker->pool;
    average_in(&pool->wake_costs[depth].latency_ns, al_ticks_to_ns(al_ticks() - woken_at), LATENCY_MOST_NS);
    al_park_refresh(pool);
}

void al_park_note_handover(allot_pool *pool, uint64_t ticks)
{
    average_in(&pool->handover_ns, al_ticks_to_ns(ticks), AL_HANDOVER_MOST_NS);
    al_park_refresh(pool);
}

static bool must_stay_awake(al_worker *worker)
{
    return atomic_load_explicit(&worker->pool->shutdown, memory_order_seq_cst) ||
           al_loop_find_open(worker) != NULL;
}

void al_park_sleep(al_worker *worker)
{
    allot_pool *pool = worker->pool;
    atomic_store_explicit(&worker->slept_at, al_ticks(), memory_order_relaxed);
    atomic_store_explicit(&worker->parked, 1, memory_order_relaxed);
    atomic_fetch_or_explicit(&pool->asleep[worker->id / 64], UINT64_C(1) << (worker->id % 64),
                             memory_order_seq_cst);
    if (must_stay_awake(worker) && clear_bit(pool, worker->id))
        return;
    while (atomic_load_explicit(&worker->parked, memory_order_acquire) != 0)
        (void)syscall(SYS_futex, &worker->parked, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
}

void al_park_costs(const allot_pool *pool, allot_costs *costs)
{
    uint32_t depth = 0;
    const al_worker *sleeper = find_sleeper(pool, false);
    if (sleeper != NULL)
        depth = sleep_depth(al_ticks() - atomic_load_explicit(&sleeper->slept_at, memory_order_relaxed));
    *costs = (allot_costs){
        .clock_ns = pool->clock_ns,
        .handover_ns = atomic_load_explicit(&pool->handover_ns, memory_order_relaxed),
        .wake_call_ns = atomic_load_explicit(&pool->wake_costs[depth].call_ns, memory_order_relaxed),
        .wake_latency_ns = atomic_load_explicit(&pool->wake_costs[depth].latency_ns, memory_order_relaxed),
        .spawn_ns = atomic_load_explicit(&pool->spawn_ns, memory_order_relaxed)};
}
