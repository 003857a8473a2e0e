/* engine.c - what runs in an engine: wait for an order, do items, say so.
 *
 * An engine is a copy of a thread of the caller's, and what belongs to the caller is put aside first: its
 * signal handlers, its exit handlers and what stdio had not written yet. Signals from the terminal are the
 * caller's to act upon, so they are ignored here; whatever becomes of the caller, the engine ends with it.
 *
 * Invariant: whenever the caller's code runs, the seat says which items it has (seat.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/spin.h"
#include "pool/loop.h"
#include "pool/team.h"

/** How long an engine that has nothing to do spins: about what a wake-up would cost. */
#define SPIN_NS 50e3

uint32_t al_engine_self = ALLOT_ENGINE_NONE;
const al_variables *al_engine_variables;

typedef struct engine {
    al_board *board;
    al_seat *seat;
    uint32_t id;
    int wake_fd;
    bool may_spin;
    uint64_t last; /* ticks when the latest call of the function ended */
} engine;

static inline uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void store(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

/** Only the engine itself adds to these. */
static inline void add(_Atomic uint64_t *word, uint64_t value)
{
    store(word, load(word) + value);
}

/* Items. */

static int call_function(const al_call *call, uint32_t id, uint64_t first, uint64_t end)
{
    switch (call->kind) {
    case AL_CALL_MAP:
        return call->fn.map(call->in != NULL ? call->in + first * call->in_nbytes : NULL,
                            call->out != NULL ? call->out + first * call->out_nbytes : NULL, first,
                            end - first, call->arg);
    case AL_CALL_ENGINE:
        return call->fn.engine(id, call->arg);
    default:
        return call->fn.each(first, end, call->arg);
    }
}

/** Have the function do [first, end). @return what it returned, *index being the item it meant */
static int do_items(engine *e, uint64_t first, uint64_t end, uint64_t *index)
{
    al_seat *seat = e->seat;
    store(&seat->at, first);
    store(&seat->called_at, e->last);
    store(&seat->until, end);
    int user = call_function(&e->board->call, e->id, first, end);
    store(&seat->until, 0);
    *index = user != 0 ? al_loop_failed_index(first, end) : first;
    uint64_t now = al_ticks();
    add(&seat->busy_ticks, now - e->last);
    add(&seat->nchunks, 1);
    e->last = now;
    return user;
}

static bool is_stopped(const engine *e)
{
    return atomic_load_explicit(&e->board->stop, memory_order_relaxed) != 0;
}

static bool is_dropped(const engine *e, uint64_t item)
{
    return is_stopped(e) || item >= load(&e->board->limit);
}

static void rouse_caller(engine *e)
{
    uint64_t one = 1;
    if (atomic_load_explicit(&e->board->caller_asleep, memory_order_seq_cst) != 0 &&
        write(e->wake_fd, &one, sizeof one) < 0)
        return; /* it is full of such messages already */
}

static void note_failure(engine *e, uint64_t index, int user)
{
    if (index < load(&e->seat->failed_index)) {
        atomic_store_explicit(&e->seat->failed_user, user, memory_order_relaxed);
        store(&e->seat->failed_index, index);
    }
    if (e->board->call.go_on)
        al_board_note_fault(e->board, index, ALLOT_FAULT_RETURNED, user);
    else
        al_board_lower_limit(e->board, index);
    rouse_caller(e); /* it may have to end others */
}

/** Items [at, end), each by itself, so that each that fails is known. */
static void do_one_by_one(engine *e, uint64_t end)
{
    uint64_t index;
    for (uint64_t i = load(&e->seat->at); i < end && !is_dropped(e, i); i++) {
        int user = do_items(e, i, i + 1, &index);
        if (user != 0)
            note_failure(e, i, user);
        store(&e->seat->at, i + 1);
        add(&e->seat->nitems, 1);
    }
}

static void do_chunk(engine *e, uint64_t first, uint64_t end)
{
    uint64_t index;
    int user = do_items(e, first, end, &index);
    if (user != 0 && e->board->call.go_on && end - first > 1) {
        do_one_by_one(e, end);
        return;
    }
    if (user != 0)
        note_failure(e, index, user);
    store(&e->seat->at, end);
    add(&e->seat->nitems, end - first);
}

/** Do the units that were taken. @return false when the rest of the range is to be dropped as well */
static bool do_taken(engine *e)
{
    const al_cut *cut = &e->board->cut;
    uint64_t doing = load(&e->seat->doing), first = al_cut_item(cut, al_range_begin(doing));
    uint64_t end = al_cut_item(cut, al_range_end(doing)), next, start = e->last;
    uint64_t size = e->board->call.chunk_items != 0 ? e->board->call.chunk_items : end - first;
    for (uint64_t begin = first; begin < end; begin = next) {
        if (is_dropped(e, begin))
            return false;
        next = end - begin > size ? begin + size : end;
        do_chunk(e, begin, next);
    }
    double unit = (double)(e->last - start) / al_range_left(doing);
    e->seat->unit_ticks = e->seat->unit_ticks > 0.0 ? (e->seat->unit_ticks + unit) / 2 : unit;
    return true;
}

static uint32_t units_worth(const engine *e)
{
    double unit_ticks = e->seat->unit_ticks;
    uint32_t left = al_range_left(load(&e->seat->range));
    if (e->board->call.chunk_items != 0 || unit_ticks <= 0.0)
        return 1;
    return (uint32_t)allot_plan_chunk(left > 0 ? left : 1, unit_ticks * al_clock_ns_per_tick);
}

static bool steal(engine *e)
{
    bool busy, stole;
    if (e->board->call.pinned)
        return false;
    while (!(stole = al_seat_steal(&e->board->cut, e->board->seats, e->board->nseats, e->id, &busy)) &&
           busy && !is_stopped(e))
        al_spin_pause();
    if (stole) {
        add(&e->seat->nsteals, 1);
        e->last = al_ticks();
    }
    return stole;
}

static void work(engine *e)
{
    al_seat_count(e->seat);
    e->last = al_ticks();
    uint64_t redo_end = load(&e->seat->redo_end);
    if (redo_end != 0) {
        do_one_by_one(e, redo_end);
        store(&e->seat->redo_end, 0);
    }
    do {
        while (al_seat_take(&e->board->cut, e->seat, units_worth(e))) {
            bool going_on = do_taken(e);
            al_seat_taken_done(e->seat);
            if (!going_on)
                al_seat_drain(e->seat);
        }
    } while (!is_stopped(e) && steal(e));
    if (__fpending(stdout) > 0) /* it is not to wait for a next call, which may never come */
        (void)fflush(stdout);
}

/* Orders. */

static bool anybody_works(const engine *e)
{
    for (uint32_t k = 0; k < e->board->nseats; k++)
        if (atomic_load_explicit(&e->board->seats[k].order, memory_order_seq_cst) == AL_SEAT_WORKING)
            return true;
    return false;
}

/** Say that this engine is done with the call, and to a caller that sleeps, that everybody is. */
static void report(engine *e)
{
    bool once = e->board->once;
    atomic_store_explicit(&e->seat->order, once ? AL_SEAT_LEFT : AL_SEAT_IDLE, memory_order_seq_cst);
    atomic_fetch_add_explicit(&e->board->nreports, 1, memory_order_seq_cst);
    if (!anybody_works(e))
        rouse_caller(e);
    if (once)
        _exit(0);
}

static uint32_t order_now(const engine *e)
{
    return atomic_load_explicit(&e->seat->order, memory_order_seq_cst);
}

static void await_order(engine *e)
{
    uint64_t until = al_ticks() + al_ticks_from_ns(SPIN_NS);
    while (e->may_spin && al_ticks() < until) {
        if (order_now(e) == AL_SEAT_ORDERED)
            return;
        al_spin_pause();
    }
    atomic_store_explicit(&e->seat->asleep, 1, memory_order_seq_cst);
    for (uint32_t order; (order = order_now(e)) != AL_SEAT_ORDERED;)
        (void)syscall(SYS_futex, &e->seat->order, FUTEX_WAIT, order, NULL, NULL, 0);
    atomic_store_explicit(&e->seat->asleep, 0, memory_order_relaxed);
}

/* Becoming an engine. */

/** Handlers of the caller's are not about this process. What it ignores stays ignored. */
static void settle_signals(void)
{
    struct sigaction action;
    for (int number = 1; number < NSIG; number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN &&
            action.sa_handler != SIG_DFL)
            (void)signal(number, SIG_DFL);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGQUIT, SIG_IGN);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/** exit() was called by an item. The caller's exit handlers, which were set before, are not run. */
static void leave_at_once(int status, void *nothing)
{
    (void)nothing;
    (void)fflush(stdout);
    _exit(status);
}

static void settle(uint32_t id, pid_t caller)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != caller)
        _exit(0); /* it ended before we asked to be told */
    (void)prctl(PR_SET_NAME, "allot-engine");
    __fpurge(stdout);
    __fpurge(stderr);
    (void)on_exit(leave_at_once, NULL);
    al_engine_self = id;
    al_worker_self = NULL;
    al_pool_default_alone();
    settle_signals();
}

_Noreturn void al_engine_main(const al_team *team, uint32_t id, pid_t caller)
{
    engine e = {.board = team->board,
                .seat = &team->board->seats[id],
                .id = id,
                .wake_fd = team->wake_fd,
                .may_spin = id + 1 < team->nprocessors}; /* one is the caller's */
    settle(id, caller);
    al_engine_variables = team->variables;
    for (;;) {
        uint32_t ordered = AL_SEAT_ORDERED;
        await_order(&e);
        if (!atomic_compare_exchange_strong_explicit(&e.seat->order, &ordered, AL_SEAT_WORKING,
                                                     memory_order_acq_rel, memory_order_relaxed))
            continue; /* taken back */
        work(&e);
        report(&e);
    }
}
