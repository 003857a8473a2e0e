/* work.h - one item of each loop of BENCH_KINDS, inline.
 *
 * The busy work is a chain of multiply-adds in which each step needs the one before, over the items of a
 * range as well as within one: about 1 ns a step, no memory touched, nothing to vectorise or to overlap.
 * So n items take n times as long as one, for every peer, on every core.
 *
 * Runtimes that take ranges call the functions of work.c. Those that iterate one by one (OpenMP's dynamic
 * and guided schedules) compile these in place, as their users' code would be.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "base/attr.h"
#include "bench.h"

#define BENCH_CHAIN_SEED 0x9e3779b97f4a7c15u

/** `steps` steps of the chain; the empty asm keeps the compiler from finding a shorter way. */
AL_INLINE uint64_t bench_chain(uint64_t x, uint64_t steps)
{
    for (uint64_t s = 0; s < steps; s++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(x));
    }
    return x;
}

/** Whether item i is one of the 1 % that are heavy: a mixed hash, so that they come in no order. */
AL_INLINE bool bench_is_heavy(uint64_t i)
{
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
    return (h >> 32) < 42949673u; /* 2**32 / 100 */
}

AL_INLINE uint64_t bench_item_uniform(uint64_t x, uint64_t i, const bench_work *work)
{
    (void)i;
    return bench_chain(x, work->steps);
}

AL_INLINE uint64_t bench_item_growing(uint64_t x, uint64_t i, const bench_work *work)
{
    return bench_chain(x, (i * work->scale) >> 32);
}

AL_INLINE uint64_t bench_item_heavy(uint64_t x, uint64_t i, const bench_work *work)
{
    return bench_chain(x, bench_is_heavy(i) ? work->heavy_steps : work->steps);
}

/* Not the uniform item's code, lest a compiler makes one function of the two. */
AL_INLINE uint64_t bench_item_warm(uint64_t x, uint64_t i, const bench_work *work)
{
    (void)i;
    return bench_chain(x + 1, work->steps);
}

AL_INLINE uint64_t bench_item_empty(uint64_t x, uint64_t i, const bench_work *work)
{
    (void)i;
    (void)work;
    return x;
}

AL_INLINE uint64_t bench_item_mark(uint64_t x, uint64_t i, const bench_work *work)
{
    work->marks[i]++;
    return x;
}

AL_INLINE uint64_t bench_item_pow10(uint64_t x, uint64_t i, const bench_work *work)
{
    const double v = work->in[i], v2 = v * v, v4 = v2 * v2;
    work->out[i] = v4 * v4 * v2;
    return x;
}

/** The chain's result is wanted: nothing that leads to it may be left out. */
AL_INLINE void bench_consume(uint64_t x)
{
    __asm__ volatile("" : : "r"(x));
}

#endif
