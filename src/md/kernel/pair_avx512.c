/* pair_avx512.c - forces of pairs with sixteen lanes: two atoms of a cluster with a block at a time. See
 * pair.h and pair_lanes.h. Compiled for these instructions; can_run() says whether they may be executed.
 * Estimates have 14 bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <immintrin.h>

#include "md/kernel/pair.h"

typedef __m512 reals;
typedef __mmask16 lanes;
enum { GROUP = 2, ESTIMATE_BITS = 14 };

#define load(x) _mm512_loadu_ps(x)
#define same(x) _mm512_set1_ps(x)
#define sum(a, b) _mm512_add_ps(a, b)
#define less(a, b) _mm512_sub_ps(a, b)
#define product(a, b) _mm512_mul_ps(a, b)
#define with(a, b, c) _mm512_fmadd_ps(a, b, c)
#define with_less(a, b, c) _mm512_fmsub_ps(a, b, c)
#define without(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define greater(a, b) _mm512_max_ps(a, b)
#define below(which, a, b) _mm512_mask_cmp_ps_mask(which, a, b, _CMP_LT_OQ)
#define keep(which, a) _mm512_maskz_mov_ps(which, a)
#define both(which, other) ((lanes)((which) & (other)))
#define either(which, other) ((lanes)((which) | (other)))
#define bits(n) ((lanes)(n))
#define to_bits(which) ((uint32_t)(which))
#define is_any(which) ((which) != 0)
#define inverse_of(which, a) _mm512_maskz_rcp14_ps(which, a)
#define inverse_root_of(which, a) _mm512_maskz_rsqrt14_ps(which, a)
#define total(a) _mm512_reduce_add_ps(a)

static inline reals pair_up(__m256 low, __m256 high)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}

static inline reals block_of(const float *x)
{
    return _mm512_broadcast_f32x8(_mm256_load_ps(x));
}

static inline reals group_of(const float *x)
{
    return pair_up(_mm256_set1_ps(x[0]), _mm256_set1_ps(x[1]));
}

/** Halves are added up; those of x and y are beside each other, as they are in a block. */
static inline void take_from_block(float *at, reals x, reals y, reals z)
{
    __m512 low = _mm512_shuffle_f32x4(x, y, 0x44), high = _mm512_shuffle_f32x4(x, y, 0xEE);
    __m256 folded = _mm256_add_ps(_mm512_castps512_ps256(z), _mm512_extractf32x8_ps(z, 1));
    _mm512_storeu_ps(at, _mm512_sub_ps(_mm512_loadu_ps(at), _mm512_add_ps(low, high)));
    at += 2 * AL_BLOCK;
    _mm256_store_ps(at, _mm256_sub_ps(_mm256_load_ps(at), folded));
}

static inline void add_to_group(float *at, reals v)
{
    __m256 low = _mm512_castps512_ps256(v), high = _mm512_extractf32x8_ps(v, 1);
    __m256 pairs = _mm256_hadd_ps(low, high), quads = _mm256_hadd_ps(pairs, pairs);
    __m128 sums = _mm_add_ps(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1));
    at[0] += _mm_cvtss_f32(sums);
    at[1] += _mm_cvtss_f32(_mm_movehdup_ps(sums));
}

static inline reals look_up(const float *table, uint32_t n, const uint32_t *ti, const uint32_t *tj)
{
    __m256i j = _mm256_loadu_si256((const __m256i *)(const void *)tj);
    __m512i at =
        _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_add_epi32(j, _mm256_set1_epi32((int)(n * ti[0])))),
                           _mm256_add_epi32(j, _mm256_set1_epi32((int)(n * ti[1]))), 1);
    return _mm512_i32gather_ps(at, table, 4);
}

/** What the mask chooses of sixteen. @return how many */
static inline uint32_t put(uint32_t *to, __m512i numbers, uint32_t mask)
{
    uint32_t count = (uint32_t)__builtin_popcount(mask);
    _mm512_mask_storeu_epi32(to, (__mmask16)((1U << count) - 1),
                             _mm512_maskz_compress_epi32((__mmask16)mask, numbers));
    return count;
}

#define put_chosen(to, from, n, mask) put(to, _mm512_maskz_loadu_epi32((__mmask16)(mask), from), mask)

static inline uint32_t put_numbers(uint32_t *to, uint32_t first, uint32_t n, uint32_t mask)
{
    const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    (void)n;
    return put(to, _mm512_add_epi32(_mm512_set1_epi32((int)first), steps), mask);
}

#include "md/kernel/pair_lanes.h"

static bool can_run(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}

const al_kernels al_kernels_avx512 = {"avx512",
                                      can_run,
                                      do_pairs,
                                      prune,
                                      find_near,
                                      al_nve_avx512_f,
                                      al_nve_avx512_d,
                                      al_peak_avx512,
                                      {al_settle_positions_avx512, al_settle_velocities_avx512},
                                      &al_mesh_kernels_avx512,
                                      al_noise_avx512};
