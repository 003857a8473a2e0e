/* grid.c - one row of the grid: a peer, a shape, a state and a cost per item, over the numbers of items.
 *
 * "Never lose" and "break-even" are read off these rows. N goes by decades from 10 to 10^7; where break-even
 * is decided there are points between, and fewer items than 10 where these cost much, so that it can be told
 * within a half.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "compare.h"

static const char *const shape_names[] = {
    [BENCH_UNIFORM] = "uniform",
    [BENCH_GROWING] = "growing",
    [BENCH_HEAVY] = "heavy",
};

/* Tenths of a decade's start: 1, 1.5, 2, 3, 5, 7. */
static const unsigned char between[] = {10, 15, 20, 30, 50, 70};

/* Whether break-even may lie here. Asleep, a sample takes 20 ms: so one shape only, and where it matters. */
static bool is_dense(const bench_request *request, double total_ns)
{
    if (request->quick)
        return false;
    if (request->state == BENCH_HOT || request->state == BENCH_NEW)
        return total_ns < 10e3;
    return request->shape == BENCH_UNIFORM && total_ns > 15e3 && total_ns < 301e3;
}

/* Whether N = decade * tenths / 10 is a point of the row. */
static bool is_point(const bench_request *request, uint64_t decade, unsigned tenths, uint64_t *n)
{
    if (decade * tenths % 10 != 0)
        return false;
    *n = decade * tenths / 10;
    const double total_ns = (double)*n * request->item_ns;
    if (total_ns > request->limit_ns * 1.001 || *n < 2 || *n > 10000000)
        return false;
    return (tenths == 10 && decade >= 10) || is_dense(request, total_ns);
}

static void measure_point(const bench_request *request, uint64_t n)
{
    const bench_protocol protocol = {
        .state = request->state,
        .quick = request->quick,
        .batch_ns = 20e3,
        .steps_per_ns = request->steps_per_ns,
    };
    bench_work work;
    bench_result result;
    bench_work_init(&work, request->shape, request->item_ns * request->steps_per_ns, n);
    bench_compare(&(bench_loop){request->peer, &work, n}, &protocol, &result);
    printf("%s\t%s\t%s\t%g\t%llu\t%.1f\t%.1f\t%.4f\t%.4f\t%u\n", request->peer->name,
           shape_names[request->shape], bench_state_names[request->state], request->item_ns,
           (unsigned long long)n, result.serial_ns, result.peer_ns, result.ratio, result.spread,
           result.nsamples);
    fflush(stdout);
}

int bench_grid(const bench_request *request)
{
    for (uint64_t decade = 1; decade <= 10000000; decade *= 10) {
        for (unsigned t = 0; t < sizeof between; t++) {
            uint64_t n;
            if (is_point(request, decade, between[t], &n))
                measure_point(request, n);
        }
    }
    return 0;
}
