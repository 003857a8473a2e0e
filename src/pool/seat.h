/* seat.h - what each engine has to do, in shared memory, so that nothing is lost when an engine dies.
 *
 * A call's items are cut as it runs, as threads do it (visit.h): each seat has a range of units, a unit being
 * `step` items, and whoever has none left takes the back half of another's. Only an engine may die between
 * any two instructions, so each step leaves behind what is needed to tell how far it came:
 *
 *   - before taking units off the front of its range an engine writes down which (`doing`). Nobody else moves
 *     a range's front, so where that stands says whether they were taken;
 *   - before taking from another's range it takes the board's one lock and writes down from whom and what.
 *     Nobody else moves a range's end meanwhile, so where that stands says whether it was taken;
 *   - items in the function's hands are [at, until); until = 0 while it has none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_POOL_SEAT_H
#define AL_POOL_SEAT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "pool/range.h"

/** What a seat's engine is told: a futex. The caller orders and takes back, the engine accepts and is done,
 * and an engine for one call has LEFT then. */
enum { AL_SEAT_IDLE, AL_SEAT_ORDERED, AL_SEAT_WORKING, AL_SEAT_LEFT };

typedef struct al_seat {
    AL_LINE_ALIGNED _Atomic uint32_t order;
    _Atomic uint32_t asleep;    /* the engine waits on `order` by a system call, or is about to */
    _Atomic uint64_t range;     /* units nobody has begun: first and end, 32 bits each */
    _Atomic uint64_t doing;     /* units taken off the range, or about to be; 0: none */
    _Atomic uint64_t at;        /* the first item of those that is not done */
    _Atomic uint64_t until;     /* the function has [at, until); 0: it has nothing */
    _Atomic uint64_t redo_end;  /* items [at, redo_end) are to be done first, one at a time; 0: none */
    _Atomic uint64_t called_at; /* ticks at which the function was called */
    _Atomic uint64_t call;      /* number of the call that is ordered */

    /* The engine's, added up for the call with this number. */
    AL_LINE_ALIGNED _Atomic uint64_t number;
    _Atomic uint64_t nitems;
    _Atomic uint64_t nchunks, nsteals, busy_ticks;
    _Atomic uint64_t failed_index; /* the lowest of its items that returned non-zero; UINT64_MAX: none */
    _Atomic int failed_user;
    _Atomic int cpu;   /* where the engine began; -1: not known */
    double unit_ticks; /* what a unit takes; 0: not known */
} al_seat;

/** The cut of a call, and who is taking from whom. */
typedef struct al_cut {
    uint64_t nitems, step;                  /* items in all, and in a unit */
    AL_LINE_ALIGNED _Atomic uint32_t thief; /* number of the seat that holds the lock, + 1; 0: free */
    _Atomic uint32_t victim;
    _Atomic uint64_t taken; /* units that the thief takes; 0: it has not chosen */
} al_cut;

/** What an engine that died had in hand. */
typedef struct al_seat_loss {
    uint64_t first, end; /* items the function had; first = end: none */
} al_seat_loss;

/** The first item of unit `unit`; of the one past the last, nitems. */
static inline uint64_t al_cut_item(const al_cut *cut, uint32_t unit)
{
    uint64_t whole = cut->nitems / cut->step;
    return unit <= whole ? unit * cut->step : cut->nitems;
}

/** Before a call: nothing is to be done. */
void al_seat_clear(al_seat *seat);

/** In the engine, before it works: count for its call from nothing, unless the seat's last engine has begun
 * to. */
void al_seat_count(al_seat *seat);

/** Units or items wait in this seat, whoever will do them. */
bool al_seat_has_work(al_seat *seat);

/** Take `most` units, or what there is, off the front of the seat's own range: they are then in `doing`, and
 * `at` is their first item. @return false: there are none */
bool al_seat_take(const al_cut *cut, al_seat *seat, uint32_t most);

/** What was taken is done. */
void al_seat_taken_done(al_seat *seat);

/** Move the back half of the fullest other range to seat `id`, whose own is empty.
 * @return false: none has any, or another thief is at it (*busy) */
bool al_seat_steal(al_cut *cut, al_seat *seats, uint32_t nseats, uint32_t id, bool *busy);

/** Give up what is left in the seat's own range. */
void al_seat_drain(al_seat *seat);

/** The engine in seat `id` is dead. Put right what it left half done: afterwards units that nobody has begun
 * are in its range and items begun but not done are [at, redo_end). The next engine in the seat goes on
 * there.
 * @return what the function had in hand, to be judged; those are the first of the items to be redone */
al_seat_loss al_seat_recover(al_cut *cut, al_seat *seats, uint32_t id);

#endif
