/* ends.c - what ends early: the call, an item that takes too long, an engine. See caller.h.
 *
 * A death. What the engine had in hand when it ended is judged (judge()): one item is to blame, several are
 * done again one by one. A kill from outside (SIGKILL: an administrator, the kernel when memory is short)
 * says little about the item, so that it is to blame only the second time. Engines that we end because an
 * item took too long may have gone on to another item meanwhile: that one is done again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "pool/caller.h"

/** Engines that are to stop have so long to end the chunk they are in. */
#define GRACE_NS 20e6
/** So many engines may end during a call; then it does. */
#define DEATHS_MAX 1000u

void al_caller_end_soon(al_caller *c, uint64_t now)
{
    c->kill_at = now + al_ticks_from_ns(GRACE_NS);
}

void al_caller_stop(al_caller *c, al_stop why)
{
    if (c->stop != AL_STOP_NOT)
        return;
    c->stop = why;
    al_caller_end_soon(c, al_ticks());
    atomic_store_explicit(&c->board->stop, 1, memory_order_relaxed);
}

static bool is_dropped(const al_caller *c, uint64_t item)
{
    return c->stop != AL_STOP_NOT || item >= al_seat_load(&c->board->limit);
}

void al_caller_note_lowest(al_team_result *result, const allot_fault *fault, uint32_t id)
{
    if (result->failed && fault->index >= result->fault.index)
        return;
    result->failed = true;
    result->fault = *fault;
    result->engine = id;
}

/** The item is to blame. */
static void condemn(al_caller *c, uint32_t id, const allot_fault *fault)
{
    c->ncondemned++;
    atomic_store_explicit(&c->board->seats[id].at, fault->index + 1, memory_order_relaxed);
    al_caller_note_lowest(c->result, fault, id);
    if (c->board->call.go_on)
        al_board_note_fault(c->board, fault->index, fault->kind, fault->value);
    else
        al_board_lower_limit(c->board, fault->index);
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
static void judge(al_caller *c, uint32_t id, const al_seat_loss *loss, uint64_t called_at, int status)
{
    al_process *process = &c->team->processes[id];
    bool is_one = loss->end - loss->first == 1;
    bool by_limit = process->killed && process->killed_call == called_at;
    bool from_outside = status < 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !by_limit);
    if (loss->first == loss->end || !is_one || is_dropped(c, loss->first))
        return;
    if (process->killed && !by_limit)
        return; /* it was another item that was meant */
    if (from_outside && process->lost != loss->first) {
        process->lost = loss->first;
        return;
    }
    allot_fault fault = fault_of(loss->first, by_limit, status);
    condemn(c, id, &fault);
}

/** What is left in a seat need not be done, or will not. */
static void drop_dropped(al_caller *c, al_seat *seat)
{
    if (al_seat_load(&seat->redo_end) != 0 &&
        (al_seat_load(&seat->at) >= al_seat_load(&seat->redo_end) || is_dropped(c, al_seat_load(&seat->at))))
        atomic_store_explicit(&seat->redo_end, 0, memory_order_relaxed);
    uint64_t range = al_seat_load(&seat->range);
    if (al_range_left(range) > 0 && is_dropped(c, al_cut_item(&c->board->cut, al_range_begin(range))))
        al_seat_drain(seat);
}

void al_caller_bury(al_caller *c, uint32_t id)
{
    al_seat *seat = &c->board->seats[id];
    int status = al_team_bury(c->team, id);
    if (al_seat_order(seat) == AL_SEAT_LEFT) {
        atomic_store_explicit(&seat->order, AL_SEAT_IDLE, memory_order_seq_cst);
        return;
    }
    uint64_t called_at = al_seat_load(&seat->called_at);
    al_seat_loss loss = al_seat_recover(&c->board->cut, c->board->seats, id);
    judge(c, id, &loss, called_at, status);
    atomic_store_explicit(&seat->order, AL_SEAT_IDLE, memory_order_seq_cst);
    if (++c->result->ndeaths >= DEATHS_MAX)
        al_caller_stop(c, AL_STOP_GAVE_UP);
    drop_dropped(c, seat);
    if (!al_seat_has_work(seat))
        return;
    c->fork_errno = al_team_fork(c->team, id);
    if (c->fork_errno == 0) {
        al_caller_order(c, id);
        return;
    }
    al_caller_stop(c, AL_STOP_BROKEN);
    drop_dropped(c, seat);
}

uint64_t al_caller_end_long_items(al_caller *c, uint64_t now)
{
    uint64_t next = c->task->item_ticks_max != 0 ? c->task->item_ticks_max : UINT64_MAX;
    for (uint32_t k = 0; k < c->team->nseats && c->task->item_ticks_max != 0; k++) {
        const al_seat *seat = &c->board->seats[k];
        if (al_seat_order(seat) != AL_SEAT_WORKING || c->team->processes[k].killed)
            continue;
        uint64_t called_at = al_seat_load(&seat->called_at), at = al_seat_load(&seat->at),
                 until = al_seat_load(&seat->until);
        uint64_t nitems = c->board->call.chunk_items != 0 && until > at ? until - at : 1, limit, took;
        if (__builtin_mul_overflow(c->task->item_ticks_max, nitems, &limit))
            continue;
        took = now > called_at ? now - called_at : 0;
        if (until != 0 && took > limit && al_seat_load(&seat->called_at) == called_at) {
            al_team_kill(c->team, k);
            c->team->processes[k].killed_call = called_at;
        } else {
            uint64_t left = until != 0 && took < limit ? limit - took : limit;
            next = left < next ? left : next;
        }
    }
    return next;
}

void al_caller_end_needless(al_caller *c)
{
    for (uint32_t k = 0; k < c->team->nseats; k++) {
        const al_seat *seat = &c->board->seats[k];
        if (al_seat_order(seat) == AL_SEAT_WORKING && !c->team->processes[k].killed &&
            is_dropped(c, al_seat_load(&seat->at))) {
            al_team_kill(c->team, k);
            c->team->processes[k].killed_call = 0;
        }
    }
}
