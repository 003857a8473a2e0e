/* lattice.c - see lattice.h.
 *
 * u is x sheared along x and y, so what is written for vectors of the box holds for planes by the rows of the
 * inverse matrix: the gradient of u[d] is (1, -s0, s0 s2 - s1), (0, 1, -s2), (0, 0, 1) with the slopes s.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "comm/lattice.h"

#include <float.h>

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** The inverse of a symmetric matrix with ones on its diagonal; c: as al_lattice has its cosines. */
static void invert(const double c[3], double inverse[3][3])
{
    double det = 1 + 2 * c[0] * c[1] * c[2] - c[0] * c[0] - c[1] * c[1] - c[2] * c[2];
    for (int d = 0; d < 3; d++) {
        int e = (d + 1) % 3, f = (d + 2) % 3;
        inverse[d][d] = (1 - c[d] * c[d]) / det;
        inverse[e][f] = inverse[f][e] = (c[e] * c[f] - c[d]) / det;
    }
}

void al_lattice_init(al_lattice *lattice, const double edge[3], const double tilt[3])
{
    const double s0 = tilt[0] / edge[1], s1 = tilt[1] / edge[2], s2 = tilt[2] / edge[2];
    const double gradient[3][3] = {{1, -s0, s0 * s2 - s1}, {0, 1, -s2}, {0, 0, 1}};
    double sum = fabs(tilt[0]) + fabs(tilt[1]) + fabs(tilt[2]);
    *lattice = (al_lattice){.slope = {s0, s1, s2}};
    for (int d = 0; d < 3; d++) {
        lattice->edge[d] = edge[d];
        lattice->tilt[d] = tilt[d];
        lattice->thick[d] = 1 / sqrt(dot(gradient[d], gradient[d]));
        lattice->slack[d] = 32 * DBL_EPSILON * (edge[0] + edge[1] + edge[2] + sum);
    }
    for (int d = 0; d < 3; d++) {
        int e = (d + 1) % 3, f = (d + 2) % 3;
        lattice->cosine[d] = dot(gradient[e], gradient[f]) * lattice->thick[e] * lattice->thick[f];
    }
    invert(lattice->cosine, lattice->inverse);
}

double al_lattice_enter(const al_lattice *lattice, double x[3], int d, bool is_far)
{
    double edge = lattice->edge[d], slack = lattice->slack[d], sum = 0;
    for (int turn = 0; turn < (is_far ? 2 : 1); turn++) { /* of a far one the first is not exact */
        double u = al_lattice_raw(lattice, x, d);
        if (u >= -slack && u < edge + slack)
            break;
        double n = is_far ? floor(u / edge) : u < 0 ? -1 : u >= edge ? 1 : 0; /* 0: not a number */
        al_lattice_move(lattice, x, d, -n);
        sum -= n;
    }
    return sum;
}

/* The square of the distance to half-spaces with normals n_d, of which a place is outside by h_d, is the
 * greatest of h . G^-1 h over those subsets of them for which no component of G^-1 h is negative, with G the
 * cosines between their normals: the dual of a quadratic programme, by its active sets. */
double al_lattice_apart2(const al_lattice *lattice, const double above[3], unsigned zone)
{
    double h[3], most = 0, sum = 0;
    bool is_inner = zone == 7;
    for (int d = 0; d < 3; d++) {
        h[d] = (zone >> d & 1) != 0 ? above[d] * lattice->thick[d] : 0;
        most = fmax(most, h[d] * h[d]);
    }
    if ((zone & (zone - 1)) == 0)
        return most; /* one plane */
    for (int d = 0; d < 3; d++) {
        int e = (d + 1) % 3, f = (d + 2) % 3;
        double c = lattice->cosine[d], left = h[e] - c * h[f], right = h[f] - c * h[e];
        bool is_edge = (zone >> e & 1) != 0 && (zone >> f & 1) != 0 && left >= 0 && right >= 0;
        if (is_edge)
            most = fmax(most, (h[e] * left + h[f] * right) / (1 - c * c));
        double along = dot(lattice->inverse[d], h);
        is_inner = is_inner && along >= 0;
        sum += along * h[d];
    }
    return is_inner ? fmax(most, sum) : most;
}

/** The same for heights in space. */
static double height2(const al_lattice *lattice, const double h[3], unsigned zone)
{
    const double above[3] = {h[0] / lattice->thick[0], h[1] / lattice->thick[1], h[2] / lattice->thick[2]};
    return al_lattice_apart2(lattice, above, zone);
}

/* Distances grow in proportion along rays from the edge or corner: so a ray through a point of the cuboid's
 * far faces, at a distance of g reaches, is within reach up to 1/g of its length. */
void al_lattice_shares(const al_lattice *lattice, double edges[3], double *corner)
{
    enum { N = 32 }; /* midpoints along an edge of a face */
    *corner = 0;
    for (int d = 0; d < 3; d++) {
        int e = (d + 1) % 3, f = (d + 2) % 3;
        double h[3];
        edges[d] = 0;
        for (int k = 0; k < N; k++) {
            h[d] = 0;
            h[e] = 1;
            h[f] = (k + 0.5) / N;
            edges[d] += 1 / height2(lattice, h, 1u << e | 1u << f) / N; /* either far face has half of it */
            h[d] = 1;
            for (int m = 0; m < N; m++) {
                h[e] = (m + 0.5) / N;
                *corner += pow(height2(lattice, h, 7), -1.5) / (3 * N * N);
            }
        }
    }
}
