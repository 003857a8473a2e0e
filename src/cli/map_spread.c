/* map_spread.c - see map_spread.h.
 *
 * A step is a part of the oldest block that has free units, or the oldest block handed on, or a wait for
 * engines. Parts begin small
 * and grow until they take a good twentieth of a second: so a few heavy items are shared out one by one.
 * While no engine takes anything there is one block at a time, and this is the loop that it is without
 * engines.
 *
 * Blocks are handed on in order, so what is printed, combined and written is what it would have been.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_spread.h"

#include "base/clock.h"
#include "base/fail.h"
#include "cli/map_words.h"

#define PART_NS 50000000u

/** Items of a part that is mapped; an engine may send its results while we are at it. */
typedef struct mapping {
    al_apply apply; /* of the part */
    const atomic_bool *is_there;
} mapping;

static int map_part(uint64_t begin, uint64_t end, void *arg)
{
    mapping *m = arg;
    if (m->is_there != NULL && atomic_load(m->is_there))
        return 0;
    return al_apply_map(begin, end, &m->apply);
}

/** @param[out] failed  with ALLOT_EUSER: the unit */
static allot_err map_units(al_map_stream *stream, const al_share_part *part, uint64_t *failed,
                           allot_error *err)
{
    static mapping m; /* always at one place: the planner knows a loop by it */
    m = (mapping){.apply = stream->apply, .is_there = part->piece != NULL ? &part->piece->is_there : NULL};
    if (m.apply.items != NULL)
        m.apply.items += part->from * m.apply.in_nbytes;
    m.apply.first += part->from;
    m.apply.results += part->from * m.apply.out_nbytes;
    allot_err code = al_phase_run(&stream->map, part->to - part->from, map_part, &m, err);
    if (code != ALLOT_EUSER)
        return code;
    *failed = part->from + err->index;
    al_apply_describe(&m.apply, err->index, err->user, &stream->failure);
    return code;
}

static allot_err fold_units(al_map_stream *stream, const al_share_part *part, uint64_t *failed,
                            allot_error *err)
{
    allot_err code = al_fold_leaves(&stream->fold, &stream->apply, &part->owner->cut, part->from, part->to,
                                    part->owner->block->results.bytes, &stream->failure, err);
    *failed = code == ALLOT_EUSER ? part->from + err->index : 0;
    return code;
}

/** What an item costs here, for who decides whether others should have some. */
static void note_cost(al_map_stream *stream, double busy_ns, uint64_t nitems)
{
    double known = (double)atomic_load(&stream->item_ps) * 1e-3, ns = busy_ns / (double)nitems;
    double mean = known > 0 ? (known + ns) / 2 : ns;
    atomic_store(&stream->item_ps, (uint64_t)(mean * 1e3) + 1);
}

static void adapt_part(al_map_stream *stream, uint64_t took_ns)
{
    if (took_ns < PART_NS / 2 && stream->part_units < UINT64_MAX / 8)
        stream->part_units *= 4;
    else if (took_ns > PART_NS * 2 && stream->part_units > stream->nthreads)
        stream->part_units /= 2;
}

static allot_err compute_part(al_map_stream *stream, const al_share_part *part, allot_error *err)
{
    bool folds = stream->expr.fold != NULL;
    al_map_phase *phase = folds ? &stream->fold.phase : &stream->map;
    double busy_ns = phase->busy_ns;
    uint64_t failed, begin_ns = al_clock_ns();
    uint64_t nitems = al_share_items(&stream->share, part->owner, part->from, part->to);
    al_stream_set_apply(stream, part->owner->block);
    atomic_store(&stream->part_ns, begin_ns);
    atomic_store(&stream->nitems_now, nitems);
    allot_err code = folds ? fold_units(stream, part, &failed, err) : map_units(stream, part, &failed, err);
    atomic_store(&stream->nitems_now, 0);
    if (code == ALLOT_EUSER) {
        al_share_fail(&stream->share, part, failed, &stream->failure);
        return ALLOT_OK; /* what comes before it is done first */
    }
    if (code != ALLOT_OK || al_share_done(&stream->share, part))
        return code;
    atomic_fetch_add(&stream->ncomputed, nitems);
    note_cost(stream, phase->busy_ns - busy_ns, nitems);
    adapt_part(stream, al_clock_ns() - begin_ns);
    return ALLOT_OK;
}

/** The oldest block, which is done, goes on its way. */
static allot_err hand_on(al_map_stream *stream, al_share_block *owner, allot_error *err)
{
    al_map_block *block = owner->block;
    bool has_failed = owner->failed != UINT64_MAX;
    al_fold_cut cut = owner->cut;
    uint64_t nitems = block->nitems;
    allot_err code = ALLOT_OK;
    al_stream_set_apply(stream, block);
    stream->failure = owner->failure;
    if (stream->expr.fold != NULL) {
        code = al_fold_head(&stream->fold, &cut, &stream->failure, err);
        if (code == ALLOT_OK && !has_failed)
            code = al_fold_rest(&stream->fold, &cut, block->results.bytes, nitems, &stream->failure, err);
    } else if (has_failed) {
        block->nitems = owner->failed;
    }
    if (code == ALLOT_EUSER || (code == ALLOT_OK && has_failed))
        code = al_words_item(stream, err);
    al_share_pop(&stream->share);
    return al_stream_hand_on(stream, block, code, err);
}

static allot_err step(al_map_stream *stream, allot_error *err)
{
    al_share_part part;
    al_share_block *head = al_share_head(&stream->share);
    if (head != NULL)
        return hand_on(stream, head, err);
    if (atomic_load(&stream->is_stopped))
        return al_fail(err, ALLOT_ECANCELED, 0, "stopped");
    double item_ns = (double)atomic_load(&stream->item_ps) * 1e-3;
    bool found = al_share_take(&stream->share, stream->part_units, item_ns, stream->nthreads, &part);
    return found ? compute_part(stream, &part, err) : ALLOT_OK;
}

allot_err al_spread_block(al_map_stream *stream, al_map_block *block, bool is_last, allot_error *err)
{
    bool folds = stream->expr.fold != NULL;
    al_fold_cut cut = al_fold_cut_block(block->first, block->nitems, is_last);
    uint64_t nbytes = folds ? cut.nleaves * stream->fold.stride : block->nitems * stream->apply.out_nbytes;
    if (!al_room_reserve(&block->results, nbytes))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for the results");
    al_share_add(&stream->share, block, is_last);
    atomic_store(&stream->nloaded, block->first + block->nitems);
    if (stream->ring.nblocks == AL_RING_NBLOCKS && atomic_load(&stream->share.window) > 1)
        al_ring_widen(&stream->ring, AL_RING_NBLOCKS_MOST);
    allot_err code = ALLOT_OK;
    while (code == ALLOT_OK && al_share_count(&stream->share) >= atomic_load(&stream->share.window))
        code = step(stream, err);
    return code;
}

al_map_block *al_spread_next(al_map_stream *stream, allot_err *code, allot_error *err)
{
    bool at_end = false;
    al_map_block *block = NULL;
    *code = ALLOT_OK;
    while (*code == ALLOT_OK && al_share_count(&stream->share) > 0) {
        block = al_ring_try(&stream->ring, &at_end);
        if (block != NULL || at_end)
            return block;
        *code = step(stream, err);
    }
    return *code == ALLOT_OK ? al_ring_take(&stream->ring) : NULL;
}

allot_err al_spread_end(al_map_stream *stream, allot_error *err)
{
    allot_err code = ALLOT_OK;
    while (code == ALLOT_OK && al_share_count(&stream->share) > 0)
        code = step(stream, err);
    return code;
}
