/* cmap.c - see cmap.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/term/cmap.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"

/** The influence of y[k + 1] - y[k - 1] on the slope j points further, in a ring of n: the inverse of the
 * matrix 1 4 1 of splines, which falls off by z a point, wound round the ring; times 3. */
static double influence(uint32_t j, uint32_t n)
{
    const double z = sqrt(3) - 2;
    return sqrt(3) / 2 * (pow(z, j) + pow(z, n - j)) / (1 - pow(z, n));
}

/** Slopes of the periodic spline through n numbers, `stride` apart. */
static void slopes(uint32_t n, uint32_t stride, const double *by, const double *y, double *slope)
{
    for (uint32_t k = 0; k < n; k++) {
        double sum = 0;
        for (uint32_t j = 0; j < n; j++) {
            uint32_t at = (k + j) % n;
            sum += by[j] * (y[(size_t)((at + 1) % n) * stride] - y[(size_t)((at + n - 1) % n) * stride]);
        }
        slope[(size_t)k * stride] = sum;
    }
}

/** Slopes of all lines of the grid; room: [side + 3 side^2]. */
static void find_slopes(al_cmap *cmap, const double *grid, double *room)
{
    uint32_t n = cmap->side;
    size_t n2 = (size_t)n * n;
    double *by = room, *d1 = by + n, *d2 = d1 + n2, *d12 = d2 + n2;
    for (uint32_t j = 0; j < n; j++)
        by[j] = influence(j, n);
    for (uint32_t k = 0; k < n; k++) {
        slopes(n, n, by, grid + k, d1 + k);
        slopes(n, 1, by, grid + (size_t)k * n, d2 + (size_t)k * n);
    }
    for (uint32_t k = 0; k < n; k++)
        slopes(n, n, by, d2 + k, d12 + k);
    for (size_t k = 0; k < n2; k++)
        cmap->points[k] = (al_cmap_point){.v = grid[k], .d1 = d1[k], .d2 = d2[k], .d12 = d12[k]};
}

allot_err al_cmap_init(al_cmap *cmap, uint32_t side, const double *grid, allot_error *err)
{
    size_t n2 = (size_t)side * side;
    double *room = malloc((side + 3 * n2) * sizeof *room);
    *cmap = (al_cmap){.side = side, .points = malloc(n2 * sizeof *cmap->points)};
    if (room == NULL || cmap->points == NULL) {
        free(room);
        al_cmap_fini(cmap);
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for a CMAP grid of %u x %u", side, side);
    }
    find_slopes(cmap, grid, room);
    free(room);
    return ALLOT_OK;
}

void al_cmap_fini(al_cmap *cmap)
{
    free(cmap->points);
    *cmap = (al_cmap){.side = 0};
}

/** What values and slopes at both ends of a step count for at t of the way, and how that changes with t. */
typedef struct hermite {
    double v[2], d[2], v_slope[2], d_slope[2];
} hermite;

static hermite hermite_at(double t)
{
    double u = 1 - t;
    return (hermite){.v = {u * u * (1 + 2 * t), t * t * (1 + 2 * u)},
                     .d = {t * u * u, -t * t * u},
                     .v_slope = {-6 * t * u, 6 * t * u},
                     .d_slope = {u * (1 - 3 * t), t * (3 * t - 2)}};
}

double al_cmap_energy(const al_cmap *cmap, const double angle[2], double slope[2])
{
    const double steps = cmap->side / (2 * M_PI);
    hermite h[2];
    uint32_t corner[2][2];
    for (unsigned a = 0; a < 2; a++) {
        double at = (angle[a] + M_PI) * steps, whole = floor(at);
        corner[a][0] = (uint32_t)(whole > 0 ? whole : 0) % cmap->side;
        corner[a][1] = (corner[a][0] + 1) % cmap->side;
        h[a] = hermite_at(at - whole);
    }
    double energy = 0;
    slope[0] = slope[1] = 0;
    for (unsigned i = 0; i < 2; i++)
        for (unsigned j = 0; j < 2; j++) {
            const al_cmap_point *p = &cmap->points[(size_t)corner[0][i] * cmap->side + corner[1][j]];
            double v = p->v * h[1].v[j] + p->d2 * h[1].d[j], d = p->d1 * h[1].v[j] + p->d12 * h[1].d[j];
            energy += v * h[0].v[i] + d * h[0].d[i];
            slope[0] += (v * h[0].v_slope[i] + d * h[0].d_slope[i]) * steps;
            v = p->v * h[1].v_slope[j] + p->d2 * h[1].d_slope[j];
            d = p->d1 * h[1].v_slope[j] + p->d12 * h[1].d_slope[j];
            slope[1] += (v * h[0].v[i] + d * h[0].d[i]) * steps;
        }
    return energy;
}
