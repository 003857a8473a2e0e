/* clock.c - finding the counter's rate.
 *
 * The counter is trusted where the processor says it is invariant (CPUID 0x80000007, EDX bit 8) and, on
 * Linux, where the kernel itself keeps time by it: a kernel that found it unsteady uses another source.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

double al_clock_ticks_per_ns = 1.0;
double al_clock_ns_per_tick = 1.0;
bool al_clock_has_counter = false;

/** Long enough for a rate good to a few parts in a thousand, short enough not to be felt at start-up. */
#define RATE_WINDOW_NS 20000u
#define PAIRS 5

uint64_t al_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t al_clock_thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#if defined(__x86_64__)
static bool kernel_uses_tsc(void)
{
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (file == NULL)
        return true; /* nothing says otherwise */
    char name[32] = "";
    bool is_tsc = fgets(name, sizeof name, file) != NULL &&
                  (strncmp(name, "tsc", 3) == 0 || strncmp(name, "kvm-clock", 9) == 0 ||
                   strncmp(name, "hyperv", 6) == 0);
    (void)fclose(file);
    return is_tsc;
}

static bool has_invariant_tsc(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) != 0 && (edx & (1u << 8)) != 0 &&
           kernel_uses_tsc();
}

/** The same instant by both clocks. Whatever comes between two readings makes them wrong, so the tightest
 * of a few pairs is taken. */
static void read_both(uint64_t *ticks, uint64_t *ns)
{
    uint64_t tightest = UINT64_MAX;
    for (int i = 0; i < PAIRS; i++) {
        uint64_t before = __rdtsc(), now_ns = al_clock_ns(), after = __rdtsc();
        if (after - before >= tightest)
            continue;
        tightest = after - before;
        *ticks = before + (after - before) / 2;
        *ns = now_ns;
    }
}

static void measure_rate(void)
{
    uint64_t start = 0, start_ns = 0, now = 0, now_ns = 0;
    read_both(&start, &start_ns);
    do
        read_both(&now, &now_ns);
    while (now_ns - start_ns < RATE_WINDOW_NS);
    al_clock_ticks_per_ns = (double)(now - start) / (double)(now_ns - start_ns);
}
#endif

AL_CONSTRUCTOR static void start_clock(void)
{
#if defined(__x86_64__)
    al_clock_has_counter = has_invariant_tsc();
    if (al_clock_has_counter)
        measure_rate();
#elif defined(__aarch64__)
    uint64_t hertz;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hertz));
    al_clock_has_counter = true;
    al_clock_ticks_per_ns = (double)hertz / 1e9;
#endif
    al_clock_ns_per_tick = 1.0 / al_clock_ticks_per_ns;
}
