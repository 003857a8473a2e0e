/* sites.c - see sites.h.
 *
 * A site's place is x1 + s(u, v), where u = x2 - x1 and v = x3 - x1. So a force F on it is worth (ds/du)^T F
 * on the second atom, (ds/dv)^T F on the third, and what is left of F on the first: the sum is F whatever
 * the rounding.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/term/sites.h"

#include "md/term/geometry.h"

/** Kinds, the functions of one site, the atoms it is made of. */
#define SITES(X)                                                                                             \
    X(VSITE2, linear2, 2)                                                                                    \
    X(VSITE3, linear3, 3)                                                                                    \
    X(VSITE3FD, distance, 3)                                                                                 \
    X(VSITE3FAD, angle, 3)                                                                                   \
    X(VSITE3OUT, out, 3)

/** s of u = r[0] and v = r[1]. */
typedef void place_one(const double *p, const double (*r)[3], double s[3]);
/** What force is worth on the second atom and the third: added. */
typedef void spread_one(const double *p, const double (*r)[3], const double force[3], double (*by)[3]);

#define PLACE(kind) static inline void place_##kind(const double *p, const double(*r)[3], double s[3])
#define SPREAD(kind)                                                                                         \
    static inline void spread_##kind(const double *p, const double(*r)[3], const double force[3],            \
                                     double(*by)[3])

PLACE(linear2)
{
    add(p[0], r[0], s);
}

SPREAD(linear2)
{
    (void)r;
    add(p[0], force, by[0]);
}

PLACE(linear3)
{
    add(p[0], r[0], s);
    add(p[1], r[1], s);
}

SPREAD(linear3)
{
    (void)r;
    add(p[0], force, by[0]);
    add(p[1], force, by[1]);
}

/** A vector of length 1 along a. @return 1 / the length of a; 0, as the vector: a has no direction */
static inline double direction(const double a[3], double along[3])
{
    double by = inverse(sqrt(dot(a, a)));
    for (unsigned d = 0; d < 3; d++)
        along[d] = by * a[d];
    return by;
}

/** What of a is across a vector of length 1. */
static inline void across(const double a[3], const double along[3], double left[3])
{
    for (unsigned d = 0; d < 3; d++)
        left[d] = a[d];
    add(-dot(a, along), along, left);
}

/** The point on the line from the second atom to the third that VSITE3FD looks at: u + a (v - u). */
static inline double towards(const double *p, const double (*r)[3], double along[3])
{
    double at[3] = {0};
    add(1 - p[0], r[0], at);
    add(p[0], r[1], at);
    return direction(at, along);
}

PLACE(distance)
{
    double along[3];
    (void)towards(p, r, along);
    add(p[1], along, s);
}

SPREAD(distance)
{
    double along[3], turning[3], by_length = towards(p, r, along);
    across(force, along, turning);
    add((1 - p[0]) * p[1] * by_length, turning, by[0]);
    add(p[0] * p[1] * by_length, turning, by[1]);
}

/** Axes of VSITE3FAD: along u, and across it towards the third atom; one over the lengths that were made 1,
 * and how much of u is in v - u. */
typedef struct axes {
    double along[3], aside[3], by_u, by_w, share;
} axes;

static inline axes axes_of(const double (*r)[3])
{
    axes a;
    double v[3], w[3];
    apart(r[1], r[0], v);
    a.by_u = direction(r[0], a.along);
    across(v, a.along, w);
    a.by_w = direction(w, a.aside);
    a.share = dot(v, a.along) * a.by_u;
    return a;
}

PLACE(angle)
{
    axes a = axes_of(r);
    add(p[1] * cos(p[0]), a.along, s);
    add(p[1] * sin(p[0]), a.aside, s);
}

/** The turning of `aside` with v - u = w + share u: a force across both axes moves w by that of v - u less
 * share times that of u; a force along u tilts w against u. */
SPREAD(angle)
{
    axes a = axes_of(r);
    double turning[3], over[3], c = p[1] * cos(p[0]) * a.by_u, s = p[1] * sin(p[0]);
    across(force, a.along, turning);
    across(turning, a.aside, over);
    add(c, turning, by[0]);
    add(-s * a.by_u * dot(force, a.along), a.aside, by[0]);
    add(-s * a.by_w * (1 + a.share), over, by[0]);
    add(s * a.by_w, over, by[1]);
}

PLACE(out)
{
    double normal[3];
    cross(r[0], r[1], normal);
    place_linear3(p, r, s);
    add(p[2], normal, s);
}

SPREAD(out)
{
    double of_u[3], of_v[3];
    cross(r[1], force, of_u);
    cross(force, r[0], of_v);
    spread_linear3(p, r, force, by);
    add(p[2], of_u, by[0]);
    add(p[2], of_v, by[1]);
}

/** virial += sign x . f */
static inline void add_product(double sign, const double x[3], const double f[3], double *virial)
{
    for (unsigned d = 0; d < 3; d++)
        add(sign * x[d], f, virial + (size_t)3 * d);
}

#define REAL float
#define NAME(kind) kind##_f
#include "md/term/sites_blocks.h"
#undef REAL
#undef NAME

#define REAL double
#define NAME(kind) kind##_d
#include "md/term/sites_blocks.h"
#undef REAL
#undef NAME

#define ENTRY(kind, what, precision) [AL_TERM_##kind] = what##kind##_##precision,
#define PLACE_ENTRY_F(kind, one, natoms) ENTRY(kind, place_all_, f)
#define PLACE_ENTRY_D(kind, one, natoms) ENTRY(kind, place_all_, d)
#define SPREAD_ENTRY_F(kind, one, natoms) ENTRY(kind, spread_all_, f)
#define SPREAD_ENTRY_D(kind, one, natoms) ENTRY(kind, spread_all_, d)
al_site_place_f *const al_site_places_f[AL_TERM_NKINDS] = {SITES(PLACE_ENTRY_F)};
al_site_place_d *const al_site_places_d[AL_TERM_NKINDS] = {SITES(PLACE_ENTRY_D)};
al_site_spread_f *const al_site_spreads_f[AL_TERM_NKINDS] = {SITES(SPREAD_ENTRY_F)};
al_site_spread_d *const al_site_spreads_d[AL_TERM_NKINDS] = {SITES(SPREAD_ENTRY_D)};
