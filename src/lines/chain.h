/* chain.h - bytes in pieces of blocks that several hold: handed on without being copied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_LINES_CHAIN_H
#define AL_LINES_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/** Room of a block: about what stays in a core's own cache from being read until it is written. */
#define AL_BLOCK_ROOM (256u << 10)

typedef struct al_blocks al_blocks;

/** A block is filled once, from its beginning, and given back when nobody holds it any more. */
typedef struct al_block {
    al_blocks *owner;
    struct al_block *next; /**< among those that are free */
    uint32_t nholders;
    size_t nbytes; /**< filled so far */
    char at[AL_BLOCK_ROOM];
} al_block;

/** Where blocks come from; zero-initialise. */
struct al_blocks {
    al_block *free;
    size_t nfree;
    size_t nheld; /**< blocks that somebody holds */
};

/** A new block, held by the caller. NULL: out of memory */
al_block *al_block_take(al_blocks *blocks);
void al_block_hold(al_block *block);
/** NULL is allowed. */
void al_block_let_go(al_block *block);
/** Free those that nobody holds. */
void al_blocks_fini(al_blocks *blocks);

typedef struct al_span {
    al_block *block;
    const char *at;
    size_t nbytes;
} al_span;

/** Zero-initialise. Each span holds its block. */
typedef struct al_chain {
    al_span *spans;
    size_t first, count, room; /**< spans[first .. first + count - 1] are its own */
    size_t nbytes;
} al_chain;

/** Append nbytes at `at` in the block. @return false: out of memory */
bool al_chain_add(al_chain *chain, al_block *block, const char *at, size_t nbytes);
/** Move the first nbytes, which it must have, to the end of another chain. @return false: out of memory */
bool al_chain_move(al_chain *from, size_t nbytes, al_chain *to);
/** Append to `to` what stands in `from` between two places, which stays there. @return false: out of memory
 */
bool al_chain_copy(const al_chain *from, size_t begin, size_t end, al_chain *to);
/** Forget all from that place on. */
void al_chain_cut(al_chain *chain, size_t nbytes);
/** Forget all, and give the memory back. */
void al_chain_fini(al_chain *chain);
/** Pieces to write, from that place on. @return how many: at most `most` */
size_t al_chain_pieces(const al_chain *chain, size_t from, struct iovec *pieces, size_t most);

#endif
