/* dispersion.c - see dispersion.h.
 *
 * Where the potential is -c6/r^6, what is computed is -c6 m(r): m is 0 beyond the cut-off, and within it a
 * constant below r^-6, or what a switch makes of it. With atoms spread evenly, the energy that is missing is
 * -1/2 N rho c6 times the integral of 4 pi r^2 (r^-6 - m), without the constant that an atom would have with
 * itself; and, by parts, the virial follows from the same integral. (Allen and Tildesley, Computer Simulation
 * of Liquids, 2.8; GROMACS manual, "Long Range Van der Waals interactions".)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/dispersion.h"

#include <math.h>

/** r^-6 - m at a distance within the cut-off. */
static double lost(const al_pair_params *p, double r)
{
    double d = fmax(r - p->switch_from, 0), t = d / (p->lj_cutoff - p->switch_from);
    if (p->lj == AL_PAIR_LJ_POTENTIAL_SWITCH)
        return pow(r, -6) * t * t * t * (10 + t * (-15 + 6 * t));
    if (p->lj == AL_PAIR_LJ_FORCE_SWITCH)
        return p->shift6 + d * d * d * (p->a6 / 3 + d * p->b6 / 4);
    return p->shift6;
}

/** The integral of 4 pi r^2 (r^-6 - m) within the cut-off: the constant up to where a switch begins, and
 * Simpson's rule over the switch. */
static double lost_within(const al_pair_params *p)
{
    enum { N = 1000 };
    double from = p->lj == AL_PAIR_LJ_CUT ? p->lj_cutoff : p->switch_from, h = (p->lj_cutoff - from) / N;
    double sum = 4 * M_PI / 3 * from * from * from * lost(p, from);
    for (int k = 0; k <= N; k++) {
        double r = from + k * h, weight = k == 0 || k == N ? 1 : k % 2 == 1 ? 4 : 2;
        sum += 4 * M_PI * r * r * lost(p, r) * weight * h / 3;
    }
    return sum;
}

al_dispersion_tail al_dispersion_tail_of(const al_pair_params *params, double mean_c6, double natoms,
                                         double volume)
{
    double rc = params->lj_cutoff, rc3 = rc * rc * rc, within = lost_within(params);
    double with_itself = params->lj == AL_PAIR_LJ_POTENTIAL_SWITCH ? 0 : params->shift6;
    double pairs = natoms / 2 * natoms / volume; /* a volume around each atom */
    return (al_dispersion_tail){
        .energy = mean_c6 * (natoms / 2 * with_itself - pairs * (within + 4 * M_PI / 3 / rc3)),
        .virial = mean_c6 * pairs * (4 * M_PI * rc3 * lost(params, rc) - 3 * within - 8 * M_PI / rc3)};
}
