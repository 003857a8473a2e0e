/* engines.h - named variables in each engine of a pool, and functions that run in one engine or in all.
 *
 * A pool of engines (allot_pool_open) is looked at in two ways. Load-balanced: items go to whoever is free,
 * as allot_for(), allot_map() and allot_engines_apply() with ALLOT_ENGINES_ANY do. Direct: by engine, or all
 * of them at once, with variables that each engine has a copy of under the same name.
 *
 * A variable is a row of bytes of fixed size, in shared memory: the caller makes it (push, scatter) and
 * copies it out (pull, gather), functions in the engine read and write it in place (allot_engine_var). It
 * stays until the caller makes it anew or forgets it, also when the engine is replaced, by whatever reason,
 * and is then as the last function left it. Calls here wait for each other, but not for allot_for() and the
 * like: do not change a variable that functions of such a call use.
 *
 *     allot_engines_scatter(pool, "x", x, n, sizeof *x, &err);          // each engine has a part of x
 *     allot_engines_push(pool, ALLOT_ENGINES_ALL, "sum", NULL, sizeof(double), &err);
 *     allot_engines_apply(pool, ALLOT_ENGINES_ALL, add_up, NULL, 0, NULL, &err);
 *     allot_engines_gather(pool, "sum", sums, allot_pool_nthreads(pool), sizeof *sums, &err);
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ALLOT_ENGINES_H
#define ALLOT_ENGINES_H

#include <stddef.h>
#include <stdint.h>

#include <allot/api.h>
#include <allot/error.h>
#include <allot/map.h>
#include <allot/pool.h>

ALLOT_BEGIN_DECLS

/** Longest name of a variable, without its end. Any bytes but '\0' will do. */
#define ALLOT_ENGINE_NAME_MAX 63

#define ALLOT_ENGINES_ALL UINT32_MAX       /**< every engine */
#define ALLOT_ENGINES_ANY (UINT32_MAX - 1) /**< whichever is free */
#define ALLOT_ENGINE_NONE UINT32_MAX       /**< not in an engine */

/** Set a variable, in all engines or in one. In one, the others keep what they have under that name.
 * @param engine  below allot_pool_nthreads(pool), or ALLOT_ENGINES_ALL
 * @param data    nbytes bytes, copied; NULL: zeros
 * @return ALLOT_OK; ALLOT_EINVAL (no pool of engines, no such engine, a name that is empty or too long);
 *         ALLOT_ENOMEM (memory, or more than 256 names)
 * Threads: any.  Blocks: while another call on the pool's variables runs.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_engines_push(allot_pool *pool, uint32_t engine, const char *name,
                                                       const void *data, size_t nbytes, allot_error *err);

/** Copy a variable out, from all engines one behind the other, or from one.
 * @param[out] data  nbytes bytes
 * @param nbytes     exactly what there is
 * @return ALLOT_OK; ALLOT_EINVAL (also when nbytes is another size); ALLOT_ENOTFOUND
 * Threads: any.  Blocks: as allot_engines_push().  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_engines_pull(allot_pool *pool, uint32_t engine, const char *name,
                                                       void *data, size_t nbytes, allot_error *err);

/** Cut n elements into as many consecutive parts as there are engines, equal but for one element, and set the
 * variable to one part in each.
 * @return as allot_engines_push()
 * Threads: any.  Blocks: as allot_engines_push().  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_engines_scatter(allot_pool *pool, const char *name,
                                                          const void *data, uint64_t n, size_t item_nbytes,
                                                          allot_error *err);

/** Put the parts together again, in the order of the engines. They need not be those that were scattered, but
 * must be n elements in all.
 * @return as allot_engines_pull()
 * Threads: any.  Blocks: as allot_engines_push().  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_engines_gather(allot_pool *pool, const char *name, void *data,
                                                         uint64_t n, size_t item_nbytes, allot_error *err);

/** The size of a variable, in one engine or in all together.
 * @param[out] nbytes  filled
 * @return ALLOT_OK; ALLOT_EINVAL; ALLOT_ENOTFOUND
 * Threads: any.  Blocks: as allot_engines_push().  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_engines_size(allot_pool *pool, uint32_t engine, const char *name,
                                                       size_t *nbytes, allot_error *err);

/** Remove a variable from all engines.
 * @return ALLOT_OK; ALLOT_EINVAL; ALLOT_ENOTFOUND
 * Threads: any.  Blocks: as allot_engines_push().  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_engines_forget(allot_pool *pool, const char *name,
                                                         allot_error *err);

/** What runs in an engine. arg is a copy of the caller's, shared by the engines that run; what is written
 * there is dropped. @return 0, or non-zero to report a failure. */
typedef int (*allot_engine_fn)(uint32_t engine, void *arg);

/** Run fn in each engine once, in one, or in whichever is free, and wait.
 * @param engine      below allot_pool_nthreads(pool), ALLOT_ENGINES_ALL or ALLOT_ENGINES_ANY
 * @param arg         arg_nbytes bytes, copied; NULL with 0: fn gets NULL
 * @param opts        timeout_ns, item_timeout_ns, control, stats and faults, whose items here are engines
 * @return as allot_for(), err->index being the engine
 * Threads: any.  Blocks: yes, as allot_engines_push() besides.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_engines_apply(allot_pool *pool, uint32_t engine, allot_engine_fn fn,
                                                        const void *arg, size_t arg_nbytes,
                                                        const allot_map_opts *opts, allot_error *err);

/** The engine in which the caller runs, or ALLOT_ENGINE_NONE.
 * Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API uint32_t allot_engine_index(void);

/** In an engine: its own copy of a variable, aligned to 64 bytes, to be read and written.
 * @param[out] nbytes  NULL, or filled
 * @return borrowed until the function that runs in the engine returns; NULL: no such variable, or no engine
 * Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API void *allot_engine_var(const char *name, size_t *nbytes);

ALLOT_END_DECLS

#endif
