/* map_phase.h - one kind of parallel loop over the blocks of a stream, and what its runs have cost so far.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_PHASE_H
#define AL_CLI_MAP_PHASE_H

#include <stdatomic.h>

#include <allot/map.h>

typedef struct al_map_phase {
    allot_pool *pool;    /* NULL: the default pool */
    allot_map_opts opts; /* of every run; stats is filled in here */

    uint64_t nruns;
    uint64_t nitems; /* of the loops, done */
    uint64_t nchunks, nsteals, nwakes;
    uint32_t nengines; /* the most in one run */
    double wall_ns, busy_ns;
    allot_plan plan; /* of the run with the most work to decide about */
} al_map_phase;

/** As allot_for(), adding up the statistics. */
allot_err al_phase_run(al_map_phase *phase, uint64_t n, allot_for_fn fn, void *arg, allot_error *err);

#endif
