/* compare.h - a peer against the serial loop, in one run, by turns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "bench.h"

#define BENCH_MAX_SAMPLES 63

/** A loop and who runs it. */
typedef struct bench_loop {
    const bench_peer *peer;
    const bench_work *work;
    uint64_t n;
} bench_loop;

/** How to take the samples. */
typedef struct bench_protocol {
    bench_state state;
    bool quick;          /* three samples, whatever their spread */
    double batch_ns;     /* hot: calls are timed in batches about this long */
    double steps_per_ns; /* for what comes before a measured call */
} bench_protocol;

/** Times are of one call: medians over the samples. */
typedef struct bench_result {
    double serial_ns;
    double peer_ns;
    double ratio;  /* peer_ns / serial_ns */
    double spread; /* what the median of the samples' own ratios may be wrong by, relative (about 95 %) */
    unsigned nsamples;
} bench_result;

/** Time the loop by its peer and by one direct call of its body, alternately. Samples are added until their
 * spread is under 1 % or there are enough of them; what they say plays no part in that. */
void bench_compare(const bench_loop *loop, const bench_protocol *protocol, bench_result *result);

#endif
