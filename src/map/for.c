/* for.c - allot_for and allot_map: check, then run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <allot/map.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "map/run.h"
#include "pool/control.h"
#include "pool/loop.h"
#include "pool/pool.h"

static AL_NOINLINE allot_err run_checked(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
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

/** A short loop that took this many times longer than predicted, and more than memory or another program
 * would have kept it waiting: what is known of it is wrong. */
#define LONG_RATIO 4.0
#define LONG_SLACK_NS 20e3

static bool is_short(allot_pool *pool, uint64_t n, const al_run_hint *hint)
{
    if (n - 1 < hint->short_items)
        return true;
    if (n - 1 >= hint->asleep_items)
        return false;
    pool = pool != NULL ? pool : al_pool_default_peek();
    return pool != NULL && atomic_load_explicit(&pool->nspinning, memory_order_relaxed) == 0;
}

/* A loop known to be short goes this way: as little code and memory as can be, since after a pause all of
 * it has to be fetched anew, and that may take longer than the loop. */
allot_err allot_for(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg, const allot_map_opts *opts,
                    allot_error *err)
{
    al_run_hint *hint = al_run_find_hint((const void *)(uintptr_t)fn);
    if (hint->fn != (const void *)(uintptr_t)fn || hint->arg != arg || opts != NULL ||
        !is_short(pool, n, hint))
        return run_checked(pool, n, fn, arg, opts, err);
    uint64_t start = al_ticks(), index;
    int user = al_loop_call(fn, arg, 0, n, &index);
    if (AL_UNLIKELY(user != 0))
        return al_run_user_error(err, index, user);
    double slack_ticks = LONG_SLACK_NS * al_clock_ticks_per_ns;
    if (AL_UNLIKELY((double)(al_ticks() - start) > LONG_RATIO * hint->item_ticks * (double)n + slack_ticks))
        hint->short_items = hint->asleep_items = 0;
    return ALLOT_OK;
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
    if (al_run_check("allot_map", opts, err) != ALLOT_OK)
        return ALLOT_EINVAL;
    if (n == 0)
        return al_run_nothing(opts);
    if (!is_array(n, in, in_nbytes) || !is_array(n, out, out_nbytes))
        return al_fail(err, ALLOT_EINVAL, 0,
                       "allot_map: an array of %llu elements of %zu and %zu bytes is "
                       "NULL or larger than memory",
                       (unsigned long long)n, in_nbytes, out_nbytes);
    array_map m = {.in = in_nbytes != 0 ? in : NULL,
                   .out = out_nbytes != 0 ? out : NULL,
                   .in_nbytes = in_nbytes,
                   .out_nbytes = out_nbytes,
                   .fn = fn,
                   .arg = arg};
    return al_run(pool, n, map_range, &m, (al_run_site){.fn = (const void *)(uintptr_t)fn, .arg = arg}, opts,
                  err);
}
