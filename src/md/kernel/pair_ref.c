/* pair_ref.c - forces of pairs, the oracle: plain C, as the formulas read. See pair.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "md/kernel/pair.h"

static inline float root_f(float x)
{
    return sqrtf(x);
}

static inline double root_d(double x)
{
    return sqrt(x);
}

#define REAL float
#define NAME(name) name##_f
#include "md/kernel/pair_row.h"
#undef REAL
#undef NAME

#define REAL double
#define NAME(name) name##_d
#include "md/kernel/pair_row.h"

static bool can_run(void)
{
    return true;
}

/** Half a cluster and a block. */
static bool is_near(const float *xi, const float *xj, float reach2)
{
    for (int i = 0; i < AL_CLUSTER / 2; i++)
        for (int j = 0; j < AL_BLOCK; j++) {
            float dx = xi[i] - xj[j], dy = xi[AL_BLOCK + i] - xj[AL_BLOCK + j];
            float dz = xi[2 * AL_BLOCK + i] - xj[2 * AL_BLOCK + j];
            if (dx * dx + dy * dy + dz * dz < reach2)
                return true;
        }
    return false;
}

static void prune(uint32_t cluster, const uint32_t *blocks, uint32_t nblocks, const float *x, float reach,
                  al_pair_near *near)
{
    const float *xi = x + (size_t)cluster / 2 * AL_BLOCK_REALS + cluster % 2 * AL_CLUSTER;
    near->nwhole = near->nfirst = near->nsecond = 0;
    for (uint32_t n = 0; n < nblocks; n++) {
        const float *xj = x + (size_t)blocks[n] * AL_BLOCK_REALS;
        bool is_first = is_near(xi, xj, reach * reach);
        bool is_second = is_near(xi + AL_CLUSTER / 2, xj, reach * reach);
        if (is_first && is_second)
            near->whole[near->nwhole++] = blocks[n];
        else if (is_first)
            near->first[near->nfirst++] = blocks[n];
        else if (is_second)
            near->second[near->nsecond++] = blocks[n];
    }
}

static uint32_t find_near(const al_bounds *own, const al_spans *blocks, uint32_t begin, uint32_t end,
                          float reach, uint32_t *near)
{
    uint32_t n = 0;
    for (uint32_t block = begin; block < end; block++) {
        float apart2 = 0;
        for (size_t d = 0; d < 3; d++) {
            float below = own->least[d] - blocks->rows[(d + 3) * blocks->stride + block];
            float above = blocks->rows[d * blocks->stride + block] - own->greatest[d];
            float most = below > above ? below : above;
            apart2 += most > 0 ? most * most : 0;
        }
        near[n] = block;
        n += apart2 < reach * reach;
    }
    return n;
}

const al_kernels al_kernels_ref = {"ref",
                                   can_run,
                                   al_pair_ref_f,
                                   prune,
                                   find_near,
                                   al_nve_ref_f,
                                   al_nve_ref_d,
                                   al_peak_ref,
                                   {al_settle_positions_ref, al_settle_velocities_ref},
                                   &al_mesh_kernels_ref,
                                   al_noise_ref};
