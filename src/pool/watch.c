/* watch.c - the caller during a call: it hands out orders, waits, and sees to engines that end.
 *
 * The caller does no items. All of them lie in one seat's range to begin with; whoever else is ordered takes
 * half of what is left. An engine that spins is given a few microseconds alone, since a short call is done by
 * then; after that everybody is ordered. The caller spins only while engines leave it a processor: otherwise
 * it would take the time from them.
 *
 * A death. What the engine had in hand when it ended is judged (judge()): one item is to blame, several are
 * done again one by one. A kill from outside (SIGKILL: an administrator, the kernel when memory is short)
 * says little about the item, so that it is to blame only the second time. Engines that we end because an
 * item took too long may have gone on to another item meanwhile: that one is done again.
 *
 * Invariant: a call is over when no seat has work and none is ordered or working; seats change only by their
 * engines, and by the caller when it has buried the engine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/spin.h"
#include "pool/control.h"
#include "pool/loop.h"
#include "pool/team.h"

/** One engine is let alone for so long before others are called. */
#define ALONE_NS 3e3
/** The caller spins for so long before it sleeps. */
#define SPIN_NS 50e3
#define SPINS_A_LOOK 16u
/** Engines that are to stop have so long to end the chunk they are in. */
#define GRACE_NS 20e6
/** Somebody who watches or may cancel the call is served so often. */
#define LOOK_NS 1e6
/** No limit on an item is looked after more often. */
#define LEAST_SLEEP_NS 50e3
/** So many engines may end during a call; then it does. */
#define DEATHS_MAX 1000u

enum { RUNNING, CANCELED, TIMED_OUT, GAVE_UP, BROKEN };

typedef struct watch {
    al_team *team;
    al_board *board;
    const al_team_task *task;
    al_team_result *result;
    uint32_t nengines; /* that may take part */
    uint32_t nordered;
    int stop;
    int fork_errno;      /* BROKEN: why no engine could be had */
    uint64_t kill_at;    /* ticks after which engines that need not go on are ended; UINT64_MAX: not yet */
    uint64_t ncondemned; /* items that ended an engine */
} watch;

static inline uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static uint32_t order_of(const al_seat *seat)
{
    return atomic_load_explicit(&seat->order, memory_order_seq_cst);
}

/* Orders. */

static void order(watch *w, uint32_t id)
{
    al_seat *seat = &w->board->seats[id];
    atomic_store_explicit(&seat->call, w->team->ncalls, memory_order_relaxed);
    atomic_store_explicit(&seat->order, AL_SEAT_ORDERED, memory_order_seq_cst);
    w->nordered++;
    if (atomic_load_explicit(&seat->asleep, memory_order_seq_cst) == 0)
        return;
    (void)syscall(SYS_futex, &seat->order, FUTEX_WAKE, 1, NULL, NULL, 0);
    w->result->nwakes++;
}

/** Left to itself, the kernel likes to put engines that wake each other on one processor, and leaves them
 * there while something unimportant runs on another. So each is forbidden the processors that those ordered
 * before it were on, if it has others. */
static void keep_apart(watch *w, uint32_t id, cpu_set_t *taken)
{
    al_process *process = &w->team->processes[id];
    cpu_set_t both, rest;
    CPU_AND(&both, &w->team->allowed, taken);
    CPU_XOR(&rest, &w->team->allowed, &both);
    if (CPU_COUNT(&rest) > 0 && !CPU_EQUAL(&rest, &process->allowed) &&
        sched_setaffinity(process->pid, sizeof rest, &rest) == 0)
        process->allowed = rest;
}

static void note_processor(const watch *w, uint32_t id, cpu_set_t *taken)
{
    int cpu = atomic_load_explicit(&w->board->seats[id].cpu, memory_order_relaxed);
    if (cpu >= 0 && cpu < CPU_SETSIZE)
        CPU_SET((size_t)cpu, taken);
}

/** A caller that will spin while the engine works must not do so on its processor. */
static void keep_off_caller(watch *w, uint32_t id)
{
    int cpu = sched_getcpu();
    cpu_set_t taken;
    if (w->nengines >= w->team->nprocessors || cpu < 0 || cpu >= CPU_SETSIZE ||
        cpu != atomic_load_explicit(&w->board->seats[id].cpu, memory_order_relaxed))
        return;
    CPU_ZERO(&taken);
    CPU_SET((size_t)cpu, &taken);
    keep_apart(w, id, &taken);
}

static void order_others(watch *w)
{
    cpu_set_t taken;
    CPU_ZERO(&taken);
    if (w->task->only != ALLOT_ENGINES_ANY || w->nordered >= w->nengines)
        return;
    for (uint32_t k = 0; k < w->team->nseats; k++)
        if (order_of(&w->board->seats[k]) != AL_SEAT_IDLE)
            note_processor(w, k, &taken);
    for (uint32_t k = 0; k < w->team->nseats && w->nordered < w->nengines; k++) {
        if (w->team->processes[k].pid == 0 || order_of(&w->board->seats[k]) != AL_SEAT_IDLE ||
            (w->board->call.pinned && !al_seat_has_work(&w->board->seats[k])))
            continue;
        keep_apart(w, k, &taken);
        order(w, k);
        note_processor(w, k, &taken);
    }
}

/** Whether everything is done, or dropped. Orders that nobody has accepted are taken back then. */
static bool is_over(watch *w)
{
    for (uint32_t k = 0; k < w->team->nseats; k++)
        if (al_seat_has_work(&w->board->seats[k]))
            return false;
    for (uint32_t k = 0; k < w->team->nseats; k++) {
        uint32_t ordered = order_of(&w->board->seats[k]);
        if (ordered == AL_SEAT_WORKING)
            return false;
        if (ordered == AL_SEAT_ORDERED &&
            !atomic_compare_exchange_strong_explicit(&w->board->seats[k].order, &ordered, AL_SEAT_IDLE,
                                                     memory_order_seq_cst, memory_order_seq_cst) &&
            ordered == AL_SEAT_WORKING)
            return false;
    }
    return true;
}

/* Ends. */

static void stop(watch *w, int why)
{
    if (w->stop != RUNNING)
        return;
    w->stop = why;
    w->kill_at = al_ticks() + al_ticks_from_ns(GRACE_NS);
    atomic_store_explicit(&w->board->stop, 1, memory_order_relaxed);
}

static bool is_dropped(const watch *w, uint64_t item)
{
    return w->stop != RUNNING || item >= load(&w->board->limit);
}

static void note_lowest(al_team_result *result, const allot_fault *fault, uint32_t id)
{
    if (result->failed && fault->index >= result->fault.index)
        return;
    result->failed = true;
    result->fault = *fault;
    result->engine = id;
}

/** The item is to blame. */
static void condemn(watch *w, uint32_t id, const allot_fault *fault)
{
    w->ncondemned++;
    atomic_store_explicit(&w->board->seats[id].at, fault->index + 1, memory_order_relaxed);
    note_lowest(w->result, fault, id);
    if (w->board->call.go_on)
        al_board_note_fault(w->board, fault->index, fault->kind, fault->value);
    else
        al_board_lower_limit(w->board, fault->index);
}

/** How the engine ended that had this item alone. */
static allot_fault fault_of(uint64_t item, bool by_limit, int status)
{
    allot_fault fault = {.index = item, .kind = ALLOT_FAULT_LOST};
    if (by_limit) {
        fault.kind = ALLOT_FAULT_LIMIT;
    } else if (status >= 0 && WIFEXITED(status)) {
        fault.kind = ALLOT_FAULT_EXIT;
        fault.value = WEXITSTATUS(status);
    } else if (status >= 0) {
        fault.kind = ALLOT_FAULT_SIGNAL;
        fault.value = WTERMSIG(status);
    }
    return fault;
}

/** An engine ended with items in hand. */
static void judge(watch *w, uint32_t id, const al_seat_loss *loss, uint64_t called_at, int status)
{
    al_process *process = &w->team->processes[id];
    bool is_one = loss->end - loss->first == 1;
    bool by_limit = process->killed && process->killed_call == called_at;
    bool from_outside = status < 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !by_limit);
    if (loss->first == loss->end || !is_one || is_dropped(w, loss->first))
        return;
    if (process->killed && !by_limit)
        return; /* it was another item that was meant */
    if (from_outside && process->lost != loss->first) {
        process->lost = loss->first;
        return;
    }
    allot_fault fault = fault_of(loss->first, by_limit, status);
    condemn(w, id, &fault);
}

/** What is left in a seat need not be done, or will not. */
static void drop_dropped(watch *w, al_seat *seat)
{
    if (load(&seat->redo_end) != 0 &&
        (load(&seat->at) >= load(&seat->redo_end) || is_dropped(w, load(&seat->at))))
        atomic_store_explicit(&seat->redo_end, 0, memory_order_relaxed);
    uint64_t range = load(&seat->range);
    if (al_range_left(range) > 0 && is_dropped(w, al_cut_item(&w->board->cut, al_range_begin(range))))
        al_seat_drain(seat);
}

/** Bury an engine that ended, and put another in its place if there is something to do. */
static void on_death(watch *w, uint32_t id)
{
    al_seat *seat = &w->board->seats[id];
    int status = al_team_bury(w->team, id);
    if (order_of(seat) == AL_SEAT_LEFT) {
        atomic_store_explicit(&seat->order, AL_SEAT_IDLE, memory_order_seq_cst);
        return;
    }
    uint64_t called_at = load(&seat->called_at);
    al_seat_loss loss = al_seat_recover(&w->board->cut, w->board->seats, id);
    judge(w, id, &loss, called_at, status);
    atomic_store_explicit(&seat->order, AL_SEAT_IDLE, memory_order_seq_cst);
    if (++w->result->ndeaths >= DEATHS_MAX)
        stop(w, GAVE_UP);
    drop_dropped(w, seat);
    if (!al_seat_has_work(seat))
        return;
    w->fork_errno = al_team_fork(w->team, id);
    if (w->fork_errno == 0) {
        order(w, id);
        return;
    }
    stop(w, BROKEN);
    drop_dropped(w, seat);
}

/** End engines whose item takes longer than it may. @return ticks until the next would */
static uint64_t end_long_items(watch *w, uint64_t now)
{
    uint64_t next = w->task->item_ticks_max != 0 ? w->task->item_ticks_max : UINT64_MAX;
    for (uint32_t k = 0; k < w->team->nseats && w->task->item_ticks_max != 0; k++) {
        const al_seat *seat = &w->board->seats[k];
        if (order_of(seat) != AL_SEAT_WORKING || w->team->processes[k].killed)
            continue;
        uint64_t called_at = load(&seat->called_at), at = load(&seat->at), until = load(&seat->until);
        uint64_t nitems = w->board->call.chunk_items != 0 && until > at ? until - at : 1, limit, took;
        if (__builtin_mul_overflow(w->task->item_ticks_max, nitems, &limit))
            continue;
        took = now > called_at ? now - called_at : 0;
        if (until != 0 && took > limit && load(&seat->called_at) == called_at) {
            al_team_kill(w->team, k);
            w->team->processes[k].killed_call = called_at;
        } else {
            uint64_t left = until != 0 && took < limit ? limit - took : limit;
            next = left < next ? left : next;
        }
    }
    return next;
}

/** End engines that do what nobody needs any more. */
static void end_needless(watch *w)
{
    for (uint32_t k = 0; k < w->team->nseats; k++) {
        const al_seat *seat = &w->board->seats[k];
        if (order_of(seat) == AL_SEAT_WORKING && !w->team->processes[k].killed &&
            is_dropped(w, load(&seat->at))) {
            al_team_kill(w->team, k);
            w->team->processes[k].killed_call = 0;
        }
    }
}

/* Waiting. */

static uint64_t items_done(const watch *w)
{
    uint64_t n = 0;
    for (uint32_t k = 0; k < w->team->nseats; k++)
        if (load(&w->board->seats[k].number) == w->team->ncalls)
            n += load(&w->board->seats[k].nitems);
    return n + w->ncondemned;
}

static void tell_progress(const watch *w)
{
    const al_team_task *task = w->task;
    uint64_t ndone;
    if (task->control == NULL)
        return;
    if (__builtin_mul_overflow(items_done(w), task->scale, &ndone) || ndone > task->nitems)
        ndone = task->nitems;
    if (ndone > load(&task->control->ndone))
        atomic_store_explicit(&task->control->ndone, ndone, memory_order_relaxed);
}

/** Look at everything that may end the call. @return ticks until the next look */
static uint64_t look(watch *w)
{
    uint64_t now = al_ticks(), next = end_long_items(w, now), look_ticks = al_ticks_from_ns(LOOK_NS);
    if (al_control_is_canceled(w->task->control))
        stop(w, CANCELED);
    else if (now >= w->task->deadline)
        stop(w, TIMED_OUT);
    else if (w->board->call.go_on && load(&w->board->nfaults) > AL_FAULTS_MAX)
        stop(w, GAVE_UP);
    if (w->kill_at == UINT64_MAX && load(&w->board->limit) != UINT64_MAX)
        w->kill_at = now + al_ticks_from_ns(GRACE_NS);
    if (now >= w->kill_at)
        end_needless(w);
    tell_progress(w);
    if (w->task->control != NULL || w->stop != RUNNING || w->kill_at != UINT64_MAX || w->board->call.go_on)
        next = next < look_ticks ? next : look_ticks;
    if (w->task->deadline != UINT64_MAX && w->task->deadline > now)
        next = next < w->task->deadline - now ? next : w->task->deadline - now;
    return next;
}

static bool has_processor_left(const watch *w)
{
    return w->nordered < w->team->nprocessors;
}

/** Wait for a call that is short, or for the first engines to show that it is not. @return whether it is over
 */
static bool spin(watch *w)
{
    uint32_t seen = atomic_load_explicit(&w->board->nreports, memory_order_acquire), now;
    if (is_over(w))
        return true;
    uint64_t start = al_ticks(), alone = al_ticks_from_ns(ALONE_NS), most = al_ticks_from_ns(SPIN_NS);
    for (uint32_t spins = 1; has_processor_left(w); spins++) {
        now = atomic_load_explicit(&w->board->nreports, memory_order_acquire);
        if (now != seen && is_over(w))
            return true;
        seen = now;
        al_spin_pause();
        if (spins % SPINS_A_LOOK != 0)
            continue;
        uint64_t spent = al_ticks() - start;
        if (spent > most)
            return false;
        if (spent > alone && w->nordered < w->nengines)
            order_others(w);
    }
    return false;
}

/** Sleep until an engine says that all is done, one ends, or `ticks` have passed. */
static void sleep_for(watch *w, uint64_t ticks)
{
    al_team *team = w->team;
    struct timespec timeout = {0};
    uint64_t ns = (uint64_t)(ticks == UINT64_MAX ? 1e18 : al_ticks_to_ns(ticks));
    ns = ns > (uint64_t)LEAST_SLEEP_NS ? ns : (uint64_t)LEAST_SLEEP_NS;
    timeout = (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    atomic_store_explicit(&w->board->caller_asleep, 1, memory_order_seq_cst);
    int nready = is_over(w) ? 0 : ppoll(team->polled, team->nseats + 1, &timeout, NULL);
    atomic_store_explicit(&w->board->caller_asleep, 0, memory_order_seq_cst);
    if (nready <= 0)
        return;
    uint64_t count;
    if ((team->polled[team->nseats].revents & POLLIN) != 0 && read(team->wake_fd, &count, sizeof count) < 0)
        return; /* it was emptied: nothing to do */
    for (uint32_t k = 0; k < team->nseats; k++)
        if (team->polled[k].fd >= 0 && team->polled[k].revents != 0)
            on_death(w, k);
}

static void await_end(watch *w)
{
    if (spin(w))
        return;
    order_others(w);
    while (!is_over(w))
        sleep_for(w, look(w));
}

/* Beginning and end of a call. */

/** Write on the board what is to be done. What is there already, as it is when a call is repeated, stays
 * where it is: in the engines' caches. @return the seat that has it; with pinned ones each has its own */
static uint32_t post(watch *w)
{
    al_board *board = w->board;
    const al_team_task *task = w->task;
    uint32_t first = task->only != ALLOT_ENGINES_ANY ? task->only : 0;
    for (uint32_t k = 0; k < w->team->nseats; k++) {
        al_seat_clear(&board->seats[k]);
        w->team->processes[k].lost = UINT64_MAX;
    }
    while (task->only == ALLOT_ENGINES_ANY && first < w->team->nseats &&
           (w->team->processes[first].pid == 0 ||
            atomic_load_explicit(&board->seats[first].asleep, memory_order_relaxed) != 0))
        first++;
    first = first < w->team->nseats ? first : 0; /* all sleep */
    w->team->ncalls++;
    uint64_t step = al_loop_step(task->n, task->call.chunk_items);
    if (memcmp(&board->call, &task->call, sizeof board->call) != 0)
        board->call = task->call;
    if (board->cut.nitems != task->n || board->cut.step != step) {
        board->cut.nitems = task->n;
        board->cut.step = step;
    }
    if (load(&board->limit) != UINT64_MAX || load(&board->nfaults) != 0 || board->stop != 0) {
        atomic_store_explicit(&board->limit, UINT64_MAX, memory_order_relaxed);
        atomic_store_explicit(&board->nfaults, 0, memory_order_relaxed);
        atomic_store_explicit(&board->stop, 0, memory_order_relaxed);
    }
    uint64_t nunits = task->n / step + (task->n % step != 0);
    uint64_t most = task->max_engines != 0 ? task->max_engines : w->team->nseats;
    most = most < nunits ? most : nunits;
    w->nengines = most < w->team->nseats ? (uint32_t)most : w->team->nseats;
    for (uint32_t k = 0; task->call.pinned && k < nunits; k++)
        atomic_store_explicit(&board->seats[k].range, al_range_pack(k, k + 1), memory_order_relaxed);
    if (!task->call.pinned)
        atomic_store_explicit(&board->seats[first].range, al_range_pack(0, (uint32_t)nunits),
                              memory_order_release);
    return first;
}

/** Engines for this call. */
static allot_err fork_all(watch *w, uint32_t first, allot_error *err)
{
    int failure = 0;
    for (uint32_t k = 0; k < w->team->nseats && w->nordered < w->nengines && failure == 0; k++) {
        uint32_t id = (first + k) % w->team->nseats;
        failure = al_team_fork(w->team, id);
        if (failure == 0)
            order(w, id);
    }
    if (w->nordered > 0 && (failure == 0 || !w->task->call.pinned))
        return ALLOT_OK;
    for (uint32_t k = 0; k < w->team->nseats; k++)
        al_team_kill(w->team, k);
    return al_fail(err, ALLOT_ENOMEM, failure,
                   "engine %u of %u could not be started; see `ulimit -u` and the cgroup's pids.max",
                   w->nordered, w->nengines);
}

/** Engines that stay: those that are missing are made anew. */
static allot_err order_first(watch *w, uint32_t first, allot_error *err)
{
    for (uint32_t k = 0; k < w->team->nseats; k++) {
        int failure = w->team->processes[k].pid == 0 ? al_team_fork(w->team, k) : 0;
        if (failure != 0)
            return al_fail(err, ALLOT_ENOMEM, failure,
                           "engine %u of %u could not be started; see `ulimit -u` and the cgroup's pids.max",
                           k, w->team->nseats);
    }
    keep_off_caller(w, first);
    order(w, first);
    if (w->task->call.pinned || w->task->call.chunk_items != 0)
        order_others(w);
    return ALLOT_OK;
}

static void collect(watch *w)
{
    al_team_result *result = w->result;
    for (uint32_t k = 0; k < w->team->nseats; k++) {
        const al_seat *seat = &w->board->seats[k];
        if (load(&seat->number) != w->team->ncalls)
            continue;
        uint64_t index = load(&seat->failed_index);
        result->nitems += load(&seat->nitems);
        result->nchunks += load(&seat->nchunks);
        result->nsteals += load(&seat->nsteals);
        result->busy_ticks += load(&seat->busy_ticks);
        result->nengines += load(&seat->nitems) > 0;
        allot_fault fault = {.index = index,
                             .kind = ALLOT_FAULT_RETURNED,
                             .value = atomic_load_explicit(&seat->failed_user, memory_order_relaxed)};
        if (index != UINT64_MAX)
            note_lowest(result, &fault, k);
    }
    result->nitems += w->ncondemned;
    result->nfaults = load(&w->board->nfaults);
    bool undone = result->nitems < w->task->n;
    result->canceled = undone && w->stop == CANCELED;
    result->timed_out = undone && w->stop == TIMED_OUT;
    result->gave_up = undone && w->stop == GAVE_UP;
}

allot_err al_team_run(al_team *team, const al_team_task *task, al_team_result *result, allot_error *err)
{
    *result = (al_team_result){0};
    watch w = {.team = team, .board = team->board, .task = task, .result = result, .kill_at = UINT64_MAX};
    uint32_t first = post(&w);
    allot_err code = team->board->once ? fork_all(&w, first, err) : order_first(&w, first, err);
    if (code != ALLOT_OK)
        return code;
    await_end(&w);
    collect(&w);
    tell_progress(&w);
    if (w.stop == BROKEN)
        return al_fail(
            err, ALLOT_ENOMEM, w.fork_errno,
            "an engine ended, and no other could be started; see `ulimit -u` and the cgroup's pids.max");
    return ALLOT_OK;
}
