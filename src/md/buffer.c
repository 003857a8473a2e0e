/* buffer.c - see buffer.h.
 *
 * Páll and Hess, Comput. Phys. Commun. 184, 2641 (2013), and the reference manual of GROMACS ("Using larger
 * cut-off lists"). A pair that was farther apart than cut-off and buffer when the list was made may be within
 * the cut-off when it is last used; the energy that it then lacks is what drifts. In a time t two atoms come
 * nearer by a normal deviate of variance 2 t^2 k T / m: they fly freely, and in a liquid they do less. The
 * potential is its Taylor series about the cut-off, where it is 0 (a plain cut-off's step is not the list's
 * fault); so that with s = sigma, x = b / s, and moments M_k = s^k (integral from x of (u - x)^k g(u) du),
 *
 *     drift * t = 4 pi (rc + b + s)^2 (rho / 2) (|V'| M_2 / 2 + |V''| M_3 / 6 + |V'''| M_4 / 24).
 *
 * All terms are taken as if they had one sign: they have for Lennard-Jones. The whole is rough where s is not
 * small beside the cut-off, but errs on the side of too much.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/buffer.h"

#include <math.h>

void al_buffer_lj(al_buffer_job *job, double c6, double c12)
{
    double r = job->cutoff, r6 = pow(r, -6);
    job->slope = (6 * c6 * r6 - 12 * c12 * r6 * r6) / r;
    job->curve = (156 * c12 * r6 * r6 - 42 * c6 * r6) / (r * r);
    job->third = (336 * c6 * r6 - 2184 * c12 * r6 * r6) / (r * r * r);
}

/** Moments 2 to 4 of what a normal deviate is above x. Far out their closed forms are differences of numbers
 * that are almost equal: there M_k = k! g(x) / x^(k + 1), from above. */
static void find_moments(double x, double moments[3])
{
    double g = exp(-x * x / 2) / sqrt(2 * M_PI), tail = erfc(x / M_SQRT2) / 2, x2 = x * x;
    if (x > 12) {
        moments[0] = 2 * g / (x2 * x);
        moments[1] = 6 * g / (x2 * x2);
        moments[2] = 24 * g / (x2 * x2 * x);
        return;
    }
    moments[0] = fmax((x2 + 1) * tail - x * g, 0);
    moments[1] = fmax((x2 + 2) * g - x * (x2 + 3) * tail, 0);
    moments[2] = fmax((x2 * x2 + 6 * x2 + 3) * tail - x * (x2 + 5) * g, 0);
}

double al_buffer_drift(const al_buffer_job *job, double buffer, double nsteps)
{
    double time = nsteps * job->dt, s = time * sqrt(2 * job->speed2), moments[3];
    if (!(s > 0))
        return 0;
    find_moments(buffer / s, moments);
    double far = job->cutoff + buffer + s;
    double lacks = s * s *
                   (fabs(job->slope) * moments[0] / 2 +
                    s * (fabs(job->curve) * moments[1] / 6 + s * fabs(job->third) * moments[2] / 24));
    return 2 * M_PI * far * far * job->density * lacks / time;
}

double al_buffer_least(const al_buffer_job *job, double nsteps, double tolerance)
{
    double low = 0, high = job->cutoff;
    if (al_buffer_drift(job, 0, nsteps) <= tolerance)
        return 0;
    while (al_buffer_drift(job, high, nsteps) > tolerance)
        high *= 2;
    while (high - low > 1e-6 * job->cutoff) {
        double middle = (low + high) / 2;
        if (al_buffer_drift(job, middle, nsteps) > tolerance)
            low = middle;
        else
            high = middle;
    }
    return high;
}

uint32_t al_buffer_steps(const al_buffer_job *job, double buffer, double tolerance, uint32_t most)
{
    uint32_t n = 1;
    while (n < most && al_buffer_drift(job, buffer, n + 1) <= tolerance)
        n++;
    return n;
}
