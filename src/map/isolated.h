/* isolated.h - loops over the engines of a pool (src/pool/procs.h), which have memory of their own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MAP_ISOLATED_H
#define AL_MAP_ISOLATED_H

#include <allot/map.h>

#include "map/run.h"

/** allot_for() on a pool of engines, from anywhere but an engine. */
allot_err al_isolated_for(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
                          const allot_map_opts *opts, allot_error *err);

/** allot_map(): arrays checked by the caller, n > 0. */
allot_err al_isolated_map(allot_pool *pool, uint64_t n, const void *in, size_t in_nbytes, void *out,
                          size_t out_nbytes, allot_map_fn fn, void *arg, const allot_map_opts *opts,
                          allot_error *err);

/** Run body over n indices as al_run(), n > 0, writing to nothing but shared memory.
 * @param[out] fault  on ALLOT_EUSER, what happened; its index is site->scale user's items */
allot_err al_isolated_leaves(allot_pool *pool, uint64_t n, allot_for_fn body, void *arg,
                             const al_run_site *site, const allot_map_opts *opts, allot_fault *fault,
                             allot_error *err);

#endif
