/* procs.h - a pool of engines, and how calls are given to it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_POOL_PROCS_H
#define AL_POOL_PROCS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pool/team.h"

typedef struct al_segment {
    uintptr_t begin, end;
} al_segment;

/** What of the program's code engines that stay have, see code.c. */
typedef struct al_code {
    size_t nsegments, room;
    al_segment *segments; /* the executable ones */
    uint64_t nclosed;     /* libraries closed by then */
    uintptr_t known;      /* a function that was found there lately; 0: none */
} al_code;

typedef struct al_procs {
    uint32_t nengines;
    bool kept;
    uint32_t forks; /* al_pool_forks when it was made */
    al_code code;
    al_team *team;        /* kept: the engines that stay */
    pthread_mutex_t lock; /* for a call by these */

    pthread_mutex_t variables_lock;
    al_variables *variables;
} al_procs;

/** The pool of engines behind a handle, or NULL: it is one of threads. */
static inline al_procs *al_procs_of(const allot_pool *pool)
{
    uintptr_t handle = (uintptr_t)pool;
    return (handle & 1) != 0 ? (al_procs *)(handle - 1) : NULL; // NOLINT: see allot_short_is_apart()
}

/** Whether calls on the pool are to be done by its engines: it is one of engines, and this is none. */
static inline bool al_procs_are_asked(const allot_pool *pool)
{
    return al_procs_of(pool) != NULL && al_engine_self == ALLOT_ENGINE_NONE;
}

/** A pool that a call may use as one of threads: in an engine, one of engines works alone. */
static inline allot_pool *al_procs_or_threads(allot_pool *pool)
{
    return al_procs_of(pool) != NULL ? NULL : pool;
}

allot_err al_procs_create(al_procs **procs, uint32_t nengines, bool kept, allot_error *err);
/** NULL and half-made ones are allowed. */
void al_procs_destroy(al_procs *procs);

/** A call as the user makes it. */
typedef struct al_procs_work {
    const char *noun; /* what an index stands for: "item" */
    al_call call;     /* chunk_items, go_on and faults are filled in here */
    const void *code; /* the function */
    bool keepable;    /* all that it reads and writes is shared */
    uint64_t n;
    uint32_t only;          /* with n = 1: the engine, or ALLOT_ENGINES_ANY */
    uint64_t scale, nitems; /* the user's items in an index, and in all; 0: 1, n */
} al_procs_work;

/** How the items fared. */
typedef struct al_procs_outcome {
    bool failed; /* the lowest item that did: */
    allot_fault fault;
    bool gave_up;        /* items below that may be undone, too */
    allot_fault *faults; /* [nfaults] all of them, ascending; NULL unless opts asked for them */
    uint64_t nfaults;
} al_procs_outcome;

/** Do work, n > 0.
 * @param[out] outcome  to be given to al_procs_outcome_fini()
 * @return as allot_for() */
allot_err al_procs_run(al_procs *procs, const al_procs_work *work, const allot_map_opts *opts,
                       al_procs_outcome *outcome, allot_error *err);
void al_procs_outcome_fini(al_procs_outcome *outcome);

/** The error of something that failed, called by `noun` and its index. @return ALLOT_EUSER */
allot_err al_procs_fault_error(allot_error *err, const char *noun, const allot_fault *fault);

/** The options that calls on a pool of engines accept. */
allot_err al_procs_check(const char *call, const allot_map_opts *opts, allot_error *err);

/* code.c */

/** Note what code there is now. @return false: out of memory */
bool al_code_note(al_code *code);
/** Whether a function was there when that was noted, and still is the same. */
bool al_code_has(al_code *code, const void *function);
void al_code_free(al_code *code);

/* variables.c */

/** Room for the variables of n engines, in shared memory. @return NULL with err filled */
al_variables *al_variables_create(uint32_t nengines, allot_error *err);
/** NULL is allowed. */
void al_variables_destroy(al_variables *variables);

#endif
