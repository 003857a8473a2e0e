/* work.c - the range bodies that every peer and the serial reference run, and how many steps they take.
 *
 * Compiled once into one object that all programs link: what a peer is compared with is the very code it
 * runs. Nothing here knows how many threads there are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "work.h"

#include "stopwatch.h"

#define CHAIN_BODY(name)                                                                                     \
    static AL_NOINLINE int body_##name(uint64_t begin, uint64_t end, void *arg)                              \
    {                                                                                                        \
        const bench_work work = *(const bench_work *)arg;                                                    \
        uint64_t x = BENCH_CHAIN_SEED;                                                                       \
        for (uint64_t i = begin; i < end; i++)                                                               \
            x = bench_item_##name(x, i, &work);                                                              \
        bench_consume(x);                                                                                    \
        return 0;                                                                                            \
    }

CHAIN_BODY(uniform)
CHAIN_BODY(growing)
CHAIN_BODY(heavy)
CHAIN_BODY(warm)
CHAIN_BODY(empty)
CHAIN_BODY(mark)

/* Its own, for the promise that the arrays do not overlap, without which nothing is vectorised. */
static AL_NOINLINE int body_pow10(uint64_t begin, uint64_t end, void *arg)
{
    const bench_work *work = arg;
    const double *restrict in = work->in;
    double *restrict out = work->out;
    for (uint64_t i = begin; i < end; i++) {
        const double v = in[i], v2 = v * v, v4 = v2 * v2;
        out[i] = v4 * v4 * v2;
    }
    return 0;
}

void bench_work_init(bench_work *work, bench_kind kind, double steps, uint64_t n)
{
    static const bench_body bodies[] = {
#define BODY_OF(name, body) [BENCH_##name] = body_##body,
        BENCH_KINDS(BODY_OF)
#undef BODY_OF
    };
    /* 1 % at 100 times the steps and 99 % at once: the mean is 1.99 light items. */
    const double base = kind == BENCH_HEAVY ? steps / 1.99 : steps;
    const uint64_t whole = base < 1.0 ? 1 : (uint64_t)(base + 0.5);
    *work = (bench_work){.kind = kind, .body = bodies[kind], .steps = whole, .heavy_steps = whole * 100};
    if (n > 0)
        work->scale = (uint64_t)(2.0 * steps * 4294967296.0 / (double)n);
}

double bench_work_steps_per_ns(void)
{
    enum { STEPS = 200000, TRIES = 100 };
    bench_work work;
    bench_work_init(&work, BENCH_UNIFORM, STEPS, 1);
    double best_ns = 1e18;
    for (int i = 0; i < TRIES; i++) {
        const uint64_t start = bench_ticks();
        work.body(0, 1, &work);
        const double ns = al_ticks_to_ns(bench_ticks() - start);
        best_ns = ns < best_ns ? ns : best_ns;
    }
    return STEPS / best_ns;
}
