/* map_ring.h - blocks of a stream on their way from the reader to the loops and on to the writer.
 *
 * Three parties at most, each a thread: one fills blocks, one computes, one writes. The ring holds a few
 * blocks and hands each on in order, so memory is bounded whatever the stream's length, and reading,
 * computing and writing overlap.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_RING_H
#define AL_CLI_MAP_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/map_input.h"
#include "data/text.h"

/** Memory that only grows, kept from block to block. */
typedef struct al_room {
    void *bytes;
    size_t room;
} al_room;

/** Make room for nbytes; what was in it is lost. @return false: out of memory */
bool al_room_reserve(al_room *buffer, size_t nbytes);
/** Make room for nbytes and keep what is in it. @return false: out of memory */
bool al_room_grow(al_room *buffer, size_t nbytes);
void al_room_free(al_room *buffer);

/** Some whole lines of a block of text, parsed by one thread. */
typedef struct al_text_piece {
    size_t offset, nbytes; /* in the block's bytes */
    uint64_t first_line;   /* lines of the block before it */
    uint64_t first_value;  /* place of its first value in the block's values */
    uint64_t nvalues;      /* found */
} al_text_piece;

typedef struct al_map_block {
    const al_map_input *input;
    uint64_t first; /* number of the first item, over all inputs */
    uint64_t nitems;

    /* As read: text, cut into pieces, or the raw items of a .npy stream. */
    al_room bytes;
    size_t nbytes;
    uint64_t first_line; /* lines of the input before this block */
    al_room pieces;      /* al_text_piece */
    size_t npieces;

    /* Items of x's type; NULL: the range's own, computed as they are needed. */
    const void *items;
    al_room values; /* where items lie that had to be read, converted or counted out */

    /* Results, and their text: piece k begins at k * AL_PRINT_ROOM. */
    al_room results;
    al_room text;
    al_room text_nbytes; /* size_t for each piece */
    size_t ntexts;
} al_map_block;

#define AL_RING_NBLOCKS 4       /* enough for three parties, */
#define AL_RING_NBLOCKS_MOST 32 /* and where blocks are computed elsewhere, too */

typedef struct al_map_ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t nfilled, ntaken, ncomputed, nwritten; /* blocks, ever; each no more than the one before it */
    uint32_t nblocks;                              /* that may be in use */
    bool ended;                                    /* no more blocks will be filled, for now */
    bool finished;                                 /* no more blocks will be computed */
    bool stopped;                                  /* everybody leaves */
    bool hungry;                                   /* the loops wait for a block */
    al_map_block *order[AL_RING_NBLOCKS_MOST];     /* those in use, by their numbers */
    al_map_block *unused[AL_RING_NBLOCKS_MOST];    /* the rest; that last used is at the end */
    uint32_t nunused;
    al_map_block *filling; /* NULL: none */
    al_map_block blocks[AL_RING_NBLOCKS_MOST];
} al_map_ring;

void al_ring_init(al_map_ring *ring);
/** From now on so many blocks may be in use, at most AL_RING_NBLOCKS_MOST. */
void al_ring_widen(al_map_ring *ring, uint32_t nblocks);
/** No thread uses the ring any more. */
void al_ring_fini(al_map_ring *ring);

/** Filling: a block that is free, NULL once stopped; then hand it on. end: no more to come. */
al_map_block *al_ring_free(al_map_ring *ring);
void al_ring_filled(al_map_ring *ring);
void al_ring_end(al_map_ring *ring);
/** Whether the loops have nothing to do, so that a part of a block is better than none. */
bool al_ring_is_hungry(al_map_ring *ring);

/** Computing: the next block, NULL at the end or once stopped; then hand it on, the first taken first. begin:
 * a new input. try: without waiting, NULL also when none is there yet, which *at_end tells apart. */
void al_ring_begin(al_map_ring *ring);
al_map_block *al_ring_take(al_map_ring *ring);
al_map_block *al_ring_try(al_map_ring *ring, bool *at_end);
void al_ring_computed(al_map_ring *ring);
void al_ring_finish(al_map_ring *ring);

/** Writing: the next block, NULL when all is written or once stopped; then give it back. */
al_map_block *al_ring_next(al_map_ring *ring);
void al_ring_written(al_map_ring *ring);

/** Make every call above return at once. */
void al_ring_stop(al_map_ring *ring);

#endif
