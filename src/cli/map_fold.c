/* map_fold.c - folding leaves in parallel and combining them from left to right.
 *
 * Floating-point addition is not associative, so the places where a sum is cut are part of its bits. They
 * follow from the items' numbers only, never from threads, timing, or how the input arrived: a leaf that a
 * block ends in is kept back, as items, and folded when the next block has brought the rest of it. (Going on
 * with its accumulator instead would not do: a fold may use several partial sums inside.)
 *
 * Invariant: before and after every block, tail holds the items from tail_first up to the first item that has
 * not been given to us yet, and all before tail_first is in total.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_fold.h"

#include <string.h>

#include "base/fail.h"

/** Octave k >= 1 holds the items [256 << k, 512 << k) in 256 leaves of 1 << k; the last one has no end. */
#define LEAVES_AN_OCTAVE 256u
#define NOCTAVES 12u /* leaves of 4096 */

uint64_t al_leaf_of(uint64_t item)
{
    if (item < 2 * LEAVES_AN_OCTAVE)
        return item;
    uint32_t octave = 63u - (uint32_t)__builtin_clzll(item / LEAVES_AN_OCTAVE);
    if (octave > NOCTAVES)
        octave = NOCTAVES;
    uint64_t octave_begin = (uint64_t)LEAVES_AN_OCTAVE << octave;
    return (octave + 1) * LEAVES_AN_OCTAVE + ((item - octave_begin) >> octave);
}

uint64_t al_leaf_begin(uint64_t leaf)
{
    if (leaf < 2 * LEAVES_AN_OCTAVE)
        return leaf;
    uint64_t octave = leaf / LEAVES_AN_OCTAVE - 1;
    if (octave > NOCTAVES)
        octave = NOCTAVES;
    return ((uint64_t)LEAVES_AN_OCTAVE << octave) + ((leaf - (octave + 1) * LEAVES_AN_OCTAVE) << octave);
}

static allot_err no_memory(allot_error *err)
{
    return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for the reduction");
}

allot_err al_fold_init(al_fold *fold, al_apply *apply, allot_error *err)
{
    fold->apply = apply;
    fold->stride = (apply->expr->acc_nbytes + 15u) / 16 * 16;
    if (!al_room_reserve(&fold->total, fold->stride) ||
        !al_room_reserve(&fold->tail, AL_LEAF_ITEMS_MAX * apply->in_nbytes))
        return no_memory(err);
    memset(fold->total.bytes, 0, fold->stride);
    return ALLOT_OK;
}

void al_fold_fini(al_fold *fold)
{
    al_room_free(&fold->total);
    al_room_free(&fold->leaves);
    al_room_free(&fold->tail);
}

/** Copy items of the block to the tail: a mapped input may have become shorter by now. */
typedef struct copy {
    const al_apply *apply;
    uint64_t begin, count;
    void *to;
} copy;

static void run_copy(void *arg)
{
    const copy *c = arg;
    const al_apply *apply = c->apply;
    if (apply->items != NULL)
        memcpy(c->to, apply->items + c->begin * apply->in_nbytes, c->count * apply->in_nbytes);
    else
        al_range_fill(&apply->input->range, apply->first + c->begin, c->count, c->to);
}

static allot_err item_failed(const al_apply *apply, uint64_t item, int kind, al_item_failure *failure,
                             allot_error *err)
{
    al_apply_describe(apply, item, kind, failure);
    return al_fail(err, ALLOT_EUSER, 0, "item %llu failed", (unsigned long long)failure->number);
}

/** The accumulator of a leaf, to be combined with the total by what may be the user's own code. */
typedef struct leaf_sum {
    al_fold *fold;
    const unsigned char *acc;
} leaf_sum;

static void run_combine(void *arg)
{
    const leaf_sum *sum = arg;
    sum->fold->apply->expr->combine(sum->fold->total.bytes, sum->acc);
}

/** @param first  number of the leaf's first item */
static allot_err combine(al_fold *fold, const unsigned char *acc, uint64_t first, al_item_failure *failure,
                         allot_error *err)
{
    leaf_sum sum = {fold, acc};
    al_crash crash;
    int number = al_guard_call(run_combine, &sum, &crash);
    if (number == 0)
        return ALLOT_OK;
    *failure = (al_item_failure){
        .kind = AL_ITEM_CRASHED + number, .number = first, .is_combining = true, .crash = crash};
    return al_fail(err, ALLOT_EUSER, 0, "the reduction failed");
}

static allot_err extend_tail(al_fold *fold, uint64_t begin, uint64_t count, al_item_failure *failure,
                             allot_error *err)
{
    copy c = {.apply = fold->apply,
              .begin = begin,
              .count = count,
              .to = (char *)fold->tail.bytes + fold->ntail * fold->apply->in_nbytes};
    if (fold->ntail == 0)
        fold->tail_first = fold->apply->first + begin;
    fold->ntail += count;
    int kind = al_apply_read(fold->apply->input, run_copy, &c);
    return kind == 0 ? ALLOT_OK : item_failed(fold->apply, begin, kind, failure, err);
}

/** Fold the tail as one leaf. */
static allot_err fold_tail(al_fold *fold, al_item_failure *failure, allot_error *err)
{
    if (fold->ntail == 0)
        return ALLOT_OK;
    if (!al_room_reserve(&fold->leaves, fold->stride))
        return no_memory(err);
    memset(fold->leaves.bytes, 0, fold->stride);
    al_apply of_tail = *fold->apply;
    of_tail.items = fold->tail.bytes;
    of_tail.first = fold->tail_first;
    uint64_t failed;
    int kind = al_apply_fold(&of_tail, 0, fold->ntail, fold->leaves.bytes, &failed);
    if (kind != 0)
        return item_failed(&of_tail, failed, kind, failure, err);
    fold->ntail = 0;
    return combine(fold, fold->leaves.bytes, fold->tail_first, failure, err);
}

allot_err al_fold_end(al_fold *fold, al_item_failure *failure, allot_error *err)
{
    return fold_tail(fold, failure, err);
}

void al_fold_leaf_items(const al_fold_cut *cut, uint64_t first, uint64_t k, uint64_t *begin, uint64_t *end)
{
    uint64_t leaf = cut->first_leaf + k;
    *begin = al_leaf_begin(leaf) > first + cut->begin ? al_leaf_begin(leaf) - first : cut->begin;
    *end = al_leaf_begin(leaf + 1) < first + cut->end ? al_leaf_begin(leaf + 1) - first : cut->end;
}

/** Leaves that are being folded. */
typedef struct span {
    const al_apply *apply;
    const al_fold_cut *cut;
    uint64_t from;
    unsigned char *accs;
    size_t stride;
} span;

static int fold_span(uint64_t begin, uint64_t end, void *arg)
{
    const span *s = arg;
    for (uint64_t k = begin; k < end; k++) {
        uint64_t from, to, failed;
        unsigned char *acc = s->accs + (s->from + k) * s->stride;
        al_fold_leaf_items(s->cut, s->apply->first, s->from + k, &from, &to);
        memset(acc, 0, s->stride);
        int kind = al_apply_fold(s->apply, from, to, acc, &failed);
        if (kind != 0) {
            memcpy(acc, &failed, sizeof failed); /* the accumulator is of no more use */
            return allot_fail_at(k, kind);
        }
    }
    return 0;
}

al_fold_cut al_fold_cut_block(uint64_t first, uint64_t nitems, bool is_last)
{
    al_fold_cut cut = {.begin = 0, .end = nitems};
    uint64_t leaf = al_leaf_of(first);
    if (al_leaf_begin(leaf) != first) {
        uint64_t missing = al_leaf_begin(leaf + 1) - first; /* of the leaf that the last block ended in */
        cut.begin = missing < nitems ? missing : nitems;
    }
    if (!is_last && cut.begin < nitems) {
        uint64_t last_leaf = al_leaf_of(first + nitems - 1);
        if (al_leaf_begin(last_leaf + 1) != first + nitems)
            cut.end =
                al_leaf_begin(last_leaf) > first + cut.begin ? al_leaf_begin(last_leaf) - first : cut.begin;
    }
    if (cut.begin == cut.end)
        return cut;
    cut.first_leaf = al_leaf_of(first + cut.begin);
    cut.nleaves = al_leaf_of(first + cut.end - 1) + 1 - cut.first_leaf;
    return cut;
}

allot_err al_fold_head(al_fold *fold, const al_fold_cut *cut, al_item_failure *failure, allot_error *err)
{
    if (fold->ntail == 0)
        return ALLOT_OK;
    /* The rest of the leaf that the last block ended in. */
    uint64_t leaf_end = al_leaf_begin(al_leaf_of(fold->tail_first) + 1);
    allot_err code = extend_tail(fold, 0, cut->begin, failure, err);
    return code == ALLOT_OK && fold->tail_first + fold->ntail == leaf_end ? fold_tail(fold, failure, err)
                                                                          : code;
}

allot_err al_fold_leaves(al_fold *fold, const al_apply *apply, const al_fold_cut *cut, uint64_t from,
                         uint64_t to, unsigned char *accs, al_item_failure *failure, allot_error *err)
{
    span s = {.apply = apply, .cut = cut, .from = from, .accs = accs, .stride = fold->stride};
    if (from == to)
        return ALLOT_OK;
    allot_error failed;
    allot_err code = al_phase_run(&fold->phase, to - from, fold_span, &s, &failed);
    if (code == ALLOT_EUSER) {
        uint64_t item;
        memcpy(&item, accs + (from + failed.index) * fold->stride, sizeof item);
        code = item_failed(apply, item, failed.user, failure, err);
        err->index = failed.index;
    } else if (code != ALLOT_OK) {
        *err = failed;
    }
    return code;
}

allot_err al_fold_rest(al_fold *fold, const al_fold_cut *cut, const unsigned char *accs, uint64_t nitems,
                       al_item_failure *failure, allot_error *err)
{
    allot_err code = ALLOT_OK;
    for (uint64_t k = 0; k < cut->nleaves && code == ALLOT_OK; k++)
        code = combine(fold, accs + k * fold->stride, al_leaf_begin(cut->first_leaf + k), failure, err);
    return code != ALLOT_OK || cut->end == nitems
               ? code
               : extend_tail(fold, cut->end, nitems - cut->end, failure, err);
}

allot_err al_fold_block(al_fold *fold, uint64_t nitems, bool is_last, al_item_failure *failure,
                        allot_error *err)
{
    al_fold_cut cut = al_fold_cut_block(fold->apply->first, nitems, is_last);
    allot_err code = al_fold_head(fold, &cut, failure, err);
    if (code == ALLOT_OK && !al_room_reserve(&fold->leaves, cut.nleaves * fold->stride))
        return no_memory(err);
    if (code == ALLOT_OK)
        code = al_fold_leaves(fold, fold->apply, &cut, 0, cut.nleaves, fold->leaves.bytes, failure, err);
    return code == ALLOT_OK ? al_fold_rest(fold, &cut, fold->leaves.bytes, nitems, failure, err) : code;
}
