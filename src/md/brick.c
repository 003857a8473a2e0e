/* brick.c - see brick.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/brick.h"

#include <string.h>

al_brick_plane al_brick_plane_of(const al_brick *brick, int k, bool is_double)
{
    size_t nbytes = (size_t)brick->n[1] * (size_t)brick->n[2] * (is_double ? sizeof(double) : sizeof(float));
    return (al_brick_plane){.lo = {brick->lo[1], brick->lo[2]},
                            .n = {brick->n[1], brick->n[2]},
                            .stride = (size_t)brick->n[2],
                            .values = (char *)brick->values + (size_t)k * nbytes};
}

static void add(char *to, const char *from, size_t n, bool is_double)
{
    if (is_double)
        for (size_t k = 0; k < n; k++)
            ((double *)(void *)to)[k] += ((const double *)(const void *)from)[k];
    else
        for (size_t k = 0; k < n; k++)
            ((float *)(void *)to)[k] += ((const float *)(const void *)from)[k];
}

/** Rows of `from`, cut where they leave `to` and come in again at its beginning. */
static void walk(const al_brick_plane *to, const al_brick_plane *from, const int n[3], bool is_double,
                 bool adds)
{
    size_t nbytes = is_double ? sizeof(double) : sizeof(float);
    for (int y = 0; y < from->n[0]; y++) {
        int row = al_brick_wrap(from->lo[0] + y - to->lo[0], n[1]);
        char *mine = (char *)from->values + (size_t)y * from->stride * nbytes;
        char *theirs = (char *)to->values + (size_t)row * to->stride * nbytes;
        for (int z = 0, count; z < from->n[1]; z += count) {
            int at = al_brick_wrap(from->lo[1] + z - to->lo[1], n[2]);
            count = from->n[1] - z < n[2] - at ? from->n[1] - z : n[2] - at;
            if (adds)
                add(theirs + (size_t)at * nbytes, mine + (size_t)z * nbytes, (size_t)count, is_double);
            else
                memcpy(mine + (size_t)z * nbytes, theirs + (size_t)at * nbytes, (size_t)count * nbytes);
        }
    }
}

void al_brick_add(const al_brick_plane *to, const al_brick_plane *from, const int n[3], bool is_double)
{
    walk(to, from, n, is_double, true);
}

void al_brick_fill(const al_brick_plane *to, const al_brick_plane *from, const int n[3], bool is_double)
{
    walk(to, from, n, is_double, false);
}
