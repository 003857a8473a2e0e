/* peer_openmp.c - OpenMP's three schedules; built twice, by gcc (libgomp) and by clang (libomp).
 *
 * static gives each thread one share, so it is written over shares and calls the range body. dynamic and
 * guided hand out iterations: their loops are written item by item, with the item compiled in place, as in a
 * user's code; dynamic has its default chunk of one. The sizes are what OpenMP chooses: nobody tunes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "work.h"

#ifndef BENCH_RUNTIME
#error "BENCH_RUNTIME is the runtime's name, as in \"gomp\""
#endif

static void run_static(const bench_work *work, uint64_t n)
{
    const uint64_t nshares = (uint64_t)omp_get_max_threads();
#pragma omp parallel for schedule(static)
    for (uint64_t s = 0; s < nshares; s++) {
        const uint64_t begin = n * s / nshares, end = n * (s + 1) / nshares;
        if (begin < end)
            work->body(begin, end, (void *)work);
    }
}

#define PRAGMA(text) _Pragma(#text)

/* One loop for each kind: each thread's chain goes on over all the items it gets. */
#define LOOP(schedule_kind, item)                                                                            \
    static void schedule_kind##_##item(const bench_work *shared, uint64_t n)                                 \
    {                                                                                                        \
        PRAGMA(omp parallel)                                                                                 \
        {                                                                                                    \
            const bench_work work = *shared;                                                                 \
            uint64_t x = BENCH_CHAIN_SEED;                                                                   \
            PRAGMA(omp for schedule(schedule_kind) nowait)                                                   \
            for (uint64_t i = 0; i < n; i++)                                                                 \
                x = bench_item_##item(x, i, &work);                                                          \
            bench_consume(x);                                                                                \
        }                                                                                                    \
    }

/* The arrays do not overlap and the compiler is told so, as in the range body. */
#define LOOP_POW10(schedule_kind)                                                                            \
    static void schedule_kind##_pow10(const bench_work *shared, uint64_t n)                                  \
    {                                                                                                        \
        PRAGMA(omp parallel)                                                                                 \
        {                                                                                                    \
            const double *restrict in = shared->in;                                                          \
            double *restrict out = shared->out;                                                              \
            PRAGMA(omp for schedule(schedule_kind) nowait)                                                   \
            for (uint64_t i = 0; i < n; i++) {                                                               \
                const double v = in[i], v2 = v * v, v4 = v2 * v2;                                            \
                out[i] = v4 * v4 * v2;                                                                       \
            }                                                                                                \
        }                                                                                                    \
    }

#define LOOPS(schedule_kind)                                                                                 \
    LOOP(schedule_kind, uniform)                                                                             \
    LOOP(schedule_kind, growing)                                                                             \
    LOOP(schedule_kind, heavy)                                                                               \
    LOOP(schedule_kind, warm)                                                                                \
    LOOP(schedule_kind, empty)                                                                               \
    LOOP(schedule_kind, mark)                                                                                \
    LOOP_POW10(schedule_kind)                                                                                \
    static void run_##schedule_kind(const bench_work *work, uint64_t n)                                      \
    {                                                                                                        \
        static void (*const loops[])(const bench_work *, uint64_t) = {                                       \
            [BENCH_UNIFORM] = schedule_kind##_uniform, [BENCH_GROWING] = schedule_kind##_growing,            \
            [BENCH_HEAVY] = schedule_kind##_heavy,     [BENCH_WARM] = schedule_kind##_warm,                  \
            [BENCH_EMPTY] = schedule_kind##_empty,     [BENCH_MARK] = schedule_kind##_mark,                  \
            [BENCH_POW10] = schedule_kind##_pow10,                                                           \
        };                                                                                                   \
        loops[work->kind](work, n);                                                                          \
    }

LOOPS(dynamic)
LOOPS(guided)

/* An OMP_NUM_THREADS left in somebody's profile would change what is compared. */
static void use_all_threads(void)
{
    omp_set_num_threads((int)bench_nthreads());
}

const bench_peer bench_peers[] = {
    {BENCH_RUNTIME "-static", use_all_threads, NULL, run_static},
    {BENCH_RUNTIME "-dynamic", use_all_threads, NULL, run_dynamic},
    {BENCH_RUNTIME "-guided", use_all_threads, NULL, run_guided},
};
const size_t bench_npeers = sizeof bench_peers / sizeof bench_peers[0];
