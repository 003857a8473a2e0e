/* map_share.h - the items of a few blocks, shared out to this machine's threads and to engines elsewhere.
 *
 * What is shared out are units: items, or the leaves of a reduction. This machine takes them from the front,
 * so that results can be written as soon as may be; engines get pieces from the back, which are not wanted
 * before long. When nothing is free any more this machine does what engines have not brought back yet, the
 * lowest first, and the first result counts. Before that it gives an engine as much time as it would itself
 * need: an item that has begun here cannot be left, even if its result comes. So an engine that is slow, or
 * frozen, costs at most that.
 *
 * Two parties use it: one thread that computes here ("home"), and one that speaks to engines ("away").
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_SHARE_H
#define AL_CLI_MAP_SHARE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "cli/map_fold.h"
#include "cli/map_ring.h"

struct al_share_block;

/** Units for an engine. */
typedef struct al_share_piece {
    struct al_share_piece *next;
    struct al_share_block *owner; /* NULL: nobody wants it any more */
    uint64_t from, to;
    uint64_t nitems;
    uint64_t held_until_ns; /* home does not take it before; 0: it has not thought of it yet */
    bool is_sent, is_done;
    bool is_here;    /* home is at it */
    bool stays_here; /* home alone can tell what is wrong with it */
    atomic_bool is_there;
    al_buffer bytes; /* is_there: its results, which came while home was at it */
} al_share_piece;

typedef struct al_share_block {
    al_map_block *block; /* its results have room for all units */
    al_fold_cut cut;     /* of a reduction */
    uint64_t nunits;
    uint64_t lo, hi; /* free units; home has had those below, pieces are those from hi on */
    al_share_piece *pieces;
    uint64_t failed; /* the lowest unit that failed; UINT64_MAX: none */
    al_item_failure failure;
} al_share_block;

typedef struct al_share {
    /* Set before the first block. */
    bool folds;
    size_t in_nbytes;     /* of an item */
    size_t result_nbytes; /* of a unit, as an engine writes it */
    size_t stride;        /* of a unit, in the block's results */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* something came back */
    bool is_stopped;
    uint64_t first, past; /* blocks, ever: those in between are here */
    uint64_t failed;      /* number of the block that has a failure; UINT64_MAX: none */
    atomic_uint window;   /* blocks that may be here */
    al_share_block blocks[AL_RING_NBLOCKS_MOST];
} al_share;

void al_share_init(al_share *share);
/** Both parties have ended. */
void al_share_fini(al_share *share);

/* ---- home ---- */

/** Units that home does next. */
typedef struct al_share_part {
    al_share_block *owner;
    al_share_piece *piece; /* NULL: free ones */
    uint64_t from, to;
} al_share_part;

/** One more block; there are less than AL_RING_NBLOCKS_MOST. */
void al_share_add(al_share *share, al_map_block *block, bool is_last);
uint32_t al_share_count(const al_share *share);
/** Something to do, if need be after waiting for an engine for as long as it would take here.
 * @param most  units of free ones
 * @param item_ns, nthreads  what an item costs here, and on how many threads
 * @return false: not now: look at the head, and ask again; or al_share_stop() */
bool al_share_take(al_share *share, uint64_t most, double item_ns, uint32_t nthreads, al_share_part *part);
/** al_share_take() is not to wait any more. Threads: any. */
void al_share_stop(al_share *share);
/** The part is done. @return whether it came from an engine before home was through */
bool al_share_done(al_share *share, const al_share_part *part);
/** Unit `unit` of the part's block failed, those before it in the part did not. */
void al_share_fail(al_share *share, const al_share_part *part, uint64_t unit, const al_item_failure *failure);
/** The oldest block once all before its failure, if it has one, is done; NULL: not yet. */
al_share_block *al_share_head(al_share *share);
/** It is dealt with. */
void al_share_pop(al_share *share);
/** Items of the units [from, to) of a block. */
uint64_t al_share_items(const al_share *share, const al_share_block *owner, uint64_t from, uint64_t to);

/* ---- away ---- */

/** Items that nobody has begun. */
uint64_t al_share_nfree(al_share *share);
/** Units of about nitems items for an engine.
 * @param[out] chunk  appended: what the program reads (al_expr_chunk)
 * @return NULL: there is none, or chunk->failed; else to be given back to one of the next two */
al_share_piece *al_share_give(al_share *share, uint64_t nitems, al_buffer *chunk);
/** Its results. @return whether they were wanted and are right in number */
bool al_share_deliver(al_share *share, al_share_piece *piece, const char *bytes, size_t nbytes);
/** It comes back undone. @param stays_here  no engine is to have it again */
void al_share_return(al_share *share, al_share_piece *piece, bool stays_here);
/** Whether its results are still wanted. */
bool al_share_wants(al_share *share, const al_share_piece *piece);

#endif
