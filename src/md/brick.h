/* brick.h - parts of a periodic mesh, one added to another or filled from it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_BRICK_H
#define AL_MD_BRICK_H

#include "md/kernel/mesh.h"

/** One plane of a region: points [lo[1], lo[1] + n[1]) x [lo[2], lo[2] + n[2]) of it. */
typedef struct al_brick_plane {
    int lo[2], n[2];
    size_t stride; /**< numbers from row to row */
    void *values;
} al_brick_plane;

/** x into [0, n). */
static inline int al_brick_wrap(int x, int n)
{
    int rest = x % n;
    return rest < 0 ? rest + n : rest;
}

/** Plane k of a brick. */
al_brick_plane al_brick_plane_of(const al_brick *brick, int k, bool is_double);
/** Add the values of `from` to `to`, each at its point of a mesh of n[1] x n[2] points, periodic; or copy to
 * `from` what `to` has there. `to` holds all points that `from` has. */
void al_brick_add(const al_brick_plane *to, const al_brick_plane *from, const int n[3], bool is_double);
void al_brick_fill(const al_brick_plane *to, const al_brick_plane *from, const int n[3], bool is_double);

#endif
