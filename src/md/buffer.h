/* buffer.h - how much energy drifts when a list of pairs is used for longer than is safe for the fastest
 * atoms, and how long it may be used for a drift that is allowed.
 *
 * Pure functions. What is estimated is an upper bound: see buffer.c. Units are the caller's, as in md.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_BUFFER_H
#define AL_MD_BUFFER_H

#include <stdint.h>

/** Atoms of one kind, spread evenly. */
typedef struct al_buffer_job {
    double cutoff;
    double slope, curve, third; /**< derivatives of the potential at the cut-off, just inside it */
    double density;             /**< atoms a volume */
    double speed2;              /**< mean of the square of a velocity in one direction: k T / m */
    double dt;
} al_buffer_job;

/** Derivatives at the cut-off of c12 / r^12 - c6 / r^6, plain or shifted as a whole: of slope, curve, third.
 */
void al_buffer_lj(al_buffer_job *job, double c6, double c12);

/** Energy that drifts in a time unit, an atom's share, when a list of all pairs within cut-off and buffer is
 * used for nsteps steps. 0 for none; falls as the buffer grows. */
double al_buffer_drift(const al_buffer_job *job, double buffer, double nsteps);
/** The least buffer for nsteps steps whose drift is not above the tolerance, to a millionth of the cut-off.
 * @param tolerance > 0 */
double al_buffer_least(const al_buffer_job *job, double nsteps, double tolerance);
/** The most steps that a list may be used, 1 to `most`: drifts of that many and of all fewer are not above
 * the tolerance. */
uint32_t al_buffer_steps(const al_buffer_job *job, double buffer, double tolerance, uint32_t most);

#endif
