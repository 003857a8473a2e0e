/* test_reference.c - where position restraints hold atoms. That forces and virial are GROMACS's then is
 * tests/md/reference.sh's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "md/reference.h"
#include "support/prop.h"

enum { NATOMS = 16, ROUNDS = 200 };

static double uniform(double least, double most)
{
    return least + (most - least) * prop_unit();
}

/** Molecules of five atoms of which two are held, one of them twice; and two of three atoms without any. */
static al_term held[] = {{.atom = {3}}, {.atom = {1}}, {.atom = {3}}};
static al_molecule_atom atoms[] = {{.mass = 1}, {.mass = 2}, {.mass = 4}, {.mass = 8}, {.mass = 16}};
static al_molecule molecules[] = {
    {.natoms = 5, .atoms = atoms, .terms = {[AL_TERM_RESTRAINT] = held}, .nterms = {[AL_TERM_RESTRAINT] = 3}},
    {.natoms = 3, .atoms = atoms}};
static al_molecule_row rows[] = {{.molecule = 1, .count = 2}, {.molecule = 0, .count = 2, .first_atom = 6}};
static const al_topology topology = {
    .natoms = NATOMS, .molecules = molecules, .nmolecules = 2, .rows = rows, .nrows = 2};
static double places[3 * NATOMS];
static al_gro structure = {.natoms = NATOMS, .x = places};

static void random_box(al_lattice *lattice, bool is_skewed)
{
    double edge[] = {uniform(3, 6), uniform(3, 6), uniform(3, 6)}, tilt[3] = {0};
    if (is_skewed) {
        tilt[0] = uniform(-0.5, 0.5) * edge[0];
        tilt[1] = uniform(-0.5, 0.5) * edge[0];
        tilt[2] = uniform(-0.5, 0.5) * edge[1];
    }
    al_lattice_init(lattice, edge, tilt);
}

static void random_structure(const al_lattice *lattice)
{
    for (unsigned k = 0; k < 3 * NATOMS; k++)
        places[k] = uniform(-5, 10);
    const double box[3][3] = {{lattice->edge[0], 0, 0},
                              {lattice->tilt[0], lattice->edge[1], 0},
                              {lattice->tilt[1], lattice->tilt[2], lattice->edge[2]}};
    memcpy(structure.box, box, sizeof box);
}

/** x in fractions of the vectors. */
static void fractions(const al_lattice *lattice, const double x[3], double s[3])
{
    s[2] = x[2] / lattice->edge[2];
    s[1] = (x[1] - s[2] * lattice->tilt[2]) / lattice->edge[1];
    s[0] = (x[0] - s[1] * lattice->tilt[0] - s[2] * lattice->tilt[1]) / lattice->edge[0];
}

static double distance(const double a[3], const double b[3])
{
    return sqrt(pow(a[0] - b[0], 2) + pow(a[1] - b[1], 2) + pow(a[2] - b[2], 2));
}

/** That `at` is an image of `place`, and that of all near x none is nearer. */
static void require_nearest(const al_lattice *lattice, const double at[3], const double place[3],
                            const double x[3])
{
    double s[3], apart[3], other[3], nearest = distance(at, x);
    for (unsigned d = 0; d < 3; d++)
        apart[d] = at[d] - place[d];
    fractions(lattice, apart, s);
    for (unsigned d = 0; d < 3; d++)
        prop_require(fabs(s[d] - rint(s[d])) < 1e-12);
    for (int a = -2; a <= 2; a++)
        for (int b = -2; b <= 2; b++)
            for (int c = -2; c <= 2; c++) {
                memcpy(other, at, sizeof other);
                al_lattice_move(lattice, other, 0, a);
                al_lattice_move(lattice, other, 1, b);
                al_lattice_move(lattice, other, 2, c);
                prop_require(distance(other, x) >= nearest - 1e-12);
            }
}

/** Places of what is held in another box than the structure's, of which each scaling says what becomes. */
static void places_go_with_the_box(al_scaling scaling, bool is_skewed)
{
    al_lattice was, now;
    al_reference reference;
    random_box(&was, is_skewed);
    random_box(&now, is_skewed);
    random_structure(&was);
    assert_int_equal(al_reference_init(&reference, &topology, &structure, "x.gro", scaling, NULL), ALLOT_OK);
    assert_int_equal(reference.natoms, 4);
    assert_int_equal(al_reference_find(&reference, 7), 0);
    assert_int_equal(al_reference_find(&reference, 9), 1);
    assert_int_equal(al_reference_find(&reference, 14), 3);
    assert_true(al_reference_find(&reference, 8) == UINT64_MAX);
    for (uint64_t k = 0; k < 4; k++) {
        static const size_t ids[] = {7, 9, 12, 14};
        const double *given = places + 3 * ids[k];
        double x[] = {uniform(-5, 10), uniform(-5, 10), uniform(-5, 10)}, at[3], fixed[3], s[3],
               place[3] = {0}, centre[3];
        for (unsigned d = 0; d < 3; d++) /* masses 2 and twice 8, of the first */
            centre[d] = (2 * places[21 + d] + 16 * places[27 + d]) / 18;
        fractions(&was, scaling == AL_SCALING_ALL ? given : centre, s);
        for (int d = 0; d < 3 && scaling != AL_SCALING_NONE; d++)
            al_lattice_move(&now, place, d, s[d]);
        for (unsigned d = 0; d < 3; d++) {
            double is_fixed = scaling == AL_SCALING_NONE  ? given[d]
                              : scaling == AL_SCALING_ALL ? 0
                                                          : given[d] - centre[d];
            place[d] += is_fixed;
            s[d] = is_fixed;
        }
        al_reference_place(&reference, k, &now, x, at, fixed);
        require_nearest(&now, at, place, x);
        for (unsigned d = 0; d < 3; d++)
            prop_require(fabs(fixed[d] - s[d]) < 1e-13);
    }
    al_reference_fini(&reference);
}

static void places_are_scaled(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < prop_rounds(ROUNDS); round++)
        for (unsigned k = 0; k < 6; k++) {
            prop_begin(round * 6 + k);
            places_go_with_the_box((al_scaling)(k % 3), k < 3);
        }
}

static void what_is_refused(void **state)
{
    (void)state;
    al_reference reference;
    allot_error err;
    al_gro other = {.natoms = 4, .x = places};
    assert_int_equal(al_reference_init(&reference, &topology, &other, "x.gro", AL_SCALING_NONE, &err),
                     ALLOT_ERANGE);
    assert_string_equal(err.text,
                        "x.gro has 4 atoms, the topology 16: places to hold atoms at are wanted of all");
    other.natoms = NATOMS;
    assert_int_equal(al_reference_init(&reference, &topology, &other, "x.gro", AL_SCALING_ALL, &err),
                     ALLOT_EFORMAT);
    assert_non_null(strstr(err.text, "x.gro: the box has no volume"));
    assert_int_equal(al_reference_init(&reference, &topology, &other, "x.gro", AL_SCALING_NONE, &err),
                     ALLOT_OK);
    al_reference_fini(&reference);
    al_topology light = topology;
    al_molecule lights[] = {molecules[0]};
    al_molecule_atom massless[5] = {{.mass = 0}};
    lights[0].atoms = massless;
    light.molecules = lights;
    light.rows = &(al_molecule_row){.count = 1};
    light.nrows = 1;
    light.natoms = other.natoms = 5;
    for (unsigned d = 0; d < 3; d++)
        other.box[d][d] = 3;
    assert_int_equal(al_reference_init(&reference, &light, &other, "x.gro", AL_SCALING_CENTRE, &err),
                     ALLOT_ERANGE);
    assert_string_equal(err.text, "x.gro: atoms that are held have no mass, and so no centre of it");
    lights[0].nterms[AL_TERM_RESTRAINT] = 0;
    assert_int_equal(al_reference_init(&reference, &light, &other, "x.gro", AL_SCALING_CENTRE, &err),
                     ALLOT_OK);
    assert_int_equal(reference.natoms, 0);
    assert_true(al_reference_find(&reference, 0) == UINT64_MAX);
    al_reference_fini(&reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_scaled),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
