/* empty.c - a parallel call with nothing to do: what it costs to ask.
 *
 * n = 0, and n = the number of threads with an empty body; in each state.
 * The "serial" peer's line is the cost of the measurement itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "compare.h"

static void measure(const bench_request *request, uint64_t n, bench_state state)
{
    const bench_protocol protocol = {
        .state = state,
        .quick = request->quick,
        .batch_ns = 20e3,
        .steps_per_ns = request->steps_per_ns,
    };
    bench_work work;
    bench_result result;
    bench_work_init(&work, BENCH_EMPTY, 0, n);
    bench_compare(&(bench_loop){request->peer, &work, n}, &protocol, &result);
    printf("%s\t%s\t%llu\t%.1f\t%.4f\t%u\n", request->peer->name, bench_state_names[state],
           (unsigned long long)n, result.peer_ns, result.spread, result.nsamples);
    fflush(stdout);
}

int bench_empty(const bench_request *request)
{
    for (int state = 0; state < BENCH_NSTATES; state++) {
        measure(request, 0, (bench_state)state);
        measure(request, bench_nthreads(), (bench_state)state);
    }
    return 0;
}
