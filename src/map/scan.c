/* scan.c - allot_scan: reduce the leaves, prefix their sums, then go through each leaf from there.
 *
 * That is two passes over the items where the serial loop needs one, so it gains from three threads on (and
 * costs up to the serial time more on one). The bits are the cut's, and the cut is n's: a result that is
 * not exactly associative must take the two passes on one thread too. What is exact, or short enough to be
 * one leaf, takes the single pass whenever fewer than three threads would come.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <allot/map.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "map/leaves.h"
#include "map/run.h"
#include "pool/procs.h"

/** Up to here a scan is one leaf. Part of the result's bits. */
#define ONE_LEAF_ITEMS 1024u
/** Passes of the parallel scan over the items: with fewer threads than one more, nothing is gained. */
#define PASSES 2u

typedef struct scan {
    const allot_scanner *scanner;
    void *acc; /* identity, later the total */
    void *arg;
    al_leaves leaves;
} scan;

static int fold_leaves(uint64_t begin, uint64_t end, void *arg)
{
    scan *s = arg;
    for (uint64_t leaf = begin; leaf < end; leaf++) {
        void *sum = al_leaves_sum(&s->leaves, leaf);
        uint64_t first = al_leaves_begin(&s->leaves, leaf), last = al_leaves_begin(&s->leaves, leaf + 1);
        memcpy(sum, s->acc, s->leaves.acc_nbytes);
        int user = s->scanner->reduce.fold(first, last, sum, s->arg);
        if (user != 0)
            return al_leaves_fail(&s->leaves, leaf, first, last, user);
    }
    return 0;
}

static int emit_leaves(uint64_t begin, uint64_t end, void *arg)
{
    scan *s = arg;
    for (uint64_t leaf = begin; leaf < end; leaf++) {
        uint64_t first = al_leaves_begin(&s->leaves, leaf), last = al_leaves_begin(&s->leaves, leaf + 1);
        int user = s->scanner->emit(first, last, al_leaves_sum(&s->leaves, leaf), s->arg);
        if (user != 0)
            return al_leaves_fail(&s->leaves, leaf, first, last, user);
    }
    return 0;
}

/** Replace each leaf's sum by the combination of all before it, and *acc by that of all. The identity
 * stands in *acc; `spare` has room for one accumulator. */
static void prefix_sums(scan *s, void *spare)
{
    size_t nbytes = s->leaves.acc_nbytes;
    for (uint64_t leaf = 0; leaf < s->leaves.nleaves; leaf++) {
        void *sum = al_leaves_sum(&s->leaves, leaf);
        memcpy(spare, sum, nbytes);
        memcpy(sum, s->acc, nbytes);
        s->scanner->reduce.combine(s->acc, spare, s->arg);
    }
}

/** The serial pass, in order on the calling thread. */
static int emit_items(uint64_t begin, uint64_t end, void *arg)
{
    scan *s = arg;
    return s->scanner->emit(begin, end, s->acc, s->arg);
}

static allot_err scan_once(allot_pool *pool, scan *s, uint64_t n, const allot_map_opts *opts,
                           allot_error *err)
{
    allot_map_opts alone = ALLOT_MAP_OPTS_INIT;
    if (opts != NULL)
        alone = *opts;
    alone.max_threads = 1;
    al_run_site site = {.fn = (const void *)(uintptr_t)s->scanner->emit, .arg = s->arg};
    return al_run(pool, n, emit_items, s, site, &alone, err);
}

/** Counters of the second pass, to which those of the first are added. */
static void add_stats(allot_stats *stats, const allot_stats *first, uint64_t nitems)
{
    stats->nitems = nitems;
    stats->nchunks += first->nchunks;
    stats->nsteals += first->nsteals;
    stats->nwakes += first->nwakes;
    stats->nengines = first->nengines > stats->nengines ? first->nengines : stats->nengines;
    stats->wall_ns += first->wall_ns;
    stats->busy_ns += first->busy_ns;
}

static allot_err two_passes(allot_pool *pool, scan *s, void *spare, const allot_map_opts *opts,
                            allot_error *err)
{
    const allot_scanner *scanner = s->scanner;
    allot_stats first = {0};
    s->leaves.npasses = PASSES;
    uint64_t start = al_ticks();
    allot_err code = al_leaves_run(pool, &s->leaves, fold_leaves, s,
                                   (const void *)(uintptr_t)scanner->reduce.fold, s->arg, opts, err);
    if (code != ALLOT_OK)
        return code;
    if (opts != NULL && opts->stats != NULL)
        first = *opts->stats;
    prefix_sums(s, spare);
    s->leaves.resumed_at = start;
    code = al_leaves_run(pool, &s->leaves, emit_leaves, s, (const void *)(uintptr_t)scanner->emit, s->arg,
                         opts, err);
    if (opts != NULL && opts->stats != NULL)
        add_stats(opts->stats, &first, code == ALLOT_OK ? s->leaves.nitems : opts->stats->nitems);
    return code;
}

static allot_err scan_twice(allot_pool *pool, scan *s, uint64_t n, uint64_t leaf, const allot_map_opts *opts,
                            allot_error *err)
{
    size_t acc_nbytes = s->scanner->reduce.acc_nbytes;
    allot_err code = al_leaves_init(&s->leaves, pool, n, leaf, acc_nbytes, err);
    void *spare = code == ALLOT_OK ? malloc(acc_nbytes) : NULL;
    if (code == ALLOT_OK && spare == NULL)
        code = al_fail(err, ALLOT_ENOMEM, 0, "allot_scan: out of memory");
    if (code == ALLOT_OK)
        code = two_passes(pool, s, spare, opts, err);
    free(spare);
    al_leaves_fini(&s->leaves);
    return code;
}

allot_err allot_scan(allot_pool *pool, uint64_t n, const allot_scanner *scanner, void *acc, void *arg,
                     const allot_map_opts *opts, allot_error *err)
{
    if (scanner == NULL || scanner->emit == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "allot_scan: a function is NULL");
    if (al_procs_are_asked(pool))
        return al_fail(
            err, ALLOT_EUNSUPPORTED, 0,
            "allot_scan: its results go through arg, which engines cannot write to; use a pool of threads");
    pool = al_procs_or_threads(pool);
    if (al_leaves_check("allot_scan", &scanner->reduce, acc, err) != ALLOT_OK ||
        al_run_check("allot_scan", opts, err) != ALLOT_OK)
        return ALLOT_EINVAL;
    if (n == 0)
        return al_run_nothing(opts);
    scan s;
    s.scanner = scanner;
    s.acc = acc;
    s.arg = arg;
    bool given = opts != NULL && opts->leaf_items != 0;
    uint64_t leaf = given ? opts->leaf_items : n <= ONE_LEAF_ITEMS ? n : allot_plan_leaf(n);
    uint32_t nthreads = allot_pool_nthreads(pool);
    if (opts != NULL && opts->max_threads != 0 && opts->max_threads < nthreads)
        nthreads = opts->max_threads;
    bool exact = opts != NULL && opts->exact;
    if (leaf >= n || (exact && nthreads <= PASSES))
        return scan_once(pool, &s, n, opts, err);
    return scan_twice(pool, &s, n, leaf, opts, err);
}
