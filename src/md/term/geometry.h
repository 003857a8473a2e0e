/* geometry.h - lengths, angles and dihedrals of atoms, and how they change when the atoms move.
 *
 * Angles are atan2() of sine and cosine, which is exact near 0 and pi, where acos() loses half of the digits.
 * Dihedrals: Blondel and Karplus, J. Comput. Chem. 17, 1132, 1996, whose gradients have no sine to divide by;
 * 0 is cis, as IUPAC has it. The atoms' gradients sum to zero to the last bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_TERM_GEOMETRY_H
#define AL_MD_TERM_GEOMETRY_H

#include <math.h>

static inline double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static inline void cross(const double a[3], const double b[3], double c[3])
{
    c[0] = a[1] * b[2] - a[2] * b[1];
    c[1] = a[2] * b[0] - a[0] * b[2];
    c[2] = a[0] * b[1] - a[1] * b[0];
}

/** a - b */
static inline void apart(const double a[3], const double b[3], double c[3])
{
    for (unsigned d = 0; d < 3; d++)
        c[d] = a[d] - b[d];
}

/** y += by x */
static inline void add(double by, const double x[3], double y[3])
{
    for (unsigned d = 0; d < 3; d++)
        y[d] += by * x[d];
}

/** 1 / x, or 0 for what has no direction. */
static inline double inverse(double x)
{
    return x > 0 ? 1 / x : 0;
}

/** The angle at b, in [0, pi]; gradients of a and c, b's being minus their sum. */
static inline double angle_of(const double a[3], const double b[3], const double c[3], double of_a[3],
                              double of_c[3])
{
    double u[3], v[3], normal[3];
    apart(a, b, u);
    apart(c, b, v);
    cross(u, v, normal);
    double sine = sqrt(dot(normal, normal)), by_a = inverse(dot(u, u) * sine),
           by_c = inverse(dot(v, v) * sine);
    cross(u, normal, of_a);
    cross(normal, v, of_c);
    for (unsigned d = 0; d < 3; d++) {
        of_a[d] *= by_a;
        of_c[d] *= by_c;
    }
    return atan2(sine, dot(u, v));
}

/** The cosine of the angle at b; gradients as of angle_of(). */
static inline double cosine_of(const double a[3], const double b[3], const double c[3], double of_a[3],
                               double of_c[3])
{
    double u[3], v[3];
    apart(a, b, u);
    apart(c, b, v);
    double by_u = inverse(sqrt(dot(u, u))), by_v = inverse(sqrt(dot(v, v)));
    double cosine = dot(u, v) * by_u * by_v;
    for (unsigned d = 0; d < 3; d++) {
        of_a[d] = (v[d] * by_v - cosine * u[d] * by_u) * by_u;
        of_c[d] = (u[d] * by_u - cosine * v[d] * by_v) * by_v;
    }
    return cosine;
}

/** The dihedral of four atoms, in [-pi, pi], and the gradient of each. */
static inline double dihedral_of(const double (*x)[3], double (*of)[3])
{
    double f[3], g[3], h[3], a[3], b[3], ba[3];
    apart(x[0], x[1], f);
    apart(x[1], x[2], g);
    apart(x[3], x[2], h);
    cross(f, g, a);
    cross(h, g, b);
    cross(b, a, ba);
    double length = sqrt(dot(g, g)), by_g = inverse(length), by_a = inverse(dot(a, a)),
           by_b = inverse(dot(b, b)), along_a = dot(f, g) * by_a * by_g, along_b = dot(h, g) * by_b * by_g;
    for (unsigned d = 0; d < 3; d++) {
        double shared = along_a * a[d] - along_b * b[d];
        of[0][d] = -length * by_a * a[d];
        of[3][d] = length * by_b * b[d];
        of[1][d] = shared - of[0][d];
        of[2][d] = -shared - of[3][d];
    }
    return atan2(dot(ba, g) * by_g, dot(a, b));
}

#endif
