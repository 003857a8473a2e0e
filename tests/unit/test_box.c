/* test_box.c - boxes that are not rectangular: which are taken and as what, coordinates along their vectors,
 * how far it is to planes and edges; and crystals that are the same in two boxes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "md/box.h"
#include "md/gather.h"
#include "md/start.h"
#include "support/prop.h"

/* ---- boxes of files -------------------------------------------------------------------------------------
 */

static void boxes_of_files(void **state)
{
    (void)state;
    static const struct {
        double vectors[3][3];
        double tilt[3]; /* what is made of it */
        bool was_reduced;
        const char *fault; /* NULL: it is taken */
    } cases[] = {
        {{{4, 0, 0}, {0, 5, 0}, {0, 0, 6}}, {0, 0, 0}, false, NULL},
        {{{4, 0, 0}, {2, 5, 0}, {-2, 2.5, 6}}, {2, -2, 2.5}, false, NULL},
        {{{4, 0, 0}, {-2.001, 5, 0}, {2.001, -2.502, 6}},
         {-2.001, 2.001, -2.502},
         false,
         NULL}, /* rounded in a file */
        {{{4, 0, 0}, {3, 5, 0}, {0, 0, 6}}, {-1, 0, 0}, true, NULL},
        {{{4, 0, 0}, {1, 5, 0}, {1, 4, 6}}, {1, 0, -1}, true, NULL}, /* c - b */
        {{{4, 0, 0}, {0, 5, 0}, {-9, 0, 6}}, {0, -1, 0}, true, NULL},
        {{{4, 0, 0}, {9, 5, 0}, {3, 14, 6}}, {1, 0, -1}, true, NULL}, /* b - 2 a, c - 3 (b - 2 a) */
        {{{4, 0, 0}, {0, 5, 0}, {0, 0, 0}},
         {0},
         false,
         "f.gro: the box has no volume: its edges are 4, 5 and 0; *"},
        {{{4, 0, 0}, {0, -5, 0}, {0, 0, 6}}, {0}, false, "f.gro: the box has no volume: *"},
        {{{4, 1, 0}, {0, 5, 0}, {0, 0, 6}},
         {0},
         false,
         "f.gro: the first vector of the box must lie along x*"},
        {{{4, 0, 1}, {0, 5, 0}, {0, 0, 6}},
         {0},
         false,
         "f.gro: the first vector of the box must lie along x*"},
        {{{4, 0, 0}, {0, 5, 1}, {0, 0, 6}},
         {0},
         false,
         "f.gro: the first vector of the box must lie along x*"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        al_box box;
        bool was_reduced;
        allot_error err;
        allot_err code = al_box_take(cases[k].vectors, "f.gro", &box, &was_reduced, &err);
        if (cases[k].fault != NULL) {
            assert_int_equal(code, ALLOT_EFORMAT);
            assert_memory_equal(err.text, cases[k].fault, strlen(cases[k].fault) - 1);
            continue;
        }
        assert_int_equal(code, ALLOT_OK);
        assert_int_equal(was_reduced, cases[k].was_reduced);
        for (int d = 0; d < 3; d++) {
            assert_true(fabs(box.tilt[d] - cases[k].tilt[d]) < 1e-12);
            assert_true(box.edge[d] == cases[k].vectors[d][d]);
        }
        double vectors[3][3];
        al_box_vectors(&box, vectors);
        if (!was_reduced)
            assert_memory_equal(vectors, cases[k].vectors, sizeof vectors);
    }
}

/* ---- the lattice ----------------------------------------------------------------------------------------
 */

typedef struct shape {
    al_box box;
    double vectors[3][3], normals[3][3], widths[3];
    al_lattice lattice;
} shape;

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** Any box, its normals and widths by cross products. */
static void any_shape(shape *s)
{
    for (int d = 0; d < 3; d++)
        s->box.edge[d] = prop_log(1, 30);
    for (int d = 0; d < 3; d++)
        s->box.tilt[d] = (2 * prop_unit() - 1) * s->box.edge[d == 2] * (prop_chance(4) ? 2 : 0.5);
    al_box_vectors(&s->box, s->vectors);
    al_lattice_init(&s->lattice, s->box.edge, s->box.tilt);
    for (int d = 0; d < 3; d++) {
        const double *a = s->vectors[(d + 1) % 3], *b = s->vectors[(d + 2) % 3];
        double n[3], area;
        for (int e = 0; e < 3; e++)
            n[e] = a[(e + 1) % 3] * b[(e + 2) % 3] - a[(e + 2) % 3] * b[(e + 1) % 3];
        area = sqrt(dot(n, n));
        for (int e = 0; e < 3; e++)
            s->normals[d][e] = n[e] / area;
        s->widths[d] = dot(s->vectors[d], n) / area;
    }
}

static void widths_are_those_of_faces(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(2000); k++) {
        shape s;
        double widths[3];
        prop_begin(k);
        any_shape(&s);
        al_box_widths(&s.box, widths);
        for (int d = 0; d < 3; d++)
            prop_require(fabs(widths[d] / s.widths[d] - 1) < 1e-12);
    }
}

/** Coordinates tell how far a place is above planes; the way back leads there. */
static void places_and_coordinates(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(5000); k++) {
        shape s;
        double x[3], u[3], back[3];
        prop_begin(k);
        any_shape(&s);
        for (int d = 0; d < 3; d++)
            x[d] = (4 * prop_unit() - 2) * s.box.edge[d];
        for (int d = 0; d < 3; d++) {
            u[d] = al_lattice_at(&s.lattice, x, d);
            prop_require(fabs(u[d] / s.box.edge[d] - dot(x, s.normals[d]) / s.widths[d]) < 1e-12);
        }
        al_lattice_place(&s.lattice, u, back);
        for (int d = 0; d < 3; d++)
            prop_require(fabs(back[d] - x[d]) < 1e-12 * (s.box.edge[0] + s.box.edge[1] + s.box.edge[2]));
    }
}

/** What was put into the box is in it, whole vectors away from where it was, and stays where it is when it is
 * put into the box again: to the last bit, also if it was at a face. */
static void what_is_put_into_the_box_stays(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(20000); k++) {
        shape s;
        double x[3] = {0, 0, 0}, was[3], again[3], apart[3];
        bool is_far = prop_chance(2);
        prop_begin(k);
        any_shape(&s);
        for (int d = 0; d < 3; d++) {
            double far = is_far ? (double)prop_below(2000) - 1000 : (double)prop_below(3) - 1;
            double part = prop_chance(3) ? 0 : prop_unit();
            for (int e = 0; e < 3; e++)
                x[e] += (far + part) * s.vectors[d][e];
        }
        memcpy(was, x, sizeof x);
        for (int d = 2; d >= 0; d--)
            al_lattice_enter(&s.lattice, x, d, is_far);
        for (int d = 0; d < 3; d++) {
            double u = al_lattice_at(&s.lattice, x, d);
            prop_require(u >= 0 && u < s.box.edge[d]);
            apart[d] = x[d] - was[d];
        }
        for (int d = 0; d < 3; d++) {
            double n = dot(apart, s.normals[d]) / s.widths[d];
            prop_require(fabs(n - rint(n)) < 1e-9);
        }
        memcpy(again, x, sizeof x);
        for (int d = 2; d >= 0; d--)
            al_lattice_enter(&s.lattice, again, d, prop_chance(2));
        prop_require(memcmp(again, x, sizeof x) == 0);
    }
}

/** The distance to what is below some planes, by going to one after the other until nothing changes
 * (Hildreth). */
static double hildreth(const shape *s, const double h[3], unsigned zone)
{
    double lambda[3] = {0, 0, 0}, sum = 0;
    for (int round = 0; round < 20000; round++)
        for (int d = 0; d < 3; d++) {
            double left = h[d];
            for (int e = 0; e < 3; e++)
                left -= e != d ? lambda[e] * dot(s->normals[d], s->normals[e]) : 0;
            lambda[d] = (zone >> d & 1) != 0 && left > 0 ? left : 0;
        }
    for (int d = 0; d < 3; d++)
        sum += lambda[d] * h[d];
    return sum;
}

static void distances_to_planes_and_edges(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(400); k++) {
        shape s;
        double above[3], h[3];
        unsigned zone = 1 + (unsigned)prop_below(7);
        prop_begin(k);
        any_shape(&s);
        for (int d = 0; d < 3; d++) {
            h[d] = prop_chance(5) ? 0 : prop_unit() * (prop_chance(3) ? 0.1 : 1);
            above[d] = h[d] * s.box.edge[d] / s.widths[d];
            h[d] = (zone >> d & 1) != 0 ? h[d] : 0;
        }
        double wanted = hildreth(&s, h, zone), found = al_lattice_apart2(&s.lattice, above, zone);
        prop_require(fabs(found - wanted) <= 1e-6 * wanted);
    }
}

/** Shares of what is above two planes, or three, by points. */
static void shares_at_edges_and_corners(void **state)
{
    (void)state;
    const uint32_t npoints = 20000;
    for (uint64_t k = 0; k < prop_rounds(30); k++) {
        shape s;
        double edges[3], corner, found[4] = {0, 0, 0, 0};
        prop_begin(k);
        any_shape(&s);
        if (k == 0)
            al_lattice_init(&s.lattice, s.box.edge, (const double[]){0, 0, 0});
        al_lattice_shares(&s.lattice, edges, &corner);
        for (int d = 0; k == 0 && d < 3; d++)
            prop_require(fabs(edges[d] - M_PI / 4) < 1e-3 && fabs(corner - M_PI / 6) < 1e-3);
        for (uint32_t n = 0; n < npoints; n++) {
            double above[3];
            for (int d = 0; d < 3; d++)
                above[d] = prop_unit() / s.lattice.thick[d];
            for (unsigned d = 0; d < 4; d++)
                found[d] += al_lattice_apart2(&s.lattice, above, d < 3 ? 7 & ~(1u << d) : 7) < 1;
        }
        for (int d = 0; d < 4; d++)
            prop_require(fabs(found[d] / npoints - (d < 3 ? edges[d] : corner)) < 0.015);
    }
}

/* ---- the same crystal in two boxes ----------------------------------------------------------------------
 */

enum { NATOMS = 480 };

/** Atoms in a box, at places of their own. */
static al_md *md_of(const al_box *box, uint32_t n, double (*x)[3], double (*v)[3])
{
    al_md *md = calloc(1, sizeof *md);
    double volume = box->edge[0] * box->edge[1] * box->edge[2];
    al_md_opts opts = {.space = {.comm = al_comm_serial(),
                                 .grid = {1, 1, 1},
                                 .reach = 2.8,
                                 .near = 2.6,
                                 .density = n / volume,
                                 .masses = {.same = 1},
                                 .is_double = true,
                                 .kernels = al_kernels_find(NULL),
                                 .nthreads = 2},
                       .pairs = {.c6 = 4, .c12 = 4, .lj_cutoff = 2.5, .is_shifted = true},
                       .dt = 0.004,
                       .units = &al_units_reduced};
    memcpy(opts.space.box, box->edge, sizeof box->edge);
    memcpy(opts.space.tilt, box->tilt, sizeof box->tilt);
    assert_non_null(md);
    assert_int_equal(al_md_open(md, &opts, NULL), ALLOT_OK);
    for (uint32_t k = 0; k < n; k++) {
        al_atom atom = {.x = {x[k][0], x[k][1], x[k][2]}, .id = k, .v = {v[k][0], v[k][1], v[k][2]}};
        assert_true(al_space_claim(&md->space, atom.x));
        assert_int_equal(al_space_add(&md->space, &atom, 1, NULL), ALLOT_OK);
    }
    assert_int_equal(al_md_start(md, 0, NULL), ALLOT_OK);
    return md;
}

static void end_md(al_md *md)
{
    al_md_close(md);
    free(md);
}

static double x_of[2 * NATOMS][3], v_of[2 * NATOMS][3];

/** A loose crystal along the vectors of a box, a little out of order. */
static void fill(const al_box *box, const int cells[3])
{
    double vectors[3][3];
    al_box_vectors(box, vectors);
    memset(x_of, 0, sizeof x_of);
    for (int k = 0; k < NATOMS; k++) {
        const int at[3] = {k / cells[2] / cells[1], k / cells[2] % cells[1], k % cells[2]};
        for (int d = 0; d < 3; d++)
            for (int e = 0; e < 3; e++)
                x_of[k][e] += (at[d] + 0.1 * prop_unit()) / cells[d] * vectors[d][e];
        for (int d = 0; d < 3; d++)
            v_of[k][d] = prop_unit() - 0.5;
    }
}

/** Forces by atom, and what thermodynamics says. */
static double *forces_of(const al_md *md, al_thermo *thermo)
{
    al_atom *atoms;
    double *forces;
    al_md_thermo(md, thermo);
    assert_int_equal(al_md_gather(md, &atoms, &forces, NULL), ALLOT_OK);
    free(atoms);
    return forces;
}

/** `times` boxes of the first kind are one of the second: atom k's images are k + n NATOMS. */
static void require_same(al_md *one, al_md *many, int times)
{
    al_thermo of_one, of_many;
    double *f = forces_of(one, &of_one), *g = forces_of(many, &of_many), most = 0;
    assert_true(fabs(of_many.potential / (times * of_one.potential) - 1) < 1e-12);
    assert_true(fabs(of_many.pressure - of_one.pressure) < 1e-11 * (1 + fabs(of_one.pressure)));
    assert_true(fabs(of_one.potential) > NATOMS); /* it is about something */
    for (int k = 0; k < 3 * NATOMS; k++)
        most = fmax(most, fabs(f[k]));
    for (int k = 0; k < 3 * NATOMS * times; k++)
        assert_true(fabs(g[k] - f[k % (3 * NATOMS)]) < 1e-11 * most);
    free(f);
    free(g);
}

/** A box that leans by whole edges is a rectangular one; and any vector may be added to a later one. */
static void leaning_by_whole_edges_changes_nothing(void **state)
{
    (void)state;
    static const int cells[3] = {6, 8, 10};
    prop_begin(1);
    const al_box boxes[] = {{{7, 9, 11}, {0, 0, 0}}, {{7, 9, 11}, {2.5, -3, 4}}};
    for (int k = 0; k < 2; k++) {
        const al_box *box = &boxes[k];
        fill(box, cells);
        al_md *md = md_of(box, NATOMS, x_of, v_of);
        const double *t = box->tilt;
        const al_box leaning[] = {{{7, 9, 11}, {t[0] + 7, t[1], t[2]}},
                                  {{7, 9, 11}, {t[0], t[1] - 14, t[2]}},
                                  {{7, 9, 11}, {t[0], t[1] + t[0], t[2] + 9}}};
        for (int m = 0; m < 3; m++) {
            al_md *other = md_of(&leaning[m], NATOMS, x_of, v_of);
            require_same(md, other, 1);
            end_md(other);
        }
        end_md(md);
    }
}

/** Twice a box that leans by half an edge is a rectangular one. */
static void two_skewed_boxes_are_a_rectangular_one(void **state)
{
    (void)state;
    static const int cells[3] = {8, 10, 6};
    prop_begin(2);
    const al_box skewed[] = {{{9, 11, 7}, {4.5, 0, 0}}, {{9, 11, 7}, {0, -4.5, 5.5}}};
    const al_box whole[] = {{{9, 22, 7}, {0, 0, 0}}, {{9, 11, 14}, {0, 0, 0}}};
    for (int k = 0; k < 2; k++) {
        double vectors[3][3];
        fill(&skewed[k], cells);
        al_box_vectors(&skewed[k], vectors);
        for (int n = 0; n < NATOMS; n++)
            for (int d = 0; d < 3; d++) {
                x_of[NATOMS + n][d] = x_of[n][d] + vectors[k + 1][d];
                v_of[NATOMS + n][d] = v_of[n][d];
            }
        al_md *one = md_of(&skewed[k], NATOMS, x_of, v_of), *two = md_of(&whole[k], 2 * NATOMS, x_of, v_of);
        require_same(one, two, 2);
        for (int turn = 0; turn < 3; turn++) { /* they move alike, until rounding parts them */
            assert_int_equal(al_md_advance(one, 20, NULL), ALLOT_OK);
            assert_int_equal(al_md_advance(two, 20, NULL), ALLOT_OK);
            al_thermo of_one, of_two;
            al_md_thermo(one, &of_one);
            al_md_thermo(two, &of_two);
            assert_true(fabs(of_two.potential / (2 * of_one.potential) - 1) < 1e-9);
        }
        end_md(one);
        end_md(two);
    }
}

/** Atoms at home that are out of the box, as they may be between two lists. */
static int count_outside(const al_md *md)
{
    const al_space *space = &md->space;
    int count = 0;
    for (size_t place = 0; place < (size_t)space->nhome_blocks * AL_BLOCK; place++) {
        double x[3];
        for (unsigned d = 0; d < 3; d++)
            x[d] = space->x[al_block_at(place, d)];
        count += space->id[place] != AL_NO_ATOM && !al_domain_has(&space->domain, x);
    }
    return count;
}

/** Energy is kept while atoms leave through all faces. */
static void energy_is_kept_in_a_skewed_box(void **state)
{
    (void)state;
    static const int cells[3] = {8, 6, 10};
    const al_box box = {{9, 8, 10}, {4.5, -4.5, 4}};
    prop_begin(3);
    fill(&box, cells);
    al_md *md = md_of(&box, NATOMS, x_of, v_of);
    assert_int_equal(al_md_advance(md, 400, NULL), ALLOT_OK);
    al_thermo before, after;
    al_md_thermo(md, &before);
    uint64_t nlists = md->nlists;
    int noutside = 0;
    for (int turn = 0; turn < 20; turn++) {
        al_atom *atoms;
        assert_int_equal(al_md_advance(md, 50, NULL), ALLOT_OK);
        noutside += count_outside(md);
        assert_int_equal(al_md_gather(md, &atoms, NULL, NULL), ALLOT_OK);
        for (int k = 0; k < NATOMS; k++) /* in files all are in the box */
            assert_true(al_domain_has(&md->space.domain, atoms[k].x));
        free(atoms);
    }
    al_md_thermo(md, &after);
    assert_true(md->nlists > nlists + 30 && noutside > 20);
    assert_true(fabs(after.total - before.total) < 2e-4 * fabs(before.total));
    end_md(md);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_of_files),
        cmocka_unit_test(widths_are_those_of_faces),
        cmocka_unit_test(places_and_coordinates),
        cmocka_unit_test(what_is_put_into_the_box_stays),
        cmocka_unit_test(distances_to_planes_and_edges),
        cmocka_unit_test(shares_at_edges_and_corners),
        cmocka_unit_test(leaning_by_whole_edges_changes_nothing),
        cmocka_unit_test(two_skewed_boxes_are_a_rectangular_one),
        cmocka_unit_test(energy_is_kept_in_a_skewed_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
