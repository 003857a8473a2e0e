/* task.h - words about tasks that engines and the farm share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_TASK_H
#define AL_ENGINE_TASK_H

#include <stdbool.h>
#include <stdint.h>

/** Tasks are numbered from 1 in the order they came; 0 is none. */
typedef uint64_t al_task_id;

/** Where a task is. The numbers are on disk (docs/formats/run.md): append only. */
typedef enum al_task_state {
    AL_TASK_BLOCKED = 0, /**< waits for other tasks */
    AL_TASK_READY = 1,
    AL_TASK_RUNNING = 2,
    AL_TASK_DELAYED = 3, /**< is to be tried again, not before its time */
    /* final ones */
    AL_TASK_DONE = 4,
    AL_TASK_FAILED = 5,
    AL_TASK_SKIPPED = 6,  /**< a task it comes after did not succeed */
    AL_TASK_CANCELED = 7, /**< by the user, or by --halt */
} al_task_state;

static inline bool al_task_is_final(al_task_state state)
{
    return state >= AL_TASK_DONE;
}

/** How an attempt ended: X(NAME, number on disk, word for people and JSON). */
#define AL_CAUSES(X)                                                                                         \
    X(NONE, 0, "none")               /* never tried */                                                       \
    X(EXIT, 1, "exit")               /* by itself: see its status */                                         \
    X(SIGNAL, 2, "signal")           /* somebody else's */                                                   \
    X(TIMEOUT, 3, "timeout")         /* over its time, ended by us */                                        \
    X(MEMORY, 4, "memory")           /* over its memory, ended by us or by the kernel */                     \
    X(NOT_STARTED, 5, "not-started") /* the program cannot be executed; os_errno in the exit status */       \
    X(OUTPUT, 6, "output") /* a file it declared is not there, or what it wrote could not be kept */         \
    X(LOST, 7, "lost")     /* its engine went away */                                                        \
    X(INTERRUPTED, 8, "interrupted") /* the controller was killed meanwhile */                               \
    X(CANCELED, 9, "canceled")       /* ended by us, on the user's wish or by --halt */                      \
    X(DEPENDENCY, 10, "dependency")  /* skipped: a task it comes after did not succeed */

typedef enum al_cause {
#define AL_CAUSE_MEMBER(name, number, word) AL_CAUSE_##name = number,
    AL_CAUSES(AL_CAUSE_MEMBER)
#undef AL_CAUSE_MEMBER
} al_cause;

/** "exit"; "unknown" for a number that is none. Static text. */
const char *al_cause_word(al_cause cause);
/** "done", "failed"; "unknown" for a number that is none. Static text. */
const char *al_task_state_word(al_task_state state);

/** What is known of an attempt that ended. */
typedef struct al_result {
    al_task_id task;
    uint32_t attempt;    /**< from 1; 0: it was never tried */
    al_task_state state; /**< final; AL_TASK_DELAYED: an attempt after which it is tried again */
    al_cause cause;
    int32_t exit_status; /**< of AL_CAUSE_EXIT; errno of AL_CAUSE_NOT_STARTED; else 0 */
    int32_t signal;      /**< that ended it; 0: none */
    uint32_t slot;       /**< from 1 */
    uint32_t engine;     /**< number among the run's engines; 0: the controller's own process */
    int64_t start_us;    /**< since 1970, UTC; 0: it was never tried */
    uint64_t wall_us, user_us, sys_us;
    uint64_t mem_kb;     /**< most memory resident at one time */
    uint64_t nout, nerr; /**< bytes it wrote to standard output and standard error */
} al_result;

#endif
