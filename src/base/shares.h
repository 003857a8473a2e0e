/* shares.h - loops cut into shares that are the same each time: one a thread, or a few.
 *
 * allot_for() cuts a loop as it runs, which is best for a loop by itself. Where one short loop follows the
 * other over the same arrays, what counts is that a thread finds in its caches what it wrote in the loop
 * before, and that nobody first works alone to see what an item costs. So these are open to all threads from
 * the start; the first half of the shares is the caller's unless others are late.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_SHARES_H
#define AL_BASE_SHARES_H

#include <allot/map.h>

/** Who works. Zeros: the caller alone. */
typedef struct al_threads {
    allot_pool *pool; /**< borrowed; NULL: the default one */
    uint32_t n;
} al_threads;

static inline uint32_t al_threads_count(const al_threads *threads)
{
    return threads->n > 1 ? threads->n : 1;
}

/** Where share k of n things begins, and share k - 1 ends. */
static inline uint64_t al_share_begin(uint64_t n, uint64_t k, uint64_t nshares)
{
    return n * k / nshares;
}

/** Do the shares [0, nshares): fn is given their numbers. @return false: it failed for one */
static inline bool al_shares_do(const al_threads *threads, uint32_t nshares, allot_for_fn fn, void *arg)
{
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    opts.chunk_items = 1;
    if (threads->n <= 1 || nshares <= 1)
        return fn(0, nshares, arg) == 0;
    return allot_for(threads->pool, nshares, fn, arg, &opts, NULL) == ALLOT_OK;
}

#endif
