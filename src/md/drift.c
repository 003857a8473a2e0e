/* drift.c - see drift.h. Sums are in the order of places, shares and ranks: the same bits for the same cut.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/drift.h"

enum { SHARES = 64 }; /* of blocks, however many threads there are */

typedef struct drift {
    al_space *space;
    double sums[SHARES][4]; /* momentum, mass */
    double v[3];            /* of the whole */
} drift;

static size_t place_of(const al_space *space, uint64_t share)
{
    return (size_t)space->nhome_blocks * share / SHARES * AL_BLOCK;
}

static int add_up(uint64_t begin, uint64_t end, void *arg)
{
    drift *all = arg;
    const al_space *space = all->space;
    for (uint64_t share = begin; share < end; share++)
        for (size_t place = place_of(space, share); place < place_of(space, share + 1); place++) {
            double mass = space->mass[space->mass_stride > 0 ? place : 0];
            if (space->id[place] == AL_NO_ATOM)
                continue;
            for (unsigned d = 0; d < 3; d++)
                all->sums[share][d] += mass * space->v[al_block_at(place, d)];
            all->sums[share][3] += mass;
        }
    return 0;
}

static int take_away(uint64_t begin, uint64_t end, void *arg)
{
    const drift *all = arg;
    const al_space *space = all->space;
    for (uint64_t share = begin; share < end; share++)
        for (size_t place = place_of(space, share); place < place_of(space, share + 1); place++) {
            if (space->id[place] == AL_NO_ATOM ||
                space->inverse_mass[space->mass_stride > 0 ? place : 0] <= 0)
                continue;
            for (unsigned d = 0; d < 3; d++)
                space->v[al_block_at(place, d)] -= all->v[d];
        }
    return 0;
}

void al_drift_remove(al_space *space)
{
    drift all = {.space = space};
    double sums[4] = {0, 0, 0, 0};
    (void)!allot_for(space->opts.pool, SHARES, add_up, &all, NULL, NULL);
    for (int share = 0; share < SHARES; share++)
        for (int k = 0; k < 4; k++)
            sums[k] += all.sums[share][k];
    space->opts.comm->sum(space->opts.comm, sums, 4);
    for (int d = 0; d < 3; d++)
        all.v[d] = sums[3] > 0 ? sums[d] / sums[3] : 0;
    (void)!allot_for(space->opts.pool, SHARES, take_away, &all, NULL, NULL);
}
