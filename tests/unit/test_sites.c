/* test_sites.c - virtual sites: places against what topology.h says, forces on atoms against differences of
 * the energy of something that acts on the sites. (tests/md/sites.sh has them against GROMACS.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "md/term/sites.h"
#include "support/prop.h"

enum { NSITES = 2, NPLACES = 24, NREALS = NPLACES / AL_BLOCK * AL_BLOCK_REALS, ROUNDS = 300 };

static const al_term_kind kinds[] = {AL_TERM_VSITE2, AL_TERM_VSITE3, AL_TERM_VSITE3FD, AL_TERM_VSITE3FAD,
                                     AL_TERM_VSITE3OUT};

/** Two sites of a kind that have their first atom in common. What acts on them is a wave for each. */
static struct {
    al_term_kind kind;
    unsigned natoms; /* with the site */
    al_term sites[NSITES];
    double params[8], x[NREALS], wave[NSITES][3], height[NSITES];
} two;

static double uniform(double least, double most)
{
    return least + (most - least) * prop_unit();
}

static void random_params(double *p)
{
    p[0] = uniform(-1, 1), p[1] = uniform(-1, 1), p[2] = uniform(-5, 5);
    if (two.kind == AL_TERM_VSITE3FD || two.kind == AL_TERM_VSITE3FAD)
        p[1] = uniform(0.05, 0.2) * (prop_chance(4) ? -1 : 1);
    if (two.kind == AL_TERM_VSITE3FAD)
        p[0] = uniform(0, M_PI);
}

static void random_sites(al_term_kind kind)
{
    two.kind = kind;
    two.natoms = al_term_infos[kind].natoms;
    for (size_t k = 0; k < NREALS; k++)
        two.x[k] = NAN;
    for (unsigned s = 0; s < NSITES; s++) {
        two.sites[s].params = 1 + 3 * s;
        random_params(&two.params[1 + 3 * s]);
        for (unsigned a = 0; a < two.natoms;
             a++) /* places of the second are 12 on, but for its first atom's */
            two.sites[s].atom[a] = a == 1 ? 23 : (uint32_t)(3 * a + 12 * s + prop_below(2));
        for (unsigned d = 0; d < 3; d++) {
            two.wave[s][d] = uniform(-30, 30);
            for (unsigned a = 1; a < two.natoms; a++)
                two.x[al_block_at(two.sites[s].atom[a], d)] = uniform(-0.1, 0.1);
        }
        two.height[s] = uniform(1, 20);
    }
    if (kind != AL_TERM_VSITE3FAD)
        return;
    for (unsigned s = 0; s < NSITES; s++) /* far from a line */
        for (unsigned d = 0; d < 3; d++)
            for (unsigned a = 2; a < 4; a++)
                two.x[al_block_at(two.sites[s].atom[a], d)] = two.x[al_block_at(two.sites[s].atom[1], d)] +
                                                              uniform(0.08, 0.12) * (d == a - 2) +
                                                              uniform(-0.02, 0.02);
}

static void vector_at(const double *x, uint32_t place, double to[3])
{
    for (unsigned d = 0; d < 3; d++)
        to[d] = x[al_block_at(place, d)];
}

/** Energy of the sites of atoms at x, which are placed; the force on each is added to f, if wanted. */
static double energy_of(double *x, double *f)
{
    double sum = 0;
    al_site_places_d[two.kind](two.params, NSITES, two.sites, x);
    for (unsigned s = 0; s < NSITES; s++) {
        double at[3], phase = 0;
        vector_at(x, two.sites[s].atom[0], at);
        for (unsigned d = 0; d < 3; d++)
            phase += two.wave[s][d] * at[d];
        sum += two.height[s] * cos(phase);
        for (unsigned d = 0; d < 3 && f != NULL; d++)
            f[al_block_at(two.sites[s].atom[0], d)] += two.height[s] * sin(phase) * two.wave[s][d];
    }
    return sum;
}

static void try_all(void (*property)(void))
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (uint64_t round = 0; round < prop_rounds(ROUNDS); round++) {
            prop_begin(round + 1000 * k);
            random_sites(kinds[k]);
            property();
        }
}

/* ---- places ---------------------------------------------------------------------------------------------
 */

static void apart(const double a[3], const double b[3], double c[3])
{
    for (unsigned d = 0; d < 3; d++)
        c[d] = a[d] - b[d];
}

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double a[3], const double b[3], double c[3])
{
    for (unsigned d = 0; d < 3; d++)
        c[d] = a[(d + 1) % 3] * b[(d + 2) % 3] - a[(d + 2) % 3] * b[(d + 1) % 3];
}

static double angle_between(const double a[3], const double b[3])
{
    double c[3];
    cross(a, b, c);
    return atan2(sqrt(dot(c, c)), dot(a, b));
}

/** s, u, v: the site, the second atom and the third, from the first. */
static void require_written(const double *p, const double s[3], const double u[3], const double v[3])
{
    double normal[3], to[3];
    cross(u, v, normal);
    for (unsigned d = 0; d < 3; d++) {
        double linear2 = p[0] * u[d], linear3 = linear2 + p[1] * v[d];
        to[d] = u[d] + p[0] * (v[d] - u[d]);
        if (two.kind == AL_TERM_VSITE2)
            prop_require(fabs(s[d] - linear2) < 1e-15);
        if (two.kind == AL_TERM_VSITE3)
            prop_require(fabs(s[d] - linear3) < 1e-15);
        if (two.kind == AL_TERM_VSITE3OUT)
            prop_require(fabs(s[d] - linear3 - p[2] * normal[d]) < 1e-15);
    }
    if (two.kind != AL_TERM_VSITE3FD && two.kind != AL_TERM_VSITE3FAD)
        return;
    prop_require(fabs(sqrt(dot(s, s)) - fabs(p[1])) < 1e-14);
    if (two.kind == AL_TERM_VSITE3FD) {
        prop_require(fabs(angle_between(s, to) - (p[1] > 0 ? 0 : M_PI)) < 1e-13);
        return;
    }
    prop_require(fabs(dot(s, normal)) < 1e-14 * sqrt(dot(normal, normal)));
    prop_require(fabs(angle_between(s, u) - (p[1] > 0 ? p[0] : M_PI - p[0])) < 1e-13);
    double beside[3]; /* s is on the side of u where the third atom is */
    cross(u, s, beside);
    prop_require(dot(beside, normal) * p[1] >= 0);
}

static void sites_are_placed(void)
{
    double before[NREALS];
    memcpy(before, two.x, sizeof before);
    al_site_places_d[two.kind](two.params, NSITES, two.sites, two.x);
    for (unsigned s = 0; s < NSITES; s++) {
        double first[3], at[3], u[3], v[3] = {0};
        vector_at(two.x, two.sites[s].atom[1], first);
        vector_at(two.x, two.sites[s].atom[0], at);
        vector_at(two.x, two.sites[s].atom[2], u);
        if (two.natoms > 3)
            vector_at(two.x, two.sites[s].atom[3], v);
        apart(at, first, at);
        apart(u, first, u);
        apart(v, first, v);
        require_written(&two.params[two.sites[s].params], at, u, v);
        for (unsigned d = 0; d < 3; d++)
            two.x[al_block_at(two.sites[s].atom[0], d)] = NAN;
    }
    prop_require(memcmp(before, two.x, sizeof before) == 0);
}

static void places_are_what_is_written(void **state)
{
    (void)state;
    try_all(sites_are_placed);
}

/* ---- forces ---------------------------------------------------------------------------------------------
 */

/** Spread what acts on the sites; other forces that are there stay. */
static void compute(double *f, double *virial)
{
    double other[NREALS];
    for (size_t k = 0; k < NREALS; k++)
        f[k] = other[k] = uniform(-100, 100);
    for (unsigned s = 0; s < NSITES; s++)
        for (unsigned d = 0; d < 3; d++) {
            size_t at = al_block_at(two.sites[s].atom[0], d);
            f[at] = other[at] = 0;
        }
    (void)energy_of(two.x, f);
    for (unsigned s = 0; s < NSITES; s++) /* of sites nothing is read */
        for (unsigned d = 0; d < 3; d++)
            two.x[al_block_at(two.sites[s].atom[0], d)] = NAN;
    al_site_spreads_d[two.kind](two.params, NSITES, two.sites, two.x, f, virial);
    for (size_t k = 0; k < NREALS; k++) {
        prop_require(isnan(two.x[k]) ? f[k] == other[k] : true);
        f[k] -= other[k];
    }
}

static void forces_are_differences(void)
{
    static const double steps[] = {-2, -1, 1, 2}, weights[] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
    const double step = 1e-5;
    double f[NREALS], x[NREALS], most = 0;
    compute(f, NULL);
    memcpy(x, two.x, sizeof x);
    for (size_t k = 0; k < NREALS; k++)
        most = fmax(most, fabs(f[k]));
    for (size_t k = 0; k < NREALS; k++) {
        double slope = 0;
        if (isnan(two.x[k]))
            continue;
        for (unsigned n = 0; n < 4; n++) {
            x[k] = two.x[k] + steps[n] * step;
            slope += weights[n] * energy_of(x, NULL) / step;
        }
        x[k] = two.x[k];
        prop_require(fabs(f[k] + slope) < 1e-6 * most + 1e-7);
    }
}

static void forces_are_what_energies_say(void **state)
{
    (void)state;
    try_all(forces_are_differences);
}

/** Sums over all places of f and of x . f, where there is an x. */
static void moments(const double *x, const double *f, double force[3], double product[9], double *size)
{
    for (uint32_t place = 0; place < NPLACES; place++) {
        double at[3], by[3];
        vector_at(x, place, at);
        vector_at(f, place, by);
        for (unsigned d = 0; d < 3 && !isnan(at[0]); d++) {
            force[d] += by[d];
            *size = fmax(*size, fabs(by[d]));
            for (unsigned e = 0; e < 3; e++)
                product[3 * d + e] += at[d] * by[e];
        }
    }
}

static void moments_are_kept(void)
{
    double acting[NREALS] = {0}, f[NREALS], x[NREALS], virial[9], forces[2][3] = {{0}},
           products[2][9] = {{0}}, size = 1;
    for (unsigned k = 0; k < 9; k++)
        virial[k] = 7;
    memcpy(x, two.x, sizeof x);
    (void)energy_of(x, acting);
    moments(x, acting, forces[0], products[0], &size);
    compute(f, virial);
    moments(two.x, f, forces[1], products[1], &size);
    for (unsigned d = 0; d < 3; d++) {
        unsigned e = (d + 1) % 3;
        double torque = products[1][3 * d + e] - products[1][3 * e + d];
        prop_require(fabs(forces[1][d] - forces[0][d]) < 1e-13 * (size + 100));
        prop_require(fabs(torque - products[0][3 * d + e] + products[0][3 * e + d]) < 1e-13 * (size + 100));
    }
    for (unsigned k = 0; k < 9; k++) {
        prop_require(fabs(products[1][k] - products[0][k] - (virial[k] - 7)) < 1e-13 * (size + 100));
        if (two.kind == AL_TERM_VSITE2 || two.kind == AL_TERM_VSITE3)
            prop_require(fabs(virial[k] - 7) < 1e-13 * size);
    }
}

static void momentum_torque_and_virial(void **state)
{
    (void)state;
    try_all(moments_are_kept);
}

static void precisions_are_near(void)
{
    double f[NREALS], virial[9] = {0}, virial_f[9] = {0}, most = 1;
    float x_f[NREALS], f_f[NREALS] = {0};
    for (size_t k = 0; k < NREALS; k++)
        two.x[k] = x_f[k] = (float)two.x[k];
    al_site_places_d[two.kind](two.params, NSITES, two.sites, two.x);
    al_site_places_f[two.kind](two.params, NSITES, two.sites, x_f);
    for (size_t k = 0; k < NREALS; k++)
        prop_require(isnan(two.x[k]) ? isnan(x_f[k]) : x_f[k] == (float)two.x[k]);
    for (size_t k = 0; k < NREALS; k++)
        f[k] = 0;
    for (unsigned s = 0; s < NSITES; s++)
        for (unsigned d = 0; d < 3; d++) {
            size_t at = al_block_at(two.sites[s].atom[0], d);
            f[at] = f_f[at] = (float)uniform(-100, 100);
        }
    al_site_spreads_d[two.kind](two.params, NSITES, two.sites, two.x, f, virial);
    al_site_spreads_f[two.kind](two.params, NSITES, two.sites, x_f, f_f, virial_f);
    for (size_t k = 0; k < NREALS; k++)
        most = fmax(most, fabs(f[k]));
    for (size_t k = 0; k < NREALS; k++)
        prop_require(fabs(f[k] - (double)f_f[k]) <= 1.5e-7 * most);
    for (unsigned k = 0; k < 9; k++)
        prop_require(virial[k] == virial_f[k]);
}

static void precisions_agree(void **state)
{
    (void)state;
    try_all(precisions_are_near);
}

/* ---- odd ones -------------------------------------------------------------------------------------------
 */

/** All three atoms at one point, and in a line. */
static void no_direction_is_no_place(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (double apart_by = 0; apart_by < 1; apart_by += 0.5) {
            prop_begin(k);
            random_sites(kinds[k]);
            double f[NREALS] = {0}, force[3] = {0}, products[9] = {0}, size = 0;
            for (unsigned s = 0; s < NSITES; s++)
                for (unsigned a = 1; a < two.natoms; a++)
                    for (unsigned d = 0; d < 3; d++)
                        two.x[al_block_at(two.sites[s].atom[a], d)] = 1 + a * apart_by * (d == 1);
            for (unsigned s = 0; s < NSITES; s++)
                for (unsigned d = 0; d < 3; d++)
                    f[al_block_at(two.sites[s].atom[0], d)] = 1;
            al_site_places_d[two.kind](two.params, NSITES, two.sites, two.x);
            al_site_spreads_d[two.kind](two.params, NSITES, two.sites, two.x, f, NULL);
            moments(two.x, f, force, products, &size);
            for (unsigned d = 0; d < 3; d++)
                assert_true(fabs(force[d] - NSITES) < 1e-12);
            for (unsigned s = 0; s < NSITES && apart_by == 0; s++)
                for (unsigned d = 0; d < 3; d++)
                    assert_true(two.x[al_block_at(two.sites[s].atom[0], d)] == 1);
        }
}

static void other_kinds_are_none(void **state)
{
    (void)state;
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++) {
        bool is_site = kind >= AL_TERM_VSITE2;
        assert_int_equal(al_site_places_f[kind] != NULL, is_site);
        assert_int_equal(al_site_places_d[kind] != NULL, is_site);
        assert_int_equal(al_site_spreads_f[kind] != NULL, is_site);
        assert_int_equal(al_site_spreads_d[kind] != NULL, is_site);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_what_is_written), cmocka_unit_test(forces_are_what_energies_say),
        cmocka_unit_test(momentum_torque_and_virial), cmocka_unit_test(precisions_agree),
        cmocka_unit_test(no_direction_is_no_place),   cmocka_unit_test(other_kinds_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
