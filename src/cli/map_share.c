/* map_share.c - see map_share.h.
 *
 * Invariants: free units are one interval a block; home has taken all below it, and pieces cover all from its
 * end on. Home has at most one part at a time. A piece that is sent outlives its block, and is freed by who
 * brings it back. Results are written to a block by the thread that computes them (home's) or under the lock
 * (an engine's), never by both for one unit.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_share.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

/** Bytes of a chunk's items, or of its results: a frame that carries them is well below its limit. */
#define CHUNK_NBYTES_MOST ((uint64_t)1 << 20)
/** Leaves of a chunk: their counts go along. */
#define LEAVES_MOST 65536u

void al_share_init(al_share *share)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&share->lock, NULL);
    (void)pthread_cond_init(&share->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    share->failed = UINT64_MAX;
    atomic_store(&share->window, 1);
}

static al_share_block *block_at(al_share *share, uint64_t number)
{
    return &share->blocks[number % AL_RING_NBLOCKS_MOST];
}

static void free_piece(al_share_piece *piece)
{
    al_buffer_fini(&piece->bytes);
    free(piece);
}

/** Let go of a block's pieces; those that are sent are freed when they come back. */
static void drop_pieces(al_share_block *owner)
{
    for (al_share_piece *piece = owner->pieces, *next; piece != NULL; piece = next) {
        next = piece->next;
        piece->owner = NULL;
        if (!piece->is_sent)
            free_piece(piece);
    }
    owner->pieces = NULL;
}

void al_share_fini(al_share *share)
{
    for (; share->first < share->past; share->first++)
        drop_pieces(block_at(share, share->first));
    (void)pthread_cond_destroy(&share->changed);
    (void)pthread_mutex_destroy(&share->lock);
}

static void lock(al_share *share)
{
    (void)pthread_mutex_lock(&share->lock);
}

static void unlock(al_share *share)
{
    (void)pthread_mutex_unlock(&share->lock);
}

static uint64_t least(uint64_t x, uint64_t y)
{
    return x < y ? x : y;
}

uint64_t al_share_items(const al_share *share, const al_share_block *owner, uint64_t from, uint64_t to)
{
    if (!share->folds || from == to)
        return to - from;
    uint64_t begin, end, unused;
    al_fold_leaf_items(&owner->cut, owner->block->first, from, &begin, &unused);
    al_fold_leaf_items(&owner->cut, owner->block->first, to - 1, &unused, &end);
    return end - begin;
}

/* ---- home -----------------------------------------------------------------------------------------------
 */

void al_share_add(al_share *share, al_map_block *block, bool is_last)
{
    lock(share);
    al_share_block *owner = block_at(share, share->past++);
    *owner = (al_share_block){.block = block, .failed = UINT64_MAX, .nunits = block->nitems};
    if (share->folds) {
        owner->cut = al_fold_cut_block(block->first, block->nitems, is_last);
        owner->nunits = owner->cut.nleaves;
    }
    owner->hi = owner->nunits;
    unlock(share);
}

uint32_t al_share_count(const al_share *share)
{
    return (uint32_t)(share->past - share->first);
}

/** Blocks up to the one that failed, if one has. */
static uint64_t end_of_blocks(const al_share *share)
{
    return share->failed < share->past ? share->failed + 1 : share->past;
}

/** What is not done yet, among the pieces of a block: the lowest. */
static al_share_piece *lowest_undone(const al_share_block *owner)
{
    al_share_piece *found = NULL;
    for (al_share_piece *piece = owner->pieces; piece != NULL; piece = piece->next)
        if (!piece->is_done && piece->from < owner->failed && (found == NULL || piece->from < found->from))
            found = piece;
    return found;
}

static bool take_free(al_share *share, uint64_t most, al_share_part *part)
{
    bool found = false;
    for (uint64_t k = share->first; k < end_of_blocks(share) && !found; k++) {
        al_share_block *owner = block_at(share, k);
        uint64_t hi = least(owner->hi, owner->failed);
        found = owner->lo < hi;
        if (found) {
            *part = (al_share_part){.owner = owner, .from = owner->lo, .to = least(owner->lo + most, hi)};
            owner->lo = part->to;
        }
    }
    return found;
}

/** Whether home should do a piece now. @param[in,out] until_ns  when it should, if that is earlier */
static bool is_due(al_share_piece *piece, double here_ns, uint64_t now_ns, uint64_t *until_ns)
{
    if (!piece->is_sent)
        return true;
    if (piece->held_until_ns == 0)
        piece->held_until_ns = now_ns + (uint64_t)(here_ns < 1e18 ? here_ns : 1e18);
    if (piece->held_until_ns <= now_ns)
        return true;
    *until_ns = least(*until_ns, piece->held_until_ns);
    return false;
}

/** The lowest piece that home should do now. @param[out] until_ns  NULL is returned: when to look again */
static al_share_piece *find_due(al_share *share, double item_ns, uint32_t nthreads, uint64_t *until_ns)
{
    uint64_t now_ns = al_clock_ns();
    al_share_piece *found = NULL;
    *until_ns = UINT64_MAX;
    for (uint64_t k = share->first; k < end_of_blocks(share) && found == NULL; k++) {
        const al_share_block *owner = block_at(share, k);
        for (al_share_piece *piece = owner->pieces; piece != NULL; piece = piece->next) {
            double turns = (double)piece->nitems / nthreads;
            if (!piece->is_done && piece->from < owner->failed &&
                is_due(piece, item_ns * (turns > 1 ? turns : 1), now_ns, until_ns) &&
                (found == NULL || piece->from < found->from))
                found = piece;
        }
    }
    return found;
}

/** The lock is held. */
static void wait_until(al_share *share, uint64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000),
                             .tv_nsec = (long)(until_ns % 1000000000)};
    if (!share->is_stopped && until_ns != UINT64_MAX)
        (void)pthread_cond_timedwait(&share->changed, &share->lock, &until);
}

bool al_share_take(al_share *share, uint64_t most, double item_ns, uint32_t nthreads, al_share_part *part)
{
    uint64_t until_ns;
    lock(share);
    bool found = take_free(share, most, part);
    al_share_piece *piece = found ? NULL : find_due(share, item_ns, nthreads, &until_ns);
    if (piece != NULL) {
        piece->is_here = found = true;
        *part = (al_share_part){.owner = piece->owner,
                                .piece = piece,
                                .from = piece->from,
                                .to = least(piece->to, piece->owner->failed)};
    } else if (!found) {
        wait_until(share, until_ns);
    }
    unlock(share);
    return found;
}

void al_share_stop(al_share *share)
{
    lock(share);
    share->is_stopped = true;
    (void)pthread_cond_broadcast(&share->changed);
    unlock(share);
}

/** An engine's results to their place. */
static void unpack(const al_share *share, const al_share_piece *piece, const char *bytes)
{
    char *to = (char *)piece->owner->block->results.bytes + piece->from * share->stride;
    uint64_t nunits = piece->to - piece->from;
    if (share->stride == share->result_nbytes) {
        memcpy(to, bytes, nunits * share->stride);
        return;
    }
    memset(to, 0, nunits * share->stride);
    for (uint64_t k = 0; k < nunits; k++)
        memcpy(to + k * share->stride, bytes + k * share->result_nbytes, share->result_nbytes);
}

bool al_share_done(al_share *share, const al_share_part *part)
{
    al_share_piece *piece = part->piece;
    if (piece == NULL)
        return false;
    lock(share);
    bool came = atomic_load(&piece->is_there);
    if (came)
        unpack(share, piece, piece->bytes.at);
    piece->is_done = true;
    piece->is_here = false;
    unlock(share);
    return came;
}

void al_share_fail(al_share *share, const al_share_part *part, uint64_t unit, const al_item_failure *failure)
{
    al_share_block *owner = part->owner;
    lock(share);
    if (part->piece != NULL) {
        part->piece->is_done = true;
        part->piece->is_here = false;
    }
    if (unit < owner->failed) {
        owner->failed = unit;
        owner->failure = *failure;
    }
    for (uint64_t k = share->first; k < end_of_blocks(share); k++)
        if (block_at(share, k) == owner)
            share->failed = k;
    unlock(share);
}

al_share_block *al_share_head(al_share *share)
{
    lock(share);
    al_share_block *owner = share->first < share->past ? block_at(share, share->first) : NULL;
    if (owner != NULL && (owner->lo < least(owner->hi, owner->failed) || lowest_undone(owner) != NULL))
        owner = NULL;
    unlock(share);
    return owner;
}

void al_share_pop(al_share *share)
{
    lock(share);
    drop_pieces(block_at(share, share->first++));
    unlock(share);
}

/* ---- away -----------------------------------------------------------------------------------------------
 */

uint64_t al_share_nfree(al_share *share)
{
    uint64_t nitems = 0;
    lock(share);
    for (uint64_t k = share->first; k < end_of_blocks(share); k++) {
        const al_share_block *owner = block_at(share, k);
        nitems += owner->lo < owner->hi ? al_share_items(share, owner, owner->lo, owner->hi) : 0;
    }
    unlock(share);
    return nitems;
}

/** Whether one more unit, the k-th, makes a chunk of [k, to) too large. */
static bool is_over(const al_share *share, const al_share_block *owner, uint64_t k, uint64_t to,
                    uint64_t nitems)
{
    uint64_t all = al_share_items(share, owner, k, to), nunits = to - k;
    return all > nitems || nunits * share->result_nbytes > CHUNK_NBYTES_MOST ||
           (owner->block->items != NULL && all * share->in_nbytes > CHUNK_NBYTES_MOST) ||
           (share->folds && nunits > LEAVES_MOST);
}

/** Cut a piece off the end of what is free in a block: one unit at least. */
static al_share_piece *cut(const al_share *share, al_share_block *owner, uint64_t nitems)
{
    al_share_piece *piece = calloc(1, sizeof *piece);
    if (piece == NULL)
        return NULL;
    uint64_t low = owner->lo, high = owner->hi - 1; /* the lowest unit that is not over lies in between */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (is_over(share, owner, middle, owner->hi, nitems))
            low = middle + 1;
        else
            high = middle;
    }
    *piece = (al_share_piece){.next = owner->pieces, .owner = owner, .from = high, .to = owner->hi};
    piece->nitems = al_share_items(share, owner, piece->from, piece->to);
    owner->pieces = piece;
    owner->hi = piece->from;
    return piece;
}

static al_share_piece *find(al_share *share, uint64_t nitems)
{
    for (uint64_t k = share->first; k < end_of_blocks(share); k++)
        for (al_share_piece *piece = block_at(share, k)->pieces; piece != NULL; piece = piece->next)
            if (!piece->is_sent && !piece->is_done && !piece->is_here && !piece->stays_here)
                return piece;
    for (uint64_t k = end_of_blocks(share); k-- > share->first;) {
        al_share_block *owner = block_at(share, k);
        if (owner->lo < owner->hi && owner->failed == UINT64_MAX)
            return cut(share, owner, nitems);
    }
    return NULL;
}

typedef struct copy {
    const char *from;
    char *to;
    size_t nbytes;
} copy;

static void run_copy(void *arg)
{
    const copy *c = arg;
    memcpy(c->to, c->from, c->nbytes);
}

/** What the program reads. @return false: memory ran out, or the input became shorter */
static bool encode(const al_share *share, const al_share_piece *piece, al_buffer *out)
{
    const al_share_block *owner = piece->owner;
    const al_map_block *block = owner->block;
    uint64_t begin = piece->from, end = piece->to, leaf_begin, leaf_end;
    if (share->folds) {
        al_fold_leaf_items(&owner->cut, block->first, piece->from, &begin, &leaf_end);
        al_fold_leaf_items(&owner->cut, block->first, piece->to - 1, &leaf_begin, &end);
    }
    al_expr_chunk head = {.first = block->first + begin,
                          .count = end - begin,
                          .nleaves = share->folds ? piece->to - piece->from : 0,
                          .has_items = block->items != NULL};
    memcpy(head.range, block->input->range.pair, sizeof head.range);
    al_expr_processor(head.processor);
    (void)al_buffer_append(out, &head, sizeof head);
    for (uint64_t k = piece->from; share->folds && k < piece->to; k++) {
        al_fold_leaf_items(&owner->cut, block->first, k, &leaf_begin, &leaf_end);
        uint32_t count = (uint32_t)(leaf_end - leaf_begin);
        (void)al_buffer_append(out, &count, sizeof count);
    }
    if (block->items == NULL)
        return !out->failed;
    copy c = {.from = (const char *)block->items + begin * share->in_nbytes,
              .nbytes = head.count * share->in_nbytes};
    c.to = al_buffer_reserve(out, c.nbytes);
    if (c.to == NULL || al_apply_read(block->input, run_copy, &c) != 0)
        return false;
    out->nbytes += c.nbytes;
    return !out->failed;
}

al_share_piece *al_share_give(al_share *share, uint64_t nitems, al_buffer *chunk)
{
    lock(share);
    al_share_piece *piece = find(share, nitems);
    if (piece != NULL && encode(share, piece, chunk)) {
        piece->is_sent = true;
    } else if (piece != NULL) {
        piece->stays_here = true;
        piece = NULL;
    }
    unlock(share);
    return piece;
}

/** It is back. @return NULL: its block is gone, and so is it */
static al_share_piece *take_back(al_share_piece *piece)
{
    piece->is_sent = false;
    if (piece->owner != NULL)
        return piece;
    free_piece(piece);
    return NULL;
}

bool al_share_deliver(al_share *share, al_share_piece *piece, const char *bytes, size_t nbytes)
{
    lock(share);
    bool wanted = false;
    piece = take_back(piece);
    if (piece != NULL && !piece->is_done) {
        bool is_right = nbytes == (piece->to - piece->from) * share->result_nbytes;
        wanted = is_right && (!piece->is_here || al_buffer_append(&piece->bytes, bytes, nbytes));
        piece->stays_here = !is_right;
        if (wanted && piece->is_here) {
            atomic_store(&piece->is_there, true);
        } else if (wanted) {
            unpack(share, piece, bytes);
            piece->is_done = true;
        }
    }
    (void)pthread_cond_broadcast(&share->changed);
    unlock(share);
    return wanted;
}

void al_share_return(al_share *share, al_share_piece *piece, bool stays_here)
{
    lock(share);
    piece = take_back(piece);
    if (piece != NULL)
        piece->stays_here = piece->stays_here || stays_here;
    (void)pthread_cond_broadcast(&share->changed);
    unlock(share);
}

bool al_share_wants(al_share *share, const al_share_piece *piece)
{
    lock(share);
    bool wanted = piece->owner != NULL && !piece->is_done;
    unlock(share);
    return wanted;
}
