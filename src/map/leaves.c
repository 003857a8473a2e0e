/* leaves.c - see leaves.h.
 *
 * A loop over leaves counts leaves, its user counts items: progress, chunks and failures are translated
 * here, so that nobody outside sees a leaf.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "map/leaves.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "map/isolated.h"
#include "map/run.h"
#include "pool/loop.h"
#include "pool/procs.h"

#define ALIGNMENT 16u /* of any C type an accumulator may be */

/** Memory for the accumulators that engines can write to, too. */
static allot_err share(al_leaves *leaves, size_t nbytes, allot_error *err)
{
    char *block = allot_shared_alloc(ALIGNMENT + nbytes, err);
    if (block == NULL)
        return ALLOT_ENOMEM;
    leaves->shared = true;
    leaves->failed_index = (_Atomic uint64_t *)(void *)block;
    atomic_init(leaves->failed_index, UINT64_MAX);
    leaves->sums = block + ALIGNMENT;
    return ALLOT_OK;
}

allot_err al_leaves_init(al_leaves *leaves, const allot_pool *pool, uint64_t nitems, uint64_t leaf_items,
                         size_t acc_nbytes, allot_error *err)
{
    leaves->nitems = nitems;
    leaves->leaf = leaf_items;
    leaves->nleaves = nitems / leaf_items + (nitems % leaf_items != 0);
    leaves->acc_nbytes = acc_nbytes;
    leaves->npasses = 1;
    leaves->resumed_at = 0;
    leaves->sums = leaves->room;
    leaves->shared = false;
    leaves->failed_index = &leaves->failed_here;
    atomic_init(leaves->failed_index, UINT64_MAX);
    size_t each, nbytes;
    if (__builtin_add_overflow(acc_nbytes, ALIGNMENT - 1, &leaves->stride))
        goto too_large;
    leaves->stride &= ~(size_t)(ALIGNMENT - 1);
    if (__builtin_add_overflow(leaves->stride, sizeof(bool), &each) ||
        __builtin_mul_overflow(each, leaves->nleaves, &nbytes))
        goto too_large;
    if (al_procs_are_asked(pool)) {
        if (share(leaves, nbytes, err) != ALLOT_OK)
            return ALLOT_ENOMEM;
    } else if (nbytes > sizeof leaves->room) {
        leaves->sums = malloc(nbytes);
        if (leaves->sums == NULL)
            goto too_large;
    }
    leaves->folded = (bool *)(leaves->sums + leaves->stride * leaves->nleaves);
    memset(leaves->folded, 0, leaves->nleaves * sizeof(bool));
    return ALLOT_OK;
too_large:
    leaves->sums = leaves->room;
    return al_fail(err, ALLOT_ENOMEM, 0,
                   "no memory for %llu accumulators of %zu bytes; give a larger leaf_items",
                   (unsigned long long)leaves->nleaves, acc_nbytes);
}

void al_leaves_fini(al_leaves *leaves)
{
    if (leaves->shared)
        allot_shared_free(leaves->sums - ALIGNMENT);
    else if (leaves->sums != leaves->room)
        free(leaves->sums);
}

int al_leaves_fail(al_leaves *leaves, uint64_t leaf, uint64_t begin, uint64_t end, int user)
{
    uint64_t index = al_loop_failed_index(begin, end);
    uint64_t lowest = atomic_load_explicit(leaves->failed_index, memory_order_relaxed);
    while (index < lowest &&
           !atomic_compare_exchange_weak_explicit(leaves->failed_index, &lowest, index, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
    return allot_fail_at(leaf, user);
}

/** The error of a call on engines: what ended an engine did so somewhere in its leaf. */
static allot_err isolated_error(const al_leaves *leaves, allot_fault fault, allot_error *err)
{
    bool returned = fault.kind == ALLOT_FAULT_RETURNED;
    fault.index = returned ? atomic_load_explicit(leaves->failed_index, memory_order_relaxed)
                           : al_leaves_begin(leaves, fault.index);
    return al_procs_fault_error(err, returned ? "item" : "the leaf that begins with item", &fault);
}

/** What progress counts up to. */
static uint64_t items_in_all(const al_leaves *leaves)
{
    uint64_t nitems;
    return __builtin_mul_overflow(leaves->nitems, leaves->npasses, &nitems) ? UINT64_MAX : nitems;
}

allot_err al_leaves_run(allot_pool *pool, al_leaves *leaves, allot_for_fn body, void *body_arg,
                        const void *site_fn, const void *site_arg, const allot_map_opts *opts,
                        allot_error *err)
{
    allot_map_opts in_leaves;
    if (opts != NULL) {
        in_leaves = *opts;
        if (opts->chunk_items != 0)
            in_leaves.chunk_items = (opts->chunk_items - 1) / leaves->leaf + 1;
        opts = &in_leaves;
    }
    al_run_site site = {
        .fn = site_fn,
        .arg = (const void *)((uintptr_t)site_arg ^ leaves->leaf), /* another size, another cost */
        .scale = leaves->leaf,
        .nitems = items_in_all(leaves),
        .start = leaves->resumed_at};
    if (al_procs_are_asked(pool)) {
        allot_fault fault;
        allot_err code = al_isolated_leaves(pool, leaves->nleaves, body, body_arg, &site, opts, &fault, err);
        return code == ALLOT_EUSER ? isolated_error(leaves, fault, err) : code;
    }
    allot_err code = al_run(al_procs_or_threads(pool), leaves->nleaves, body, body_arg, site, opts, err);
    if (code == ALLOT_EUSER)
        code = al_run_user_error(err, atomic_load_explicit(leaves->failed_index, memory_order_relaxed),
                                 err != NULL ? err->user : 0);
    return code;
}

allot_err al_leaves_check(const char *call, const allot_reducer *reducer, const void *acc, allot_error *err)
{
    if (reducer == NULL || reducer->fold == NULL || reducer->combine == NULL || acc == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "%s: a function or the accumulator is NULL", call);
    if (reducer->acc_nbytes == 0)
        return al_fail(err, ALLOT_EINVAL, 0, "%s: the accumulator has no bytes", call);
    return ALLOT_OK;
}
