/* watch.c - the caller during a call: it hands out orders, waits, and sees to engines that end.
 *
 * The caller does no items. All of them lie in one seat's range to begin with; whoever else is ordered takes
 * half of what is left. The caller spins only while engines leave it a processor: otherwise it would take the
 * time from them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/spin.h"
#include "pool/caller.h"
#include "pool/control.h"
#include "pool/loop.h"

/** One engine is let alone for so long before others are called. */
#define ALONE_NS 3e3
/** The caller spins for so long before it sleeps. */
#define SPIN_NS 50e3
#define SPINS_A_LOOK 16u
/** Somebody who watches or may cancel the call is served so often. */
#define LOOK_NS 1e6
/** No limit on an item is looked after more often. */
#define LEAST_SLEEP_NS 50e3

static uint64_t items_done(const al_caller *c)
{
    uint64_t n = 0;
    for (uint32_t k = 0; k < c->team->nseats; k++)
        if (al_seat_load(&c->board->seats[k].number) == c->team->ncalls)
            n += al_seat_load(&c->board->seats[k].nitems);
    return n + c->ncondemned;
}

static void tell_progress(const al_caller *c)
{
    const al_team_task *task = c->task;
    uint64_t ndone;
    if (task->control == NULL)
        return;
    if (__builtin_mul_overflow(items_done(c), task->scale, &ndone) || ndone > task->nitems)
        ndone = task->nitems;
    if (ndone > al_seat_load(&task->control->ndone))
        atomic_store_explicit(&task->control->ndone, ndone, memory_order_relaxed);
}

/** Look at everything that may end the call. @return ticks until the next look */
static uint64_t look(al_caller *c)
{
    uint64_t now = al_ticks(), next = al_caller_end_long_items(c, now),
             look_ticks = al_ticks_from_ns(LOOK_NS);
    if (al_control_is_canceled(c->task->control))
        al_caller_stop(c, AL_STOP_CANCELED);
    else if (now >= c->task->deadline)
        al_caller_stop(c, AL_STOP_TIMED_OUT);
    else if (c->board->call.go_on && al_seat_load(&c->board->nfaults) > AL_FAULTS_MAX)
        al_caller_stop(c, AL_STOP_GAVE_UP);
    if (c->kill_at == UINT64_MAX && al_seat_load(&c->board->limit) != UINT64_MAX)
        al_caller_end_soon(c, now);
    if (now >= c->kill_at)
        al_caller_end_needless(c);
    tell_progress(c);
    if (c->task->control != NULL || c->stop != AL_STOP_NOT || c->kill_at != UINT64_MAX ||
        c->board->call.go_on)
        next = next < look_ticks ? next : look_ticks;
    if (c->task->deadline != UINT64_MAX && c->task->deadline > now)
        next = next < c->task->deadline - now ? next : c->task->deadline - now;
    return next;
}

static bool has_processor_left(const al_caller *c)
{
    return c->nordered < c->team->nprocessors;
}

/** Wait for a call that is short, or for the first engines to show that it is not. @return whether it is over
 */
static bool spin(al_caller *c)
{
    uint32_t seen = atomic_load_explicit(&c->board->nreports, memory_order_acquire), now;
    if (al_caller_is_over(c))
        return true;
    uint64_t start = al_ticks(), alone = al_ticks_from_ns(ALONE_NS), most = al_ticks_from_ns(SPIN_NS);
    for (uint32_t spins = 1; has_processor_left(c); spins++) {
        now = atomic_load_explicit(&c->board->nreports, memory_order_acquire);
        if (now != seen && al_caller_is_over(c))
            return true;
        seen = now;
        al_spin_pause();
        if (spins % SPINS_A_LOOK != 0)
            continue;
        uint64_t spent = al_ticks() - start;
        if (spent > most)
            return false;
        if (spent > alone && c->nordered < c->nengines)
            al_caller_order_others(c);
    }
    return false;
}

/** Sleep until an engine says that all is done, one ends, or `ticks` have passed. */
static void sleep_for(al_caller *c, uint64_t ticks)
{
    al_team *team = c->team;
    struct timespec timeout = {0};
    uint64_t ns = (uint64_t)(ticks == UINT64_MAX ? 1e18 : al_ticks_to_ns(ticks));
    ns = ns > (uint64_t)LEAST_SLEEP_NS ? ns : (uint64_t)LEAST_SLEEP_NS;
    timeout = (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    atomic_store_explicit(&c->board->caller_asleep, 1, memory_order_seq_cst);
    int nready = al_caller_is_over(c) ? 0 : ppoll(team->polled, team->nseats + 1, &timeout, NULL);
    atomic_store_explicit(&c->board->caller_asleep, 0, memory_order_seq_cst);
    if (nready <= 0)
        return;
    uint64_t count;
    if ((team->polled[team->nseats].revents & POLLIN) != 0 && read(team->wake_fd, &count, sizeof count) < 0)
        return; /* it was emptied: nothing to do */
    for (uint32_t k = 0; k < team->nseats; k++)
        if (team->polled[k].fd >= 0 && team->polled[k].revents != 0)
            al_caller_bury(c, k);
}

static void await_end(al_caller *c)
{
    if (spin(c))
        return;
    al_caller_order_others(c);
    while (!al_caller_is_over(c))
        sleep_for(c, look(c));
}

/* Beginning and end of a call. */

/** Write on the board what is to be done. What is there already, as it is when a call is repeated, stays
 * where it is: in the engines' caches. @return the seat that has it; with pinned ones each has its own */
static uint32_t post(al_caller *c)
{
    al_board *board = c->board;
    const al_team_task *task = c->task;
    uint32_t first = task->only != ALLOT_ENGINES_ANY ? task->only : 0;
    for (uint32_t k = 0; k < c->team->nseats; k++) {
        al_seat_clear(&board->seats[k]);
        c->team->processes[k].lost = UINT64_MAX;
    }
    while (task->only == ALLOT_ENGINES_ANY && first < c->team->nseats &&
           (c->team->processes[first].pid == 0 ||
            atomic_load_explicit(&board->seats[first].asleep, memory_order_relaxed) != 0))
        first++;
    first = first < c->team->nseats ? first : 0; /* all sleep */
    c->team->ncalls++;
    uint64_t step = al_loop_step(task->n, task->call.chunk_items);
    if (memcmp(&board->call, &task->call, sizeof board->call) != 0)
        board->call = task->call;
    if (board->cut.nitems != task->n || board->cut.step != step) {
        board->cut.nitems = task->n;
        board->cut.step = step;
    }
    if (al_seat_load(&board->limit) != UINT64_MAX || al_seat_load(&board->nfaults) != 0 || board->stop != 0) {
        atomic_store_explicit(&board->limit, UINT64_MAX, memory_order_relaxed);
        atomic_store_explicit(&board->nfaults, 0, memory_order_relaxed);
        atomic_store_explicit(&board->stop, 0, memory_order_relaxed);
    }
    uint64_t nunits = task->n / step + (task->n % step != 0);
    uint64_t most = task->max_engines != 0 ? task->max_engines : c->team->nseats;
    most = most < nunits ? most : nunits;
    c->nengines = most < c->team->nseats ? (uint32_t)most : c->team->nseats;
    for (uint32_t k = 0; task->call.pinned && k < nunits; k++)
        atomic_store_explicit(&board->seats[k].range, al_range_pack(k, k + 1), memory_order_relaxed);
    if (!task->call.pinned)
        atomic_store_explicit(&board->seats[first].range, al_range_pack(0, (uint32_t)nunits),
                              memory_order_release);
    return first;
}

/** Engines for this call. */
static allot_err fork_all(al_caller *c, uint32_t first, allot_error *err)
{
    int failure = 0;
    for (uint32_t k = 0; k < c->team->nseats && c->nordered < c->nengines && failure == 0; k++) {
        uint32_t id = (first + k) % c->team->nseats;
        failure = al_team_fork(c->team, id);
        if (failure == 0)
            al_caller_order(c, id);
    }
    if (c->nordered > 0 && (failure == 0 || !c->task->call.pinned))
        return ALLOT_OK;
    for (uint32_t k = 0; k < c->team->nseats; k++)
        al_team_kill(c->team, k);
    return al_fail(err, ALLOT_ENOMEM, failure,
                   "engine %u of %u could not be started; see `ulimit -u` and the cgroup's pids.max",
                   c->nordered, c->nengines);
}

/** Engines that stay: those that are missing are made anew. */
static allot_err order_first(al_caller *c, uint32_t first, allot_error *err)
{
    for (uint32_t k = 0; k < c->team->nseats; k++) {
        int failure = c->team->processes[k].pid == 0 ? al_team_fork(c->team, k) : 0;
        if (failure != 0)
            return al_fail(err, ALLOT_ENOMEM, failure,
                           "engine %u of %u could not be started; see `ulimit -u` and the cgroup's pids.max",
                           k, c->team->nseats);
    }
    al_caller_keep_off(c, first);
    al_caller_order(c, first);
    if (c->task->call.pinned || c->task->call.chunk_items != 0)
        al_caller_order_others(c);
    return ALLOT_OK;
}

static void collect(al_caller *c)
{
    al_team_result *result = c->result;
    for (uint32_t k = 0; k < c->team->nseats; k++) {
        const al_seat *seat = &c->board->seats[k];
        if (al_seat_load(&seat->number) != c->team->ncalls)
            continue;
        uint64_t index = al_seat_load(&seat->failed_index);
        result->nitems += al_seat_load(&seat->nitems);
        result->nchunks += al_seat_load(&seat->nchunks);
        result->nsteals += al_seat_load(&seat->nsteals);
        result->busy_ticks += al_seat_load(&seat->busy_ticks);
        result->nengines += al_seat_load(&seat->nitems) > 0;
        allot_fault fault = {.index = index,
                             .kind = ALLOT_FAULT_RETURNED,
                             .value = atomic_load_explicit(&seat->failed_user, memory_order_relaxed)};
        if (index != UINT64_MAX)
            al_caller_note_lowest(result, &fault, k);
    }
    result->nitems += c->ncondemned;
    result->nfaults = al_seat_load(&c->board->nfaults);
    bool undone = result->nitems < c->task->n;
    result->canceled = undone && c->stop == AL_STOP_CANCELED;
    result->timed_out = undone && c->stop == AL_STOP_TIMED_OUT;
    result->gave_up = undone && c->stop == AL_STOP_GAVE_UP;
}

allot_err al_team_run(al_team *team, const al_team_task *task, al_team_result *result, allot_error *err)
{
    *result = (al_team_result){0};
    al_caller c = {.team = team, .board = team->board, .task = task, .result = result, .kill_at = UINT64_MAX};
    uint32_t first = post(&c);
    allot_err code = team->board->once ? fork_all(&c, first, err) : order_first(&c, first, err);
    if (code != ALLOT_OK)
        return code;
    await_end(&c);
    collect(&c);
    tell_progress(&c);
    if (c.stop == AL_STOP_BROKEN)
        return al_fail(
            err, ALLOT_ENOMEM, c.fork_errno,
            "an engine ended, and no other could be started; see `ulimit -u` and the cgroup's pids.max");
    return ALLOT_OK;
}
