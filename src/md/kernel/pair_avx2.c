/* pair_avx2.c - forces of pairs with eight lanes: an atom of a cluster with a block at a time. See pair.h and
 * pair_lanes.h. Compiled for these instructions; can_run() says whether they may be executed. Estimates have
 * 12 bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <immintrin.h>

#include "md/kernel/pair.h"

typedef __m256 reals;
typedef __m256 lanes; /* all bits of a lane, or none */
enum { GROUP = 1, ESTIMATE_BITS = 12 };

#define load(x) _mm256_loadu_ps(x)
#define same(x) _mm256_set1_ps(x)
#define sum(a, b) _mm256_add_ps(a, b)
#define less(a, b) _mm256_sub_ps(a, b)
#define product(a, b) _mm256_mul_ps(a, b)
#define with(a, b, c) _mm256_fmadd_ps(a, b, c)
#define with_less(a, b, c) _mm256_fmsub_ps(a, b, c)
#define without(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define greater(a, b) _mm256_max_ps(a, b)
#define below(which, a, b) _mm256_and_ps(which, _mm256_cmp_ps(a, b, _CMP_LT_OQ))
#define keep(which, a) _mm256_and_ps(which, a)
#define both(which, other) _mm256_and_ps(which, other)
#define either(which, other) _mm256_or_ps(which, other)
#define to_bits(which) ((uint32_t)_mm256_movemask_ps(which))
#define is_any(which) (_mm256_movemask_ps(which) != 0)
#define inverse_of(which, a) _mm256_and_ps(which, _mm256_rcp_ps(a))
#define inverse_root_of(which, a) _mm256_and_ps(which, _mm256_rsqrt_ps(a))

static inline lanes bits(uint32_t n)
{
    const __m256i of_lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256i found = _mm256_and_si256(_mm256_set1_epi32((int)n), of_lanes);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(found, of_lanes));
}

static inline float total(reals v)
{
    __m128 quads = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 pairs = _mm_add_ps(quads, _mm_movehl_ps(quads, quads));
    return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)));
}

static inline reals block_of(const float *x)
{
    return _mm256_load_ps(x);
}

static inline reals group_of(const float *x)
{
    return _mm256_set1_ps(x[0]);
}

static inline void take_from_block(float *at, reals x, reals y, reals z)
{
    _mm256_store_ps(at, _mm256_sub_ps(_mm256_load_ps(at), x));
    at += AL_BLOCK;
    _mm256_store_ps(at, _mm256_sub_ps(_mm256_load_ps(at), y));
    at += AL_BLOCK;
    _mm256_store_ps(at, _mm256_sub_ps(_mm256_load_ps(at), z));
}

static inline void add_to_group(float *at, reals v)
{
    at[0] += total(v);
}

static inline reals look_up(const float *table, uint32_t n, const uint32_t *ti, const uint32_t *tj)
{
    return _mm256_i32gather_ps(table + (size_t)n * ti[0],
                               _mm256_loadu_si256((const __m256i *)(const void *)tj), 4);
}

/** Each is written, and stays where it is counted. */
static inline uint32_t put_chosen(uint32_t *to, const uint32_t *from, uint32_t n, uint32_t mask)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < n; k++) {
        to[count] = from[k];
        count += mask >> k & 1;
    }
    return count;
}

static inline uint32_t put_numbers(uint32_t *to, uint32_t first, uint32_t n, uint32_t mask)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < n; k++) {
        to[count] = first + k;
        count += mask >> k & 1;
    }
    return count;
}

#include "md/kernel/pair_lanes.h"

static bool can_run(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

const al_kernels al_kernels_avx2 = {"avx2",
                                    can_run,
                                    do_pairs,
                                    prune,
                                    find_near,
                                    al_nve_avx2_f,
                                    al_nve_avx2_d,
                                    al_peak_avx2,
                                    {al_settle_positions_avx2, al_settle_velocities_avx2},
                                    &al_mesh_kernels_avx2,
                                    al_noise_avx2};
