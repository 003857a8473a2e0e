/* map_phase.c - running a phase and adding up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_phase.h"

allot_err al_phase_run(al_map_phase *phase, uint64_t n, allot_for_fn fn, void *arg, allot_error *err)
{
    allot_stats stats = {.nitems = 0};
    allot_map_opts opts = phase->opts;
    opts.stats = &stats;
    allot_err code = allot_for(phase->pool, n, fn, arg, &opts, err);
    phase->nruns++;
    phase->nitems += stats.nitems;
    phase->nchunks += stats.nchunks;
    phase->nsteals += stats.nsteals;
    phase->nwakes += stats.nwakes;
    phase->wall_ns += stats.wall_ns;
    phase->busy_ns += stats.busy_ns;
    if (stats.nengines > phase->nengines)
        phase->nengines = stats.nengines;
    if (phase->nruns == 1 || stats.plan.serial_ns >= phase->plan.serial_ns)
        phase->plan = stats.plan;
    return code;
}
