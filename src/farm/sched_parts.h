/* sched_parts.h - the inside of a scheduler. For sched*.c alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_SCHED_PARTS_H
#define AL_FARM_SCHED_PARTS_H

#include "farm/sched.h"
#include "farm/sched_map.h"

#define AL_NONE UINT32_MAX
#define AL_PAGE_TASKS 65536u

/** Tasks, a page at a time, so that adding some never copies all. */
typedef struct al_page {
    uint16_t kind;                /* of all of them, */
    uint16_t *kinds;              /* unless there are several */
    uint8_t bytes[AL_PAGE_TASKS]; /* state in the low 3 bits, attempts above; see al_task_set_attempts() */
} al_page;

/** Consecutive tasks. */
typedef struct al_span {
    al_task_id first;
    uint64_t n;
} al_span;

/** Spans, first in first out. */
typedef struct al_spans {
    al_span *at;
    size_t head, count, room; /* a ring; room: a power of two */
} al_spans;

/** Pairs of a time (or rank) and what is due then, the least first. */
typedef struct al_due {
    uint64_t key, what;
} al_due;
typedef struct al_heap {
    al_due *at;
    size_t count, room;
} al_heap;

/** A kind of tasks and those of it that are ready. */
typedef struct al_class {
    al_task_kind kind;
    al_spans fresh, returned; /* returned: tried before, or waited for others; they go first */
    uint64_t nready;
    uint32_t hint;                   /* an engine that it fitted on lately */
    uint64_t stuck_since;            /* number of starts then */
    uint64_t hinted_at;              /* sched->nfreed when it fitted nowhere but on the hint */
    uint32_t prev_stuck, next_stuck; /* list of those that fit nowhere at present */
    bool is_stuck, is_candidate;
} al_class;

typedef struct al_engine {
    al_need has, used;
    uint32_t nslots;   /* 0: any number */
    uint32_t nrunning; /* with those that wait */
    uint32_t nqueue, nwaiting;
    uint32_t first_waiting, last_waiting; /* list of running, in the order in which they will start */
    uint32_t open_at;                     /* index in sched->open; AL_NONE: not there */
    uint32_t roomy_at;                    /* index in sched->roomy */
    bool is_up, tells_starts;
    uint64_t wall_us; /* what its last task that succeeded took; UINT64_MAX: one is late since then */
    uint64_t *taken;  /* bits: slots in use */
    uint32_t nwords;
} al_engine;

/** A task that runs. */
typedef struct al_running {
    al_task_id task;
    uint32_t engine, slot, kind;
    uint32_t older, newer;                  /* list in the order of starts; AL_NONE: the end */
    uint32_t before, behind;                /* is_waiting: list of its engine */
    uint64_t start_ns, timeout_ns, hard_ns; /* hard_ns: when KILL follows; 0: no TERM yet */
    al_need reserved;
    uint32_t attempt;
    uint32_t twin;                 /* the same task on another engine; AL_NONE: it runs once */
    al_cause why;                  /* of our ending it; AL_CAUSE_NONE: we do not */
    bool is_soft_due, is_hard_due; /* a kill action is to be given */
    bool is_waiting;               /* at its engine, for room: it has reserved nothing */
    bool is_begun;                 /* start_ns means something */
    bool is_doubled;               /* it had a twin: no second one */
    bool is_copy;                  /* it was started after its twin, because that was late */
    bool is_beaten;                /* its twin decided; nobody waits for its end */
} al_running;

typedef struct al_verdict {
    al_task_id task;
    al_task_state state;
    al_cause cause;
    bool is_settled; /* those that wait for it have heard */
} al_verdict;

typedef struct al_edge {
    uint32_t task, next;
} al_edge;

#define AL_MEDIAN_BINS 4096u

struct al_sched {
    al_sched_opts opts;
    al_page **pages;
    size_t npages;
    al_sched_counts counts;
    al_sched_map many_attempts; /* of tasks with more than fit into their byte */
    al_sched_map grown;         /* memory limits of tasks that were ended for memory */
    al_sched_map lost;          /* how often tasks were lost with their engines */
    al_sched_map uncounted;     /* attempts of tasks that do not count against their retries */

    al_class *classes;
    uint32_t nclasses;
    al_heap candidates; /* classes that may have something to start; key: al_class_rank() */
    uint32_t first_stuck, last_stuck;
    uint64_t nstarts;
    uint64_t nfreed; /* counts whatever may have made room somewhere, from 1 */

    al_engine *engines;
    uint32_t nengines;
    uint32_t *open; /* engines that may have room */
    uint32_t nopen;
    uint32_t *roomy; /* engines at which more may wait */
    uint32_t nroomy;
    uint32_t reserved_engine, reserved_class; /* kept free for a class that was passed over too often */
    uint32_t tokens_used[AL_TOKENS_MAX];

    al_running *running; /* dense, of room_running */
    uint32_t nrunning, room_running;
    uint32_t oldest, newest, *free_running, nfree_running;
    al_sched_map by_task; /* index into running; the other copy is its twin */
    uint32_t nbeaten;     /* of those that run */
    al_heap timers;       /* what: task; deadlines known at the start, and KILLs */
    al_heap delayed;
    uint64_t next_start_ns, random;
    uint32_t *kills; /* indices into running, whose action is to be given */
    size_t nkills, room_kills;

    al_verdict *verdicts; /* a ring of FINAL actions */
    size_t first_verdict, nverdicts, room_verdicts;

    /* dependencies; NULL where no task was ever blocked */
    uint32_t *waits_for;  /* how many; see sched_graph.c for its flags */
    uint32_t *dependents; /* first edge */
    size_t room_graph;
    al_edge *edges;
    uint32_t nedges, room_edges;

    /* times of tasks done */
    uint32_t *bins;
    uint64_t nmeasured, nbelow; /* nbelow: in bins below the median's */
    uint32_t median_bin;
    uint64_t most_mem_bytes;

    /* sched_twice.c's own: nothing is late before, as long as nothing came free */
    uint64_t late_at_ns, late_nfreed;

    uint64_t ndone_here, nfailed_here; /* in this session, for --halt */
    al_task_id cancel_at;              /* al_sched_cancel() goes on from here; 0: not asked for */
    bool is_input_ended, is_held, is_stopped, is_halted, is_out_of_memory;
    bool wants_review; /* an engine is no longer reserved */
};

/* sched.c: what runs, as a list in the order of starts. */

/** A task runs from now on. @param twin  where it runs already; AL_NONE. @param waits  for room
 * @return false: out of memory, nothing happened */
bool al_running_start(al_sched *sched, al_task_id task, uint32_t twin, uint32_t engine, const al_need *need,
                      bool waits, uint64_t now_ns, al_action *action);
void al_running_append(al_sched *sched, uint32_t running);
void al_running_remove(al_sched *sched, uint32_t running);

/* sched_queue.c: tasks and the order of those that are ready. */

bool al_page_add(al_sched *sched, uint64_t n, uint32_t kind, al_task_state state);
al_task_state al_task_state_of(const al_sched *sched, al_task_id task);
/** Also keeps counts. */
void al_task_set_state(al_sched *sched, al_task_id task, al_task_state state);
uint32_t al_task_attempts_of(const al_sched *sched, al_task_id task);
void al_task_set_attempts(al_sched *sched, al_task_id task, uint32_t attempts);
uint32_t al_task_kind_of(const al_sched *sched, al_task_id task);

bool al_heap_push(al_heap *heap, uint64_t key, uint64_t what);
al_due al_heap_pop(al_heap *heap);

/** n tasks are ready (their state says so). */
void al_queue_push(al_sched *sched, al_task_id first, uint64_t n, bool is_fresh);
/** The next ready task of a class, left where it is; 0: none. */
al_task_id al_queue_peek(al_sched *sched, al_class *class);
void al_queue_drop(al_class *class);
/** Make a class one that al_sched_next() looks at. */
void al_queue_offer(al_sched *sched, uint32_t class);

/* sched_engine.c: where tasks run. */

/** What a task would take. */
al_need al_need_of(const al_sched *sched, al_task_id task, const al_class *class);
/** Find an engine, AL_NONE if there is none now. @param[out] waits  it has no room, but a queue */
uint32_t al_engine_find(al_sched *sched, uint32_t class, const al_need *need, bool *waits);
/** An engine that has room now, is not that of a task that runs, and took no longer for its last one. */
uint32_t al_engine_find_other(const al_sched *sched, const al_running *running, const al_need *need,
                              uint64_t most_us);
/** Give a task what it takes: running->slot and, unless it waits, running->reserved. @return false: out of
 * memory */
bool al_engine_take(al_sched *sched, uint32_t running, const al_need *need);
void al_engine_give_back(al_sched *sched, uint32_t running);
/** A class fits nowhere at present. */
void al_class_stick(al_sched *sched, uint32_t class);
void al_class_unstick(al_sched *sched, uint32_t class);
/** Look at all of those again. */
void al_engine_review(al_sched *sched);

/* sched_graph.c: who waits for whom. */

bool al_graph_make_room(al_sched *sched);
/** `task` became final: those that wait for it hear of it. */
void al_graph_settle(al_sched *sched, al_task_id task, al_task_state state);

/* sched_time.c: how long tasks take, and how long they may. */

bool al_time_measure(al_sched *sched, uint64_t wall_us);
/** In which this share of the tasks done were done, ns; 0: too few to say. @param share  at least half */
double al_time_most_ns(const al_sched *sched, double share);
/** Kill actions that are due by now. */
void al_time_look(al_sched *sched, uint64_t now_ns);
/** A task has begun to run: its time counts. */
void al_time_start(al_sched *sched, uint32_t running);
uint64_t al_time_next(const al_sched *sched);
uint64_t al_time_backoff(al_sched *sched, uint32_t attempts);

/* sched_end.c: what becomes of tasks. */

/** A task is final without running: an action says so. */
void al_end_verdict(al_sched *sched, al_task_id task, al_task_state state, al_cause cause);
/** Have a running task ended by us. */
void al_end_running(al_sched *sched, uint32_t running, al_cause why);
/** See al_sched_ended() and al_sched_returned(). */
bool al_end_attempt(al_sched *sched, uint32_t running, al_result *result, uint64_t now_ns);
void al_end_returned(al_sched *sched, uint32_t running);
/** Go on with al_sched_cancel(). */
void al_end_cancel_more(al_sched *sched);

/* sched_twice.c: tasks that run twice. */

/** The copy of a task at an engine; AL_NONE: it is not there. Asked for each task, of which hardly any has
 * two.
 */
static inline uint32_t al_twice_at(const al_sched *sched, al_task_id task, uint32_t engine)
{
    uint32_t number = (uint32_t)al_sched_map_get(&sched->by_task, task, AL_NONE);
    if (number == AL_NONE || sched->running[number].engine == engine)
        return number;
    number = sched->running[number].twin;
    return number != AL_NONE && sched->running[number].engine == engine ? number : AL_NONE;
}

/** A task runs, and so does `first`: they are one task's two copies from now on. */
void al_twice_join(al_sched *sched, uint32_t first, uint32_t copy);
/** A copy is no longer there, its twin is. */
void al_twice_part(al_sched *sched, uint32_t running);
/** Its twin has decided: it is ended. */
void al_twice_beat(al_sched *sched, uint32_t running);
/** An attempt does not count against the task's retries, or does after all. */
void al_twice_count(al_sched *sched, al_task_id task, int more);
/** Start a task that is late a second time. @return false: there is none */
bool al_twice_next(al_sched *sched, uint64_t now_ns, al_action *action);
/** When to ask again. */
uint64_t al_twice_wake_at(const al_sched *sched);

#endif
