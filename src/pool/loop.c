/* loop.c - one loop, cut as it runs: every thread in it has a range, and takes half of another's when its
 * own is empty.
 *
 * A range is two 32-bit unit numbers in one word, [begin, end): whoever owns the slot takes chunks from the
 * front, thieves take the back half, both by compare-and-swap on that word. A unit is `step` items: 1, or
 * more when there are over 2^32 of them, or the chunk the user asked for. Nothing is ever put back, so a
 * word that compares equal stands for the same undone units and the swap is right (no ABA).
 *
 * The gate is one word too: whether the loop is open, how many visitors are in it, whether its owner sleeps
 * until they are gone. Visitors enter by adding one and look at what was there: when it was closed or full,
 * they leave again and touch nothing. The owner closes the gate and waits for the count to fall to zero; only
 * then is the loop free for its next use. Loops are never freed while the pool lives, so a late visitor that
 * adds to the gate of a loop long over does no harm.
 *
 * Invariants: while a loop is closed and empty of visitors, all ranges are empty. Each unit is in exactly one
 * range, or in the hands of one thread. A thread leaves only with its own range empty.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "pool/loop.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/spin.h"
#include "pool/control.h"

/* The gate: state in the low half, on which an owner may sleep, and in the high half a count of openings and
 * entries, by which a gate that looks the same as before is told from one that is. */
#define GATE_OPEN UINT64_C(0x80000000)
#define GATE_WAITED UINT64_C(0x40000000)
#define GATE_VISITORS UINT64_C(0x00ffffff)
#define GATE_EVENT (UINT64_C(1) << 32)
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the futex is the low half of the gate");

#define UNITS_MAX UINT64_C(0xfffffffe)
/** Progress is told this often, so that counting never costs. */
#define PROGRESS_NS 100e3
/** A thief costs itself and its victim about a hand-over each. */
#define STEAL_WORTH_HANDOVERS 2.0
/** Spins between two looks at everybody's range while waiting for the last visitors. */
#define WAIT_LOOK_SPINS 32u

enum { RUNNING, CANCELED, TIMED_OUT };

typedef struct slot {
    AL_LINE_ALIGNED _Atomic uint64_t range;                /* slot 0's is al_loop.front */
    uint64_t nitems, nchunks, nsteals, nwakes, busy_ticks; /* the slot's thread's own, until it left */
} slot;

struct al_loop {
    /* What a thief touches first, on one line. */
    AL_LINE_ALIGNED _Atomic uint64_t gate;
    _Atomic uint32_t top; /* highest slot in use */
    _Atomic uint64_t front;
    _Atomic uint32_t visitors_max;
    atomic_bool ownerless;

    /* Written while closed, read by those who entered. */
    AL_LINE_ALIGNED al_loop_spec spec;
    allot_pool *pool;
    uint64_t step;
    double unit_ticks;
    double steal_ticks;
    uint32_t index;         /* in pool->loops */
    uint32_t visitors_most; /* that visitors_max may be raised to */
    int cpu;                /* the owner's processor, -1: unknown */
    al_loop_ended_fn *ended;
    void *ended_arg;

    /* Written when something goes wrong. */
    AL_LINE_ALIGNED _Atomic uint64_t limit; /* items from here on need not be done */
    _Atomic int stop;
    atomic_bool dropped; /* something was left undone because of stop */
    atomic_flag lock;    /* for the two below */
    uint64_t failed_index;
    int failed_user;

    slot *slots; /* [nworkers_max + 1] */
};

/** A thread's time in a loop. */
typedef struct visit {
    al_loop *loop;
    struct visit *outer; /* the visit whose chunk this thread is in */
    _Atomic uint64_t *range;
    slot *slot;
    uint32_t id;
    uint32_t left; /* units in the range after the last pop, as seen then */
    double unit_ticks;
    uint64_t last;      /* ticks when the last chunk ended */
    uint64_t told;      /* ticks when progress was last told */
    uint64_t untold;    /* items since */
    uint64_t last_wake; /* ticks */
    double wake_ticks;  /* a range longer than this pays for waking somebody */
} visit;

/** The loop that the calling thread is in, and by `outer` those around it. */
static AL_TLS visit *innermost;

/* allot_fail_at() leaves the index here for al_loop_call() on the same thread. */
static AL_TLS struct {
    bool set;
    uint64_t index;
} fail_at;

int allot_fail_at(uint64_t index, int code)
{
    fail_at.set = true;
    fail_at.index = index;
    return code != 0 ? code : 1;
}

uint64_t al_loop_failed_index(uint64_t begin, uint64_t end)
{
    bool said = fail_at.set && fail_at.index >= begin && fail_at.index < end;
    fail_at.set = false;
    return said ? fail_at.index : begin;
}

static inline uint64_t range_pack(uint32_t begin, uint32_t end)
{
    return (uint64_t)begin << 32 | end;
}

static inline uint32_t range_begin(uint64_t range)
{
    return (uint32_t)(range >> 32);
}

static inline uint32_t range_left(uint64_t range)
{
    uint32_t begin = range_begin(range), end = (uint32_t)range;
    return begin < end ? end - begin : 0;
}

static inline _Atomic uint64_t *range_of(al_loop *loop, uint32_t id)
{
    return id == 0 ? &loop->front : &loop->slots[id].range;
}

static void note_failure(al_loop *loop, uint64_t index, int user)
{
    while (atomic_flag_test_and_set_explicit(&loop->lock, memory_order_acquire))
        al_spin_pause();
    if (index < loop->failed_index) {
        loop->failed_index = index;
        loop->failed_user = user;
        atomic_store_explicit(&loop->limit, index, memory_order_relaxed);
    }
    atomic_flag_clear_explicit(&loop->lock, memory_order_release);
}

static void drain(visit *v)
{
    uint64_t range = atomic_exchange_explicit(v->range, 0, memory_order_relaxed);
    if (range_left(range) > 0 && atomic_load_explicit(&v->loop->stop, memory_order_relaxed) != RUNNING)
        atomic_store_explicit(&v->loop->dropped, true, memory_order_relaxed);
}

/** Take the next chunk off the front of the thread's own range. */
static bool pop(visit *v, uint32_t *begin, uint32_t *end)
{
    uint64_t range = atomic_load_explicit(v->range, memory_order_relaxed);
    for (;;) {
        uint32_t left = range_left(range), take = left;
        if (left == 0)
            return false;
        if (v->loop->spec.chunk_items != 0 || v->unit_ticks <= 0.0)
            take = 1;
        else
            take = (uint32_t)allot_plan_chunk(left, v->unit_ticks * al_clock_ns_per_tick);
        *begin = range_begin(range);
        *end = *begin + take;
        if (atomic_compare_exchange_weak_explicit(v->range, &range, range_pack(*end, (uint32_t)range),
                                                  memory_order_acq_rel, memory_order_relaxed)) {
            v->left = left - take;
            return true;
        }
    }
}

static uint32_t fullest(visit *v, uint64_t *range)
{
    uint32_t best = UINT32_MAX, best_left = 0;
    uint32_t top = atomic_load_explicit(&v->loop->top, memory_order_relaxed);
    for (uint32_t id = 0; id <= top; id++) {
        if (id == v->id)
            continue;
        uint64_t seen = atomic_load_explicit(range_of(v->loop, id), memory_order_relaxed);
        if (range_left(seen) > best_left) {
            best_left = range_left(seen);
            best = id;
            *range = seen;
        }
    }
    return best;
}

/** A range that this thread left alone because, by the estimate, it was too little to be worth taking. */
static AL_TLS struct {
    const al_loop *loop;
    uint64_t range;
    uint64_t seen_at;
} left_alone;

/** Whether a range too small to be worth taking was there already when this thread last looked, and should
 * have been done since: then the estimate is wrong, and its thread sits in a long item. */
static bool is_stuck(const al_loop *loop, uint64_t range)
{
    uint64_t now = al_ticks();
    if (left_alone.loop == loop && left_alone.range == range)
        return (double)(now - left_alone.seen_at) >= loop->steal_ticks;
    left_alone.loop = loop;
    left_alone.range = range;
    left_alone.seen_at = now;
    return false;
}

/** Take half of the fullest other range, the back one. @return false when there is none worth it */
static bool steal(visit *v)
{
    al_loop *loop = v->loop;
    uint64_t range;
    uint32_t victim;
    while ((victim = fullest(v, &range)) != UINT32_MAX) {
        uint32_t left = range_left(range), take = left - left / 2;
        bool deserted = victim == 0 && atomic_load_explicit(&loop->ownerless, memory_order_relaxed);
        if (!deserted && v->unit_ticks > 0.0 && left * v->unit_ticks < loop->steal_ticks &&
            !is_stuck(loop, range))
            return false;
        uint32_t begin = range_begin(range), end = (uint32_t)range;
        /* Nobody works at the front of a deserted range, so a job is done from its beginning. */
        uint64_t taken = deserted ? range_pack(begin, begin + take) : range_pack(end - take, end);
        uint64_t rest = deserted ? range_pack(begin + take, end) : range_pack(begin, end - take);
        if (!atomic_compare_exchange_strong_explicit(range_of(loop, victim), &range, rest,
                                                     memory_order_acq_rel, memory_order_relaxed))
            continue;
        atomic_store_explicit(v->range, taken, memory_order_release);
        v->slot->nsteals++;
        v->last = al_ticks();
        return true;
    }
    return false;
}

static void tell_progress(visit *v)
{
    al_control_add(v->loop->spec.control, v->untold * v->loop->spec.scale);
    v->untold = 0;
    v->told = v->last;
}

/** See whether somebody asked to stop, or the time is over. */
static bool is_stopped(visit *v)
{
    al_loop *loop = v->loop;
    if (atomic_load_explicit(&loop->stop, memory_order_relaxed) != RUNNING)
        return true;
    int stop = al_control_is_canceled(loop->spec.control) ? CANCELED
               : v->last >= loop->spec.deadline           ? TIMED_OUT
                                                          : RUNNING;
    if (stop != RUNNING)
        atomic_store_explicit(&loop->stop, stop, memory_order_relaxed);
    return stop != RUNNING;
}

/** Call the body for items [first, last), in calls of a fixed size if the user wants that. */
static void call_body(visit *v, uint64_t first, uint64_t last)
{
    al_loop *loop = v->loop;
    uint64_t size = loop->spec.chunk_items != 0 ? loop->spec.chunk_items : UINT64_MAX, end;
    for (uint64_t begin = first; begin < last; begin = end) {
        end = last - begin > size ? begin + size : last;
        uint64_t index;
        int user = al_loop_call(loop->spec.fn, loop->spec.arg, begin, end, &index);
        v->slot->nchunks++;
        v->slot->nitems += end - begin;
        v->untold += end - begin;
        if (AL_UNLIKELY(user != 0)) {
            note_failure(loop, index, user);
            return;
        }
    }
}

/** Do units [begin, end). @return false when the thread's whole range is to be dropped */
static bool run_chunk(visit *v, uint32_t begin, uint32_t end)
{
    al_loop *loop = v->loop;
    uint64_t first = loop->spec.begin + begin * loop->step;
    uint64_t units_left =
        (loop->spec.end - first) / loop->step; /* whole ones: the product below cannot wrap */
    uint64_t last = units_left >= end - begin ? first + (end - begin) * loop->step : loop->spec.end;
    uint64_t limit = atomic_load_explicit(&loop->limit, memory_order_relaxed);
    if (first >= limit)
        return false;
    call_body(v, first, last < limit ? last : limit);
    uint64_t now = al_ticks(), took = now - v->last;
    double unit = (double)(took > 0 ? took : 1) / (end - begin);
    v->unit_ticks = v->unit_ticks > 0.0 ? (v->unit_ticks + unit) / 2 : unit;
    v->slot->busy_ticks += took;
    v->last = now;
    if (al_ticks_to_ns(now - v->told) > PROGRESS_NS) {
        tell_progress(v);
        /* A loop that lasts is worth anybody's coming, whatever was predicted. */
        atomic_store_explicit(&loop->visitors_max, loop->visitors_most, memory_order_relaxed);
    }
    return true;
}

static void refresh_wake_price(visit *v)
{
    allot_costs costs;
    al_park_costs(v->loop->pool, &costs);
    v->wake_ticks = allot_plan_wake_ns(&costs) * al_clock_ticks_per_ns;
}

static bool has_room(al_loop *loop)
{
    return (atomic_load_explicit(&loop->gate, memory_order_relaxed) & GATE_VISITORS) <
           atomic_load_explicit(&loop->visitors_max, memory_order_relaxed);
}

/** Wake one more worker when this thread's own range has become worth halving with a sleeper. Whoever is
 * woken does the same, so that the number awake doubles with each wake-up latency. */
static void wake_more(visit *v)
{
    al_loop *loop = v->loop;
    if (v->left * v->unit_ticks < v->wake_ticks || (double)(v->last - v->last_wake) < v->wake_ticks / 2 ||
        !al_park_any_asleep(loop->pool) || !has_room(loop))
        return;
    refresh_wake_price(v);
    if (v->left * v->unit_ticks < v->wake_ticks)
        return;
    if (al_park_wake_one(loop->pool, loop->cpu, atomic_load_explicit(&loop->ownerless, memory_order_relaxed)))
        v->slot->nwakes++;
    v->last = v->last_wake = al_ticks();
}

/** Before the first chunk, which may be a long one. A job's first visitors know nothing of its items and
 * cannot ask whether waking pays: somebody started it to have it done. */
static void wake_at_once(visit *v)
{
    bool ownerless = atomic_load_explicit(&v->loop->ownerless, memory_order_relaxed);
    v->left = range_left(atomic_load_explicit(v->range, memory_order_relaxed));
    if (v->unit_ticks > 0.0)
        wake_more(v);
    else if (ownerless && v->left > 1 && has_room(v->loop))
        v->slot->nwakes += al_park_wake_one(v->loop->pool, -1, true);
}

static void work(visit *v)
{
    uint32_t begin, end;
    v->outer = innermost;
    innermost = v;
    wake_at_once(v);
    do {
        while (pop(v, &begin, &end)) {
            if (!run_chunk(v, begin, end) || is_stopped(v))
                drain(v);
            else
                wake_more(v);
        }
    } while (!is_stopped(v) && steal(v));
    innermost = v->outer;
    if (v->untold > 0)
        tell_progress(v);
}

static void visit_begin(visit *v, al_loop *loop, uint32_t id)
{
    *v = (visit){.loop = loop,
                 .range = range_of(loop, id),
                 .slot = &loop->slots[id],
                 .id = id,
                 .unit_ticks = loop->unit_ticks,
                 .last = al_ticks()};
    v->told = v->last;
}

/* Opening and closing. */

static al_loop *loop_create(allot_pool *pool, uint32_t index)
{
    size_t nslots = (size_t)pool->nworkers_max + 1;
    al_loop *loop = aligned_alloc(AL_CACHE_LINE, sizeof *loop);
    slot *slots = aligned_alloc(AL_CACHE_LINE, nslots * sizeof *slots);
    if (loop == NULL || slots == NULL) {
        free(loop);
        free(slots);
        return NULL;
    }
    *loop = (al_loop){.pool = pool, .index = index, .slots = slots, .lock = ATOMIC_FLAG_INIT};
    for (size_t s = 0; s < nslots; s++)
        slots[s] = (slot){.range = 0};
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

/** Items a unit, so that there are no more than UNITS_MAX: a multiple of the chunk, if that is fixed. */
static uint64_t step_for(uint64_t nitems, uint64_t chunk_items)
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
    loop->step = step_for(nitems, spec->chunk_items);
    loop->unit_ticks = spec->item_ticks * (double)loop->step;
    loop->steal_ticks = STEAL_WORTH_HANDOVERS * handover_ns * al_clock_ticks_per_ns;
    loop->cpu = ownerless ? -1 : sched_getcpu();
    loop->failed_index = UINT64_MAX;
    atomic_store_explicit(&loop->limit, UINT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&loop->stop, RUNNING, memory_order_relaxed);
    atomic_store_explicit(&loop->dropped, false, memory_order_relaxed);
    uint32_t top = atomic_load_explicit(&loop->top, memory_order_relaxed);
    for (uint32_t id = 0; id <= top; id++) {
        slot *s = &loop->slots[id];
        s->nitems = s->nchunks = s->nsteals = s->nwakes = s->busy_ticks = 0;
    }
    atomic_store_explicit(&loop->top, 0, memory_order_relaxed);
    atomic_store_explicit(&loop->ownerless, ownerless, memory_order_relaxed);
    loop->visitors_most = visitors_allowed(pool, spec, ownerless);
    atomic_store_explicit(&loop->visitors_max, visitors_worth(spec, handover_ns, loop->visitors_most),
                          memory_order_relaxed);
    uint64_t nunits = nitems / loop->step + (nitems % loop->step != 0);
    atomic_store_explicit(&loop->front, range_pack(0, (uint32_t)nunits), memory_order_relaxed);
    return loop;
}

al_loop *al_loop_open(allot_pool *pool, const al_loop_spec *spec)
{
    al_loop *loop = prepare(pool, spec, false);
    if (loop == NULL)
        return NULL;
    atomic_fetch_add_explicit(&loop->gate, GATE_OPEN + GATE_EVENT, memory_order_seq_cst);
    ring_bell(loop);
    return loop;
}

static void collect(al_loop *loop, al_loop_result *result)
{
    uint32_t top = atomic_load_explicit(&loop->top, memory_order_relaxed);
    for (uint32_t id = 0; id <= top; id++) {
        const slot *s = &loop->slots[id];
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
    result->canceled = dropped && stop == CANCELED;
    result->timed_out = dropped && stop == TIMED_OUT;
}

/** Wait for the last visitors, helping them while there is something to take. */
static void await_visitors(visit *v)
{
    al_loop *loop = v->loop;
    uint64_t until = al_ticks() + atomic_load_explicit(&loop->pool->spin_ticks, memory_order_relaxed);
    uint64_t gate;
    for (uint32_t spins = 1;; spins++) {
        gate = atomic_load_explicit(&loop->gate, memory_order_acquire);
        if ((gate & GATE_VISITORS) == 0)
            return;
        if (spins % WAIT_LOOK_SPINS == 0) {
            if (atomic_load_explicit(&loop->stop, memory_order_relaxed) == RUNNING && steal(v))
                work(v);
            else if (al_ticks() > until)
                break;
        }
        al_spin_pause();
    }
    gate = atomic_fetch_or_explicit(&loop->gate, GATE_WAITED, memory_order_acquire) | GATE_WAITED;
    while ((gate & GATE_VISITORS) != 0) {
        (void)syscall(SYS_futex, &loop->gate, FUTEX_WAIT_PRIVATE, (uint32_t)gate, NULL, NULL, 0);
        gate = atomic_load_explicit(&loop->gate, memory_order_acquire);
    }
    atomic_fetch_and_explicit(&loop->gate, ~GATE_WAITED, memory_order_relaxed);
}

void al_loop_finish(al_loop *loop, bool wake, al_loop_result *result)
{
    visit v;
    visit_begin(&v, loop, 0);
    if (wake && al_park_wake_one(loop->pool, loop->cpu, false)) {
        v.slot->nwakes++;
        v.last = v.last_wake = al_ticks();
    }
    work(&v);
    atomic_fetch_and_explicit(&loop->gate, ~GATE_OPEN, memory_order_acq_rel);
    await_visitors(&v);
    collect(loop, result);
    unclaim(loop);
}

/* Visitors. */

static bool has_work(al_loop *loop)
{
    uint32_t top = atomic_load_explicit(&loop->top, memory_order_relaxed);
    for (uint32_t id = 0; id <= top; id++)
        if (range_left(atomic_load_explicit(range_of(loop, id), memory_order_relaxed)) > 0)
            return true;
    return false;
}

static bool may_join(const al_worker *worker, al_loop *loop)
{
    uint64_t gate = atomic_load_explicit(&loop->gate, memory_order_seq_cst);
    return (gate & GATE_OPEN) != 0 &&
           (gate & GATE_VISITORS) < atomic_load_explicit(&loop->visitors_max, memory_order_relaxed) &&
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
            if (loop != NULL && may_join(worker, loop) && has_work(loop))
                return loop;
        }
    }
    return NULL;
}

/** Enter if the loop is open and has room. leave() is due either way. */
static bool enter(al_loop *loop, uint32_t id)
{
    uint64_t gate = atomic_fetch_add_explicit(&loop->gate, 1 + GATE_EVENT, memory_order_acq_rel);
    if ((gate & GATE_OPEN) == 0 ||
        (gate & GATE_VISITORS) >= atomic_load_explicit(&loop->visitors_max, memory_order_relaxed))
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
    if (range_left(range) > 0)
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
    return atomic_load_explicit(&loop->stop, memory_order_relaxed) != RUNNING || !has_work(loop);
}

static void leave(al_loop *loop)
{
    uint64_t gate = atomic_load_explicit(&loop->gate, memory_order_acquire), next;
    bool ends;
    do {
        next = gate - 1;
        ends = (next & GATE_OPEN) != 0 && (next & GATE_VISITORS) == 0 &&
               atomic_load_explicit(&loop->ownerless, memory_order_relaxed) && is_over(loop);
        if (ends)
            next &= ~GATE_OPEN;
        /* Whoever entered meanwhile has counted an event: then this fails, and is_over() is asked again. */
    } while (!atomic_compare_exchange_weak_explicit(&loop->gate, &gate, next, memory_order_acq_rel,
                                                    memory_order_acquire));
    if (ends)
        end_ownerless(loop);
    else if ((next & GATE_WAITED) != 0 && (next & GATE_VISITORS) == 0)
        (void)syscall(SYS_futex, &loop->gate, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void visit_as(al_loop *loop, uint32_t id)
{
    visit v;
    visit_begin(&v, loop, id);
    refresh_wake_price(&v);
    v.last_wake = v.last;
    if (!is_stopped(&v) && steal(&v))
        work(&v);
}

bool al_loop_visit(al_worker *worker, al_loop *loop)
{
    if (!may_join(worker, loop))
        return false;
    bool entered = enter(loop, worker->id);
    if (entered)
        visit_as(loop, worker->id);
    leave(loop);
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
    atomic_fetch_add_explicit(&loop->gate, GATE_OPEN + GATE_EVENT, memory_order_seq_cst);
    ring_bell(loop);
    (void)al_park_wake_one(pool, -1, true);
    return loop;
}

static bool is_inside(const al_loop *loop)
{
    for (const visit *v = innermost; v != NULL; v = v->outer)
        if (v->loop == loop)
            return true;
    return false;
}

void al_loop_help(al_loop *loop, allot_pool *pool, const void *ended_arg)
{
    al_worker *self = al_worker_self;
    bool is_worker = self != NULL && self->pool == pool;
    if (is_inside(loop))
        return; /* this thread's slot is in use: it is a chunk of the loop itself that waits */
    if (enter(loop, is_worker ? self->id : 0) && loop->ended_arg == ended_arg) {
        visit v;
        visit_begin(&v, loop, is_worker ? self->id : 0);
        if (is_stopped(&v))
            drain(&v);
        else if (is_worker)
            visit_as(loop, self->id);
    }
    leave(loop);
}
