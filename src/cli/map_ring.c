/* map_ring.c - the blocks of a stream: a few counters under one lock.
 *
 * A block is at one party at a time: free (neither filled nor yet to be written), filled, taken to be
 * computed, computed. The
 * counters only grow. The block that was given back last is the next to be filled: few blocks are in use
 * where few are needed, and their memory is in the caches. Blocks are large (about a megabyte), so one lock
 * and one condition for all three parties cost nothing that shows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_ring.h"

#include <stdlib.h>

bool al_room_reserve(al_room *buffer, size_t nbytes)
{
    if (nbytes <= buffer->room)
        return true;
    free(buffer->bytes);
    buffer->bytes = malloc(nbytes);
    buffer->room = buffer->bytes != NULL ? nbytes : 0;
    return buffer->bytes != NULL;
}

bool al_room_grow(al_room *buffer, size_t nbytes)
{
    if (nbytes <= buffer->room)
        return true;
    void *bytes = realloc(buffer->bytes, nbytes);
    if (bytes == NULL)
        return false;
    buffer->bytes = bytes;
    buffer->room = nbytes;
    return true;
}

void al_room_free(al_room *buffer)
{
    free(buffer->bytes);
    *buffer = (al_room){NULL, 0};
}

void al_ring_init(al_map_ring *ring)
{
    *ring = (al_map_ring){.nblocks = AL_RING_NBLOCKS};
    while (ring->nunused < AL_RING_NBLOCKS_MOST) {
        ring->unused[ring->nunused] = &ring->blocks[ring->nunused];
        ring->nunused++;
    }
    (void)pthread_mutex_init(&ring->lock, NULL);
    (void)pthread_cond_init(&ring->changed, NULL);
}

void al_ring_fini(al_map_ring *ring)
{
    for (uint32_t k = 0; k < AL_RING_NBLOCKS_MOST; k++) {
        al_map_block *block = &ring->blocks[k];
        al_room_free(&block->bytes);
        al_room_free(&block->pieces);
        al_room_free(&block->values);
        al_room_free(&block->results);
        al_room_free(&block->text);
        al_room_free(&block->text_nbytes);
    }
    (void)pthread_cond_destroy(&ring->changed);
    (void)pthread_mutex_destroy(&ring->lock);
}

static void wait_change(al_map_ring *ring)
{
    (void)pthread_cond_wait(&ring->changed, &ring->lock);
}

static void set(al_map_ring *ring, bool *flag, bool value)
{
    (void)pthread_mutex_lock(&ring->lock);
    *flag = value;
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->lock);
}

static al_map_block *block_at(al_map_ring *ring, uint64_t number)
{
    return ring->order[number % AL_RING_NBLOCKS_MOST];
}

al_map_block *al_ring_free(al_map_ring *ring)
{
    (void)pthread_mutex_lock(&ring->lock);
    while (!ring->stopped && ring->nfilled - ring->nwritten == ring->nblocks)
        wait_change(ring);
    if (!ring->stopped && ring->filling == NULL)
        ring->filling = ring->unused[--ring->nunused];
    al_map_block *block = ring->stopped ? NULL : ring->filling;
    (void)pthread_mutex_unlock(&ring->lock);
    if (block != NULL) {
        block->nitems = 0;
        block->nbytes = 0;
        block->npieces = 0;
        block->ntexts = 0;
        block->items = NULL;
    }
    return block;
}

void al_ring_filled(al_map_ring *ring)
{
    (void)pthread_mutex_lock(&ring->lock);
    ring->order[ring->nfilled++ % AL_RING_NBLOCKS_MOST] = ring->filling;
    ring->filling = NULL;
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->lock);
}

void al_ring_widen(al_map_ring *ring, uint32_t nblocks)
{
    (void)pthread_mutex_lock(&ring->lock);
    ring->nblocks = nblocks;
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->lock);
}

void al_ring_end(al_map_ring *ring)
{
    set(ring, &ring->ended, true);
}

bool al_ring_is_hungry(al_map_ring *ring)
{
    (void)pthread_mutex_lock(&ring->lock);
    bool hungry = ring->hungry && ring->nfilled == ring->ntaken;
    (void)pthread_mutex_unlock(&ring->lock);
    return hungry;
}

void al_ring_begin(al_map_ring *ring)
{
    set(ring, &ring->ended, false);
}

/** The lock is held. */
static al_map_block *take_filled(al_map_ring *ring)
{
    bool has_block = !ring->stopped && ring->nfilled > ring->ntaken;
    return has_block ? block_at(ring, ring->ntaken++) : NULL;
}

al_map_block *al_ring_take(al_map_ring *ring)
{
    (void)pthread_mutex_lock(&ring->lock);
    ring->hungry = true;
    while (!ring->stopped && !ring->ended && ring->nfilled == ring->ntaken)
        wait_change(ring);
    ring->hungry = false;
    al_map_block *block = take_filled(ring);
    (void)pthread_mutex_unlock(&ring->lock);
    return block;
}

al_map_block *al_ring_try(al_map_ring *ring, bool *at_end)
{
    (void)pthread_mutex_lock(&ring->lock);
    al_map_block *block = take_filled(ring);
    *at_end = block == NULL && (ring->ended || ring->stopped);
    (void)pthread_mutex_unlock(&ring->lock);
    return block;
}

void al_ring_computed(al_map_ring *ring)
{
    (void)pthread_mutex_lock(&ring->lock);
    ring->ncomputed++;
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->lock);
}

void al_ring_finish(al_map_ring *ring)
{
    set(ring, &ring->finished, true);
}

al_map_block *al_ring_next(al_map_ring *ring)
{
    (void)pthread_mutex_lock(&ring->lock);
    while (!ring->stopped && !ring->finished && ring->ncomputed == ring->nwritten)
        wait_change(ring);
    bool has_block = !ring->stopped && ring->ncomputed > ring->nwritten;
    al_map_block *block = has_block ? block_at(ring, ring->nwritten) : NULL;
    (void)pthread_mutex_unlock(&ring->lock);
    return block;
}

void al_ring_written(al_map_ring *ring)
{
    (void)pthread_mutex_lock(&ring->lock);
    ring->unused[ring->nunused++] = block_at(ring, ring->nwritten++);
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->lock);
}

void al_ring_stop(al_map_ring *ring)
{
    set(ring, &ring->stopped, true);
}
