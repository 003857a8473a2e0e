/* drift.c - see drift.h. Sums are in the order of places, shares and ranks: the same bits for the same cut.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/drift.h"

#include <stdlib.h>

#include "base/fail.h"

enum { SHARES = 64 }; /* of blocks, however many threads there are */
enum { SUMS = 4 };    /* of a group: momentum, mass */

typedef struct drift {
    al_space *space;
    const al_drift_groups *groups;
    uint32_t ngroups;
    double *sums; /* [SHARES][ngroups][SUMS]; the first share's become all ranks' velocities */
} drift;

static size_t place_of(const al_space *space, uint64_t share)
{
    return (size_t)space->nhome_blocks * share / SHARES * AL_BLOCK;
}

/** The group of a home place; ngroups: of none, or there is no atom. */
static uint32_t group_of(const drift *all, size_t place)
{
    uint64_t id = all->space->id[place];
    uint32_t group = id != AL_NO_ATOM && all->groups->of != NULL ? all->groups->of[id] : 0;
    return id != AL_NO_ATOM && group < all->ngroups ? group : all->ngroups;
}

static int add_up(uint64_t begin, uint64_t end, void *arg)
{
    const drift *all = arg;
    const al_space *space = all->space;
    for (uint64_t share = begin; share < end; share++)
        for (size_t place = place_of(space, share); place < place_of(space, share + 1); place++) {
            double mass = space->mass[space->mass_stride > 0 ? place : 0];
            uint32_t group = group_of(all, place);
            double *sums = all->sums + (share * all->ngroups + group) * SUMS;
            if (group == all->ngroups)
                continue;
            for (unsigned d = 0; d < 3; d++)
                sums[d] += mass * space->v[al_block_at(place, d)];
            sums[3] += mass;
        }
    return 0;
}

static int take_away(uint64_t begin, uint64_t end, void *arg)
{
    const drift *all = arg;
    const al_space *space = all->space;
    for (uint64_t share = begin; share < end; share++)
        for (size_t place = place_of(space, share); place < place_of(space, share + 1); place++) {
            uint32_t group = group_of(all, place);
            if (group == all->ngroups || space->inverse_mass[space->mass_stride > 0 ? place : 0] <= 0)
                continue;
            for (unsigned d = 0; d < 3; d++)
                space->v[al_block_at(place, d)] -= all->sums[group * SUMS + d];
        }
    return 0;
}

/** Sums of all shares and ranks, where those of the first share were; momenta become velocities. */
static void sum_up(const drift *all)
{
    al_comm *comm = all->space->opts.comm;
    size_t n = (size_t)all->ngroups * SUMS;
    for (size_t share = 1; share < SHARES; share++)
        for (size_t k = 0; k < n; k++)
            all->sums[k] += all->sums[share * n + k];
    comm->sum(comm, all->sums, (uint32_t)n);
    for (double *sums = all->sums; sums < all->sums + n; sums += SUMS)
        for (int d = 0; d < 3; d++)
            sums[d] = sums[3] > 0 ? sums[d] / sums[3] : 0;
}

allot_err al_drift_remove(al_space *space, const al_drift_groups *groups, allot_error *err)
{
    drift all = {.space = space, .groups = groups, .ngroups = groups->of != NULL ? groups->n : 1};
    all.sums = calloc((size_t)SHARES * all.ngroups * SUMS, sizeof *all.sums);
    if (all.sums == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    (void)!allot_for(space->opts.pool, SHARES, add_up, &all, NULL, NULL);
    sum_up(&all);
    (void)!allot_for(space->opts.pool, SHARES, take_away, &all, NULL, NULL);
    free(all.sums);
    return ALLOT_OK;
}
