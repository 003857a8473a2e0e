/* chain.c - see chain.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lines/chain.h"

#include <stdlib.h>
#include <string.h>

/** Free blocks that are kept for the next taker: new memory costs a page fault for each page. */
#define NFREE_MOST 32u

al_block *al_block_take(al_blocks *blocks)
{
    al_block *block = blocks->free;
    if (block != NULL) {
        blocks->free = block->next;
        blocks->nfree--;
    } else {
        block = malloc(sizeof *block);
        if (block == NULL)
            return NULL;
    }
    block->owner = blocks;
    block->nholders = 1;
    block->nbytes = 0;
    blocks->nheld++;
    return block;
}

void al_block_hold(al_block *block)
{
    block->nholders++;
}

void al_block_let_go(al_block *block)
{
    if (block == NULL || --block->nholders > 0)
        return;
    al_blocks *blocks = block->owner;
    blocks->nheld--;
    if (blocks->nfree == NFREE_MOST) {
        free(block);
        return;
    }
    block->next = blocks->free;
    blocks->free = block;
    blocks->nfree++;
}

void al_blocks_fini(al_blocks *blocks)
{
    for (al_block *block = blocks->free, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    blocks->free = NULL;
    blocks->nfree = 0;
}

/** Room for one span more at the end: by moving them to the front where half is unused, else by doubling. */
static bool make_room(al_chain *chain)
{
    if (chain->first + chain->count < chain->room)
        return true;
    if (chain->first > chain->room / 2) {
        memmove(chain->spans, chain->spans + chain->first, chain->count * sizeof *chain->spans);
        chain->first = 0;
        return true;
    }
    size_t room = chain->room > 0 ? 2 * chain->room : 4;
    al_span *spans = realloc(chain->spans, room * sizeof *spans);
    if (spans == NULL)
        return false;
    chain->spans = spans;
    chain->room = room;
    return true;
}

bool al_chain_add(al_chain *chain, al_block *block, const char *at, size_t nbytes)
{
    if (nbytes == 0)
        return true;
    al_span *last = chain->count > 0 ? &chain->spans[chain->first + chain->count - 1] : NULL;
    if (last != NULL && last->block == block && last->at + last->nbytes == at) {
        last->nbytes += nbytes;
        chain->nbytes += nbytes;
        return true;
    }
    if (!make_room(chain))
        return false;
    al_block_hold(block);
    chain->spans[chain->first + chain->count++] = (al_span){block, at, nbytes};
    chain->nbytes += nbytes;
    return true;
}

bool al_chain_move(al_chain *from, size_t nbytes, al_chain *to)
{
    while (nbytes > 0) {
        al_span *span = &from->spans[from->first];
        size_t n = span->nbytes < nbytes ? span->nbytes : nbytes;
        if (!al_chain_add(to, span->block, span->at, n))
            return false;
        nbytes -= n;
        from->nbytes -= n;
        span->at += n;
        span->nbytes -= n;
        if (span->nbytes > 0)
            continue;
        al_block_let_go(span->block);
        from->first++;
        from->count--;
    }
    return true;
}

bool al_chain_copy(const al_chain *from, size_t begin, size_t end, al_chain *to)
{
    size_t at = 0;
    for (size_t k = 0; k < from->count && at < end; k++) {
        const al_span *span = &from->spans[from->first + k];
        size_t low = begin > at ? begin - at : 0, high = end - at < span->nbytes ? end - at : span->nbytes;
        if (low < high && !al_chain_add(to, span->block, span->at + low, high - low))
            return false;
        at += span->nbytes;
    }
    return true;
}

void al_chain_cut(al_chain *chain, size_t nbytes)
{
    while (chain->nbytes > nbytes) {
        al_span *last = &chain->spans[chain->first + chain->count - 1];
        size_t n = chain->nbytes - nbytes < last->nbytes ? chain->nbytes - nbytes : last->nbytes;
        last->nbytes -= n;
        chain->nbytes -= n;
        if (last->nbytes > 0)
            continue;
        al_block_let_go(last->block);
        chain->count--;
    }
}

void al_chain_fini(al_chain *chain)
{
    al_chain_cut(chain, 0);
    free(chain->spans);
    *chain = (al_chain){.spans = NULL};
}

size_t al_chain_pieces(const al_chain *chain, size_t from, struct iovec *pieces, size_t most)
{
    size_t n = 0, at = 0;
    for (size_t k = 0; k < chain->count && n < most; k++) {
        const al_span *span = &chain->spans[chain->first + k];
        size_t skip = from > at ? from - at : 0;
        if (skip < span->nbytes)
            pieces[n++] = (struct iovec){(void *)(uintptr_t)(span->at + skip), span->nbytes - skip};
        at += span->nbytes;
    }
    return n;
}
