/* compare.c - the measurement that all figures of this folder come from.
 *
 * A shared machine drifts by tens of per cent within seconds, so a peer and the serial loop are timed by
 * turns (and the turn that comes first changes), each sample gives a ratio of its own, and medians are
 * reported. The serial loop goes through the same steps before each measured call as the peer does, so that
 * both meet the same caches, predictors and clock rates.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stopwatch.h"

enum { COLD_US = 20000, WARM_ITEMS = 1000, MAX_REPS = 1000000, NCOPIES = 64 };

static const double WARM_NS = 400e3; /* work for each thread: longer than it takes to wake them */
static const double BUDGET_NS = 4e9; /* of one point: after this, few samples must do */
static const double GOOD_SPREAD = 0.01;

typedef struct samples {
    double serial_ns[BENCH_MAX_SAMPLES];
    double peer_ns[BENCH_MAX_SAMPLES];
    unsigned count;
} samples;

static bool is_hot(const bench_protocol *protocol)
{
    return protocol->state == BENCH_HOT || protocol->state == BENCH_NEW;
}

static void run_serial(const bench_work *work, uint64_t n)
{
    if (n > 0)
        work->body(0, n, (void *)work);
}

typedef void (*run_fn)(const bench_work *work, uint64_t n);

/* Time of one call, from a batch of them. Loops are told apart by their bodies and arguments: NEW goes round
 * many copies of the argument, the other states always name the same one. */
static double time_batch(run_fn run, const bench_loop *loop, bench_state state, unsigned reps)
{
    static bench_work copies[NCOPIES];
    static unsigned next;
    const unsigned mask = state == BENCH_NEW ? NCOPIES - 1 : 0;
    const uint64_t n = loop->n;
    for (unsigned c = 0; c < NCOPIES; c++)
        copies[c] = *loop->work;
    (void)bench_ticks(); /* the clock itself may be cold */
    const uint64_t start = bench_ticks();
    for (unsigned i = 0; i < reps; i++) {
        run(&copies[next++ & mask], n);
        bench_fence();
    }
    return al_ticks_to_ns(bench_ticks() - start) / reps;
}

/* What comes before a measured call. Hot: nitems chains through `run`, WARM_NS for each thread that takes
 * part: the serial loop gets as long a break from its caches as the peer's. */
static void prepare(run_fn run, uint64_t nitems, const bench_protocol *protocol)
{
    static bench_work work;
    if (protocol->state == BENCH_COLD) {
        usleep(COLD_US);
        return;
    }
    if (protocol->state == BENCH_ALONE) {
        bench_work_init(&work, BENCH_WARM, COLD_US * 1e3 * protocol->steps_per_ns, 1);
        run_serial(&work, 1);
        return;
    }
    bench_work_init(&work, BENCH_WARM, WARM_NS * protocol->steps_per_ns / WARM_ITEMS, nitems);
    run(&work, nitems);
}

static double time_peer(const bench_loop *loop, const bench_protocol *protocol, unsigned reps)
{
    prepare(loop->peer->run, WARM_ITEMS * (uint64_t)bench_nthreads(), protocol);
    return time_batch(loop->peer->run, loop, protocol->state, reps);
}

static double time_serial(const bench_loop *loop, const bench_protocol *protocol, unsigned reps)
{
    prepare(run_serial, WARM_ITEMS, protocol);
    return time_batch(run_serial, loop, protocol->state, reps);
}

/* The calls that a batch needs to be long enough, judged by one of them. */
static unsigned choose_reps(double (*time_call)(const bench_loop *, const bench_protocol *, unsigned),
                            const bench_loop *loop, const bench_protocol *protocol)
{
    if (!is_hot(protocol))
        return 1;
    const double reps = protocol->batch_ns / fmax(time_call(loop, protocol, 1), 1.0);
    return reps < 1 ? 1 : reps > MAX_REPS ? MAX_REPS : (unsigned)reps;
}

static void take_sample(const bench_loop *loop, const bench_protocol *protocol, unsigned serial_reps,
                        unsigned peer_reps, samples *all)
{
    const unsigned s = all->count++;
    if (s % 2 == 0)
        all->peer_ns[s] = time_peer(loop, protocol, peer_reps);
    all->serial_ns[s] = time_serial(loop, protocol, serial_reps);
    if (s % 2 == 1)
        all->peer_ns[s] = time_peer(loop, protocol, peer_reps);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The q-quantile of count values, which stay as they are. */
static double quantile(const double *values, unsigned count, double q)
{
    double sorted[BENCH_MAX_SAMPLES];
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, by_value);
    const double at = q * (count - 1);
    const unsigned below = (unsigned)at;
    const unsigned above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

/* Half the notch of a box plot (McGill, Tukey and Larsen, 1978): a 95 % interval of a median. */
static double spread_of(const samples *all)
{
    double ratios[BENCH_MAX_SAMPLES];
    for (unsigned s = 0; s < all->count; s++)
        ratios[s] = all->peer_ns[s] / all->serial_ns[s];
    const double width = quantile(ratios, all->count, 0.75) - quantile(ratios, all->count, 0.25);
    return 1.57 * width / sqrt(all->count) / quantile(ratios, all->count, 0.5);
}

static bool is_enough(const samples *all, const bench_protocol *protocol, double elapsed_ns)
{
    const unsigned most = is_hot(protocol) ? BENCH_MAX_SAMPLES : 25;
    if (protocol->quick)
        return all->count >= 3;
    if (elapsed_ns > BUDGET_NS)
        return all->count >= 5;
    return all->count >= most || (all->count >= 15 && spread_of(all) < GOOD_SPREAD);
}

void bench_compare(const bench_loop *loop, const bench_protocol *protocol, bench_result *result)
{
    samples all = {.count = 0};
    run_serial(loop->work, loop->n); /* pages, caches, and the peer's first threads */
    loop->peer->run(loop->work, loop->n);
    const unsigned serial_reps = choose_reps(time_serial, loop, protocol);
    const unsigned peer_reps = choose_reps(time_peer, loop, protocol);
    const uint64_t start = bench_ticks();
    do {
        take_sample(loop, protocol, serial_reps, peer_reps, &all);
    } while (!is_enough(&all, protocol, al_ticks_to_ns(bench_ticks() - start)));
    result->serial_ns = quantile(all.serial_ns, all.count, 0.5);
    result->peer_ns = quantile(all.peer_ns, all.count, 0.5);
    result->ratio = result->peer_ns / result->serial_ns;
    result->spread = spread_of(&all);
    result->nsamples = all.count;
}
