/* pow10.c - x**10 over arrays of doubles: a loop as users write it, vectorised, bound by memory when long.
 *
 * Sizes: 10^4 (in the cache of one core), 10^5, 10^6 (8 MB in, 8 MB out). Workers hot.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>

#include "compare.h"

static const uint64_t sizes[] = {10000, 100000, 1000000};

static void measure(const bench_request *request, const double *in, double *out, uint64_t n)
{
    const bench_protocol protocol = {
        .quick = request->quick,
        .state = BENCH_HOT,
        .batch_ns = 3e6, /* several calls, so that the caches hold what a user's would */
        .steps_per_ns = request->steps_per_ns,
    };
    bench_work work;
    bench_result result;
    bench_work_init(&work, BENCH_POW10, 0, n);
    work.in = in;
    work.out = out;
    bench_compare(&(bench_loop){request->peer, &work, n}, &protocol, &result);
    printf("%s\t%llu\t%.1f\t%.1f\t%.4f\t%.4f\t%u\n", request->peer->name, (unsigned long long)n,
           result.serial_ns, result.peer_ns, result.ratio, result.spread, result.nsamples);
    fflush(stdout);
}

int bench_pow10(const bench_request *request)
{
    const uint64_t most = sizes[sizeof sizes / sizeof sizes[0] - 1];
    double *in = aligned_alloc(64, most * sizeof *in);
    double *out = aligned_alloc(64, most * sizeof *out);
    if (!in || !out) {
        fprintf(stderr, "bench: no memory for two arrays of %llu doubles\n", (unsigned long long)most);
        free(in);
        free(out);
        return 1;
    }
    for (uint64_t i = 0; i < most; i++)
        in[i] = 0.5 + 1e-6 * (double)i;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        measure(request, in, out, sizes[s]);
    free(in);
    free(out);
    return 0;
}
