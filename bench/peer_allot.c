/* peer_allot.c - allot_for with nothing chosen: the default pool, no options.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>

#include <allot/map.h>

#include "base/attr.h"
#include "bench.h"

static AL_NOINLINE AL_COLD void fail(const allot_error *err)
{
    fprintf(stderr, "bench: allot_for: %s: %s\n", allot_err_name(err->code), err->text);
    exit(1);
}

static void run(const bench_work *work, uint64_t n)
{
    allot_error err;
    if (AL_UNLIKELY(allot_for(NULL, n, work->body, (void *)work, NULL, &err) != ALLOT_OK))
        fail(&err);
}

const bench_peer bench_peers[] = {
    {"allot", NULL, NULL, run},
};
const size_t bench_npeers = sizeof bench_peers / sizeof bench_peers[0];
