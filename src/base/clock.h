/* clock.h - the time, cheaply.
 *
 * al_ticks() reads the processor's own counter where it runs at one rate on all cores (x86 with an
 * invariant TSC, arm64's virtual counter), about 5 ns and mostly hidden behind the work around it, and
 * CLOCK_MONOTONIC elsewhere. Its rate is measured once, when the library is loaded.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_CLOCK_H
#define AL_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "base/attr.h"

/** Set before main: ticks in a nanosecond, and whether al_ticks() is the processor's counter. */
extern double al_clock_ticks_per_ns;
extern double al_clock_ns_per_tick;
extern bool al_clock_has_counter;

/** CLOCK_MONOTONIC in ns. */
uint64_t al_clock_ns(void);
/** CLOCK_THREAD_CPUTIME_ID in ns: what the calling thread has computed; some 200 ns a call. */
uint64_t al_clock_thread_ns(void);

AL_INLINE uint64_t al_ticks(void)
{
#if defined(__x86_64__)
    if (AL_LIKELY(al_clock_has_counter))
        return __rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#endif
    return al_clock_ns();
}

AL_INLINE double al_ticks_to_ns(uint64_t ticks)
{
    return (double)ticks * al_clock_ns_per_tick;
}

AL_INLINE uint64_t al_ticks_from_ns(double ns)
{
    return ns >= 1.8e19 * al_clock_ns_per_tick ? UINT64_MAX : (uint64_t)(ns * al_clock_ticks_per_ns);
}

#endif
