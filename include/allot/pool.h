/* pool.h - the threads, or isolated engines, of this machine that work is handed to.
 *
 * A pool of t threads is the calling thread and t - 1 workers. A worker that has nothing to do spins
 * for as long as a wake-up would cost, then sleeps and uses no processor time. Wherever a call takes a
 * pool, NULL means the process's default pool: it is made when the first loop is long enough to pay for
 * it, and never before.
 *
 * A pool of engines does the items in processes of its own and never in the caller: an item may crash, call
 * exit(), hang or not be thread-safe, and costs itself. See allot_pool_open().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ALLOT_POOL_H
#define ALLOT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/api.h>
#include <allot/error.h>
#include <allot/plan.h>

ALLOT_BEGIN_DECLS

typedef struct allot_pool allot_pool;

typedef struct allot_pool_opts {
    uint32_t nthreads;    /**< threads, the caller among them; 0: the processors this process may use, and
                               no more than its cgroup's CPU quota, rounded up */
    bool pin;             /**< bind each worker to one processor; otherwise the system moves them */
    uint64_t spin_ns;     /**< idle spin before sleep; 0: allot_plan_spin_ns() of the measured costs */
    uint64_t reserved[4]; /**< 0 */
} allot_pool_opts;

#define ALLOT_POOL_OPTS_INIT                                                                                 \
    {                                                                                                        \
        0, false, 0,                                                                                         \
        {                                                                                                    \
            0, 0, 0, 0                                                                                       \
        }                                                                                                    \
    }

/** Make a pool.
 * @param[out] pool  owned by caller, to be given to allot_pool_destroy()
 * @param opts       NULL = ALLOT_POOL_OPTS_INIT
 * @param[out] err   NULL, or filled when the result is not ALLOT_OK
 * @return ALLOT_OK; ALLOT_EINVAL (nthreads over 1024, NULL pool); ALLOT_ENOMEM (a thread or memory
 *         could not be had; nothing is left behind)
 * Threads: any.  Blocks: for the start of the threads and a measurement of their costs, under 10 ms.
 * Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_pool_create(allot_pool **pool, const allot_pool_opts *opts,
                                                      allot_error *err);

/** Make a pool from a few words.
 *
 *     "threads"  "threads:N"     as allot_pool_create() with nthreads = N
 *     "procs"    "procs:N"       N isolated engines; without N, as many as threads
 *     "procs:N,kept"             the same engines for all calls
 *
 * Engines are processes that are forked from the caller. allot_for(), allot_map(), allot_reduce() and
 * allot_engines_apply() take such a pool; allot_scan() and allot_job_start() refuse it. An item whose
 * function crashes, calls exit(), or takes longer than allot_map_opts.item_timeout_ns has failed, and is
 * named as one that returned non-zero would be; its engine is replaced. Items that were in hand together with
 * it are done again, one at a time, so that on the way to a failure an item may be begun more than once.
 *
 * What engines see. "procs:N" forks for each call: engines see all memory as it is at the call, globals
 * included. What they write stays theirs and is gone with them, but for
 *   - the `out` of allot_map() and the accumulators of allot_reduce(), which arrive wherever they lie;
 *   - memory of allot_shared_alloc(), which is one for the caller and all engines.
 * allot_for() has only its arg to give results by, so on a pool of engines that must be NULL or shared
 * memory.
 *
 * "kept" engines are forked when the pool is opened, and hand-over costs them a microsecond instead of a
 * fork. By this word the caller says: what my functions read is their arguments, or has not changed since the
 * pool was opened. They are used when in, out and arg lie in shared memory and the function's code was there
 * when they were forked, otherwise engines are forked for the call as above. An engine that has to be
 * replaced is forked from the caller as it is then.
 *
 * Inside an engine, calls on any pool made before run in series. Engines end with the thread that forked them
 * (kept ones are made anew then), ignore SIGINT and SIGQUIT, which are the caller's to act upon, and run none
 * of its signal and exit handlers. fork() copies one thread: with others running in the caller, functions
 * must not need a lock that those may hold; malloc() and stdio are safe.
 *
 * @param[out] pool  owned by caller, to be given to allot_pool_destroy()
 * @param spec       see above
 * @return as allot_pool_create(); ALLOT_EINVAL (spec); ALLOT_EUNSUPPORTED (engines need Linux 5.3)
 * Threads: any.  Blocks: for starting threads or kept engines.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_pool_open(allot_pool **pool, const char *spec, allot_error *err);

/** Memory that the caller and the engines of all its pools share, whenever they were forked: at the same
 * address, so that pointers into it may lie in it.
 *
 * It is all zeros, aligned to 64 bytes, and belongs to the process: one that fork()s without allot shares it
 * with its child, too. An engine may use what there is, but what it allocates is its own.
 * @return owned by caller, to be given to allot_shared_free(); NULL with err filled: ALLOT_EINVAL (0 bytes),
 *         ALLOT_ENOMEM
 * Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD void *allot_shared_alloc(size_t nbytes, allot_error *err);

/** Give shared memory back. NULL, and what is not from allot_shared_alloc() of this process, is ignored.
 * Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API void allot_shared_free(void *memory);

/** End a pool's threads or engines and free it. No call or job may be using it. NULL is allowed.
 * Threads: one.  Blocks: until the threads have ended.  Since: 0.1 */
ALLOT_API void allot_pool_destroy(allot_pool *pool);

/** Threads of a pool, the caller among them, or its engines, the caller not among them. NULL: of the default
 * pool, made or not.
 * Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API uint32_t allot_pool_nthreads(const allot_pool *pool);

/** The costs a pool has measured so far (at its start, and anew with each wake-up since).
 * @param pool  NULL: the default pool, which is made if need be
 * @param[out] costs  filled
 * @return ALLOT_OK; ALLOT_EINVAL; ALLOT_EUNSUPPORTED for a pool of engines; ALLOT_ENOMEM when the default
 * pool cannot be made
 * Threads: any.  Blocks: no, but for making the default pool.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_pool_costs(allot_pool *pool, allot_costs *costs);

ALLOT_END_DECLS

#endif
