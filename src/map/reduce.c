/* reduce.c - allot_reduce: fold each leaf, combine the leaves from left to right.
 *
 * The cut into leaves is a function of n, so the result is too. Where combining is exactly associative any
 * cut gives the same bits, and consecutive leaves that one thread does together are folded as one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <allot/map.h>

#include <string.h>

#include "base/fail.h"
#include "map/leaves.h"
#include "map/run.h"
#include "pool/procs.h"

typedef struct reduction {
    const allot_reducer *reducer;
    const void *identity;
    void *arg;
    bool exact;
    al_leaves leaves;
} reduction;

/** Fold leaves [begin, end) into the accumulator of the first. */
static int fold_as_one(reduction *r, uint64_t begin, uint64_t end)
{
    void *sum = al_leaves_sum(&r->leaves, begin);
    uint64_t first = al_leaves_begin(&r->leaves, begin), last = al_leaves_begin(&r->leaves, end);
    memcpy(sum, r->identity, r->leaves.acc_nbytes);
    int user = r->reducer->fold(first, last, sum, r->arg);
    if (user != 0)
        return al_leaves_fail(&r->leaves, begin, first, last, user);
    r->leaves.folded[begin] = true;
    return 0;
}

static int fold_leaves(uint64_t begin, uint64_t end, void *arg)
{
    reduction *r = arg;
    if (r->exact)
        return fold_as_one(r, begin, end);
    for (uint64_t leaf = begin; leaf < end; leaf++) {
        int user = fold_as_one(r, leaf, leaf + 1);
        if (user != 0)
            return user;
    }
    return 0;
}

static allot_err check_opts(const allot_pool *pool, const allot_map_opts *opts, allot_error *err)
{
    if (!al_procs_are_asked(pool))
        return al_run_check("allot_reduce", opts, err);
    if (opts != NULL && opts->faults != NULL)
        return al_fail(err, ALLOT_EINVAL, 0,
                       "allot_reduce: without the items that failed there is no result; leave faults NULL");
    return al_procs_check("allot_reduce", opts, err);
}

allot_err allot_reduce(allot_pool *pool, uint64_t n, const allot_reducer *reducer, void *acc, void *arg,
                       const allot_map_opts *opts, allot_error *err)
{
    if (al_leaves_check("allot_reduce", reducer, acc, err) != ALLOT_OK ||
        check_opts(pool, opts, err) != ALLOT_OK)
        return ALLOT_EINVAL;
    if (n == 0)
        return al_run_nothing(opts);
    reduction r; /* not initialised whole: it holds room for the leaves */
    r.reducer = reducer;
    r.identity = acc;
    r.arg = arg;
    r.exact = opts != NULL && opts->exact;
    uint64_t leaf = opts != NULL && opts->leaf_items != 0 ? opts->leaf_items : allot_plan_leaf(n);
    allot_err code = al_leaves_init(&r.leaves, pool, n, leaf, reducer->acc_nbytes, err);
    if (code == ALLOT_OK)
        code = al_leaves_run(pool, &r.leaves, fold_leaves, &r, (const void *)(uintptr_t)reducer->fold, arg,
                             opts, err);
    for (uint64_t k = 0; code == ALLOT_OK && k < r.leaves.nleaves; k++)
        if (r.leaves.folded[k])
            reducer->combine(acc, al_leaves_sum(&r.leaves, k), arg);
    al_leaves_fini(&r.leaves);
    return code;
}
