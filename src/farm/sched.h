/* sched.h - which task starts when and where, and what becomes of it. Pure: events in, actions out; time is
 * an argument. No system calls, no clock, no threads; memory only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_SCHED_H
#define AL_FARM_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/error.h>

#include "engine/task.h"

enum { AL_TOKENS_MAX = 8 };

/** What a task needs of an engine, and what an engine has. */
typedef struct al_need {
    uint32_t cpus_milli; /**< thousandths of a processor; of an engine: all it has */
    uint32_t gpus;
    uint64_t mem_bytes; /**< 0: not known */
} al_need;

/** What tasks may have in common. Interned: a task costs two bytes more when there are several kinds. */
typedef struct al_task_kind {
    al_need need;
    uint32_t tokens[AL_TOKENS_MAX]; /**< of the run, not of an engine (--token licence=2) */
    uint64_t timeout_ns;            /**< 0: none */
    uint32_t retries;               /**< attempts after the first */
    int32_t priority;               /**< the higher, the earlier */
} al_task_kind;

typedef enum al_halt_when { AL_HALT_NEVER, AL_HALT_SOON, AL_HALT_NOW } al_halt_when;
typedef enum al_halt_what { AL_HALT_FAIL, AL_HALT_SUCCESS, AL_HALT_DONE } al_halt_what;

typedef struct al_sched_opts {
    uint32_t tokens[AL_TOKENS_MAX]; /**< how many of each there are */
    al_halt_when halt_when;
    al_halt_what halt_what;
    uint64_t halt_count;    /**< that many; 0: by percentage */
    double halt_percent;    /**< of the tasks known, once three ended and no fewer than that */
    uint64_t delay_ns;      /**< between two starts */
    double timeout_median;  /**< 0, or a task may take so many times the median of those done (3 known, at
                               least) */
    uint64_t kill_after_ns; /**< between TERM and KILL */
    uint64_t backoff_ns;    /**< before the first retry; doubled each time */
    uint64_t backoff_most_ns;
    uint64_t seed;           /**< for the jitter of +-10 % on retries */
    uint8_t retry_exits[32]; /**< bit set: an exit status that is retried (bit 0 has no meaning) */
    uint64_t retry_signals;  /**< bit set: a signal that is retried */
    bool retry_timeouts, retry_memory, retry_lost, retry_not_started;
    double mem_grow;  /**< a task ended for memory comes back with so many times as much; 1: as much */
    bool guess_mem;   /**< a task without mem_bytes is assumed to take the largest peak seen so far */
    double speculate; /**< 0, or a task that takes so many times as long as nine of ten did is started a
                         second time, on another engine, where nothing else is left to be started */
    uint64_t speculate_least_ns; /**< and not before it took so long */
} al_sched_opts;

typedef struct al_sched al_sched;

al_sched *al_sched_create(const al_sched_opts *opts); /**< NULL: out of memory */
void al_sched_destroy(al_sched *sched);

/* ---- events: what happened ---- */

/** A kind of tasks; equal ones have one number. Kind 0 is the first added.
 * @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE: over 65,535 kinds */
allot_err al_sched_kind(al_sched *sched, const al_task_kind *kind, uint32_t *number);
/** n more tasks, numbered on. They are AL_TASK_READY, unless `blocked`: then they wait for
 * al_sched_unblock(), so that their dependencies can be told. */
allot_err al_sched_add(al_sched *sched, uint64_t n, uint32_t kind, bool blocked);
/** task starts only once `other` is AL_TASK_DONE. Both exist, task is blocked. A task after itself or after
 * one that did not succeed is allowed for here: cycles are found by al_sched_find_cycle(). */
allot_err al_sched_after(al_sched *sched, al_task_id task, al_task_id other);
/** All dependencies of task are told. */
allot_err al_sched_unblock(al_sched *sched, al_task_id task);
/** Some task of a cycle of dependencies, 0: there is none. path gets up to *npath ids of the cycle in order.
 */
al_task_id al_sched_find_cycle(al_sched *sched, al_task_id *path, size_t *npath);
/** What is known of a task from an earlier session, before anything starts: its state (a final one, or
 * READY), attempts so far, and how long the last took. */
allot_err al_sched_restore(al_sched *sched, al_task_id task, al_task_state state, uint32_t attempts,
                           uint64_t wall_us);
/** No more tasks will be added (until the next al_sched_add()). Percentages wait for it. */
void al_sched_input_ended(al_sched *sched);

/** @param nslots  tasks at once, whatever they need; 0: no bound but `has` */
allot_err al_sched_engine_up(al_sched *sched, const al_need *has, uint32_t nslots, uint32_t *engine);
/** An engine that is not up yet. @param[out] engine  its number, the next after the last one's */
allot_err al_sched_engine_add(al_sched *sched, uint32_t *engine);
/** An engine that was added, or was down, is up.
 * @param tells_starts  a task given to it runs only once al_sched_started() says so: no time counts until
 * then */
void al_sched_engine_back(al_sched *sched, uint32_t engine, const al_need *has, uint32_t nslots,
                          bool tells_starts);
/** Its tasks are lost: each that waited there is as if never given to it, each that ran as if it had ended
 * with AL_CAUSE_LOST; verdicts come as actions. */
void al_sched_engine_down(al_sched *sched, uint32_t engine, uint64_t now_ns);
/** So many tasks may wait at the engine for room, so that it never waits for us. They start in the order in
 * which they were given. */
void al_sched_engine_queue(al_sched *sched, uint32_t engine, uint32_t nqueue);
void al_sched_engine_slots(al_sched *sched, uint32_t engine,
                           uint32_t nslots); /**< a new bound; fewer: as tasks end */

/* A task may run twice at a time (speculate), never twice on one engine. The first success decides, or the
 * last failure; the other copy is killed, and what becomes of it is nobody's business. So what is said of a
 * task that runs is said of it at an engine. */

/** A task runs at an engine that tells. */
void al_sched_started(al_sched *sched, al_task_id task, uint32_t engine, uint64_t now_ns);
/** A task that was given to an engine comes back as it was: it did not run, and no attempt counts. */
void al_sched_returned(al_sched *sched, al_task_id task, uint32_t engine);

/** An attempt ended. result->state becomes the task's: final, or AL_TASK_DELAYED / AL_TASK_READY for another
 * attempt; a task that a kill action was meant for counts with that action's cause, unless it succeeded all
 * the same. Fills result->state and result->cause. result->task is running at that engine.
 * @return false: the task's other copy decides, or did: this result is not to be kept */
bool al_sched_ended(al_sched *sched, uint32_t engine, al_result *result, uint64_t now_ns);

/** A running task takes more than its mem_bytes: it is ended by KILL at once, with AL_CAUSE_MEMORY. */
void al_sched_over_memory(al_sched *sched, al_task_id task, uint32_t engine);

void al_sched_hold(al_sched *sched,
                   bool hold);       /**< start nothing while it holds (load, memory, full buffers) */
void al_sched_stop(al_sched *sched); /**< start nothing more, wait: first Ctrl-C. What waits stays as it is */
void al_sched_kill_running(
    al_sched *sched,
    uint64_t now_ns); /**< end what runs (TERM, KILL later); it stays READY, to be resumed: second Ctrl-C */
void al_sched_cancel(al_sched *sched,
                     uint64_t now_ns); /**< end what runs, what waits is canceled: allot cancel */
void al_sched_cancel_task(al_sched *sched, al_task_id task, uint64_t now_ns);

/* ---- actions: what is to be done ---- */

typedef enum al_action_kind {
    AL_ACTION_NONE,
    AL_ACTION_START, /**< task, attempt, engine, slot, mem_bytes (its limit; 0: none), timeout known to the
                        scheduler */
    AL_ACTION_KILL,  /**< task, engine, slot; hard: KILL, otherwise TERM */
    AL_ACTION_FINAL, /**< task reached state for cause without running (skipped, canceled, lost) */
} al_action_kind;

typedef struct al_action {
    al_action_kind kind;
    al_task_id task;
    uint32_t attempt, engine, slot; /**< slot from 1, the lowest free one of its engine */
    uint32_t cpus_milli, gpus;      /**< of a START: what it takes */
    uint64_t mem_bytes;
    bool hard;
    al_task_state state;
    al_cause cause;
} al_action;

/** The next thing to do, until AL_ACTION_NONE. An action given is taken as done: a START's task is running.
 */
void al_sched_next(al_sched *sched, uint64_t now_ns, al_action *action);
/** When al_sched_next() should be asked again though nothing happened; UINT64_MAX: never. */
uint64_t al_sched_wake_at(const al_sched *sched);

/* ---- questions ---- */

typedef struct al_sched_counts {
    uint64_t ntasks, nblocked, nready, nrunning, ndelayed, ndone, nfailed, nskipped, ncanceled;
    uint64_t nretries; /**< attempts beyond a task's first */
    uint64_t ncopies,
        ncopies_won; /**< tasks started a second time while they ran; of these, that succeeded first
                      */
} al_sched_counts;

void al_sched_count(const al_sched *sched, al_sched_counts *counts);
al_task_state al_sched_state(const al_sched *sched, al_task_id task);
uint32_t al_sched_attempts(const al_sched *sched, al_task_id task);
/** Whether a task is at an engine, and in which slot of it; also a copy that is no longer wanted. */
bool al_sched_where(const al_sched *sched, al_task_id task, uint32_t engine, uint32_t *slot);
/** Whether it runs twice, and neither has decided. */
bool al_sched_runs_twice(const al_sched *sched, al_task_id task);
/** Give an engine nothing more: it is down, what was at it is for the caller to end or return. */
void al_sched_engine_close(al_sched *sched, uint32_t engine);
/** Tasks at an engine, and how many of them wait there. */
uint32_t al_sched_engine_load(const al_sched *sched, uint32_t engine, uint32_t *nwaiting);
/** Nothing runs but copies that are no longer wanted, and nothing will ever start by itself: all is final, or
 * the run was stopped. */
bool al_sched_is_over(const al_sched *sched);
/** Whether --halt has decided that the run ends. */
bool al_sched_is_halted(const al_sched *sched);
/** A ready task that no engine could ever take, 0: none; so that it is said once and does not wait for ever.
 */
al_task_id al_sched_find_unfit(al_sched *sched);
/** Run times of tasks done, ns: median as far as known (0: none), and the sum. */
double al_sched_median_ns(const al_sched *sched);
size_t al_sched_nbytes(const al_sched *sched); /**< memory held */

#endif
