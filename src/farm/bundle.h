/* bundle.h - how many arguments a command should be given at once. Pure.
 *
 * A command takes a while to start and then so long for each argument: wall = a + b n. Both are measured as
 * the run goes (least squares over calls that ended), and n is chosen so that what does not depend on n is a
 * small share of a call; but no call takes so long that its loss would hurt or the jobs would end far apart.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_BUNDLE_H
#define AL_FARM_BUNDLE_H

#include <stdint.h>

/** Zero-initialise. */
typedef struct al_bundle {
    double count, n, nn, wall, nwall; /* sums over calls: 1, n, n^2, ns, n ns */
    uint64_t most;                    /* arguments that a call had so far */
} al_bundle;

/** A call with nargs arguments took wall_ns. */
void al_bundle_add(al_bundle *bundle, uint64_t nargs, uint64_t wall_ns);

/** What calls cost: *fixed_ns whatever their arguments, *each_ns for an argument. Neither is below 0. */
void al_bundle_costs(const al_bundle *bundle, double *fixed_ns, double *each_ns);

/** Arguments for the next call, from 1.
 * @param extra_ns  what starting a call costs outside of it
 * @param njobs     calls at a time
 * @param nleft     arguments that are left; UINT64_MAX: not known */
uint64_t al_bundle_choose(const al_bundle *bundle, double extra_ns, uint32_t njobs, uint64_t nleft);

#endif
