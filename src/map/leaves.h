/* leaves.h - the leaves of a reduction or scan: n items cut by n alone, and an accumulator for each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MAP_LEAVES_H
#define AL_MAP_LEAVES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/map.h>

/** Room on the stack, so that a short reduction asks nobody for memory. */
#define AL_LEAVES_INLINE_BYTES 4096

typedef struct al_leaves {
    uint64_t nitems, leaf, nleaves;
    size_t acc_nbytes, stride;
    char *sums;                     /* [nleaves] accumulators, `stride` apart */
    bool *folded;                   /* [nleaves] whether that accumulator holds anything */
    _Atomic uint64_t *failed_index; /* the lowest item a body failed for, UINT64_MAX: none */
    bool shared;                    /* with engines: the sums and what goes with them are in shared memory */
    uint64_t npasses;               /* over the items, each of which counts in progress; 1 */
    uint64_t resumed_at;            /* tick when the first pass began, in later ones; 0 in the first */
    _Atomic uint64_t failed_here;   /* where failed_index points, unless shared */
    _Alignas(16) char room[AL_LEAVES_INLINE_BYTES];
} al_leaves;

/** Cut nitems into leaves of leaf_items and make room for their accumulators, where `pool` can write to it.
 * @return ALLOT_OK; ALLOT_ENOMEM.  al_leaves_fini() is due either way */
allot_err al_leaves_init(al_leaves *leaves, const allot_pool *pool, uint64_t nitems, uint64_t leaf_items,
                         size_t acc_nbytes, allot_error *err);
void al_leaves_fini(al_leaves *leaves);

static inline void *al_leaves_sum(const al_leaves *leaves, uint64_t leaf)
{
    return leaves->sums + leaf * leaves->stride;
}

/** First item of a leaf; of the one past the last, nitems. */
static inline uint64_t al_leaves_begin(const al_leaves *leaves, uint64_t leaf)
{
    return leaf >= leaves->nleaves ? leaves->nitems : leaf * leaves->leaf;
}

/** A body failed with `user` for one of the items [begin, end) of leaf `leaf`: note the item.
 * @return what the leaf's own body is to return */
int al_leaves_fail(al_leaves *leaves, uint64_t leaf, uint64_t begin, uint64_t end, int user);

/** Run body over the leaves, an index each, as al_run(); failures are told by item. */
allot_err al_leaves_run(allot_pool *pool, al_leaves *leaves, allot_for_fn body, void *body_arg,
                        const void *site_fn, const void *site_arg, const allot_map_opts *opts,
                        allot_error *err);

/** A fold whose members are all there. @return ALLOT_OK; ALLOT_EINVAL */
allot_err al_leaves_check(const char *call, const allot_reducer *reducer, const void *acc, allot_error *err);

#endif
