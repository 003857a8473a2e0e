/* for.c - allot_for and allot_map: check, then run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <allot/map.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "map/isolated.h"
#include "map/run.h"
#include "map/site.h"
#include "pool/control.h"
#include "pool/loop.h"
#include "pool/pool.h"
#include "pool/procs.h"

static AL_HOT AL_NOINLINE allot_err run_checked(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
                                                const allot_map_opts *opts, allot_error *err)
{
    if (fn == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "allot_for: the function is NULL");
    if (al_run_check("allot_for", opts, err) != ALLOT_OK)
        return ALLOT_EINVAL;
    if (n == 0)
        return al_run_nothing(opts);
    return al_run(pool, n, fn, arg, (al_run_site){.fn = (const void *)(uintptr_t)fn, .arg = arg}, opts, err);
}

/** Whether n items are not worth a thought, though they would be if a worker were awake. */
static bool is_short_asleep(const allot_pool *pool, uint64_t n, const al_site *site)
{
    return n - 1 < site->asleep_items &&
           (pool == NULL || atomic_load_explicit(&pool->nspinning, memory_order_relaxed) == 0);
}

/** A loop known to be short: as little code and memory as can be, since after a pause all of it has to be
 * fetched anew, and that may take longer than the loop. */
static inline allot_err run_short(uint64_t n, allot_for_fn fn, void *arg, allot_error *err)
{
    uint64_t index;
    int user = al_loop_call(fn, arg, 0, n, &index);
    return AL_LIKELY(user == 0) ? ALLOT_OK : al_run_user_error(err, index, user);
}

/** The same, and see that it was short. */
static inline allot_err run_timed(uint64_t n, allot_for_fn fn, void *arg, al_site *site, uint64_t *start,
                                  uint64_t *end, allot_error *err)
{
    *start = al_ticks();
    allot_err code = run_short(n, fn, arg, err);
    *end = al_ticks();
    if (AL_UNLIKELY(*end - *start > site->long_ticks))
        al_site_doubt(site);
    return code;
}

/** allot_for(), with the site of fn and whether a short loop is due to be timed. */
static inline allot_err run_for(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
                                const allot_map_opts *opts, al_site *site, bool is_due, allot_error *err)
{
    uint64_t start = 0, end = 0;
    if (site->fn != (const void *)(uintptr_t)fn || site->arg != arg || opts != NULL)
        return run_checked(pool, n, fn, arg, opts, err);
    if (n - 1 < site->short_items)
        return is_due ? run_timed(n, fn, arg, site, &start, &end, err) : run_short(n, fn, arg, err);
    allot_pool *asleep = pool != NULL ? pool : al_pool_default_peek();
    if (!is_short_asleep(asleep, n, site))
        return run_checked(pool, n, fn, arg, opts, err);
    allot_err code = run_timed(n, fn, arg, site, &start, &end, err);
    if (code == ALLOT_OK)
        al_run_miss(asleep, site, start, end);
    return code;
}

/** allot_for() on a pool of engines: never by the caller, unless that is one. */
static AL_NOINLINE allot_err run_apart(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
                                       const allot_map_opts *opts, allot_error *err)
{
    if (al_procs_are_asked(pool))
        return al_isolated_for(pool, n, fn, arg, opts, err);
    return run_checked(NULL, n, fn, arg, opts, err);
}

AL_HOT allot_err allot_for(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
                           const allot_map_opts *opts, allot_error *err)
{
    if (n == 0 && fn != NULL && opts == NULL)
        return ALLOT_OK;
    if (AL_UNLIKELY(al_procs_of(pool) != NULL))
        return run_apart(pool, n, fn, arg, opts, err);
    al_site *site = al_site_entry((const void *)(uintptr_t)fn);
    return run_for(pool, n, fn, arg, opts, site, ++site->nshort % ALLOT_SHORT_TIMED == 0, err);
}

/** What the caller may do by itself from now on: loops that do not pay for waking anybody, once those who are
 * awake have had the time to fall asleep. */
static inline void tell(allot_short *here, const allot_pool *pool, const al_site *site)
{
    uint64_t most = site->asleep_items > site->short_items ? site->asleep_items : site->short_items;
    *here = (allot_short){.fn = (allot_for_fn)(uintptr_t)site->fn,
                          .arg = (void *)(uintptr_t)site->arg,
                          .nshort = site->short_items,
                          .left = ALLOT_SHORT_TIMED,
                          .nitems = al_clock_has_counter ? most : 0,
                          .ended = al_ticks(),
                          .pause = al_run_pause(pool != NULL ? pool : al_pool_default_peek()),
                          .most = site->long_ticks};
}

AL_HOT allot_err allot_for_from(allot_short *here, allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
                                const allot_map_opts *opts, allot_error *err)
{
    if (AL_UNLIKELY(al_procs_of(pool) != NULL))
        return run_apart(pool, n, fn, arg, opts, err);
    al_site *site = al_site_entry((const void *)(uintptr_t)fn);
    allot_err code = run_for(pool, n, fn, arg, opts, site, true, err);
    if (site->fn == (const void *)(uintptr_t)fn && site->arg == arg)
        tell(here, pool, site);
    else
        here->nitems = 0;
    return code;
}

allot_err allot_for_failed(uint64_t n, int user, allot_error *err)
{
    return al_run_user_error(err, al_loop_failed_index(0, n), user);
}

typedef struct array_map {
    const char *in;
    char *out;
    size_t in_nbytes, out_nbytes;
    allot_map_fn fn;
    void *arg;
} array_map;

static int map_range(uint64_t begin, uint64_t end, void *arg)
{
    const array_map *m = arg;
    const char *in = m->in != NULL ? m->in + begin * m->in_nbytes : NULL;
    char *out = m->out != NULL ? m->out + begin * m->out_nbytes : NULL;
    return m->fn(in, out, begin, end - begin, m->arg);
}

static bool is_array(uint64_t n, const void *array, size_t nbytes)
{
    size_t product;
    return nbytes == 0 || (array != NULL && !__builtin_mul_overflow(n, nbytes, &product));
}

allot_err allot_map(allot_pool *pool, uint64_t n, const void *in, size_t in_nbytes, void *out,
                    size_t out_nbytes, allot_map_fn fn, void *arg, const allot_map_opts *opts,
                    allot_error *err)
{
    if (fn == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "allot_map: the function is NULL");
    bool apart = al_procs_are_asked(pool);
    if (!apart && al_run_check("allot_map", opts, err) != ALLOT_OK)
        return ALLOT_EINVAL;
    if (n == 0)
        return al_run_nothing(opts);
    if (!is_array(n, in, in_nbytes) || !is_array(n, out, out_nbytes))
        return al_fail(err, ALLOT_EINVAL, 0,
                       "allot_map: an array of %llu elements of %zu and %zu bytes is "
                       "NULL or larger than memory",
                       (unsigned long long)n, in_nbytes, out_nbytes);
    if (apart)
        return al_isolated_map(pool, n, in, in_nbytes, out, out_nbytes, fn, arg, opts, err);
    array_map m = {.in = in_nbytes != 0 ? in : NULL,
                   .out = out_nbytes != 0 ? out : NULL,
                   .in_nbytes = in_nbytes,
                   .out_nbytes = out_nbytes,
                   .fn = fn,
                   .arg = arg};
    return al_run(al_procs_or_threads(pool), n, map_range, &m,
                  (al_run_site){.fn = (const void *)(uintptr_t)fn, .arg = arg}, opts, err);
}
