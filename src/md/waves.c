/* waves.c - see waves.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/waves.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/shares.h"
#include "md/kernel/mesh.h"

/** Sums of a row of waves, by itself, so that it does not matter which thread does it. */
struct al_waves_row {
    double energy, virial[6]; /* xx yy zz xy xz yz */
};

/** M_order at 1 .. order - 1. */
static void splines_at_points(int order, double *w)
{
    double m[AL_MESH_ORDER_MOST + 2] = {0};
    m[1] = 1; /* of order 2 */
    for (int n = 3; n <= order; n++)
        for (int k = n - 1; k > 0; k--)
            m[k] = ((double)k * m[k] + (double)(n - k) * m[k - 1]) / (n - 1);
    for (int k = 1; k < order; k++)
        w[k - 1] = m[k];
}

/** Squares of the splines' waves, |sum M(k + 1) exp(2 pi i m k / n)|^2: what is found on the mesh is too
 * great by these. With an odd order that of the shortest wave is 0; the mean of its neighbours' stands in. */
static void find_moduli(double *moduli, int n, int order)
{
    double w[AL_MESH_ORDER_MOST];
    splines_at_points(order, w);
    for (int m = 0; m < n; m++) {
        double re = 0, im = 0;
        for (int k = 0; k < order - 1; k++) {
            double angle = 2 * M_PI * m * k / n;
            re += w[k] * cos(angle);
            im += w[k] * sin(angle);
        }
        moduli[m] = re * re + im * im;
    }
    for (int m = 0; m < n; m++)
        if (moduli[m] < 1e-7)
            moduli[m] = (moduli[(m + n - 1) % n] + moduli[(m + 1) % n]) / 2;
}

bool al_waves_open(al_waves *waves, const al_waves_opts *opts)
{
    const int *n = opts->n;
    size_t real_nbytes = opts->is_double ? sizeof(double) : sizeof(float);
    size_t nwaves = ((size_t)opts->ny + 1) * (size_t)n[0] * (size_t)(n[2] / 2 + 1);
    *waves = (al_waves){.opts = *opts};
    waves->influence = malloc(nwaves * real_nbytes);
    waves->rows = calloc((size_t)opts->ny + 1, sizeof *waves->rows);
    bool good = waves->influence != NULL && waves->rows != NULL;
    for (int d = 0; d < 3 && good; d++) {
        waves->moduli[d] = malloc((size_t)n[d] * sizeof(double));
        good = waves->moduli[d] != NULL;
        if (good)
            find_moduli(waves->moduli[d], n[d], opts->order);
    }
    return good;
}

void al_waves_close(al_waves *waves)
{
    free(waves->influence);
    free(waves->rows);
    for (int d = 0; d < 3; d++)
        free(waves->moduli[d]);
}

/** A wave's vector, in units of 1/length, from its numbers in the transform. That of half the points stands
 * for both of its signs, which in a skewed box are not of one length: along the first two vectors it is the
 * negative one, as in GROMACS. */
static void wave_vector(const al_waves *waves, int x, int y, int z, double k[3])
{
    const int *n = waves->opts.n, at[3] = {x, y, z};
    for (int e = 0; e < 3; e++) {
        k[e] = 0;
        for (int d = 0; d < 3; d++)
            k[e] +=
                (at[d] > (d < 2 ? (n[d] - 1) / 2 : n[d] / 2) ? at[d] - n[d] : at[d]) * waves->inverse[e][d];
    }
}

/** By what each wave's amplitude makes a potential: Essmann's equations 3.9 and 4.7. */
static int find_influence(uint64_t begin, uint64_t end, void *arg)
{
    al_waves *waves = arg;
    const int *n = waves->opts.n;
    int nk = n[2] / 2 + 1;
    double by = waves->opts.coulomb / (M_PI * waves->volume),
           narrow = M_PI * M_PI / (waves->opts.beta * waves->opts.beta);
    for (uint64_t row = begin; row < end; row++)
        for (int x = 0; x < n[0]; x++)
            for (int z = 0; z < nk; z++) {
                double k[3];
                int y = waves->opts.first_y + (int)row;
                size_t at = (row * (size_t)n[0] + (size_t)x) * (size_t)nk + (size_t)z;
                wave_vector(waves, x, y, z, k);
                double k2 = k[0] * k[0] + k[1] * k[1] + k[2] * k[2];
                double b = waves->moduli[0][x] * waves->moduli[1][y] * waves->moduli[2][z];
                double value = k2 > 0 ? by * exp(-narrow * k2) / (k2 * b) : 0;
                if (waves->opts.is_double)
                    ((double *)waves->influence)[at] = value;
                else
                    ((float *)waves->influence)[at] = (float)value;
            }
    return 0;
}

void al_waves_set_box(al_waves *waves, allot_pool *pool, const double inverse[3][3], double volume)
{
    memcpy(waves->inverse, inverse, sizeof waves->inverse);
    waves->volume = volume;
    (void)!allot_for(pool, (uint64_t)waves->opts.ny, find_influence, waves, NULL, NULL);
}

/** Number k of what is of floats or doubles. */
static double number(const al_waves *waves, const void *values, size_t k)
{
    return waves->opts.is_double ? ((const double *)values)[k] : (double)((const float *)values)[k];
}

/** Energy and virial of a row, before it is made a potential. Waves but those of z = 0 and of the shortest
 * stand for their mirror images, too. (Essmann's equation 2.7.) */
static void sum_row(const al_waves *waves, int y, const void *values, struct al_waves_row *sums)
{
    const int *n = waves->opts.n;
    int nk = n[2] / 2 + 1;
    size_t base = (size_t)(y - waves->opts.first_y) * (size_t)n[0] * (size_t)nk;
    double narrow = M_PI * M_PI / (waves->opts.beta * waves->opts.beta);
    for (int at = 0; at < n[0] * nk; at++) {
        size_t w = (size_t)at;
        int x = at / nk, z = at % nk;
        double re = number(waves, values, 2 * w), im = number(waves, values, 2 * w + 1);
        double by = number(waves, waves->influence, base + w);
        double e = by * (re * re + im * im) * (z == 0 || 2 * z == n[2] ? 0.5 : 1.0), k[3];
        wave_vector(waves, x, y, z, k);
        double k2 = k[0] * k[0] + k[1] * k[1] + k[2] * k[2], c = k2 > 0 ? 2 * (1 / k2 + narrow) : 0;
        sums->energy += e;
        sums->virial[0] += e * (1 - c * k[0] * k[0]);
        sums->virial[1] += e * (1 - c * k[1] * k[1]);
        sums->virial[2] += e * (1 - c * k[2] * k[2]);
        sums->virial[3] -= e * c * k[0] * k[1];
        sums->virial[4] -= e * c * k[0] * k[2];
        sums->virial[5] -= e * c * k[1] * k[2];
    }
}

void al_waves_solve_row(al_waves *waves, int y, void *values, bool is_summed)
{
    size_t nwaves = (size_t)waves->opts.n[0] * (size_t)(waves->opts.n[2] / 2 + 1);
    size_t row = (size_t)(y - waves->opts.first_y);
    if (is_summed) {
        waves->rows[row] = (struct al_waves_row){.energy = 0};
        sum_row(waves, y, values, &waves->rows[row]);
    }
    if (waves->opts.is_double) {
        const double *by = (const double *)waves->influence + row * nwaves;
        for (size_t k = 0; k < 2 * nwaves; k++)
            ((double *)values)[k] *= by[k / 2];
    } else {
        const float *by = (const float *)waves->influence + row * nwaves;
        for (size_t k = 0; k < 2 * nwaves; k++)
            ((float *)values)[k] *= by[k / 2];
    }
}

void al_waves_sum(const al_waves *waves, al_pme_sums *sums)
{
    static const int row_of[] = {0, 1, 2, 0, 0, 1}, column_of[] = {0, 1, 2, 1, 2, 2};
    *sums = (al_pme_sums){.energy = 0};
    for (int y = 0; y < waves->opts.ny; y++) {
        sums->energy += waves->rows[y].energy;
        for (int k = 0; k < 6; k++)
            sums->virial[row_of[k]][column_of[k]] += waves->rows[y].virial[k];
    }
    for (int k = 3; k < 6; k++)
        sums->virial[column_of[k]][row_of[k]] = sums->virial[row_of[k]][column_of[k]];
}
