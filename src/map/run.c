/* run.c - the caller's own part of a loop: do items, look at the clock, ask the planner.
 *
 * The caller begins alone. Its chunks grow from one item (or from a microsecond's worth, when an
 * earlier call from the same place told what an item costs) and between them it asks the planner, which
 * says stay alone, share with workers that are awake, or wake some. From then on the loop is open
 * (src/pool/loop.c) and the caller is one of those who work on it.
 *
 * What keeps a short loop as cheap as the serial one: it reads the processor's counter once or twice, and
 * touches no memory that another thread writes.
 *
 * An estimate is the lower of the mean so far and of the latest chunk, and the planner is told whether an
 * earlier one agrees: an expensive item that happens to come first, or a first chunk that had to wait for
 * memory, must not wake anybody by itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "map/run.h"

#include <sched.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "map/site.h"
#include "pool/control.h"
#include "pool/loop.h"
#include "pool/pool.h"

/** The first chunk when the cost of an item is known from another argument only: items of another matrix may
 * cost another price. With the same argument it is AL_SITE_SHORT_NS. */
#define FIRST_ELSEWHERE_NS 60.0
/** A chunk shorter than this says too little about its items: the counter counts in steps of 10 ns. */
#define SAMPLE_NS 60.0
#define GROWTH 16u
/** A chunk confirms what was known before when it took no more than this many times as long. The first chunk
 * after a pause may well take ten times: its code and data have to be fetched. */
#define AGREE_RATIO 2.0
/** While alone, one chunk between two looks. */
#define ALONE_NS 5000.0
/** Work for which the process's first threads are worth making: what a pool costs, and time to use it. */
#define MAKE_POOL_NS 90e3
#define MAKE_POOL_LATENCY_NS 200e3

typedef struct run {
    allot_pool *pool; /* NULL: the default pool, not made yet */
    uint64_t n, done;
    allot_for_fn fn;
    void *arg;
    const allot_map_opts *opts;
    al_site *site;
    bool known;          /* site is this loop's, argument included */
    bool held_back;      /* by site's floor */
    bool missed;         /* a worker awake would have helped */
    double shared_ticks; /* predicted work left when the range was opened to others */
    double item_ticks;   /* 0: unknown */
    bool confirmed;
    uint64_t scale, nitems; /* what the user counts: al_run_site */
    uint64_t start, last, deadline;
    uint64_t nchunks;
    uint64_t opened; /* ticks when the range was opened to others, 0: never */
    bool alone;      /* nobody else may come */
    allot_plan plan;
    al_loop_result result;
} run;

static double min_of(double a, double b)
{
    return a < b ? a : b;
}

allot_err al_run_check(const char *call, const allot_map_opts *opts, allot_error *err)
{
    if (opts == NULL)
        return ALLOT_OK;
    for (size_t i = 0; i < sizeof opts->reserved / sizeof opts->reserved[0]; i++)
        if (opts->reserved[i] != 0)
            return al_fail(err, ALLOT_EINVAL, 0,
                           "%s: a reserved option is set; begin with "
                           "ALLOT_MAP_OPTS_INIT",
                           call);
    if (opts->faults != NULL || opts->item_timeout_ns != 0)
        return al_fail(
            err, ALLOT_EINVAL, 0,
            "%s: threads cannot go on after an item that ends them; for faults and item_timeout_ns, "
            "open a pool with \"procs:N\"",
            call);
    return ALLOT_OK;
}

allot_err al_run_user_error(allot_error *err, uint64_t index, int user)
{
    (void)al_fail(err, ALLOT_EUSER, 0, "item %llu failed: its function returned %d",
                  (unsigned long long)index, user);
    if (err != NULL) {
        err->index = index;
        err->user = user;
    }
    return ALLOT_EUSER;
}

allot_err al_run_stopped(allot_error *err, bool timed_out, uint64_t ndone, uint64_t n)
{
    return al_fail(err, timed_out ? ALLOT_ETIMEDOUT : ALLOT_ECANCELED, 0, "%s after %llu of %llu items",
                   timed_out ? "the time was over" : "canceled", (unsigned long long)ndone,
                   (unsigned long long)n);
}

uint64_t al_run_deadline(uint64_t start, uint64_t timeout_ns)
{
    uint64_t timeout = al_ticks_from_ns((double)timeout_ns);
    return timeout < UINT64_MAX - start ? start + timeout : UINT64_MAX;
}

/** The least work that pays for waking a worker, or for making the first. */
static double wake_ticks(const allot_pool *pool)
{
    return pool != NULL ? atomic_load_explicit(&pool->wake_ticks, memory_order_relaxed)
                        : MAKE_POOL_LATENCY_NS * al_clock_ticks_per_ns;
}

uint64_t al_run_pause(const allot_pool *pool)
{
    return pool != NULL ? atomic_load_explicit(&pool->spin_ticks, memory_order_relaxed)
                        : al_ticks_from_ns(MAKE_POOL_LATENCY_NS);
}

AL_HOT void al_run_miss(allot_pool *pool, al_site *site, uint64_t start, uint64_t end)
{
    if (!al_site_miss(site, start, end, wake_ticks(pool), al_run_pause(pool)))
        return;
    if (pool != NULL)
        (void)al_park_wake_one(pool, sched_getcpu(), false);
    else
        (void)al_pool_default();
}

allot_err al_run_nothing(const allot_map_opts *opts)
{
    if (opts != NULL && opts->stats != NULL)
        *opts->stats = (allot_stats){.nengines = 1, .plan = {.reason = ALLOT_REASON_NOTHING, .nengines = 1}};
    if (opts != NULL && opts->faults != NULL)
        opts->faults->nfaults = 0;
    if (opts != NULL)
        al_control_begin(opts->control, 0);
    return ALLOT_OK;
}

/** The costs that waking has now, also before the default pool exists. */
static void ask_costs(const run *r, allot_costs *costs, allot_work *work)
{
    if (r->pool == NULL) {
        *costs = (allot_costs){.handover_ns = AL_HANDOVER_ASSUMED_NS,
                               .wake_call_ns = MAKE_POOL_NS,
                               .wake_latency_ns = MAKE_POOL_LATENCY_NS};
        work->nsleeping = al_pool_default_nthreads() - 1;
        return;
    }
    al_park_costs(r->pool, costs);
    uint32_t others = r->pool->nthreads - 1;
    uint32_t spinning = atomic_load_explicit(&r->pool->nspinning, memory_order_relaxed);
    work->nspinning = spinning < others ? spinning : others;
    if (al_park_any_asleep(r->pool))
        work->nsleeping = others - work->nspinning;
}

static void ask_planner(run *r)
{
    allot_costs costs;
    allot_work work = {.nitems = r->n - r->done,
                       .item_ns = r->item_ticks * al_clock_ns_per_tick,
                       .done_ns = al_ticks_to_ns(r->last - r->start),
                       .confirmed = r->confirmed};
    ask_costs(r, &costs, &work);
    uint32_t others = r->opts != NULL && r->opts->max_threads != 0 ? r->opts->max_threads - 1 : UINT32_MAX;
    work.nspinning = work.nspinning < others ? work.nspinning : others;
    work.nsleeping = work.nsleeping < others ? work.nsleeping : others;
    allot_plan_grain(&costs, &work, &r->plan);
}

/** Open what is left to the pool and work on it to its end. @return false when that cannot be done now */
static bool work_together(run *r, bool wake)
{
    bool made = r->pool == NULL;
    if (made)
        r->pool = al_pool_default();
    if (r->pool == NULL)
        return false;
    al_loop_spec spec = {.begin = r->done,
                         .end = r->n,
                         .fn = r->fn,
                         .arg = r->arg,
                         .deadline = r->deadline,
                         .item_ticks = r->item_ticks,
                         .scale = r->scale};
    if (r->opts != NULL) {
        spec.chunk_items = r->opts->chunk_items;
        spec.max_threads = r->opts->max_threads;
        spec.control = r->opts->control;
    }
    uint64_t now = al_ticks();
    al_loop *loop = al_loop_open(r->pool, &spec);
    if (loop == NULL)
        return false;
    r->opened = now;
    r->shared_ticks = r->item_ticks * (double)(r->n - r->done);
    al_loop_finish(loop, wake && !made, &r->result);
    return true;
}

/** Whether the loop must end here, undone. */
static bool is_stopped(run *r)
{
    if (r->opts == NULL)
        return false;
    r->result.canceled = al_control_is_canceled(r->opts->control);
    r->result.timed_out = !r->result.canceled && r->last >= r->deadline;
    return r->result.canceled || r->result.timed_out;
}

/** Do `items` items. @return false when the body failed */
static inline bool do_chunk(run *r, uint64_t items)
{
    uint64_t index;
    int user = al_loop_call(r->fn, r->arg, r->done, r->done + items, &index);
    r->nchunks++;
    if (AL_UNLIKELY(user != 0)) {
        r->result.failed = true;
        r->result.index = index;
        r->result.user = user;
        return false;
    }
    r->done += items;
    if (r->opts != NULL)
        al_control_add(r->opts->control, items * r->scale);
    return true;
}

static uint64_t items_in(const run *r, double ns)
{
    double items = ns * al_clock_ticks_per_ns / r->item_ticks;
    uint64_t left = r->n - r->done;
    return items >= (double)left ? left : items < 1.0 ? 1 : (uint64_t)items;
}

/** Take the time of the chunk just done into the estimate. @return false when it was too short to tell */
static bool sample(run *r, uint64_t items)
{
    uint64_t now = al_ticks(), took = now - r->last;
    r->last = now;
    if ((double)took < SAMPLE_NS * al_clock_ticks_per_ns)
        return false;
    double latest = (double)took / (double)items;
    double mean = (double)(now - r->start) / (double)r->done;
    r->confirmed = latest <= AGREE_RATIO * r->item_ticks;
    r->item_ticks = min_of(latest, mean);
    return true;
}

/** Whether it is worth asking: below this no plan but "alone" is possible. Reads one cache line. */
static bool may_pay(run *r)
{
    double left_ticks = (double)(r->n - r->done) * r->item_ticks;
    if (r->alone)
        return false;
    if (r->pool == NULL) {
        r->missed = al_pool_default_nthreads() > 1;
        return left_ticks >= wake_ticks(NULL);
    }
    double share = atomic_load_explicit(&r->pool->share_ticks, memory_order_relaxed);
    if (left_ticks < share)
        return false;
    r->held_back = r->known && left_ticks < (double)r->site->floor_ticks;
    if (r->held_back)
        return false;
    if (atomic_load_explicit(&r->pool->nspinning, memory_order_relaxed) > 0)
        return true;
    r->missed = true;
    return left_ticks >= wake_ticks(r->pool);
}

/** Ask, and if it pays open the loop and see it through. @return whether it is done with */
static bool try_together(run *r)
{
    ask_planner(r);
    if (!r->plan.share)
        return false;
    if (work_together(r, r->plan.wake))
        return true;
    r->alone = true;
    return false;
}

/** The loop, from where it stands to its end. */
static void work_alone_first(run *r)
{
    uint64_t items = r->item_ticks > 0.0 ? items_in(r, r->known ? AL_SITE_SHORT_NS : FIRST_ELSEWHERE_NS) : 1;
    for (;;) {
        if (!do_chunk(r, items) || r->done == r->n)
            return;
        bool told = sample(r, items);
        if (is_stopped(r))
            return;
        if (!told) {
            uint64_t left = r->n - r->done;
            items = items < left / GROWTH ? items * GROWTH : left;
            continue;
        }
        if (may_pay(r) && try_together(r))
            return;
        items = items_in(r, ALONE_NS);
    }
}

/** Chunks of a size that the user fixed, on this thread. */
static void work_fixed_alone(run *r)
{
    while (r->done < r->n) {
        uint64_t left = r->n - r->done;
        if (!do_chunk(r, left < r->opts->chunk_items ? left : r->opts->chunk_items) || r->done == r->n)
            return;
        r->last = al_ticks();
        if (is_stopped(r))
            return;
    }
}

static bool is_alone(const run *r)
{
    if (r->opts != NULL && r->opts->max_threads == 1)
        return true;
    return r->pool != NULL && (r->pool->nthreads == 1 || al_pool_is_orphan(r->pool));
}

static void work(run *r)
{
    r->alone = is_alone(r);
    bool watched = r->opts != NULL && (r->opts->control != NULL || r->opts->timeout_ns != 0);
    if (r->opts != NULL && r->opts->chunk_items != 0) {
        if (r->alone || r->n <= r->opts->chunk_items || !work_together(r, true))
            work_fixed_alone(r);
    } else if (r->alone && !watched) {
        (void)do_chunk(r, r->n);
    } else if (!(r->confirmed && r->n > 1 && may_pay(r) && try_together(r))) {
        work_alone_first(r);
    }
}

/** Items done, as the user counts them (the last index may stand for fewer). */
static uint64_t items_done(const run *r)
{
    uint64_t items;
    if (__builtin_mul_overflow(r->done + r->result.nitems, r->scale, &items) || items > r->nitems)
        return r->nitems;
    return items;
}

static void fill_stats(run *r, allot_stats *stats)
{
    uint64_t now = al_ticks();
    uint64_t alone = (r->opened != 0 ? r->opened : now) - r->start;
    if (r->plan.serial_ns == 0.0 && r->done > 0) {
        /* Nobody asked: the loop was too short to. Say so in the planner's words. */
        run whole = *r;
        whole.item_ticks = (double)alone / (double)r->done;
        whole.done = 0;
        ask_planner(&whole);
        r->plan = whole.plan;
    }
    *stats = (allot_stats){.nitems = items_done(r),
                           .nchunks = r->nchunks + r->result.nchunks,
                           .nsteals = r->result.nsteals,
                           .nwakes = r->result.nwakes,
                           .nengines = r->result.nengines + (r->done > 0 && !r->result.owner_worked),
                           .wall_ns = al_ticks_to_ns(now - r->start),
                           .busy_ns = al_ticks_to_ns(alone + r->result.busy_ticks),
                           .first_ns = r->opened != 0 ? al_ticks_to_ns(alone) : 0.0,
                           .plan = r->plan};
}

/** Tell the next call from here what this one learnt. */
static void leave_lesson(run *r, const al_run_site *site)
{
    uint64_t items = r->done + r->result.nitems;
    if (items == 0)
        return;
    uint64_t now = al_ticks(), wall = now - r->start;
    al_site_lesson lesson = {.nitems = items,
                             .wall_ticks = wall,
                             .busy_ticks =
                                 r->opened != 0 ? r->opened - r->start + r->result.busy_ticks : wall,
                             .shared_ticks = r->shared_ticks,
                             .held_back = r->held_back,
                             .wake_ticks = wake_ticks(r->pool)};
    al_site_learn(r->site, site->fn, site->arg, &lesson);
    if (r->missed && r->opened == 0)
        al_run_miss(r->pool, r->site, r->start, now);
}

static void recall_site(run *r, const al_run_site *site)
{
    if (r->site->fn != site->fn)
        return;
    r->item_ticks = (double)r->site->item_ticks;
    r->confirmed = r->known = r->site->arg == site->arg;
}

AL_HOT allot_err al_run(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg, al_run_site site,
                        const allot_map_opts *opts, allot_error *err)
{
    run r = {.pool = pool != NULL ? pool : al_pool_default_peek(),
             .n = n,
             .fn = fn,
             .arg = arg,
             .opts = opts,
             .scale = site.scale != 0 ? site.scale : 1,
             .nitems = site.nitems != 0 ? site.nitems : n,
             .site = al_site_entry(site.fn),
             .deadline = UINT64_MAX};
    recall_site(&r, &site);
    r.start = r.last = al_ticks();
    if (opts != NULL) {
        if (opts->timeout_ns != 0)
            r.deadline = al_run_deadline(site.start != 0 ? site.start : r.start, opts->timeout_ns);
        if (site.start == 0)
            al_control_begin(opts->control, r.nitems);
    }
    if (!is_stopped(&r))
        work(&r);
    leave_lesson(&r, &site);
    if (opts != NULL && opts->stats != NULL)
        fill_stats(&r, opts->stats);
    if (AL_UNLIKELY(r.result.canceled || r.result.timed_out))
        return al_run_stopped(err, r.result.timed_out, items_done(&r), r.nitems);
    if (AL_UNLIKELY(r.result.failed))
        return al_run_user_error(err, r.result.index, r.result.user);
    return ALLOT_OK;
}
