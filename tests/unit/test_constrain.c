/* test_constrain.c - lengths that stay: waters in closed form, chains and stars by iteration; what holds for
 * any such method (lengths, momenta, forces along the bonds there were), and that both find the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "md/constrain.h"
#include "md/kernel/pair.h"
#include "support/prop.h"

enum { NBLOCKS = 160, NPLACES = NBLOCKS * AL_BLOCK, NREALS = NBLOCKS * AL_BLOCK_REALS };

static const char *mdref = "";
static const al_settle tip3p = {15.9994, 1.008, 0.09572, 0.15139};
static const al_settle_kernels reference = {al_settle_positions_ref, al_settle_velocities_ref};

static double x[NREALS], v[NREALS], free_x[NREALS], free_v[NREALS], mass[NPLACES];
static al_constrain_step step;
static al_constraints constraints;
static double box[3][3];

static void set_box(double by)
{
    const double skewed[3][3] = {{3, 0, 0}, {1, 2.8, 0}, {-1.2, 0.9, 3.1}};
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            step.settle.box[d][e] = box[d][e] = by * skewed[d][e];
}

static void begin(uint64_t seed, const al_settle_kernels *kernels, uint32_t nthreads)
{
    prop_begin(seed);
    al_constraints_fini(&constraints);
    step = (al_constrain_step){
        .settle = {.dt = 0.002, .has_velocities = true}, .kernels = kernels, .threads = {.n = nthreads}};
    set_box(1);
}

static double normal(void)
{
    return sqrt(-2 * log(1 - prop_unit())) * cos(2 * M_PI * prop_unit());
}

/** Into the box by whole vectors, as migration leaves atoms: each for itself. */
static void wrap(double r[3])
{
    for (int d = 2; d >= 0; d--) {
        double n = floor(r[d] / box[d][d]);
        for (int e = 0; e <= d; e++)
            r[e] -= n * box[d][e];
    }
}

static void place_atom(uint32_t place, const double at[3], double weight)
{
    double r[3] = {at[0], at[1], at[2]};
    wrap(r);
    mass[place] = weight;
    for (unsigned d = 0; d < 3; d++) {
        x[al_block_at(place, d)] = r[d];
        v[al_block_at(place, d)] = normal() * sqrt(2.5 / weight);
    }
}

/** A rigid triangle, anyhow turned. */
static void place_water(const uint32_t places[3])
{
    double a[3], b[3], at[3], ab = 0, aa = 0, bb = 0;
    for (int d = 0; d < 3; d++) {
        a[d] = normal();
        b[d] = normal();
        aa += a[d] * a[d];
        ab += a[d] * b[d];
    }
    for (int d = 0; d < 3; d++) {
        b[d] -= ab / aa * a[d];
        bb += b[d] * b[d];
    }
    double half = tip3p.length_hh / 2, height = sqrt(tip3p.length_oh * tip3p.length_oh - half * half);
    for (int atom = 0; atom < 3; atom++) {
        double along = atom == 0 ? 0 : height / sqrt(aa),
               across = atom == 0 ? 0 : (atom == 1 ? half : -half) / sqrt(bb);
        for (int d = 0; d < 3; d++)
            at[d] = (atom == 0 ? 3 * prop_unit() : at[d]);
        double r[3];
        for (int d = 0; d < 3; d++)
            r[d] = at[d] + along * a[d] + across * b[d];
        place_atom(places[atom], r, atom == 0 ? tip3p.mass_o : tip3p.mass_h);
    }
}

/** Free flight from where all is rigid; what there was before is in x, what comes of it in free_x. */
static void fly(void)
{
    memcpy(free_v, v, sizeof v);
    for (size_t k = 0; k < NREALS; k++)
        free_x[k] = x[k] + step.settle.dt * v[k];
}

static void between(const double *at, uint32_t a, uint32_t b, double r[3])
{
    for (unsigned d = 0; d < 3; d++)
        r[d] = at[al_block_at(b, d)] - at[al_block_at(a, d)];
    for (int d = 2; d >= 0; d--) {
        double n = round(r[d] / box[d][d]);
        for (int e = 0; e <= d; e++)
            r[e] -= n * box[d][e];
    }
}

static double length(const double r[3])
{
    return sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
}

/** What constraints did to some atoms has no momentum and no torque where they were, and makes the virial. */
static void check_impulses(const uint32_t *places, uint32_t n, const double *moved, double virial[9])
{
    double sum[3] = {0}, torque[3] = {0}, scale = 0;
    for (uint32_t k = 0; k < n; k++) {
        double r[3], f[3];
        between(x, places[0], places[k], r);
        for (unsigned d = 0; d < 3; d++) {
            f[d] = mass[places[k]] * (moved[al_block_at(places[k], d)] - free_x[al_block_at(places[k], d)]);
            sum[d] += f[d];
            scale += fabs(f[d]);
        }
        for (int d = 0; d < 3; d++)
            torque[d] += r[(d + 1) % 3] * f[(d + 2) % 3] - r[(d + 2) % 3] * f[(d + 1) % 3];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                virial[3 * i + j] += r[i] * f[j] / (step.settle.dt * step.settle.dt);
    }
    for (int d = 0; d < 3; d++) {
        assert_true(fabs(sum[d]) < 1e-11 * (scale + 1e-3));
        assert_true(fabs(torque[d]) < 1e-11 * (scale + 1e-3));
    }
}

static void check_virial(const double *virial, const double *expected)
{
    double scale = 0;
    for (int k = 0; k < 9; k++)
        scale = fmax(scale, fabs(expected[k]));
    for (int k = 0; k < 9; k++)
        assert_true(fabs(virial[k] - expected[k]) < 1e-9 * scale);
}

/* ---- waters ---------------------------------------------------------------------------------------------
 */

enum { NWATERS = 203 };

static uint32_t water_places[NWATERS][3];

/** Waters all over the blocks, some a batch that is not full. */
static void make_waters(uint64_t seed, const al_settle_kernels *kernels, uint32_t nthreads)
{
    begin(seed, kernels, nthreads);
    for (uint32_t w = 0; w < NWATERS; w++) {
        for (uint32_t atom = 0; atom < 3; atom++)
            water_places[w][atom] = (w * 3 + atom) * 577 % NPLACES; /* 577 and NPLACES share no divisor */
        place_water(water_places[w]);
        assert_true(al_constraints_add_water(&constraints, &tip3p, water_places[w]));
    }
    fly();
}

static void waters_are_rigid(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        double virial[9], expected[9] = {0};
        uint32_t bad;
        make_waters(seed, &reference, 1 + (uint32_t)seed % 3);
        double moved[NREALS], sped[NREALS];
        memcpy(moved, free_x, sizeof moved);
        memcpy(sped, free_v, sizeof sped);
        assert_int_equal(al_constrain_positions(&constraints, &step, moved, sped, virial, &bad), ALLOT_OK);
        for (uint32_t w = 0; w < NWATERS; w++) {
            double r[3];
            for (int side = 0; side < 3; side++) {
                between(moved, water_places[w][side], water_places[w][(side + 1) % 3], r);
                assert_true(fabs(length(r) / (side == 1 ? tip3p.length_hh : tip3p.length_oh) - 1) < 1e-13);
            }
            check_impulses(water_places[w], 3, moved, expected);
        }
        for (size_t k = 0; k < NREALS; k++)
            assert_true(fabs((moved[k] - free_x[k]) / step.settle.dt - (sped[k] - free_v[k])) < 1e-9);
        check_virial(virial, expected);
    }
}

static void processors_find_the_same_bits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        al_settle_kernels kernels;
    } sets[] = {
#if defined(__x86_64__)
        {"avx2", {al_settle_positions_avx2, al_settle_velocities_avx2}},
        {"avx512", {al_settle_positions_avx512, al_settle_velocities_avx512}},
#endif
        {"ref", {al_settle_positions_ref, al_settle_velocities_ref}}
    };
    double first_x[NREALS], first_v[NREALS], moved[NREALS], sped[NREALS];
    for (size_t k = 0; k < sizeof sets / sizeof sets[0]; k++) {
        uint32_t bad;
        if (al_kernels_find(sets[k].name) == NULL) {
            printf("not tried: %s: this processor does not run it\n", sets[k].name);
            continue;
        }
        make_waters(5, &sets[k].kernels, 1);
        memcpy(moved, free_x, sizeof moved);
        memcpy(sped, free_v, sizeof sped);
        assert_int_equal(al_constrain_positions(&constraints, &step, moved, sped, NULL, &bad), ALLOT_OK);
        assert_int_equal(al_constrain_velocities(&constraints, &step, moved, sped, NULL, &bad), ALLOT_OK);
        if (k == 0) {
            memcpy(first_x, moved, sizeof moved);
            memcpy(first_v, sped, sizeof sped);
        }
        assert_memory_equal(first_x, moved, sizeof moved);
        assert_memory_equal(first_v, sped, sizeof sped);
    }
}

/** The same constraints, for the other method. */
static void add_as_cluster(const uint32_t places[3])
{
    al_constraint bonds[3];
    for (int side = 0; side < 3; side++) {
        uint32_t a = places[side], b = places[(side + 1) % 3];
        bonds[side] = (al_constraint){
            {a, b}, {1 / mass[a], 1 / mass[b]}, side == 1 ? tip3p.length_hh : tip3p.length_oh};
    }
    assert_true(al_constraints_add_cluster(&constraints, bonds, 3));
}

static void both_methods_agree(void **state)
{
    (void)state;
    double by_form[NREALS], form_v[NREALS], moved[NREALS], sped[NREALS], virial[2][9];
    uint32_t bad;
    make_waters(9, &reference, 2);
    memcpy(by_form, free_x, sizeof moved);
    memcpy(form_v, free_v, sizeof sped);
    memcpy(moved, free_x, sizeof moved);
    memcpy(sped, free_v, sizeof sped);
    assert_int_equal(al_constrain_positions(&constraints, &step, by_form, form_v, virial[0], &bad), ALLOT_OK);
    al_constraints_clear(&constraints);
    for (uint32_t w = 0; w < NWATERS; w++)
        add_as_cluster(water_places[w]);
    assert_int_equal(al_constrain_positions(&constraints, &step, moved, sped, virial[1], &bad), ALLOT_OK);
    for (size_t k = 0; k < NREALS; k++)
        assert_true(fabs(moved[k] - by_form[k]) < 1e-10);
    for (int k = 0; k < 9; k++)
        assert_true(fabs(virial[1][k] - virial[0][k]) < 1e-6 * fabs(virial[0][0]));
    memcpy(moved, by_form, sizeof moved);
    memcpy(form_v, free_v, sizeof sped); /* velocities now, from the same ones */
    memcpy(sped, free_v, sizeof sped);
    assert_int_equal(al_constrain_velocities(&constraints, &step, moved, sped, virial[1], &bad), ALLOT_OK);
    al_constraints_clear(&constraints);
    for (uint32_t w = 0; w < NWATERS; w++)
        assert_true(al_constraints_add_water(&constraints, &tip3p, water_places[w]));
    assert_int_equal(al_constrain_velocities(&constraints, &step, moved, form_v, virial[0], &bad), ALLOT_OK);
    for (size_t k = 0; k < NREALS; k++)
        assert_true(fabs(sped[k] - form_v[k]) < 1e-9);
    for (int k = 0; k < 9; k++)
        assert_true(fabs(virial[1][k] - virial[0][k]) < 1e-9 * fabs(virial[0][0]));
}

/* ---- clusters -------------------------------------------------------------------------------------------
 */

/** Trees of n bonds: each atom hangs on an earlier one, on the last one if it is a chain; rings close. */
static uint32_t make_tree(uint32_t first, uint32_t n, bool is_chain, bool is_ring, al_constraint *bonds)
{
    double at[3] = {3 * prop_unit(), 3 * prop_unit(), 3 * prop_unit()};
    place_atom(first, at, 12);
    for (uint32_t k = 1; k <= n; k++) {
        uint32_t on = first + (is_chain ? k - 1 : (uint32_t)prop_below(k)), place = first + k;
        double r[3], way[3] = {normal(), normal(), normal()}, by = 0.1 + 0.05 * prop_unit();
        for (unsigned d = 0; d < 3; d++)
            r[d] = x[al_block_at(on, d)] + by * way[d] / length(way);
        place_atom(place, r, prop_chance(2) ? 1.008 : 14);
        bonds[k - 1] = (al_constraint){{on, place}, {0, 0}, by};
    }
    if (is_ring) {
        double r[3];
        between(x, first, first + n, r);
        bonds[n] = (al_constraint){{first + n, first}, {0, 0}, length(r)};
    }
    uint32_t count = n + is_ring;
    for (uint32_t k = 0; k < count; k++)
        for (int i = 0; i < 2; i++)
            bonds[k].per_mass[i] = 1 / mass[bonds[k].place[i]];
    return count;
}

static void clusters_keep_their_lengths(void **state)
{
    (void)state;
    static const struct {
        uint32_t n;
        bool is_chain, is_ring;
    } kinds[] = {{1, true, false},  {2, true, false},   {3, false, false},
                 {4, false, false}, {9, false, false},  {40, false, false},
                 {12, true, true},  {400, true, false}, {500, false, false}};
    static al_constraint bonds[sizeof kinds / sizeof kinds[0]][600];
    uint32_t counts[sizeof kinds / sizeof kinds[0]], firsts[sizeof kinds / sizeof kinds[0]];
    for (uint64_t seed = 0; seed < 10; seed++) {
        double virial[9], expected[9] = {0}, moved[NREALS], sped[NREALS];
        uint32_t bad, first = 0;
        begin(100 + seed, &reference, 1 + (uint32_t)seed % 4);
        set_box(40); /* no molecule is longer than half of it */
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            firsts[k] = first;
            counts[k] = make_tree(first, kinds[k].n, kinds[k].is_chain, kinds[k].is_ring, bonds[k]);
            assert_true(al_constraints_add_cluster(&constraints, bonds[k], counts[k]));
            first += kinds[k].n + 1;
        }
        assert_true(first <= NPLACES);
        fly();
        memcpy(moved, free_x, sizeof moved);
        memcpy(sped, free_v, sizeof sped);
        assert_int_equal(al_constrain_positions(&constraints, &step, moved, sped, virial, &bad), ALLOT_OK);
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            static uint32_t places[600];
            for (uint32_t n = 0; n < counts[k]; n++) {
                double r[3];
                between(moved, bonds[k][n].place[0], bonds[k][n].place[1], r);
                assert_true(fabs(length(r) / bonds[k][n].length - 1) < 1e-10);
            }
            for (uint32_t n = 0; n <= kinds[k].n; n++)
                places[n] = firsts[k] + n;
            check_impulses(places, kinds[k].n + 1, moved, expected);
        }
        check_virial(virial, expected);
        assert_int_equal(al_constrain_velocities(&constraints, &step, moved, sped, virial, &bad), ALLOT_OK);
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            for (uint32_t n = 0; n < counts[k]; n++) {
                double r[3], rate = 0;
                between(moved, bonds[k][n].place[0], bonds[k][n].place[1], r);
                for (unsigned d = 0; d < 3; d++)
                    rate += r[d] * (sped[al_block_at(bonds[k][n].place[1], d)] -
                                    sped[al_block_at(bonds[k][n].place[0], d)]);
                assert_true(fabs(rate) < 1e-10);
            }
    }
}

/** What several find one after the other is, appended, what one would have found. */
static void pieces_are_as_the_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        al_constraints all = {.nkinds = 0}, piece = {.nkinds = 0};
        al_constraint bonds[20];
        begin(200 + seed, &reference, 1);
        for (uint32_t k = 0, place = 0; k < 60; k++) {
            const uint32_t places[3] = {place, place + 1, place + 2};
            const al_settle kind = {16, 1, 0.1, 0.15 + 0.01 * (double)prop_below(3)};
            if (prop_chance(2)) {
                assert_true(al_constraints_add_water(&constraints, &kind, places) &&
                            al_constraints_add_water(&piece, &kind, places));
                place += 3;
            } else {
                uint32_t n = 1 + (uint32_t)prop_below(4), count = make_tree(place, n, false, false, bonds);
                assert_true(al_constraints_add_cluster(&constraints, bonds, count) &&
                            al_constraints_add_cluster(&piece, bonds, count));
                place += n + 1;
            }
            if (prop_chance(8) || k == 59) {
                assert_true(al_constraints_append(&all, &piece));
                al_constraints_clear(&piece);
            }
        }
        fly();
        double at[2][NREALS], moves[2][NREALS], virial[2][9];
        uint32_t bad;
        const al_constrain_step gentle = {.settle = step.settle, .kernels = step.kernels};
        assert_int_equal(all.nclusters, constraints.nclusters);
        for (int which = 0; which < 2; which++) {
            memcpy(at[which], free_x, sizeof at[which]);
            memcpy(moves[which], free_v, sizeof moves[which]);
            (void)al_constrain_velocities(which == 0 ? &constraints : &all, &gentle, at[which], moves[which],
                                          virial[which], &bad);
        }
        assert_memory_equal(moves[0], moves[1], sizeof moves[0]);
        assert_memory_equal(virial[0], virial[1], sizeof virial[0]);
        assert_memory_not_equal(moves[0], free_v, sizeof moves[0]);
        al_constraints_fini(&piece);
        al_constraints_fini(&all);
    }
}

static void what_cannot_be_kept_is_named(void **state)
{
    (void)state;
    uint32_t bad = 0;
    double at[3] = {1, 1, 1}, beside[3] = {1.1, 1, 1};
    begin(1, &reference, 2);
    memset(v, 0, sizeof v);
    place_atom(70, at, 12);
    place_atom(90, beside, 1);
    al_constraint bond = {{70, 90}, {1.0 / 12, 1}, 0.1};
    assert_true(al_constraints_add_cluster(&constraints, &bond, 1));
    fly();
    free_x[al_block_at(90, 1)] += 1; /* across the bond there was: no force along it helps */
    free_v[al_block_at(90, 1)] = v[al_block_at(90, 1)] + 1 / step.settle.dt;
    assert_int_equal(al_constrain_positions(&constraints, &step, free_x, free_v, NULL, &bad), ALLOT_ERANGE);
    assert_int_equal(bad, 70);
    for (uint32_t nthreads = 1; nthreads < 4; nthreads++) {
        make_waters(3, &reference, nthreads);
        const uint32_t *broken = water_places[150];
        free_x[al_block_at(broken[1], 2)] += 1;
        free_v[al_block_at(broken[1], 2)] += 1 / step.settle.dt;
        assert_int_equal(al_constrain_positions(&constraints, &step, free_x, free_v, NULL, &bad),
                         ALLOT_ERANGE);
        assert_true(bad == broken[0] || bad == broken[1] || bad == broken[2]);
    }
}

/* ---- GROMACS --------------------------------------------------------------------------------------------
 */

static bool read_three(const char *name, double at[3][3])
{
    char path[4096], line[256];
    (void)snprintf(path, sizeof path, "%s/03_water1/%s", mdref, name);
    FILE *in = fopen(path, "r");
    if (in == NULL)
        return false;
    for (int k = -2; k < 3 && fgets(line, sizeof line, in) != NULL; k++)
        if (k >= 0)
            assert_int_equal(sscanf(line + 20, "%lf %lf %lf", &at[k][0], &at[k][1], &at[k][2]), 3);
    (void)fclose(in);
    return true;
}

static void water_as_gromacs_settles_it(void **state)
{
    (void)state;
    double crooked[3][3], settled[3][3];
    const uint32_t places[] = {3, 17, 5};
    uint32_t bad;
    if (!read_three("conf.gro", crooked) || !read_three("settled_tip3p.gro", settled)) {
        printf("not tried: GROMACS' water: no %s\n", mdref);
        skip();
    }
    begin(1, &reference, 1);
    memset(v, 0, sizeof v);
    for (uint32_t k = 0; k < 3; k++)
        place_atom(places[k], crooked[k], 1);
    memset(v, 0, sizeof v);
    const al_settle water = {16, 1.008, 0.09572, 0.15139};
    assert_true(al_constraints_add_water(&constraints, &water, places));
    assert_int_equal(al_constrain_positions(&constraints, &step, x, v, NULL, &bad), ALLOT_OK);
    for (uint32_t k = 0; k < 3; k++) {
        double off[3];
        for (unsigned d = 0; d < 3; d++)
            off[d] = x[al_block_at(places[k], d)] - settled[k][d];
        assert_true(length(off) < 2e-9);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waters_are_rigid),
        cmocka_unit_test(processors_find_the_same_bits),
        cmocka_unit_test(both_methods_agree),
        cmocka_unit_test(clusters_keep_their_lengths),
        cmocka_unit_test(pieces_are_as_the_whole),
        cmocka_unit_test(what_cannot_be_kept_is_named),
        cmocka_unit_test(water_as_gromacs_settles_it),
    };
    mdref = getenv("ALLOT_MDREF") != NULL ? getenv("ALLOT_MDREF") : argc > 1 ? argv[1] : "";
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    al_constraints_fini(&constraints);
    return failed;
}
