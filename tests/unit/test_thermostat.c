/* test_thermostat.c - temperatures that are held: distributions with the moments that they must have,
 * relaxation and oscillation as theory has them, energies that stay, and the degrees of freedom that all of
 * it counts with.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "md/couple/freedom.h"
#include "md/couple/random.h"
#include "md/couple/thermostat.h"
#include "support/prop.h"

#define BOLTZMANN 0.00831446261815324

static void numbers_have_the_moments_of_their_distributions(void **state)
{
    (void)state;
    enum { N = 100000 };
    static const double freedoms[] = {0.4, 1, 1.7, 2, 3, 31.4, 5000};
    for (size_t k = 0; k < sizeof freedoms / sizeof freedoms[0]; k++) {
        double n = freedoms[k], sums[4] = {0, 0, 0, 0};
        for (uint64_t step = 0; step < N; step++) {
            al_random random = {.seed = 3, .use = 1, .of = (uint32_t)k, .step = step};
            double z = al_random_normal(&random), y = al_random_squares(&random, n) - n;
            assert_true(y >= -n);
            sums[0] += y;
            sums[1] += y * y;
            sums[2] += y * y * y;
            sums[3] += z * y;
        }
        /* of chi squared: variance 2 n, third moment 8 n, fourth 12 n (n + 4), sixth 40 n (3 n^2 + 52 n + 96)
         */
        assert_true(fabs(sums[0] / N) < 4 * sqrt(2 * n / N));
        assert_true(fabs(sums[1] / N - 2 * n) < 4 * sqrt((8 * n * n + 48 * n) / N));
        assert_true(fabs(sums[2] / N - 8 * n) < 4 * sqrt(40 * n * (3 * n * n + 52 * n + 96) / N));
        assert_true(fabs(sums[3] / N) < 4 * sqrt(2 * n / N));
    }
    al_random random = {.seed = 3};
    assert_true(al_random_squares(&random, 0) == 0);
}

static void numbers_are_those_of_seed_group_and_step_alone(void **state)
{
    (void)state;
    const al_random one = {.seed = 7, .use = 2, .of = 3, .step = UINT64_C(1) << 40};
    al_random same = one, all[] = {one, one, one, one, one};
    double first = al_random_normal(&same), second = al_random_normal(&same);
    assert_true(first != second);
    all[1].seed++;
    all[2].use++;
    all[3].of++;
    all[4].step += UINT64_C(1) << 33;
    assert_true(al_random_normal(&all[0]) == first);
    for (int k = 1; k < 5; k++)
        assert_true(al_random_normal(&all[k]) != first);
}

/** Kinetic energies that only a thermostat changes: those of free particles. */
static void v_rescale_draws_from_the_canonical_distribution(void **state)
{
    (void)state;
    enum { N = 200000 };
    const al_bath baths[] = {{.freedom = 1, .temperature = 300, .tau = 0.02},
                             {.freedom = 7.5, .temperature = 100, .tau = 0.005},
                             {.freedom = 3000, .temperature = 310, .tau = 0},
                             {.freedom = 12, .temperature = 310, .tau = -1}};
    const al_thermostat_opts opts = {.kind = AL_THERMOSTAT_V_RESCALE,
                                     .boltzmann = BOLTZMANN,
                                     .dt = 0.002,
                                     .every = 5,
                                     .seed = 5,
                                     .baths = baths,
                                     .nbaths = 4};
    assert_int_equal(al_thermostat_check(&opts, NULL), ALLOT_OK);
    double kinetic[4], sums[4][4] = {{0}}, cross = 0, begin = 0, end = 0;
    al_bath_state states[4] = {{.taken = 0}};
    for (int g = 0; g < 4; g++) {
        kinetic[g] = baths[g].freedom * BOLTZMANN * baths[g].temperature / 2;
        begin += kinetic[g];
    }
    for (uint64_t step = 1; step <= N; step++) {
        double x[2] = {0, 0};
        al_bath_kick kicks[4];
        for (uint32_t g = 0; g < 4; g++)
            kicks[g] = al_thermostat_couple(&opts, step, g, kinetic[g], &states[g]);
        for (int g = 0; g < 3; g++) {
            double mean = baths[g].freedom * BOLTZMANN * baths[g].temperature / 2, before = kinetic[g];
            kinetic[g] *= kicks[g].lambda * kicks[g].lambda;
            double y = kinetic[g] / mean - 1;
            sums[g][0] += y;
            sums[g][1] += y * y;
            sums[g][2] += y * y * y;
            sums[g][3] += y * (before / mean - 1);
            if (g < 2)
                x[g] = y;
            assert_true(kicks[g].drag == 0);
        }
        cross += x[0] * x[1];
        assert_true(kicks[3].lambda == 1);
    }
    for (int g = 0; g < 4; g++)
        end += kinetic[g];
    assert_true(fabs(end + al_thermostat_energy(&opts, states) - begin) < 1e-9 * begin);
    for (int g = 0; g < 3; g++) {
        /* what a step keeps of the deviation: exp(-period/tau), also the correlation from one to the next */
        double n = baths[g].freedom, kept = baths[g].tau > 0 ? exp(-0.01 / baths[g].tau) : 0;
        double independent = N * (1 - kept) / (1 + kept), variance = 2 / n;
        assert_true(fabs(sums[g][0] / N) < 4 * sqrt(variance / independent));
        assert_true(fabs(sums[g][1] / N - variance) < 4 * sqrt((8 / n / n + 48 / n / n / n) / independent));
        assert_true(fabs(sums[g][2] / N - 8 / n / n) <
                    4 * sqrt(40 * (3 * n * n + 52 * n + 96) / pow(n, 5) / independent));
        assert_true(fabs(sums[g][3] / N - kept * variance) <
                    4 * sqrt((8 / n / n + 48 / n / n / n) / independent));
    }
    assert_true(fabs(cross / N) < 4 * sqrt(2 / baths[0].freedom * 2 / baths[1].freedom / N) * 2);
}

static void berendsen_relaxes_exponentially(void **state)
{
    (void)state;
    const al_bath bath = {.freedom = 30, .temperature = 300, .tau = 0.5};
    const al_thermostat_opts opts = {.kind = AL_THERMOSTAT_BERENDSEN,
                                     .boltzmann = BOLTZMANN,
                                     .dt = 0.002,
                                     .every = 10,
                                     .baths = &bath,
                                     .nbaths = 1};
    al_bath_state memory = {.taken = 0};
    al_bath_kick kick;
    double factor = bath.freedom * BOLTZMANN / 2, begin = factor * 350, kinetic = begin;
    for (int k = 1; k <= 100; k++) {
        kick = al_thermostat_couple(&opts, (uint64_t)k, 0, kinetic, &memory);
        kinetic *= kick.lambda * kick.lambda;
        assert_true(fabs(kinetic / factor - 300 - 50 * pow(1 - 0.02 / 0.5, k)) < 1e-10);
        assert_true(fabs(kinetic + al_thermostat_energy(&opts, &memory) - begin) < 1e-10);
    }
    /* never by more than a quarter up or a fifth down */
    kinetic = factor;
    kick = al_thermostat_couple(&opts, 1, 0, kinetic, &memory);
    assert_true(kick.lambda == 1.25);
    kinetic = factor * 1e9;
    const al_bath cold = {.freedom = 30, .temperature = 0, .tau = 0.01};
    al_thermostat_opts strong = opts;
    strong.baths = &cold;
    kick = al_thermostat_couple(&strong, 1, 0, kinetic, &memory);
    assert_true(kick.lambda == 0.8);
    kinetic = 0;
    kick = al_thermostat_couple(&opts, 1, 0, kinetic, &memory);
    assert_true(kick.lambda == 1);
}

/* ---- oscillators in leap-frog -------------------------------------------------------------------------- */

enum { NATOMS = 64 };

typedef struct oscillators {
    double x[NATOMS][3], v[NATOMS][3], mass[NATOMS], spring;
} oscillators;

static void begin_oscillators(oscillators *o, double spring, double thermal)
{
    prop_begin(1);
    o->spring = spring;
    for (int k = 0; k < NATOMS; k++) {
        o->mass[k] = 1 + k % 16;
        for (int d = 0; d < 3; d++) {
            double u = sqrt(-2 * log(1 - prop_unit()));
            o->x[k][d] = 0;
            if (spring > 0)
                o->x[k][d] = sqrt(thermal / spring) * u * cos(2 * M_PI * prop_unit());
            o->v[k][d] = sqrt(thermal / o->mass[k]) * u * sin(2 * M_PI * prop_unit());
        }
    }
}

static double kinetic_of(const oscillators *o)
{
    double sum = 0;
    for (int k = 0; k < NATOMS; k++)
        for (int d = 0; d < 3; d++)
            sum += o->mass[k] * o->v[k][d] * o->v[k][d] / 2;
    return sum;
}

/** A step, as thermostat.h has it. @return the potential energy that it began with */
static double leap(oscillators *o, const al_bath_kick *kick, double dt)
{
    double potential = 0;
    for (int k = 0; k < NATOMS; k++)
        for (int d = 0; d < 3; d++) {
            double f = -o->spring * o->x[k][d];
            potential += o->spring * o->x[k][d] * o->x[k][d] / 2;
            o->v[k][d] = ((kick->lambda - kick->drag) * o->v[k][d] + dt * f / o->mass[k]) / (1 + kick->drag);
            o->x[k][d] += dt * o->v[k][d];
        }
    return potential;
}

/** How far what should stay is from its mean, root mean square, over a time. */
static double wobble(int kind, double dt, double time, double *drift)
{
    oscillators o;
    const al_bath bath = {.freedom = 3.0 * NATOMS, .temperature = 300, .tau = 0.5};
    const al_thermostat_opts opts = {.kind = kind,
                                     .boltzmann = BOLTZMANN,
                                     .dt = dt,
                                     .every = 1,
                                     .nlinks = 1,
                                     .seed = 9,
                                     .baths = &bath,
                                     .nbaths = 1};
    al_bath_state memory = {.taken = 0};
    double sums[5] = {0, 0, 0, 0, 0};
    begin_oscillators(&o, 500, BOLTZMANN * 400);
    int nsteps = (int)(time / dt + 0.5);
    for (int step = 0; step < nsteps; step++) {
        double before = kinetic_of(&o), kept = al_thermostat_energy(&opts, &memory);
        al_bath_kick kick = al_thermostat_couple(&opts, (uint64_t)step, 0, before, &memory);
        double potential = leap(&o, &kick, dt);
        /* Nosé-Hoover's is now that of the step's time; of others kinetic energy, too, is half of before. */
        kept = kind == AL_THERMOSTAT_NOSE_HOOVER ? al_thermostat_energy(&opts, &memory)
                                                 : (kept + al_thermostat_energy(&opts, &memory)) / 2;
        double all = potential + (before + kinetic_of(&o)) / 2 + kept, t = step * dt - time / 2;
        sums[0] += all;
        sums[1] += all * all;
        sums[2] += t * all;
        sums[3] += t;
        sums[4] += t * t;
    }
    *drift = (sums[2] - sums[3] * sums[0] / nsteps) / (sums[4] - sums[3] * sums[3] / nsteps);
    return sqrt(sums[1] / nsteps - sums[0] * sums[0] / nsteps / nsteps);
}

static void what_is_conserved_stays(void **state)
{
    (void)state;
    static const int kinds[] = {AL_THERMOSTAT_NOSE_HOOVER, AL_THERMOSTAT_V_RESCALE, AL_THERMOSTAT_BERENDSEN};
    double thermal = BOLTZMANN * 300 * 3 * NATOMS;
    for (int k = 0; k < 3; k++) {
        double drift, coarse = wobble(kinds[k], 0.002, 20, &drift) / thermal;
        assert_true(coarse < (k == 0 ? 2e-5 : 2e-4) && fabs(drift) * 20 / thermal < (k == 0 ? 1e-6 : 1e-3));
        /* Nosé-Hoover's of second order: a quarter. The others multiply velocities of another time than
         * forces are of, which averages out. */
        double fine = wobble(kinds[k], 0.001, 20, &drift) / thermal;
        assert_true(k == 0 ? fabs(fine / coarse - 0.25) < 0.02 : fine < 0.6 * coarse);
    }
}

/** Periods of small oscillations of the temperature of free particles: tau over the root of two, as
 * d2T/dt2 = -2 T0 d(rate)/dt. (Of oscillators, half of whose energy is kinetic, they are tau.) */
static void nose_hoover_oscillates_with_its_period(void **state)
{
    (void)state;
    const al_bath bath = {.freedom = 3.0 * NATOMS, .temperature = 300, .tau = 2};
    for (uint32_t every = 1; every <= 10; every += 9) {
        const al_thermostat_opts opts = {.kind = AL_THERMOSTAT_NOSE_HOOVER,
                                         .boltzmann = BOLTZMANN,
                                         .dt = 0.001,
                                         .every = every,
                                         .nlinks = 1,
                                         .baths = &bath,
                                         .nbaths = 1};
        al_bath_state memory = {.taken = 0};
        oscillators o;
        begin_oscillators(&o, 0, BOLTZMANN * 300);
        double wanted = bath.freedom * BOLTZMANN * 300 / 2, scale = sqrt(1.001 * wanted / kinetic_of(&o));
        for (int k = 0; k < NATOMS; k++)
            for (int d = 0; d < 3; d++)
                o.v[k][d] *= scale;
        double last = 1, first_crossing = 0, crossing = 0;
        int ncrossings = 0;
        for (uint64_t step = 0; step < 20000; step++) {
            al_bath_kick kick = {.lambda = 1, .drag = 0};
            double kinetic = kinetic_of(&o), apart = kinetic / wanted - 1;
            if (al_thermostat_is_due(&opts, step))
                kick = al_thermostat_couple(&opts, step, 0, kinetic, &memory);
            if (last > 0 && apart <= 0) {
                crossing = (double)step * 0.001 - 0.001 * apart / (apart - last);
                if (ncrossings++ == 0)
                    first_crossing = crossing;
            }
            last = apart;
            (void)leap(&o, &kick, 0.001);
        }
        assert_true(ncrossings > 10);
        double period = (crossing - first_crossing) / (ncrossings - 1);
        assert_true(fabs(period * sqrt(2) / bath.tau - 1) < 1e-3);
    }
}

/* ---- chains, in velocity Verlet ------------------------------------------------------------------------ */

/** One oscillator of mass and spring 1 held at 1, where a chain takes it. */
typedef struct held {
    double x, v;
    al_bath_state memory;
} held;

/** A step, as couple/step.h has it. */
static void step_held(held *h, const al_thermostat_opts *opts, uint64_t step)
{
    if (step > 0 && al_thermostat_is_to_finish(opts, step))
        h->v *= al_thermostat_chain(opts, 0, h->v * h->v / 2, &h->memory);
    if (al_thermostat_is_due(opts, step)) {
        al_bath_kick kick = al_thermostat_couple(opts, step, 0, h->v * h->v / 2, &h->memory);
        assert_true(kick.drag == 0);
        h->v *= kick.lambda;
    }
    h->v -= opts->dt / 2 * h->x;
    h->x += opts->dt * h->v;
    h->v -= opts->dt / 2 * h->x;
}

/** What should stay, once the step is finished; how far it strays. And the fourth moment of the velocity by
 * the square of the second, 3 in the canonical distribution. */
static double stray(uint32_t nlinks, uint32_t every, double dt, double *kurtosis)
{
    const al_bath bath = {.freedom = 1, .temperature = 1, .tau = 2 * M_PI};
    const al_thermostat_opts opts = {.kind = AL_THERMOSTAT_NOSE_HOOVER,
                                     .boltzmann = 1,
                                     .dt = dt,
                                     .every = every,
                                     .is_verlet = true,
                                     .nlinks = nlinks,
                                     .baths = &bath,
                                     .nbaths = 1};
    held h = {.x = 1.3, .v = 0.4};
    double begin = (h.x * h.x + h.v * h.v) / 2, most = 0, second = 0, fourth = 0;
    uint64_t nsteps = (uint64_t)(3000 / dt);
    for (uint64_t step = 0; step < nsteps; step++) {
        step_held(&h, &opts, step);
        second += h.v * h.v;
        fourth += pow(h.v, 4);
        if (every == 1) { /* half of the thermostat's step is still to be done: look there */
            held then = h;
            then.v *= al_thermostat_chain(&opts, 0, then.v * then.v / 2, &then.memory);
            double now = (then.x * then.x + then.v * then.v) / 2 + al_thermostat_energy(&opts, &then.memory);
            most = fmax(most, fabs(now - begin));
        }
    }
    *kurtosis = fourth / second / second * (double)nsteps;
    return most;
}

/** One oscillator is what a single thermostat cannot make canonical, and a chain can. (Martyna, Klein and
 * Tuckerman, J. Chem. Phys. 97, 2635, 1992.) */
static void chains_make_an_oscillator_canonical(void **state)
{
    (void)state;
    double kurtosis;
    for (uint32_t nlinks = 1; nlinks <= 4; nlinks += 3) {
        double coarse = stray(nlinks, 1, 0.05, &kurtosis), fine = stray(nlinks, 1, 0.025, &kurtosis);
        assert_true(coarse < 5e-3 && fabs(fine / coarse - 0.25) < 0.06);
        assert_true(nlinks == 1 ? kurtosis < 2.5 : fabs(kurtosis - 3) < 0.15);
    }
    (void)stray(4, 3, 0.02, &kurtosis);
    assert_true(fabs(kurtosis - 3) < 0.15);
}

/** Half before the first of `every` steps, half after it. */
static void chains_are_due_around_a_step(void **state)
{
    (void)state;
    al_thermostat_opts opts = {.kind = AL_THERMOSTAT_NOSE_HOOVER, .is_verlet = true, .every = 5};
    for (uint64_t step = 1; step < 12; step++) {
        assert_int_equal(al_thermostat_is_due(&opts, step), step % 5 == 0);
        assert_int_equal(al_thermostat_is_to_finish(&opts, step), step % 5 == 1);
    }
    opts.every = 1;
    assert_true(al_thermostat_is_due(&opts, 7) && al_thermostat_is_to_finish(&opts, 7));
    opts.is_verlet = false;
    assert_true(!al_thermostat_is_to_finish(&opts, 7));
    opts = (al_thermostat_opts){.kind = AL_THERMOSTAT_BERENDSEN, .is_verlet = true, .every = 1};
    assert_true(!al_thermostat_is_to_finish(&opts, 7));
}

/** Oscillators in steps that are short to their periods, with a distribution that is known. */
static void v_rescale_makes_oscillators_canonical(void **state)
{
    (void)state;
    enum { NSTEPS = 60000 };
    const double dt = 0.01, thermal = BOLTZMANN * 300, n = 3.0 * NATOMS;
    const al_bath bath = {.freedom = n, .temperature = 300, .tau = 0.1};
    const al_thermostat_opts opts = {.kind = AL_THERMOSTAT_V_RESCALE,
                                     .boltzmann = BOLTZMANN,
                                     .dt = dt,
                                     .every = 2,
                                     .seed = 11,
                                     .baths = &bath,
                                     .nbaths = 1};
    al_bath_state memory = {.taken = 0};
    oscillators o;
    double sums[4] = {0, 0, 0, 0};
    begin_oscillators(&o, 100, BOLTZMANN * 300);
    for (uint64_t step = 0; step < NSTEPS; step++) {
        al_bath_kick kick = {.lambda = 1, .drag = 0};
        double kinetic = kinetic_of(&o);
        if (al_thermostat_is_due(&opts, step))
            kick = al_thermostat_couple(&opts, step, 0, kinetic, &memory);
        double potential = leap(&o, &kick, dt);
        sums[0] += kinetic;
        sums[1] += kinetic * kinetic;
        sums[2] += potential;
        sums[3] += potential * potential;
    }
    /* The total energy forgets itself in 2 tau: an independent number each 4 tau. */
    double independent = NSTEPS * dt / (4 * bath.tau);
    for (int k = 0; k < 2; k++) {
        double mean = sums[2 * k] / NSTEPS, variance = sums[2 * k + 1] / NSTEPS - mean * mean;
        assert_true(fabs(mean / (n * thermal / 2) - 1) < 4 * sqrt(2 / n / independent) + 2e-3);
        assert_true(fabs(variance / (n * thermal * thermal / 2) - 1) < 4 * sqrt(2 / independent));
    }
}

static void is_due_a_step_after_each_multiple(void **state)
{
    (void)state;
    al_thermostat_opts opts = {.kind = AL_THERMOSTAT_BERENDSEN, .every = 10};
    for (uint64_t step = 0; step < 40; step++) {
        opts.every = 10;
        assert_int_equal(al_thermostat_is_due(&opts, step), step % 10 == 1);
        opts.is_verlet = true;
        assert_int_equal(al_thermostat_is_due(&opts, step), step % 10 == 0);
        opts.is_verlet = false;
        opts.every = 1;
        assert_true(al_thermostat_is_due(&opts, step));
    }
    opts.kind = AL_THERMOSTAT_NONE;
    assert_false(al_thermostat_is_due(&opts, 1));
}

static void what_cannot_be_held_is_refused(void **state)
{
    (void)state;
    static const struct {
        int kind;
        al_bath bath;
        const char *said;
    } cases[] = {
        {AL_THERMOSTAT_V_RESCALE, {0.5, 300, 1}, "temperature group 1 has 0.5 degrees of freedom"},
        {AL_THERMOSTAT_NOSE_HOOVER, {3, 0, 1}, "Nosé-Hoover takes a temperature above 0"},
        {AL_THERMOSTAT_BERENDSEN, {3, -1, 1}, "cannot be held"},
        {AL_THERMOSTAT_BERENDSEN, {3, NAN, 1}, "cannot be held"},
        {AL_THERMOSTAT_BERENDSEN, {3, 300, INFINITY}, "cannot be held"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        const al_bath baths[] = {{.freedom = 3, .temperature = 300, .tau = 1}, cases[k].bath};
        const al_thermostat_opts opts = {.kind = cases[k].kind, .every = 1, .baths = baths, .nbaths = 2};
        allot_error err;
        assert_int_equal(al_thermostat_check(&opts, &err), ALLOT_ERANGE);
        assert_non_null(strstr(err.text, cases[k].said));
    }
    const al_bath alone = {.freedom = 0.5, .temperature = 300, .tau = -1};
    const al_thermostat_opts opts = {
        .kind = AL_THERMOSTAT_V_RESCALE, .every = 1, .baths = &alone, .nbaths = 1};
    assert_int_equal(al_thermostat_check(&opts, NULL), ALLOT_OK);
}

/* ---- degrees of freedom -------------------------------------------------------------------------------- */

static void constraints_take_half_from_each_atom(void **state)
{
    (void)state;
    static const uint8_t cases[][4] = {{6, 6, 5, 5}, {1, 6, 0, 5}, {0, 6, 0, 4}, {6, 0, 4, 0},
                                       {0, 1, 0, 0}, {0, 0, 0, 0}, {1, 0, 0, 0}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        uint8_t a = cases[k][0], b = cases[k][1];
        al_freedom_hold(&a, &b);
        assert_int_equal(a, cases[k][2]);
        assert_int_equal(b, cases[k][3]);
    }
}

static void motion_of_the_whole_is_taken_from_all_by_share(void **state)
{
    (void)state;
    const double linear[] = {3, 3}, none[] = {0, 0};
    double freedom[2];
    /* 10 atoms free, 20 waters: 3 of 30 + 120 */
    const al_freedom_part one[] = {{10, 30}, {60, 120}};
    al_freedom_share(one, 2, 1, linear, freedom);
    assert_true(fabs(freedom[0] - 30 * 147.0 / 150) < 1e-12 && fabs(freedom[1] - 120 * 147.0 / 150) < 1e-12);
    al_freedom_share(one, 2, 1, none, freedom);
    assert_true(freedom[0] == 30 && freedom[1] == 120);
    /* each group's own motion is taken out: 3 each */
    const al_freedom_part own[] = {{10, 30}, {0, 0}, {0, 0}, {60, 120}};
    al_freedom_share(own, 2, 2, linear, freedom);
    assert_true(fabs(freedom[0] - 27) < 1e-12 && fabs(freedom[1] - 117) < 1e-12);
    /* one atom has none left; a group without atoms has none */
    const al_freedom_part few[] = {{1, 3}, {0, 0}};
    al_freedom_share(few, 2, 1, linear, freedom);
    assert_true(freedom[0] == 0 && freedom[1] == 0);
}

/** What grompp 2022.5 says of alanine dipeptide in 632 waters, with hydrogens and the rest as temperature
 * groups. */
static void counts_are_those_of_grompp(void **state)
{
    (void)state;
    const double linear[] = {3, 3};
    double freedom[2];
    /* comm-grps: the first 700 atoms, 226 waters among them, and the others */
    const al_freedom_part parts[] = {
        {464, 12 * 3 + 226 * 4}, {812, 406 * 4}, {236, 10 * 3 + 226 * 2}, {406, 406 * 2}};
    al_freedom_share(parts, 2, 2, linear, freedom);
    assert_true(fabs(freedom[0] - 2560.02) < 0.005 && fabs(freedom[1] - 1291.99) < 0.005);
    /* h-bonds; atoms 1 to 5, a methyl group among them, are frozen in x and y */
    uint8_t carbon = 2, hydrogens[] = {2, 2, 2};
    for (int k = 0; k < 3; k++)
        al_freedom_hold(&carbon, &hydrogens[k]);
    double methyl = (hydrogens[0] + hydrogens[1] + hydrogens[2]) / 2.0;
    const al_freedom_part one[] = {{1276, 9 * 2.5 + methyl + 632 * 4},
                                   {642, 8 * 3 - 9 * 0.5 + 1 + carbon / 2.0 + 632 * 2}};
    al_freedom_share(one, 2, 1, linear, freedom);
    assert_true(fabs(freedom[0] - 2549.5) < 0.05 && fabs(freedom[1] - 1283.5) < 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_the_moments_of_their_distributions),
        cmocka_unit_test(numbers_are_those_of_seed_group_and_step_alone),
        cmocka_unit_test(v_rescale_draws_from_the_canonical_distribution),
        cmocka_unit_test(berendsen_relaxes_exponentially),
        cmocka_unit_test(what_is_conserved_stays),
        cmocka_unit_test(nose_hoover_oscillates_with_its_period),
        cmocka_unit_test(chains_make_an_oscillator_canonical),
        cmocka_unit_test(chains_are_due_around_a_step),
        cmocka_unit_test(v_rescale_makes_oscillators_canonical),
        cmocka_unit_test(is_due_a_step_after_each_multiple),
        cmocka_unit_test(what_cannot_be_held_is_refused),
        cmocka_unit_test(constraints_take_half_from_each_atom),
        cmocka_unit_test(motion_of_the_whole_is_taken_from_all_by_share),
        cmocka_unit_test(counts_are_those_of_grompp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
