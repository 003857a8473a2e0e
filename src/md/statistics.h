/* statistics.h - what is said of a series when it is over: its mean, how far it strays from it, and where it
 * drifts. Numbers are taken one after the other; nothing is kept but sums.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_STATISTICS_H
#define AL_MD_STATISTICS_H

#include <stdint.h>

/** Sums of (t, y) about their means so far. (Welford, Technometrics 4, 419, 1962.) Begin with zeros. */
typedef struct al_statistics {
    uint64_t n;
    double mean_t, mean_y;
    double tt, ty, yy;
} al_statistics;

void al_statistics_add(al_statistics *statistics, double t, double y);
/** Root of the mean square of what y is off its mean; 0 of fewer than two. */
double al_statistics_rms(const al_statistics *statistics);
/** The slope of the straight line that is nearest in the least squares' sense; 0 where there is none. */
double al_statistics_slope(const al_statistics *statistics);
/** The root of the mean square of what y is off that line. */
double al_statistics_rms_about_line(const al_statistics *statistics);

#endif
