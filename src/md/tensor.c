/* tensor.c - see tensor.h. Each thread has a share of the blocks; shares are added in their order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/tensor.h"

#include <string.h>

enum { SHARES_MOST = 64 };

typedef struct job {
    const al_space *space;
    uint32_t nblocks, nshares;
    double sums[SHARES_MOST][9];
} job;

/** A loop over shares: the tensor of `a` and `b`, expressions of i and j, of each place. */
#define TENSOR_LOOP(name, a, b)                                                                              \
    static int name(uint64_t begin, uint64_t end, void *arg)                                                 \
    {                                                                                                        \
        job *all = arg;                                                                                      \
        const al_space *space = all->space;                                                                  \
        for (uint64_t k = begin; k < end; k++) {                                                             \
            size_t first = al_share_begin(all->nblocks, k, all->nshares);                                    \
            size_t last = al_share_begin(all->nblocks, k + 1, all->nshares);                                 \
            memset(all->sums[k], 0, sizeof all->sums[k]);                                                    \
            for (size_t place = first * AL_BLOCK; place < last * AL_BLOCK; place++)                          \
                for (unsigned i = 0; i < 3; i++)                                                             \
                    for (unsigned j = 0; j < 3; j++)                                                         \
                        all->sums[k][3 * i + j] += (a) * (b);                                                \
        }                                                                                                    \
        return 0;                                                                                            \
    }

TENSOR_LOOP(virial_share, al_space_real(space, space->xr, al_block_at(place, i)),
            al_space_real(space, space->fr, al_block_at(place, j)))
TENSOR_LOOP(kinetic_share, space->mass[place] * space->v[al_block_at(place, i)],
            space->v[al_block_at(place, j)])

static void add(const al_space *space, uint32_t nblocks, allot_for_fn fn, double by, double sum[9])
{
    job all = {.space = space, .nblocks = nblocks};
    all.nshares = space->opts.nthreads < SHARES_MOST ? space->opts.nthreads : SHARES_MOST;
    (void)al_shares_do(&space->threads, all.nshares, fn, &all);
    for (uint32_t k = 0; k < all.nshares; k++)
        for (int n = 0; n < 9; n++)
            sum[n] += by * all.sums[k][n];
}

void al_tensor_virial(const al_space *space, double by, double sum[9])
{
    add(space, space->nblocks, virial_share, by, sum);
}

void al_tensor_kinetic(const al_space *space, double by, double sum[9])
{
    add(space, space->nhome_blocks, kinetic_share, by, sum);
}
