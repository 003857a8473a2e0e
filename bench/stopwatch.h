/* stopwatch.h - the time between two instructions.
 *
 * The library's clock, with fences: without them a processor reads its counter up to hundreds of
 * instructions before the work in front of it has ended, which is half of a loop of 200 ns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BENCH_STOPWATCH_H
#define BENCH_STOPWATCH_H

#include "base/clock.h"

/** Wait until everything before has been done: the next loop does not overlap the one before it. */
AL_INLINE void bench_fence(void)
{
#if defined(__x86_64__)
    _mm_lfence();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

AL_INLINE uint64_t bench_ticks(void)
{
    bench_fence();
    const uint64_t ticks = al_ticks();
    bench_fence();
    return ticks;
}

#endif
