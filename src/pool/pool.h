/* pool.h - the inside of a pool: its workers, and the loops that are open to them.
 *
 * A pool of engines is another thing behind the same handle, told by the handle's lowest bit (procs.h):
 * whoever is given one asks for that first.
 *
 * Whoever runs a loop (src/map) opens it here when the planner says so. Rooms: pool.c makes and ends a
 * pool, worker.c is what a worker does when idle, park.c puts workers to sleep and wakes them, measure.c
 * finds the costs, loop.c cuts and steals.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_POOL_POOL_H
#define AL_POOL_POOL_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <allot/pool.h>

#include "base/attr.h"

#define AL_POOL_THREADS_MAX 1024
#define AL_POOL_LOOPS_MAX 256        /* open at once; beyond that callers work alone */
#define AL_HANDOVER_ASSUMED_NS 300.0 /* before it was measured */
#define AL_HANDOVER_MOST_NS 2e3      /* what costs more is another program's doing */
#define AL_POOL_DEPTHS 4             /* classes of how long a worker has slept, see park.c */

typedef struct al_loop al_loop;

typedef struct al_worker {
    AL_LINE_ALIGNED _Atomic uint32_t parked; /* futex: 1 while asleep */
    _Atomic uint64_t slept_at;               /* ticks when it fell asleep */
    _Atomic uint64_t woken_at;               /* ticks of the waking call's start; 0: seen */
    _Atomic uint32_t woken_depth;
    AL_LINE_ALIGNED allot_pool *pool;
    uint32_t id; /* 1 .. nworkers; slot of every loop it visits */
    uint32_t seen_bell;
    uint32_t nrung;           /* loops joined because the bell rang */
    bool counted;             /* in the pool's nspinning */
    _Atomic int32_t kept_off; /* processor it may not run on, -1: none */
    _Atomic int32_t tid;
    pthread_t thread;
} al_worker;

/** What waking costs after a sleep of one class, as moving averages. */
typedef struct al_wake_cost {
    _Atomic double call_ns;
    _Atomic double latency_ns;
} al_wake_cost;

struct allot_pool {
    /* Read and written all the time by idle workers, so each on a line of its own. */
    AL_LINE_ALIGNED _Atomic uint32_t bell; /* loop index in the low byte, above it a count: "look there" */
    AL_LINE_ALIGNED _Atomic uint32_t nspinning; /* workers that look for loops, or are soon to do so again */
    _Atomic double share_ticks; /* the least work for which sharing, or waking a worker that fell asleep */
    _Atomic double wake_ticks;  /* just now, can pay: all that most loops need to know of the costs */
    AL_LINE_ALIGNED _Atomic uint64_t asleep[AL_POOL_THREADS_MAX / 64 + 1]; /* by worker id */
    AL_LINE_ALIGNED _Atomic uint64_t claimed[AL_POOL_LOOPS_MAX / 64];
    _Atomic(al_loop *) loops[AL_POOL_LOOPS_MAX]; /* made when first claimed, freed with the pool */

    /* Hardly ever written. */
    AL_LINE_ALIGNED uint32_t nthreads; /* the caller among them */
    uint32_t nworkers_max;             /* nthreads - 1, and one more that only jobs use */
    bool pin;
    bool chained;   /* each worker starts the next */
    uint32_t forks; /* al_pool_forks when it was made */
    atomic_bool shutdown;
    _Atomic uint32_t nworkers; /* running; a failed pthread_create() leaves fewer */
    _Atomic uint64_t spin_ticks;
    uint64_t fixed_spin_ns; /* 0: the planner's */
    double clock_ns;
    _Atomic double handover_ns;
    _Atomic double spawn_ns;
    al_wake_cost wake_costs[AL_POOL_DEPTHS];
    pthread_mutex_t spawn_lock;
    cpu_set_t allowed;  /* of the thread that made the pool */
    int *order;         /* processors to pin to, or NULL */
    al_worker *workers; /* [nworkers_max + 1], index = id, 0 unused */
};

/** The worker that the calling thread is, or NULL. */
extern AL_TLS al_worker *al_worker_self;

extern _Atomic(allot_pool *) al_pool_default_made;

/** The default pool when it has been made, otherwise NULL; never makes it. */
static inline allot_pool *al_pool_default_peek(void)
{
    return atomic_load_explicit(&al_pool_default_made, memory_order_acquire);
}

/** How many fork()s lie between this process and the first. */
extern uint32_t al_pool_forks;

/** Whether the pool was made before a fork() that this process is the child of: its threads are not here. */
static inline bool al_pool_is_orphan(const allot_pool *pool)
{
    return pool->forks != al_pool_forks;
}

/** The default pool, made if need be without waiting for its threads. NULL: it cannot be made. */
allot_pool *al_pool_default(void);

/** Have forks counted from here on. */
void al_pool_watch_forks(void);

/** In an engine: calls on the default pool run in series. */
void al_pool_default_alone(void);

/** Threads a default pool has or would have. Takes microseconds the first time. */
uint32_t al_pool_default_nthreads(void);

/** Start workers up to `target` if fewer run. */
void al_pool_spawn(allot_pool *pool, uint32_t target);

/* worker.c */
void *al_worker_main(void *worker);

/* park.c */

/** Wake one sleeping worker that may take part in the loop (jobs_too: the extra one as well), keeping it
 * off processor `cpu`, where the waker works (-1: no matter). @return whether one was woken */
bool al_park_wake_one(allot_pool *pool, int cpu, bool jobs_too);
bool al_park_any_asleep(const allot_pool *pool);
/** Sleep until woken, unless there is work or the pool ends. */
void al_park_sleep(al_worker *worker);
/** Note, once woken, how long it took. */
void al_park_note_arrival(al_worker *worker);
/** Note how long after its opening a loop had a spinning worker at work. */
void al_park_note_handover(allot_pool *pool, uint64_t ticks);
/** The costs as they are for the worker that al_park_wake_one() would choose now. */
void al_park_costs(const allot_pool *pool, allot_costs *costs);

/** Derive spin and the two bounds beside nspinning from the costs as they are now. */
void al_park_refresh(allot_pool *pool);

/* measure.c */

/** Values to begin with, before anything has been measured. */
void al_measure_assume(allot_pool *pool);
/** Measure hand-over and wake-up with the first worker. Blocks about a millisecond. */
void al_measure_run(allot_pool *pool);
#endif
