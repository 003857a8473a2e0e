/* pair.c - what kernels need to know besides what was asked for. See pair.h.
 *
 * The part of Ewald's forces that is smooth is a polynomial in r^2, fitted for each cut-off by Chebyshev's
 * interpolation when it begins: for erfc(beta cutoff) = 1e-5 it is within 5e-8 of what it is at r = 0, which
 * floats do not tell.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/kernel/pair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double al_pair_smooth_force(double s)
{
    double z = sqrt(s);
    if (z > 0.5)
        return (M_2_SQRTPI * z * exp(-s) - erf(z)) / (z * s);
    double sum = 0, power = 1; /* (-1)^n / n! s^(n - 1) (1 - 1/(2 n + 1)) */
    for (int n = 1; n < 20; n++) {
        power *= -1.0 / n;
        sum += power * (1 - 1.0 / (2 * n + 1));
        power *= s;
    }
    return M_2_SQRTPI * sum;
}

double al_pair_smooth_energy(double s)
{
    return s > 1e-12 ? -erf(sqrt(s)) / sqrt(s) : -M_2_SQRTPI;
}

/** Coefficients of powers of t in [-1, 1] for f((t + 1)/2 * most), times `by`. */
static void fit(double (*f)(double), double most, double by, float *powers)
{
    enum { N = AL_PAIR_EWALD_TERMS };
    double series[N], before[N] = {1}, now[N] = {0, 1}, sum[N] = {0};
    for (int k = 0; k < N; k++) {
        series[k] = 0;
        for (int j = 0; j < N; j++)
            series[k] +=
                2.0 / N * f((cos(M_PI * (j + 0.5) / N) + 1) / 2 * most) * cos(M_PI * k * (j + 0.5) / N);
    }
    sum[0] = series[0] / 2;
    for (int k = 1; k < N; k++) { /* now[]: Chebyshev's polynomial k in powers */
        double next[N] = {0};
        for (int j = 0; j < N; j++)
            sum[j] += series[k] * now[j];
        for (int j = 0; j < N; j++)
            next[j] = (j > 0 ? 2 * now[j - 1] : 0) - before[j];
        memcpy(before, now, sizeof before);
        memcpy(now, next, sizeof now);
    }
    for (int k = 0; k < N; k++)
        powers[k] = (float)(by * sum[k]);
}

static void prepare_ewald(al_pair_params *p)
{
    double most = p->beta * p->coulomb_cutoff * (p->beta * p->coulomb_cutoff);
    fit(al_pair_smooth_force, most, p->beta * p->beta * p->beta, p->ewald_force);
    fit(al_pair_smooth_energy, most, p->beta, p->ewald_energy);
}

/** What makes the force of r^-a vanish at the cut-off with its slope: A d^2 + B d^3, d = r - switch_from.
 * @return what to take from the energy */
static double force_switch(const al_pair_params *p, double a, double *first, double *second)
{
    double rc = p->lj_cutoff, rs = p->switch_from, width = rc - rs;
    *first = -a * ((a + 4) * rc - (a + 1) * rs) / (pow(rc, a + 2) * width * width);
    *second = a * ((a + 3) * rc - (a + 1) * rs) / (pow(rc, a + 2) * width * width * width);
    return pow(rc, -a) - *first / 3 * pow(width, 3) - *second / 4 * pow(width, 4);
}

static bool prepare_matrix(al_pair_params *p)
{
    size_t n = (size_t)p->ntypes * p->ntypes;
    p->table6 = malloc((n + 1) * sizeof *p->table6);
    p->table12 = malloc((n + 1) * sizeof *p->table12);
    for (size_t k = 0; p->table6 != NULL && p->table12 != NULL && k < n; k++) {
        p->table6[k] = (float)(6 * p->c6s[k]);
        p->table12[k] = (float)(12 * p->c12s[k]);
    }
    return p->table6 != NULL && p->table12 != NULL;
}

bool al_pair_prepare(al_pair_params *params)
{
    bool is_shifted = params->lj == AL_PAIR_LJ_CUT && params->is_shifted;
    params->shift6 = is_shifted ? pow(params->lj_cutoff, -6) : 0;
    params->shift12 = is_shifted ? pow(params->lj_cutoff, -12) : 0;
    if (params->lj == AL_PAIR_LJ_FORCE_SWITCH) {
        params->shift6 = force_switch(params, 6, &params->a6, &params->b6);
        params->shift12 = force_switch(params, 12, &params->a12, &params->b12);
    }
    if (params->coulomb == AL_PAIR_EWALD)
        prepare_ewald(params);
    params->table6 = params->table12 = NULL;
    return params->types != AL_PAIR_MATRIX || prepare_matrix(params);
}

void al_pair_unprepare(al_pair_params *params)
{
    free(params->table6);
    free(params->table12);
    params->table6 = params->table12 = NULL;
}

void al_pair_atom(const al_pair_params *params, double c6, double c12, double *a, double *b)
{
    if (params->types == AL_PAIR_LORENTZ) {
        bool has_any = c6 > 0 && c12 > 0;
        *a = has_any ? pow(c12 / c6, 1.0 / 6) / 2 : 0;
        *b = has_any ? sqrt(6 * c6 * c6 / c12) : 0; /* of 24 epsilon */
    } else {
        *a = sqrt(6 * c6);
        *b = sqrt(12 * c12);
    }
}

void al_pair_set_reaction_field(al_pair_params *params, double epsilon)
{
    double rc = params->coulomb_cutoff;
    params->rf_k = (epsilon > 0 ? (epsilon - 1) / (2 * epsilon + 1) : 0.5) / (rc * rc * rc);
    params->rf_c = 1 / rc + params->rf_k * rc * rc;
}

int al_pair_operations(const al_pair_params *params)
{
    int distance = 8, forces = 12,
        root = params->coulomb == AL_PAIR_NO_COULOMB && params->lj == AL_PAIR_LJ_CUT ? 3 : 7;
    int combination[] = {0, 2, 8, 0}, lj[] = {6, 20, 28};
    int coulomb[] = {0, 5, 2 * AL_PAIR_EWALD_TERMS + 8};
    return distance + root + combination[params->types] + lj[params->lj] + coulomb[params->coulomb] + forces;
}
