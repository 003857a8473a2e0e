/* bundle.c - see bundle.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/bundle.h"

/** What may be spent on starting, as a share of the work. */
#define OVERHEAD_MOST 0.03
/** A call takes no longer than this for the sake of that share, ns. */
#define CALL_MOST 5e8
/** Calls that each job gets at least of what is left, so that all end together. */
#define CALLS_LEAST 4

void al_bundle_add(al_bundle *bundle, uint64_t nargs, uint64_t wall_ns)
{
    double n = (double)nargs, wall = (double)wall_ns;
    bundle->count += 1;
    bundle->n += n;
    bundle->nn += n * n;
    bundle->wall += wall;
    bundle->nwall += n * wall;
    if (nargs > bundle->most)
        bundle->most = nargs;
}

void al_bundle_costs(const al_bundle *bundle, double *fixed_ns, double *each_ns)
{
    double spread = bundle->count * bundle->nn - bundle->n * bundle->n;
    double slope = spread > 0 ? (bundle->count * bundle->nwall - bundle->n * bundle->wall) / spread : 0;
    *each_ns = slope > 0 ? slope : 0;
    double fixed = bundle->count > 0 ? (bundle->wall - *each_ns * bundle->n) / bundle->count : 0;
    *fixed_ns = fixed > 0 ? fixed : 0;
}

uint64_t al_bundle_choose(const al_bundle *bundle, double extra_ns, uint32_t njobs, uint64_t nleft)
{
    double fixed_ns, each_ns;
    if (bundle->count < njobs)
        return 1; /* first a look at what one costs */
    al_bundle_costs(bundle, &fixed_ns, &each_ns);
    double most = 2.0 * (double)bundle->most; /* a step at a time: costs need not be as even as the model */
    double wanted = each_ns > 0 ? (fixed_ns + extra_ns) / (OVERHEAD_MOST * each_ns) : most;
    if (each_ns > 0 && wanted * each_ns + fixed_ns > CALL_MOST)
        wanted = (CALL_MOST - fixed_ns) / each_ns;
    else if (each_ns <= 0 && bundle->wall / bundle->count > CALL_MOST)
        wanted = (double)bundle->most;
    if (wanted > most)
        wanted = most;
    double share = nleft != UINT64_MAX ? (double)nleft / ((double)njobs * CALLS_LEAST) : wanted;
    if (wanted > share)
        wanted = share;
    return wanted > 1 ? (uint64_t)wanted : 1;
}
