/* block.h - how atoms lie in memory: blocks of eight, each coordinate of a block beside its like.
 *
 * Kernels take eight atoms at a time, so atoms that are near in space lie in one block (cells.h sees to
 * that). A place that has no atom holds one that is far from everything, so that kernels need not ask.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_BLOCK_H
#define AL_MD_BLOCK_H

#include <stddef.h>
#include <stdint.h>

enum {
    AL_BLOCK = 8,        /**< atoms in a block: what interacts with a cluster at once */
    AL_CLUSTER = 4,      /**< atoms in a cluster: half a block */
    AL_BLOCK_REALS = 24, /**< numbers that a vector for each atom of a block takes: x[8] y[8] z[8] */
};

/** What a box of atoms spans: least x y z, greatest x y z. */
typedef struct al_bounds {
    float least[3], greatest[3];
} al_bounds;

/** Bounds of many, for vectors: each of the six numbers of all of them in a row. */
typedef struct al_spans {
    float *rows;   /**< [6 * stride]: least x, y, z; greatest x, y, z */
    size_t stride; /**< from a row to the next one: how many there are, and AL_SPANS_BEYOND */
} al_spans;

enum { AL_SPANS_BEYOND = 16 /**< may be read, and mean nothing */ };

/** Where coordinate d (0, 1, 2) of the atom at `place` is in an array of blocks. */
static inline size_t al_block_at(size_t place, unsigned d)
{
    return place / AL_BLOCK * AL_BLOCK_REALS + d * AL_BLOCK + place % AL_BLOCK;
}

/** Coordinate d of an atom that is not there: far from all others and from its like. The digits of `place` to
 * the base of 1024, so that floats tell a milliard places apart, and hold the squares of what is between. */
static inline double al_block_nowhere(size_t place, unsigned d)
{
    return -1e6 * (double)((place >> 10 * d) % 1024 + 1);
}

#endif
