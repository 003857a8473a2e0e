/* pool.h - the threads of this machine that work is handed to.
 *
 * A pool of t threads is the calling thread and t - 1 workers. A worker that has nothing to do spins
 * for as long as a wake-up would cost, then sleeps and uses no processor time. Wherever a call takes a
 * pool, NULL means the process's default pool: it is made when the first loop is long enough to pay for
 * it, and never before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ALLOT_POOL_H
#define ALLOT_POOL_H

#include <stdbool.h>
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

/** End a pool's threads and free it. No call or job may be using it. NULL is allowed.
 * Threads: one.  Blocks: until the threads have ended.  Since: 0.1 */
ALLOT_API void allot_pool_destroy(allot_pool *pool);

/** Threads of a pool, the caller among them. NULL: of the default pool, made or not.
 * Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API uint32_t allot_pool_nthreads(const allot_pool *pool);

/** The costs a pool has measured so far (at its start, and anew with each wake-up since).
 * @param pool  NULL: the default pool, which is made if need be
 * @param[out] costs  filled
 * @return ALLOT_OK; ALLOT_EINVAL; ALLOT_ENOMEM when the default pool cannot be made
 * Threads: any.  Blocks: no, but for making the default pool.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_pool_costs(allot_pool *pool, allot_costs *costs);

ALLOT_END_DECLS

#endif
