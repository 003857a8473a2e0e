/* map_fold.h - a reduction over a stream whose bits depend on the items alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_FOLD_H
#define AL_CLI_MAP_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "cli/map_apply.h"
#include "cli/map_phase.h"
#include "cli/map_ring.h"

/* The leaves: item numbers cut at places that depend on nothing but the number. The first 512 items are
 * leaves of their own; from there on a leaf is the largest power of two that is at most 1/256 of the number
 * it begins with, and at most 4096. So a few heavy items are shared out one by one, and many light ones in
 * bulk. */
#define AL_LEAF_ITEMS_MAX 4096

/** The number of the leaf that an item lies in. */
uint64_t al_leaf_of(uint64_t item);
/** The first item of a leaf. */
uint64_t al_leaf_begin(uint64_t leaf);

typedef struct al_fold {
    al_apply *apply; /* set to the block before al_fold_block(), al_fold_head() and al_fold_rest() */
    al_map_phase phase;
    al_room total;  /* the accumulator of all leaves folded so far, left to right */
    al_room leaves; /* accumulators of one block's leaves */
    al_room tail;   /* items of the leaf that the last block ended in */
    uint64_t ntail;
    uint64_t tail_first;
    size_t stride; /* bytes from one leaf's accumulator to the next */
} al_fold;

/** The leaves that lie whole in a block. */
typedef struct al_fold_cut {
    uint64_t begin, end; /* their items, within the block */
    uint64_t first_leaf, nleaves;
} al_fold_cut;

/** @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_fold_init(al_fold *fold, al_apply *apply, allot_error *err);
void al_fold_fini(al_fold *fold);

/** Fold the block's nitems items. is_last: none come after them.
 * @param[out] failure  filled with ALLOT_EUSER: the lowest item that failed
 * @return ALLOT_OK; ALLOT_EUSER; ALLOT_ECANCELED; ALLOT_ENOMEM */
allot_err al_fold_block(al_fold *fold, uint64_t nitems, bool is_last, al_item_failure *failure,
                        allot_error *err);

/** The same in steps. Leaves may be folded in any order, by whoever; what is before them in the block (head)
 * and what is after them (rest) goes in the order of blocks. */
al_fold_cut al_fold_cut_block(uint64_t first, uint64_t nitems, bool is_last);
/** The items of the cut's leaf k, within its block. */
void al_fold_leaf_items(const al_fold_cut *cut, uint64_t first, uint64_t k, uint64_t *begin, uint64_t *end);
allot_err al_fold_head(al_fold *fold, const al_fold_cut *cut, al_item_failure *failure, allot_error *err);
/** Fold the leaves [from, to) of the cut. @param accs  of all its leaves, fold->stride bytes each
 * @param phase  fold's own. @return as al_fold_block(); err->index is the leaf that failed, from `from` */
allot_err al_fold_leaves(al_fold *fold, const al_apply *apply, const al_fold_cut *cut, uint64_t from,
                         uint64_t to, unsigned char *accs, al_item_failure *failure, allot_error *err);
allot_err al_fold_rest(al_fold *fold, const al_fold_cut *cut, const unsigned char *accs, uint64_t nitems,
                       al_item_failure *failure, allot_error *err);

/** Fold what is left after the last block. @return as al_fold_block() */
allot_err al_fold_end(al_fold *fold, al_item_failure *failure, allot_error *err);

#endif
