/* caller.h - a call on engines, as its caller sees it: orders.c tells engines to work, ends.c sees to what
 * ends early, watch.c waits for all of it.
 *
 * Invariant: a call is over when no seat has work and none is ordered or working; seats change only by their
 * engines, and by the caller when it has buried the engine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_POOL_CALLER_H
#define AL_POOL_CALLER_H

#include "pool/team.h"

/** Why a call ends before all is done. */
typedef enum al_stop {
    AL_STOP_NOT,
    AL_STOP_CANCELED,
    AL_STOP_TIMED_OUT,
    AL_STOP_GAVE_UP,
    AL_STOP_BROKEN, /* no engine could be had */
} al_stop;

typedef struct al_caller {
    al_team *team;
    al_board *board;
    const al_team_task *task;
    al_team_result *result;
    uint32_t nengines; /* that may take part */
    uint32_t nordered;
    al_stop stop;
    int fork_errno;      /* AL_STOP_BROKEN: why */
    uint64_t kill_at;    /* ticks after which engines that need not go on are ended; UINT64_MAX: not yet */
    uint64_t ncondemned; /* items that ended an engine */
} al_caller;

static inline uint64_t al_seat_load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline uint32_t al_seat_order(const al_seat *seat)
{
    return atomic_load_explicit(&seat->order, memory_order_seq_cst);
}

/** Tell the engine of a seat to work. */
void al_caller_order(al_caller *c, uint32_t id);
/** And all others that may take part, each on a processor of its own if there are so many. */
void al_caller_order_others(al_caller *c);
/** A caller that will spin while the engine works must not do so on its processor. */
void al_caller_keep_off(al_caller *c, uint32_t id);
/** Whether everything is done, or dropped. Orders that nobody has accepted are taken back then. */
bool al_caller_is_over(al_caller *c);

/** End the call: chunks are ended, no more begun. The first reason counts. */
void al_caller_stop(al_caller *c, al_stop why);
/** Engines that need not go on are ended after a grace. */
void al_caller_end_soon(al_caller *c, uint64_t now);
/** Bury an engine that ended, and put another in its place if there is something to do. */
void al_caller_bury(al_caller *c, uint32_t id);
/** End engines whose item takes longer than it may. @return ticks until the next would */
uint64_t al_caller_end_long_items(al_caller *c, uint64_t now);
/** End engines that do what nobody needs any more. */
void al_caller_end_needless(al_caller *c);
/** A fault of an item: kept if it is the lowest. */
void al_caller_note_lowest(al_team_result *result, const allot_fault *fault, uint32_t id);

#endif
