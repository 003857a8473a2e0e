/* visit.h - the inside of a loop, and a thread's time in it. For loop.c and visit.c alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_POOL_VISIT_H
#define AL_POOL_VISIT_H

#include "pool/loop.h"
#include "pool/range.h"

/* The gate: state in the low half, on which an owner may sleep, and in the high half a count of openings and
 * entries, by which a gate that looks the same as before is told from one that is. */
#define AL_GATE_OPEN UINT64_C(0x80000000)
#define AL_GATE_WAITED UINT64_C(0x40000000)
#define AL_GATE_VISITORS UINT64_C(0x00ffffff)
#define AL_GATE_EVENT (UINT64_C(1) << 32)
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the futex is the low half of the gate");

enum { AL_RUNNING, AL_CANCELED, AL_TIMED_OUT };

typedef struct al_slot {
    AL_LINE_ALIGNED _Atomic uint64_t range;                /* slot 0's is al_loop.front */
    uint64_t nitems, nchunks, nsteals, nwakes, busy_ticks; /* the slot's thread's own, until it left */
} al_slot;

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
    uint64_t opened_at; /* ticks; of a loop with an owner */
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

    al_slot *slots; /* [nworkers_max + 1] */
};

/** A thread's time in a loop. */
typedef struct al_visit {
    al_loop *loop;
    struct al_visit *outer; /* the visit whose chunk this thread is in */
    _Atomic uint64_t *range;
    al_slot *slot;
    uint32_t id;
    uint32_t left; /* units in the range after the last pop, as seen then */
    double unit_ticks;
    uint64_t last;      /* ticks when the last chunk ended */
    uint64_t told;      /* ticks when progress was last told */
    uint64_t untold;    /* items since */
    uint64_t last_wake; /* ticks */
    double wake_ticks;  /* a range longer than this pays for waking somebody */
    uint64_t began;     /* ticks */
    al_worker *busy;    /* the worker that this visit took out of the count of those free to help, or NULL */
} al_visit;

static inline _Atomic uint64_t *al_range_of(al_loop *loop, uint32_t id)
{
    return id == 0 ? &loop->front : &loop->slots[id].range;
}

#define AL_NO_SLOT UINT32_MAX

/** Whether units wait in any range but that of slot `except` (AL_NO_SLOT: in any at all). */
bool al_loop_has_work(al_loop *loop, uint32_t except);

/** Begin with slot `id`, 0 the owner's. */
void al_visit_begin(al_visit *v, al_loop *loop, uint32_t id);
/** Do chunks of the thread's own range, and of what it can take from others, until there is nothing. */
void al_visit_work(al_visit *v);
/** Take half of the fullest other range, the back one. @return false when there is none worth it */
bool al_visit_steal(al_visit *v);
/** See whether somebody asked to stop, or the time is over. */
bool al_visit_is_stopped(al_visit *v);
/** Leave what is left in the thread's own range undone. */
void al_visit_drain(al_visit *v);
/** Whether the calling thread is in the loop already, in a chunk of it. */
bool al_visit_is_inside(const al_loop *loop);

#endif
