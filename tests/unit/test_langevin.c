/* test_langevin.c - friction and chance: oscillators that become as warm and as wide as they must, whatever
 * the step; chance that is an atom's, wherever it lies; energy that is counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "md/constrain.h"
#include "md/couple/langevin.h"
#include "md/space.h"

enum { NBLOCKS = 16, NPLACES = NBLOCKS * AL_BLOCK, NREALS = NBLOCKS * AL_BLOCK_REALS };

static double x[NREALS], v[NREALS], inverse_mass[NPLACES];
static uint64_t id[NPLACES];
static uint8_t group[NPLACES];

static void begin(void)
{
    memset(x, 0, sizeof x);
    memset(v, 0, sizeof v);
    for (int k = 0; k < NPLACES; k++) {
        id[k] = (uint64_t)k * 7;
        group[k] = (uint8_t)(k % 2);
        inverse_mass[k] = 1.0 / (1 + k % 16);
    }
}

static al_langevin langevin_of(const al_friction *frictions, double half)
{
    return (al_langevin){.frictions = frictions,
                         .group = group,
                         .id = id,
                         .inverse_mass = inverse_mass,
                         .stride = AL_BLOCK,
                         .seed = 3,
                         .noise = al_noise_ref,
                         .half = half};
}

static void friction_is_that_of_the_time_constant(void **state)
{
    (void)state;
    al_friction f = al_friction_of(0.5, 2.5, 0.01);
    assert_true(fabs(f.kept - exp(-0.02)) < 1e-15 && fabs(f.noise - sqrt(2.5 * (1 - exp(-0.04)))) < 1e-15);
    f = al_friction_of(0, 2.5, 0.01);
    assert_true(f.kept == 1 && f.noise == 0);
    f = al_friction_of(-1, 2.5, 0.01);
    assert_true(f.kept == 1 && f.noise == 0);
}

/** Oscillators of two groups, one of steps so long (omega dt = 1) that others would be wrong by a third:
 * places are canonical exactly, and so are velocities half a step off. */
static void oscillators_are_canonical_with_any_step(void **state)
{
    (void)state;
    static const double steps[] = {0.05, 1};
    for (int k = 0; k < 2; k++) {
        enum { NSTEPS = 6000, NSKIPPED = 500 };
        const double dt = steps[k];
        const al_friction frictions[] = {al_friction_of(1, 2.5, dt), al_friction_of(2, 0.5, dt)};
        static const double thermal[] = {2.5, 0.5};
        al_langevin langevin = langevin_of(frictions, dt / 2);
        double sums[2][4] = {{0}};
        begin();
        for (langevin.step = 0; langevin.step < NSTEPS; langevin.step++) {
            for (int place = 0; place < NPLACES; place++)
                for (unsigned d = 0; d < 3; d++) { /* a spring of the mass: omega is 1 */
                    size_t at = al_block_at((size_t)place, d);
                    v[at] -= dt * x[at];
                    x[at] += dt * v[at];
                }
            (void)al_langevin_rub(&langevin, 0, NBLOCKS, x, v);
            for (int place = 0; place < NPLACES && langevin.step >= NSKIPPED; place++)
                for (unsigned d = 0; d < 3; d++) {
                    size_t at = al_block_at((size_t)place, d);
                    double a = x[at] * x[at] / inverse_mass[place] / thermal[group[place]] - 1,
                           b = v[at] * v[at] / inverse_mass[place] / thermal[group[place]] - 1;
                    sums[group[place]][0] += a;
                    sums[group[place]][1] += a * a;
                    sums[group[place]][2] += b;
                    sums[group[place]][3] += b * b;
                }
        }
        for (int g = 0; g < 2; g++)
            for (int m = 0; m < 2; m++) {
                double n = 3.0 * NPLACES / 2 * (NSTEPS - NSKIPPED), independent = n * dt / (g == 0 ? 4 : 8);
                /* of y^2 - 1: mean 0, square 2, and that has a variance of 60 - 4 */
                assert_true(fabs(sums[g][2 * m] / n) < 4 * sqrt(2 / independent));
                assert_true(4 * sqrt(2 / independent) < (dt > 0.5 ? 0.03 : 0.12));
                assert_true(fabs(sums[g][2 * m + 1] / n - 2) < 4 * sqrt(56 / independent));
            }
    }
}

/** How far the energy, less what was given, is from its mean at most. */
static double wobble(double dt)
{
    const al_friction friction = al_friction_of(0.5, 2.5, dt), frictions[] = {friction, friction};
    al_langevin langevin = langevin_of(frictions, dt / 2);
    double given = 0, first = 0, greatest = 0;
    begin();
    int nsteps = (int)(5 / dt + 0.5);
    for (langevin.step = 0; (int)langevin.step < nsteps; langevin.step++) {
        double energy = 0;
        for (int place = 0; place < NPLACES; place++)
            for (unsigned d = 0; d < 3; d++) {
                size_t at = al_block_at((size_t)place, d);
                double half = v[at] - dt / 2 * x[at]; /* at x's time */
                energy += (half * half + x[at] * x[at]) / 2 / inverse_mass[place];
                v[at] -= dt * x[at];
                x[at] += dt * v[at];
            }
        if (langevin.step == 0)
            first = energy;
        greatest = fmax(greatest, fabs(energy - given - first));
        given += al_langevin_rub(&langevin, 0, NBLOCKS / 2, x, v);
        given += al_langevin_rub(&langevin, NBLOCKS / 2, NBLOCKS, x, v);
    }
    assert_true(given > 100);
    return greatest;
}

static void energy_less_what_was_given_stays(void **state)
{
    (void)state;
    double coarse = wobble(0.02), fine = wobble(0.005);
    assert_true(coarse < 0.01 * NPLACES * 2.5 * 3 && fine < coarse / 4);
}

static void chance_is_the_atoms(void **state)
{
    (void)state;
    const al_friction friction = al_friction_of(0.5, 2.5, 0.01), frictions[] = {friction, friction};
    al_langevin langevin = langevin_of(frictions, 0.25);
    double first[NREALS];
    begin();
    (void)al_langevin_rub(&langevin, 0, NBLOCKS, x, v);
    memcpy(first, v, sizeof v);
    for (int k = 0; k < NREALS; k++)
        assert_true(fabs(x[k] - 0.25 * v[k]) < 1e-15 && v[k] != 0);
    /* the same atoms in other places, of one mass */
    begin();
    for (int k = 0; k < NPLACES; k++)
        id[k] = (uint64_t)(NPLACES - 1 - k) * 7;
    langevin.inverse_mass = inverse_mass + 3;
    langevin.stride = 0;
    langevin.group = NULL;
    for (int k = 0; k < AL_BLOCK; k++)
        inverse_mass[3 + k] = 4;
    (void)al_langevin_rub(&langevin, 0, NBLOCKS, x, v);
    for (int k = 0; k < NPLACES; k++)
        for (unsigned d = 0; d < 3; d++) {
            double mass = 1 + (NPLACES - 1 - k) % 16;
            double theirs = first[al_block_at((size_t)(NPLACES - 1 - k), d)];
            assert_true(fabs(v[al_block_at((size_t)k, d)] - theirs * sqrt(4 * mass)) < 1e-12);
        }
    /* another step, another seed: other chance */
    for (int k = 0; k < 2; k++) {
        double before = v[0];
        memset(v, 0, sizeof v);
        langevin.step += (uint64_t)(k == 0);
        langevin.seed += (uint64_t)(k == 1);
        (void)al_langevin_rub(&langevin, 0, NBLOCKS, x, v);
        assert_true(v[0] != before);
    }
}

static void what_does_not_move_is_left_alone(void **state)
{
    (void)state;
    const al_friction frictions[] = {al_friction_of(0.5, 2.5, 0.01), al_friction_of(-1, 2.5, 0.01)};
    al_langevin langevin = langevin_of(frictions, 0.005);
    begin();
    id[0] = AL_NO_ATOM;
    inverse_mass[2] = 0;
    v[al_block_at(2, 1)] = v[al_block_at(1, 1)] = 3; /* what moves them is not ours to slow down */
    assert_true(isfinite(al_langevin_rub(&langevin, 0, NBLOCKS / 2, x, v)));
    assert_true(v[al_block_at(2, 1)] == 3 && v[al_block_at(1, 1)] == 3);
    v[al_block_at(2, 1)] = v[al_block_at(1, 1)] = 0;
    for (int k = 0; k < NPLACES; k++)
        assert_int_equal(v[al_block_at((size_t)k, 1)] != 0,
                         k != 0 && k != 2 && k % 2 == 0 && k < NPLACES / 2);
}

/* ---- lengths that are kept ------------------------------------------------------------------------------
 */

static void spring(double dt)
{
    for (size_t place = 0; place < NPLACES; place++)
        for (unsigned d = 0; d < 3; d++)
            v[al_block_at(place, d)] -= dt * 100 * x[al_block_at(place, d)] * inverse_mass[place];
}

/** Half of the way that a step goes. */
static void fly(al_constraints *constraints, const al_constrain_step *step)
{
    uint32_t bad;
    for (int k = 0; k < NREALS; k++)
        x[k] += step->settle.dt * v[k];
    assert_int_equal(al_constrain_positions(constraints, step, x, v, NULL, &bad), ALLOT_OK);
}

/** Pairs of atoms at a length, each atom on a spring: five degrees of freedom of a pair are as warm as they
 * must be, and its middle is as far out. As langevin.h says: half of the way, rub, velocities along no bond,
 * the other half. */
static void pairs_at_a_length_are_canonical(void **state)
{
    (void)state;
    enum { NSTEPS = 12000, NSKIPPED = 500, NPAIRS = NPLACES / 2 };
    const double dt = 0.02, thermal = 2.5, length = 0.1;
    const al_friction friction = al_friction_of(0.2, thermal, dt);
    const al_constrain_step step = {
        .settle = {.box = {{9, 0, 0}, {0, 9, 0}, {0, 0, 9}}, .dt = dt / 2, .has_velocities = true},
        .threads = {.n = 1}};
    al_constraints constraints = {.waters = NULL};
    al_langevin langevin = langevin_of(&friction, 0);
    double sums[4] = {0, 0, 0, 0};
    begin();
    langevin.group = NULL;
    for (uint32_t k = 0; k < NPAIRS; k++) {
        inverse_mass[2 * k] = 1.0 / 16;
        inverse_mass[2 * k + 1] = 1.0 / 4;
        x[al_block_at(2 * k, k % 3)] = length;
        const al_constraint bond = {
            .place = {2 * k, 2 * k + 1}, .per_mass = {1.0 / 16, 1.0 / 4}, .length = length};
        assert_true(al_constraints_add_cluster(&constraints, &bond, 1));
    }
    for (langevin.step = 0; langevin.step < NSTEPS; langevin.step++) {
        uint32_t bad;
        spring(dt);
        fly(&constraints, &step);
        (void)al_langevin_rub(&langevin, 0, NBLOCKS, x, v);
        assert_int_equal(al_constrain_velocities(&constraints, &step, x, v, NULL, &bad), ALLOT_OK);
        for (size_t k = 0; k < NPAIRS && langevin.step >= NSKIPPED; k++) {
            double kinetic = 0, out = 0;
            for (unsigned d = 0; d < 3; d++) {
                double a = v[al_block_at(2 * k, d)], b = v[al_block_at(2 * k + 1, d)],
                       middle = (x[al_block_at(2 * k, d)] + x[al_block_at(2 * k + 1, d)]) / 2;
                kinetic += 8 * a * a + 2 * b * b;
                out += middle * middle;
            }
            kinetic = kinetic / (2.5 * thermal) - 1;
            out = out / (3 * thermal / 200) - 1;
            sums[0] += kinetic;
            sums[1] += kinetic * kinetic;
            sums[2] += out;
            sums[3] += out * out;
        }
        fly(&constraints, &step);
    }
    double n = (double)NPAIRS * (NSTEPS - NSKIPPED), independent = n * dt / 0.8;
    assert_true(fabs(sums[0] / n) < 4 * sqrt(0.4 / independent));
    assert_true(fabs(sums[1] / n - 0.4) < 0.02);
    assert_true(fabs(sums[2] / n) < 4 * sqrt(2 / 3.0 / independent));
    assert_true(fabs(sums[3] / n - 2 / 3.0) < 0.03);
    al_constraints_fini(&constraints);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(friction_is_that_of_the_time_constant),
        cmocka_unit_test(oscillators_are_canonical_with_any_step),
        cmocka_unit_test(energy_less_what_was_given_stays),
        cmocka_unit_test(chance_is_the_atoms),
        cmocka_unit_test(what_does_not_move_is_left_alone),
        cmocka_unit_test(pairs_at_a_length_are_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
