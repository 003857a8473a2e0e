/* loop.c - opening a loop to a pool's workers, and closing it again.
 *
 * A loop is cut as it runs: every thread in it has a range of units, two 32-bit numbers in one word, and
 * takes half of another's when its own is empty (visit.c). A unit is `step` items: 1, or more when there are
 * over 2^32 of them, or the chunk the user asked for.
 *
 * The gate is one word: whether the loop is open, how many visitors are in it, whether its owner sleeps until
 * they are gone. Visitors enter by adding one and look at what was there: when it was closed or full, they
 * leave again and touch nothing. The owner closes the gate and waits for the count to fall to zero; only then
 * is the loop free for its next use. Loops are never freed while the pool lives, so a late visitor that adds
 * to the gate of a loop long over does no harm.
 *
 * Invariant: while a loop is closed and empty of visitors, all ranges are empty.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/spin.h"
#include "pool/visit.h"

#define UNITS_MAX UINT64_C(0xfffffffe)
/** A thief costs itself and its victim about a hand-over each. */
#define STEAL_WORTH_HANDOVERS 2.0
/** Of the hand-overs to a spinning worker, one in so many is measured: the average is on a line that callers
 * read. */
#define HANDOVER_SAMPLE 16u
/** Spins between two looks at everybody's range while waiting for the last visitors. */
#define WAIT_LOOK_SPINS 32u

/* Opening and closing. */

static al_loop *loop_create(allot_pool *pool, uint32_t index)
{
    size_t nslots = (size_t)pool->nworkers_max + 1;
    al_loop *loop = aligned_alloc(AL_CACHE_LINE, sizeof *loop);
    al_slot *slots = aligned_alloc(AL_CACHE_LINE, nslots * sizeof *slots);
    if (loop == NULL || slots == NULL) {
        free(loop);
        free(slots);
        return NULL;
    }
    *loop = (al_loop){.pool = pool, .index = index, .slots = slots, .lock = ATOMIC_FLAG_INIT};
    for (size_t s = 0; s < nslots; s++)
        slots[s] = (al_slot){.range = 0};
    return loop;
}

void al_loop_destroy(al_loop *loop)
{
    if (loop == NULL)
        return;
    free(loop->slots);
    free(loop);
}

/** Claim a free loop; NULL when all are open or there is no memory. */
static al_loop *claim(allot_pool *pool)
{
    for (uint32_t w = 0; w < AL_POOL_LOOPS_MAX / 64; w++) {
        uint64_t bits = atomic_load_explicit(&pool->claimed[w], memory_order_relaxed);
        while (~bits != 0) {
            uint32_t b = (uint32_t)__builtin_ctzll(~bits);
            uint64_t bit = UINT64_C(1) << b;
            bits = atomic_fetch_or_explicit(&pool->claimed[w], bit, memory_order_acquire);
            if ((bits & bit) != 0)
                continue;
            uint32_t index = w * 64 + b;
            al_loop *loop = atomic_load_explicit(&pool->loops[index], memory_order_relaxed);
            if (loop == NULL) {
                loop = loop_create(pool, index);
                if (loop == NULL) {
                    atomic_fetch_and_explicit(&pool->claimed[w], ~bit, memory_order_release);
                    return NULL;
                }
                atomic_store_explicit(&pool->loops[index], loop, memory_order_release);
            }
            return loop;
        }
    }
    return NULL;
}

static void unclaim(al_loop *loop)
{
    atomic_fetch_and_explicit(&loop->pool->claimed[loop->index / 64], ~(UINT64_C(1) << (loop->index % 64)),
                              memory_order_release);
}

static void ring_bell(al_loop *loop)
{
    uint32_t bell = atomic_load_explicit(&loop->pool->bell, memory_order_relaxed);
    atomic_store_explicit(&loop->pool->bell, ((bell >> 8) + 1) << 8 | loop->index, memory_order_release);
}

/** The most visitors that the user's bound and the pool allow. */
static uint32_t visitors_allowed(const allot_pool *pool, const al_loop_spec *spec, bool ownerless)
{
    uint32_t owner = ownerless ? 0 : 1, most = pool->nthreads - owner;
    return spec->max_threads != 0 && spec->max_threads - owner < most ? spec->max_threads - owner : most;
}

/** How many of the pool's others the work is worth. More than that only get in each other's way at the
 * gate of a short loop. */
static uint32_t visitors_worth(const al_loop_spec *spec, double handover_ns, uint32_t most)
{
    double work_ns = (double)(spec->end - spec->begin) * al_ticks_to_ns(1) * spec->item_ticks;
    if (spec->item_ticks <= 0.0 || spec->chunk_items != 0 || handover_ns <= 0.0)
        return most;
    double worth = 1.0 + work_ns / (4.0 * handover_ns);
    return worth < most ? (uint32_t)worth : most;
}

uint64_t al_loop_step(uint64_t nitems, uint64_t chunk_items)
{
    uint64_t least = nitems / UNITS_MAX + 1;
    if (chunk_items <= 1 || chunk_items >= nitems)
        return least > chunk_items ? least : chunk_items;
    return (least / chunk_items + (least % chunk_items != 0)) * chunk_items;
}

static al_loop *prepare(allot_pool *pool, const al_loop_spec *spec, bool ownerless)
{
    al_loop *loop = claim(pool);
    if (loop == NULL)
        return NULL;
    loop->ended_arg = NULL;
    uint64_t nitems = spec->end - spec->begin;
    double handover_ns = atomic_load_explicit(&pool->handover_ns, memory_order_relaxed);
    loop->spec = *spec;
    loop->step = al_loop_step(nitems, spec->chunk_items);
    loop->unit_ticks = spec->item_ticks * (double)loop->step;
    loop->steal_ticks = STEAL_WORTH_HANDOVERS * handover_ns * al_clock_ticks_per_ns;
    loop->cpu = ownerless ? -1 : sched_getcpu();
    loop->failed_index = UINT64_MAX;
    atomic_store_explicit(&loop->limit, UINT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&loop->stop, AL_RUNNING, memory_order_relaxed);
    atomic_store_explicit(&loop->dropped, false, memory_order_relaxed);
    uint32_t top = atomic_load_explicit(&loop->top, memory_order_relaxed);
    for (uint32_t id = 0; id <= top; id++) {
        al_slot *s = &loop->slots[id];
        s->nitems = s->nchunks = s->nsteals = s->nwakes = s->busy_ticks = 0;
    }
    atomic_store_explicit(&loop->top, 0, memory_order_relaxed);
    atomic_store_explicit(&loop->ownerless, ownerless, memory_order_relaxed);
    loop->visitors_most = visitors_allowed(pool, spec, ownerless);
    atomic_store_explicit(&loop->visitors_max, visitors_worth(spec, handover_ns, loop->visitors_most),
                          memory_order_relaxed);
    uint64_t nunits = nitems / loop->step + (nitems % loop->step != 0);
    atomic_store_explicit(&loop->front, al_range_pack(0, (uint32_t)nunits), memory_order_relaxed);
    return loop;
}

al_loop *al_loop_open(allot_pool *pool, const al_loop_spec *spec)
{
    al_loop *loop = prepare(pool, spec, false);
    if (loop == NULL)
        return NULL;
    loop->opened_at = al_ticks();
    atomic_fetch_add_explicit(&loop->gate, AL_GATE_OPEN + AL_GATE_EVENT, memory_order_seq_cst);
    ring_bell(loop);
    return loop;
}

static void collect(al_loop *loop, al_loop_result *result)
{
    uint32_t top = atomic_load_explicit(&loop->top, memory_order_relaxed);
    for (uint32_t id = 0; id <= top; id++) {
        const al_slot *s = &loop->slots[id];
        result->nitems += s->nitems;
        result->nchunks += s->nchunks;
        result->nsteals += s->nsteals;
        result->nwakes += s->nwakes;
        result->busy_ticks += s->busy_ticks;
        result->nengines += s->nitems > 0;
    }
    result->owner_worked = loop->slots[0].nitems > 0;
    result->failed = loop->failed_index != UINT64_MAX;
    result->index = loop->failed_index;
    result->user = loop->failed_user;
    bool dropped = atomic_load_explicit(&loop->dropped, memory_order_relaxed);
    int stop = atomic_load_explicit(&loop->stop, memory_order_relaxed);
    result->canceled = dropped && stop == AL_CANCELED;
    result->timed_out = dropped && stop == AL_TIMED_OUT;
}

/** Wait for the last visitors, helping them while there is something to take. */
static void await_visitors(al_visit *v)
{
    al_loop *loop = v->loop;
    uint64_t until = al_ticks() + atomic_load_explicit(&loop->pool->spin_ticks, memory_order_relaxed);
    uint64_t gate;
    for (uint32_t spins = 1;; spins++) {
        gate = atomic_load_explicit(&loop->gate, memory_order_acquire);
        if ((gate & AL_GATE_VISITORS) == 0)
            return;
        if (spins % WAIT_LOOK_SPINS == 0) {
            if (atomic_load_explicit(&loop->stop, memory_order_relaxed) == AL_RUNNING && al_visit_steal(v))
                al_visit_work(v);
            else if (al_ticks() > until)
                break;
        }
        al_spin_pause();
    }
    gate = atomic_fetch_or_explicit(&loop->gate, AL_GATE_WAITED, memory_order_acquire) | AL_GATE_WAITED;
    while ((gate & AL_GATE_VISITORS) != 0) {
        (void)syscall(SYS_futex, &loop->gate, FUTEX_WAIT_PRIVATE, (uint32_t)gate, NULL, NULL, 0);
        gate = atomic_load_explicit(&loop->gate, memory_order_acquire);
    }
    atomic_fetch_and_explicit(&loop->gate, ~AL_GATE_WAITED, memory_order_relaxed);
}

void al_loop_finish(al_loop *loop, bool wake, al_loop_result *result)
{
    al_visit v;
    al_visit_begin(&v, loop, 0);
    if (wake && al_park_wake_one(loop->pool, loop->cpu, false)) {
        v.slot->nwakes++;
        v.last = v.last_wake = al_ticks();
    }
    al_visit_work(&v);
    atomic_fetch_and_explicit(&loop->gate, ~AL_GATE_OPEN, memory_order_acq_rel);
    await_visitors(&v);
    collect(loop, result);
    unclaim(loop);
}

/* Visitors. */

bool al_loop_has_work(al_loop *loop, uint32_t except)
{
    uint32_t top = atomic_load_explicit(&loop->top, memory_order_relaxed);
    for (uint32_t id = 0; id <= top; id++)
        if (id != except &&
            al_range_left(atomic_load_explicit(al_range_of(loop, id), memory_order_relaxed)) > 0)
            return true;
    return false;
}

static bool may_join(const al_worker *worker, al_loop *loop)
{
    uint64_t gate = atomic_load_explicit(&loop->gate, memory_order_seq_cst);
    return (gate & AL_GATE_OPEN) != 0 &&
           (gate & AL_GATE_VISITORS) < atomic_load_explicit(&loop->visitors_max, memory_order_relaxed) &&
           (worker->id < worker->pool->nthreads ||
            atomic_load_explicit(&loop->ownerless, memory_order_relaxed));
}

al_loop *al_loop_find_open(al_worker *worker)
{
    allot_pool *pool = worker->pool;
    for (uint32_t w = 0; w < AL_POOL_LOOPS_MAX / 64; w++) {
        uint64_t bits = atomic_load_explicit(&pool->claimed[w], memory_order_seq_cst);
        for (; bits != 0; bits &= bits - 1) {
            uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(bits);
            al_loop *loop = atomic_load_explicit(&pool->loops[index], memory_order_acquire);
            if (loop != NULL && may_join(worker, loop) && al_loop_has_work(loop, AL_NO_SLOT))
                return loop;
        }
    }
    return NULL;
}

/** Enter if the loop is open and has room. leave() is due either way. */
static bool enter(al_loop *loop, uint32_t id)
{
    uint64_t gate = atomic_fetch_add_explicit(&loop->gate, 1 + AL_GATE_EVENT, memory_order_acq_rel);
    if ((gate & AL_GATE_OPEN) == 0 ||
        (gate & AL_GATE_VISITORS) >= atomic_load_explicit(&loop->visitors_max, memory_order_relaxed))
        return false;
    uint32_t top = atomic_load_explicit(&loop->top, memory_order_relaxed);
    while (top < id && !atomic_compare_exchange_weak_explicit(&loop->top, &top, id, memory_order_relaxed,
                                                              memory_order_relaxed))
        ;
    return true;
}

/** The last to leave an ownerless loop ends it: nobody is in it and nobody can enter any more. */
static void end_ownerless(al_loop *loop)
{
    uint64_t range = atomic_exchange_explicit(&loop->front, 0, memory_order_relaxed);
    if (al_range_left(range) > 0)
        atomic_store_explicit(&loop->dropped, true, memory_order_relaxed);
    al_loop_result result = {0};
    collect(loop, &result);
    al_loop_ended_fn *ended = loop->ended;
    void *arg = loop->ended_arg;
    unclaim(loop);
    ended(arg, &result);
}

static bool is_over(al_loop *loop)
{
    return atomic_load_explicit(&loop->stop, memory_order_relaxed) != AL_RUNNING ||
           !al_loop_has_work(loop, AL_NO_SLOT);
}

/** A loop without owner that has work and nobody in it: whoever was to come may have been refused because of
 * somebody who only looked in. */
static void rouse(al_loop *loop)
{
    if (atomic_load_explicit(&loop->ownerless, memory_order_relaxed))
        (void)al_park_wake_one(loop->pool, -1, true);
}

static void leave(al_loop *loop)
{
    uint64_t gate = atomic_load_explicit(&loop->gate, memory_order_acquire), next;
    bool ends;
    do {
        next = gate - 1;
        ends = (next & AL_GATE_OPEN) != 0 && (next & AL_GATE_VISITORS) == 0 &&
               atomic_load_explicit(&loop->ownerless, memory_order_relaxed) && is_over(loop);
        if (ends)
            next &= ~AL_GATE_OPEN;
        /* Whoever entered meanwhile has counted an event: then this fails, and is_over() is asked again. */
    } while (!atomic_compare_exchange_weak_explicit(&loop->gate, &gate, next, memory_order_acq_rel,
                                                    memory_order_acquire));
    if (ends)
        end_ownerless(loop);
    else if ((next & AL_GATE_OPEN) != 0 && (next & AL_GATE_VISITORS) == 0)
        rouse(loop);
    else if ((next & AL_GATE_WAITED) != 0 && (next & AL_GATE_VISITORS) == 0)
        (void)syscall(SYS_futex, &loop->gate, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/** Work by slot `id`. @return the tick at which something to do was had, 0: nothing was */
static uint64_t visit_as(al_loop *loop, uint32_t id)
{
    al_visit v;
    al_visit_begin(&v, loop, id);
    if (al_visit_is_stopped(&v) || !al_visit_steal(&v))
        return 0;
    uint64_t had = v.last_wake = v.last;
    al_visit_work(&v);
    return had;
}

bool al_loop_visit(al_worker *worker, al_loop *loop, bool rung)
{
    if (!may_join(worker, loop))
        return false;
    uint64_t opened = 0, had = 0;
    bool entered = enter(loop, worker->id);
    if (entered) {
        opened = loop->opened_at;
        had = visit_as(loop, worker->id);
    }
    leave(loop);
    if (rung && had != 0 && ++worker->nrung % HANDOVER_SAMPLE == 0)
        al_park_note_handover(worker->pool, had - opened);
    return entered;
}

/* Loops without an owner. */

al_loop *al_loop_start(allot_pool *pool, const al_loop_spec *spec, al_loop_ended_fn *ended, void *ended_arg)
{
    al_loop *loop = prepare(pool, spec, true);
    if (loop == NULL)
        return NULL;
    loop->ended = ended;
    loop->ended_arg = ended_arg;
    atomic_fetch_add_explicit(&loop->gate, AL_GATE_OPEN + AL_GATE_EVENT, memory_order_seq_cst);
    ring_bell(loop);
    (void)al_park_wake_one(pool, -1, true);
    return loop;
}

void al_loop_help(al_loop *loop, allot_pool *pool, const void *ended_arg)
{
    al_worker *self = al_worker_self;
    bool is_worker = self != NULL && self->pool == pool;
    if (al_visit_is_inside(loop))
        return; /* this thread's slot is in use: it is a chunk of the loop itself that waits */
    if (enter(loop, is_worker ? self->id : 0) && loop->ended_arg == ended_arg) {
        al_visit v;
        al_visit_begin(&v, loop, is_worker ? self->id : 0);
        if (al_visit_is_stopped(&v))
            al_visit_drain(&v);
        else if (is_worker)
            visit_as(loop, self->id);
    }
    leave(loop);
}
