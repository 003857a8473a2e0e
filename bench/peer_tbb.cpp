/* peer_tbb.cpp - oneTBB's parallel_for: auto_partitioner, its default, and static_partitioner.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>

#include "bench.h"

namespace
{

using range = oneapi::tbb::blocked_range<uint64_t>;

template <typename Partitioner> void run(const bench_work *work, uint64_t n)
{
    oneapi::tbb::parallel_for(
        range(0, n),
        [work](const range &r) { work->body(r.begin(), r.end(), const_cast<bench_work *>(work)); },
        Partitioner());
}

} // namespace

extern "C" {

const bench_peer bench_peers[] = {
    {"tbb-auto", nullptr, nullptr, run<oneapi::tbb::auto_partitioner>},
    {"tbb-static", nullptr, nullptr, run<oneapi::tbb::static_partitioner>},
};
const size_t bench_npeers = sizeof bench_peers / sizeof bench_peers[0];
}
