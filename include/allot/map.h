/* map.h - loops, maps, reductions and scans that are never slower than doing them in series.
 *
 * The caller starts on the items at once, itself, and measures them. While what it has seen does not
 * pay for anybody else, nobody else is told: a short loop is the serial loop. After that the rest of the
 * range is open, and idle workers take half of what is left of the fullest one.
 *
 * Bodies take a range of items, so that the compiler can vectorise them. A body may be called by
 * several threads at once, for ranges that do not overlap, in any order; it may itself call any
 * function here, on the same pool.
 *
 * Errors. A body that returns non-zero has failed. Items above the lowest failing item found so far are
 * dropped, items below it are still done, so that the error reported is the one of the lowest index
 * whatever the timing. A body that works on more than one item says which one failed with
 * `return allot_fail_at(i, code)`; otherwise the first item of its range stands for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ALLOT_MAP_H
#define ALLOT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/api.h>
#include <allot/error.h>
#include <allot/plan.h>
#include <allot/pool.h>

ALLOT_BEGIN_DECLS

/** Do the items [begin, end), begin < end. @return 0, or non-zero to report a failure. */
typedef int (*allot_for_fn)(uint64_t begin, uint64_t end, void *arg);

/** Say from inside a body that item `index` is the one that failed: `return allot_fail_at(i, code);`
 * @return code (1 when code is 0).  Threads: the body's.  Blocks: no.  Since: 0.1 */
ALLOT_API int allot_fail_at(uint64_t index, int code);

/** A handle by which another thread watches or cancels a call that runs. */
typedef struct allot_control allot_control;

/** Make a handle, to be named in allot_map_opts.control of one call at a time.
 * @param[out] control  owned by caller
 * @return ALLOT_OK; ALLOT_EINVAL; ALLOT_ENOMEM.  Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_control_create(allot_control **control, allot_error *err);

/** Free a handle that no running call names. NULL is allowed.
 * Threads: one.  Blocks: no.  Since: 0.1 */
ALLOT_API void allot_control_destroy(allot_control *control);

/** Ask the call to stop: every thread ends after the chunk it is in, and the call returns
 * ALLOT_ECANCELED. Stays in force for later calls with this handle. Safe in a signal handler.
 * Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API void allot_control_cancel(allot_control *control);

/** Items done and items in all of the call that names this handle (of the latest one, when it ended).
 * done never decreases during a call and lags by at most about a tenth of a millisecond of work.
 * Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API void allot_control_progress(const allot_control *control, uint64_t *done, uint64_t *total);

/** What a call did, for allot_map_opts.stats. */
typedef struct allot_stats {
    uint64_t nitems;   /**< items done */
    uint64_t nchunks;  /**< times a body was called */
    uint64_t nsteals;  /**< times a thread took work from another */
    uint64_t nwakes;   /**< engines woken */
    uint32_t nengines; /**< threads that did at least one item */
    double wall_ns;    /**< from call to return */
    double busy_ns;    /**< inside bodies, summed over threads: the serial time, estimated */
    double first_ns;   /**< work done before the decision below was taken */
    allot_plan plan;   /**< the decision that opened the range to others, or the last one not to */
} allot_stats;

/** How an item came to be set aside on a pool of engines (allot_pool_open). X(name, sentence). */
#define ALLOT_FAULTS(X)                                                                                      \
    X(NONE, "nothing failed")                                                                                \
    X(RETURNED, "its function returned non-zero")                                                            \
    X(SIGNAL, "a signal ended its engine")                                                                   \
    X(EXIT, "it ended its engine by exit()")                                                                 \
    X(LIMIT, "it took longer than item_timeout_ns")                                                          \
    X(LOST, "its engine ended, and nobody can say how")

typedef enum allot_fault_kind {
#define ALLOT_FAULT_MEMBER(name, text) ALLOT_FAULT_##name,
    ALLOT_FAULTS(ALLOT_FAULT_MEMBER)
#undef ALLOT_FAULT_MEMBER
} allot_fault_kind;

/** An item that failed while the others went on. */
typedef struct allot_fault {
    uint64_t index;
    allot_fault_kind kind;
    int value; /**< RETURNED: what was returned; SIGNAL: the signal; EXIT: the status; else 0 */
} allot_fault;

/** Where a call notes the items that failed, for allot_map_opts.faults. */
typedef struct allot_faults {
    allot_fault *items; /**< room for `room` faults, borrowed until return; NULL with room 0 */
    size_t room;
    uint64_t nfaults; /**< filled on return: how many there were; the lowest, up to room, are in items,
                         ascending */
} allot_faults;

/** The sentence of a kind. @return static text.  Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API const char *allot_fault_text(allot_fault_kind kind);

typedef struct allot_map_opts {
    uint64_t timeout_ns;  /**< 0: none; otherwise the call ends with ALLOT_ETIMEDOUT within one chunk */
    uint64_t chunk_items; /**< 0: measured; otherwise every chunk has this many items, the last excepted,
                               and the range is open to others from the start */
    uint32_t max_threads; /**< 0: all of the pool; 1: in series */
    bool exact;           /**< reduce, scan: combining is exactly associative (integers, min, max), so the
                               cut may follow the measurements and the bits stay the same all the same */
    uint64_t leaf_items;  /**< reduce, scan: items a leaf; 0: allot_plan_leaf(n). Part of the result's bits */
    allot_control *control; /**< NULL, or borrowed until return */
    allot_stats *stats;     /**< NULL, or filled on return, also after a failure */
    uint64_t
        item_timeout_ns;  /**< 0: none. Pools of engines only: an item that takes longer has failed, and its
                               engine is replaced. A chunk of k items (chunk_items) has k times as long */
    allot_faults *faults; /**< NULL: as above under Errors. Pools of engines only: items that fail are noted
                             here and all others are done; the call returns ALLOT_EUSER if there were any */
    uint64_t reserved[2]; /**< 0 */
} allot_map_opts;

#define ALLOT_MAP_OPTS_INIT                                                                                  \
    {                                                                                                        \
        0, 0, 0, false, 0, NULL, NULL, 0, NULL,                                                              \
        {                                                                                                    \
            0, 0                                                                                             \
        }                                                                                                    \
    }

/** Run fn over [0, n) and wait.
 * @param pool  borrowed until return; NULL: the default pool
 * @param n     items; 0 returns ALLOT_OK at once
 * @param fn    see allot_for_fn
 * @param arg   borrowed, passed through
 * @param opts  NULL = ALLOT_MAP_OPTS_INIT
 * @param[out] err  NULL, or filled when the result is not ALLOT_OK
 * @return ALLOT_OK; ALLOT_EUSER (lowest index and its value in err); ALLOT_ECANCELED; ALLOT_ETIMEDOUT;
 *         ALLOT_EINVAL (fn is NULL)
 * Threads: any, several at once, also from inside a body.  Blocks: yes.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_for(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
                                              const allot_map_opts *opts, allot_error *err);

/** Map `count` elements that begin at element `first` of the arrays. @return 0, or non-zero. */
typedef int (*allot_map_fn)(const void *in, void *out, uint64_t first, uint64_t count, void *arg);

/** out[i] = fn(in[i]) for arrays of n elements.
 * @param in   n * in_nbytes bytes, borrowed until return; NULL with in_nbytes 0: fn gets NULL
 * @param out  n * out_nbytes bytes, borrowed until return; may be in itself when the sizes are equal
 * @return as allot_for(); ALLOT_EINVAL also when an array is NULL with a size that is not 0, or when
 *         n times a size overflows
 * Threads: any, several at once, also from inside a body.  Blocks: yes.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_map(allot_pool *pool, uint64_t n, const void *in, size_t in_nbytes,
                                              void *out, size_t out_nbytes, allot_map_fn fn, void *arg,
                                              const allot_map_opts *opts, allot_error *err);

/** How to reduce: an accumulator of acc_nbytes bytes, copied by memcpy, whose first value is the
 * identity. */
typedef struct allot_reducer {
    size_t acc_nbytes;
    /** Fold the items [begin, end) into *acc, in order. @return 0, or non-zero to report a failure. */
    int (*fold)(uint64_t begin, uint64_t end, void *acc, void *arg);
    /** *acc = *acc (left) combined with *right. */
    void (*combine)(void *acc, const void *right, void *arg);
} allot_reducer;

/** Reduce n items to one accumulator.
 *
 * The items are cut into leaves of opts->leaf_items (allot_plan_leaf(n) unless given); each is folded
 * from the identity, and the leaves are combined from left to right. That cut depends on n alone, so the
 * result has the same bits for any number of threads. With opts->exact the cut is free.
 *
 * @param[in,out] acc  the identity on entry, the result on ALLOT_OK, unchanged otherwise
 * @return as allot_for(); ALLOT_EINVAL (a NULL member, acc_nbytes 0); ALLOT_ENOMEM
 * Threads: any, several at once, also from inside a body.  Blocks: yes.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_reduce(allot_pool *pool, uint64_t n, const allot_reducer *reducer,
                                                 void *acc, void *arg, const allot_map_opts *opts,
                                                 allot_error *err);

/** How to scan: a reducer, and how to write the results of a range. */
typedef struct allot_scanner {
    allot_reducer reduce;
    /** Go through [begin, end) in order with *acc as all that comes before begin, write each result and
     * leave all up to end in *acc. Writing before adding makes the scan exclusive, after, inclusive.
     * @return 0, or non-zero to report a failure. */
    int (*emit)(uint64_t begin, uint64_t end, void *acc, void *arg);
} allot_scanner;

/** Prefix sums, of any associative kind.
 *
 * Leaves as in allot_reduce(): each is folded, the sums of all leaves before it are combined from left
 * to right, and emit goes through it from there (the reduce-then-scan of Blelloch, 1990). One leaf, or
 * opts->exact with one or two threads at work, is a single pass of emit; otherwise there are two passes, and
 * progress counts each item twice.
 *
 * @param[in,out] acc  the identity on entry, the total on ALLOT_OK
 * @return as allot_reduce(); after a failure some results may have been written
 * Threads: any, several at once, also from inside a body.  Blocks: yes.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_scan(allot_pool *pool, uint64_t n, const allot_scanner *scanner,
                                               void *acc, void *arg, const allot_map_opts *opts,
                                               allot_error *err);

/** A loop that was started and runs by itself. */
typedef struct allot_job allot_job;

/** Start fn over [0, n) on the pool's workers and return at once.
 * @param arg   borrowed until the job ended
 * @param opts  copied; its control (if any) and stats are borrowed until the job ended
 * @param[out] job  owned by caller, to be given to allot_job_destroy()
 * @return ALLOT_OK; ALLOT_EINVAL; ALLOT_ENOMEM
 * Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_job_start(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
                                                    const allot_map_opts *opts, allot_job **job,
                                                    allot_error *err);

/** Wait for a job, at most timeout_ns (UINT64_MAX: for ever; 0: only look).
 * @param[out] done  NULL, or whether it has ended; when not, the result is ALLOT_OK
 * @param[out] err   NULL, or filled with the job's own failure
 * @return what allot_for() would have returned, once the job ended
 * Threads: any, several at once.  Blocks: as said.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_job_wait(allot_job *job, uint64_t timeout_ns, bool *done,
                                                   allot_error *err);

/** Ask a job to stop, within one chunk of each thread. Twice is allowed, so is after its end.
 * Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API void allot_job_cancel(allot_job *job);

/** Items done and items in all, as allot_control_progress(). Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API void allot_job_progress(const allot_job *job, uint64_t *done, uint64_t *total);

/** Cancel a job if it still runs, wait for its end and free it. NULL is allowed.
 * Threads: one.  Blocks: until the job ended.  Since: 0.1 */
ALLOT_API void allot_job_destroy(allot_job *job);

ALLOT_END_DECLS

#include <allot/short.h>

#endif
