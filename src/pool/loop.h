/* loop.h - a loop that is open to a pool's workers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_POOL_LOOP_H
#define AL_POOL_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/map.h>

#include "pool/pool.h"

/** What is to be done. Items [begin, end) are left. */
typedef struct al_loop_spec {
    uint64_t begin, end;
    allot_for_fn fn;
    void *arg;
    uint64_t chunk_items;   /* 0: measured */
    uint32_t max_threads;   /* the owner among them; 0: no bound */
    uint64_t deadline;      /* ticks; UINT64_MAX: none */
    double item_ticks;      /* cost of an item as far as it is known; 0: not yet */
    allot_control *control; /* or NULL */
    uint64_t scale;         /* what one item counts for in control's progress */
} al_loop_spec;

/** How a loop ended. Zero-initialise. */
typedef struct al_loop_result {
    bool failed;    /* fn returned non-zero: */
    int user;       /*   that value */
    uint64_t index; /*   of this item, the lowest that failed */
    bool canceled, timed_out;
    uint64_t nitems, nchunks, nsteals, nwakes, busy_ticks;
    uint32_t nengines;
    bool owner_worked; /* the owner is one of them */
} al_loop_result;

/** The item that allot_fail_at() named within [begin, end), or begin. */
uint64_t al_loop_failed_index(uint64_t begin, uint64_t end);

/** Call fn for [begin, end); on failure put the item's index in *index. @return fn's value */
AL_INLINE int al_loop_call(allot_for_fn fn, void *arg, uint64_t begin, uint64_t end, uint64_t *index)
{
    int user = fn(begin, end, arg);
    if (AL_UNLIKELY(user != 0))
        *index = al_loop_failed_index(begin, end);
    return user;
}

/** Items a unit, so that their number fits into 32 bits: a multiple of the chunk, if that is fixed (not 0).
 */
uint64_t al_loop_step(uint64_t nitems, uint64_t chunk_items);

/** Open the loop to the pool's workers, to be worked on by the calling thread too.
 * @return NULL when too many loops are open already or memory is short: then work alone */
al_loop *al_loop_open(allot_pool *pool, const al_loop_spec *spec);

/** Work on an open loop until nothing is left, then close it and wait for those who are still in it.
 * `wake` at once wakes a worker, before the first item. */
void al_loop_finish(al_loop *loop, bool wake, al_loop_result *result);

/** Called by the last to leave a loop that has no owner. The loop is free again before it is called. */
typedef void al_loop_ended_fn(void *ended_arg, const al_loop_result *result);

/** Open a loop without an owner: workers do all of it, and the last calls ended(). */
al_loop *al_loop_start(allot_pool *pool, const al_loop_spec *spec, al_loop_ended_fn *ended, void *ended_arg);

/** An open loop that the worker could help with, or NULL. */
al_loop *al_loop_find_open(al_worker *worker);

/** Join the loop if it still is open, work, leave. `rung`: the worker spun, and comes because the bell rang
 * just now. @return whether it was joined */
bool al_loop_visit(al_worker *worker, al_loop *loop, bool rung);

/** Work on the ownerless loop that was started with ended_arg, if it is still that one, from a thread that
 * waits for it: by its own slot when it is a worker that is not in the loop already; a thread that is no
 * worker only helps a stopped loop to its end. */
void al_loop_help(al_loop *loop, allot_pool *pool, const void *ended_arg);

void al_loop_destroy(al_loop *loop);

#endif
