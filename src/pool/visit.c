/* visit.c - a thread's time in a loop: take chunks off its own range, steal when that is empty.
 *
 * Whoever owns a slot takes chunks from the front of its range, thieves take the back half (of a slot that
 * nobody owns, the front one), both by compare-and-swap on the one word that a range is. Nothing is ever put
 * back, so a word that compares equal stands for the same undone units and the swap is right (no ABA).
 * Chunks are a quarter of what is left by the measured cost of a unit, within bounds (allot_plan_chunk), so
 * that all threads end together.
 *
 * Invariants: each unit is in exactly one range, or in the hands of one thread. al_visit_work() returns with
 * the thread's own range empty.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pool/visit.h"

#include "base/clock.h"
#include "base/spin.h"
#include "pool/control.h"

/** Progress is told this often, so that counting never costs. */
#define PROGRESS_NS 100e3

/** A worker with more than this to do is none that the owner of another loop could count on. Less is not
 * worth two writes to a line that all callers read. */
#define BUSY_NS 10e3

/** The loop that the calling thread is in, and by `outer` those around it. */
static AL_TLS al_visit *innermost;

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

void al_visit_drain(al_visit *v)
{
    uint64_t range = atomic_exchange_explicit(v->range, 0, memory_order_relaxed);
    if (al_range_left(range) > 0 && atomic_load_explicit(&v->loop->stop, memory_order_relaxed) != AL_RUNNING)
        atomic_store_explicit(&v->loop->dropped, true, memory_order_relaxed);
}

/** Take the next chunk off the front of the thread's own range. */
static bool pop(al_visit *v, uint32_t *begin, uint32_t *end)
{
    uint64_t range = atomic_load_explicit(v->range, memory_order_relaxed);
    for (;;) {
        uint32_t left = al_range_left(range), take = left;
        if (left == 0)
            return false;
        if (v->loop->spec.chunk_items != 0 || v->unit_ticks <= 0.0)
            take = 1;
        else
            take = (uint32_t)allot_plan_chunk(left, v->unit_ticks * al_clock_ns_per_tick);
        *begin = al_range_begin(range);
        *end = *begin + take;
        if (atomic_compare_exchange_weak_explicit(v->range, &range, al_range_pack(*end, (uint32_t)range),
                                                  memory_order_acq_rel, memory_order_relaxed)) {
            v->left = left - take;
            return true;
        }
    }
}

static uint32_t fullest(al_visit *v, uint64_t *range)
{
    uint32_t best = UINT32_MAX, best_left = 0;
    uint32_t top = atomic_load_explicit(&v->loop->top, memory_order_relaxed);
    for (uint32_t id = 0; id <= top; id++) {
        if (id == v->id)
            continue;
        uint64_t seen = atomic_load_explicit(al_range_of(v->loop, id), memory_order_relaxed);
        if (al_range_left(seen) > best_left) {
            best_left = al_range_left(seen);
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

bool al_visit_steal(al_visit *v)
{
    al_loop *loop = v->loop;
    uint64_t range;
    uint32_t victim;
    while ((victim = fullest(v, &range)) != UINT32_MAX) {
        uint32_t left = al_range_left(range), take = left - left / 2;
        bool deserted = victim == 0 && atomic_load_explicit(&loop->ownerless, memory_order_relaxed);
        if (!deserted && v->unit_ticks > 0.0 && left * v->unit_ticks < loop->steal_ticks &&
            !is_stuck(loop, range))
            return false;
        uint32_t begin = al_range_begin(range), end = (uint32_t)range;
        /* Nobody works at the front of a deserted range, so a job is done from its beginning. */
        uint64_t taken = deserted ? al_range_pack(begin, begin + take) : al_range_pack(end - take, end);
        uint64_t rest = deserted ? al_range_pack(begin + take, end) : al_range_pack(begin, end - take);
        if (!atomic_compare_exchange_strong_explicit(al_range_of(loop, victim), &range, rest,
                                                     memory_order_acq_rel, memory_order_relaxed))
            continue;
        atomic_store_explicit(v->range, taken, memory_order_release);
        v->slot->nsteals++;
        v->last = al_ticks();
        return true;
    }
    return false;
}

static void tell_progress(al_visit *v)
{
    al_control_add(v->loop->spec.control, v->untold * v->loop->spec.scale);
    v->untold = 0;
    v->told = v->last;
}

static bool is_stopped_at(al_visit *v, uint64_t now)
{
    al_loop *loop = v->loop;
    if (atomic_load_explicit(&loop->stop, memory_order_relaxed) != AL_RUNNING)
        return true;
    int stop = al_control_is_canceled(loop->spec.control) ? AL_CANCELED
               : now >= loop->spec.deadline               ? AL_TIMED_OUT
                                                          : AL_RUNNING;
    if (stop != AL_RUNNING)
        atomic_store_explicit(&loop->stop, stop, memory_order_relaxed);
    return stop != AL_RUNNING;
}

bool al_visit_is_stopped(al_visit *v)
{
    return is_stopped_at(v, v->last);
}

/** Call the body for items [first, last), in calls of a fixed size if the user wants that. */
static void call_body(al_visit *v, uint64_t first, uint64_t last)
{
    al_loop *loop = v->loop;
    uint64_t size = loop->spec.chunk_items != 0 ? loop->spec.chunk_items : UINT64_MAX, end;
    for (uint64_t begin = first; begin < last; begin = end) {
        if (begin != first && is_stopped_at(v, al_ticks())) {
            atomic_store_explicit(&loop->dropped, true, memory_order_relaxed);
            return;
        }
        if (begin >= atomic_load_explicit(&loop->limit, memory_order_relaxed))
            return;
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
static bool run_chunk(al_visit *v, uint32_t begin, uint32_t end)
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

static void refresh_wake_price(al_visit *v)
{
    allot_costs costs;
    al_park_costs(v->loop->pool, &costs);
    v->wake_ticks = allot_plan_wake_ns(&costs) * al_clock_ticks_per_ns;
}

static bool has_room(al_loop *loop)
{
    return (atomic_load_explicit(&loop->gate, memory_order_relaxed) & AL_GATE_VISITORS) <
           atomic_load_explicit(&loop->visitors_max, memory_order_relaxed);
}

/** Wake one more worker when this thread's own range has become worth halving with a sleeper. Whoever is
 * woken does the same, so that the number awake doubles with each wake-up latency. */
static void wake_more(al_visit *v)
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

/** Before the first chunk, which may be a long one. Where nothing is known of the items (a job's first
 * visitors, chunks of a fixed size) nobody can say whether waking pays, so everybody for whom there is
 * something to do is woken, one by the other. */
static void wake_at_once(al_visit *v)
{
    al_loop *loop = v->loop;
    v->left = al_range_left(atomic_load_explicit(v->range, memory_order_relaxed));
    if (v->unit_ticks > 0.0)
        wake_more(v);
    else if (has_room(loop) && (v->left > 1 || al_loop_has_work(loop, v->id)))
        v->slot->nwakes += al_park_wake_one(loop->pool, loop->cpu,
                                            atomic_load_explicit(&loop->ownerless, memory_order_relaxed));
}

/** Take the thread, if it is a worker, out of the count of those that spin for something to do. */
static void count_out(al_visit *v)
{
    al_worker *self = al_worker_self;
    if (v->id == 0 || v->busy != NULL || self == NULL || !self->counted)
        return;
    self->counted = false;
    v->busy = self;
    atomic_fetch_sub_explicit(&self->pool->nspinning, 1, memory_order_relaxed);
}

/** Back again: before the thread leaves the loop, so that its owner's next one finds it counted. */
static void count_in(al_visit *v)
{
    if (v->busy == NULL)
        return;
    atomic_fetch_add_explicit(&v->busy->pool->nspinning, 1, memory_order_relaxed);
    v->busy->counted = true;
    v->busy = NULL;
}

/** Whether the thread's own range will keep it, as far as anybody can say. */
static bool will_be_busy(const al_visit *v)
{
    uint32_t left = al_range_left(atomic_load_explicit(v->range, memory_order_relaxed));
    return v->unit_ticks <= 0.0 || left * v->unit_ticks * al_clock_ns_per_tick > BUSY_NS;
}

/** Do the thread's own range. */
static void work_off(al_visit *v)
{
    uint32_t begin, end;
    if (v->id != 0 && will_be_busy(v))
        count_out(v);
    while (pop(v, &begin, &end)) {
        if (!run_chunk(v, begin, end) || al_visit_is_stopped(v))
            al_visit_drain(v);
        else
            wake_more(v);
        if ((double)(v->last - v->began) * al_clock_ns_per_tick > BUSY_NS)
            count_out(v);
    }
}

void al_visit_work(al_visit *v)
{
    v->outer = innermost;
    innermost = v;
    wake_at_once(v);
    do
        work_off(v);
    while (!al_visit_is_stopped(v) && al_visit_steal(v));
    innermost = v->outer;
    count_in(v);
    if (v->untold > 0)
        tell_progress(v);
}

void al_visit_begin(al_visit *v, al_loop *loop, uint32_t id)
{
    *v = (al_visit){.loop = loop,
                    .range = al_range_of(loop, id),
                    .slot = &loop->slots[id],
                    .id = id,
                    .unit_ticks = loop->unit_ticks,
                    .last = al_ticks()};
    v->told = v->began = v->last;
}

bool al_visit_is_inside(const al_loop *loop)
{
    for (const al_visit *v = innermost; v != NULL; v = v->outer)
        if (v->loop == loop)
            return true;
    return false;
}
