/* test_barostat.c - pressure that is held: volumes of the ensemble that they must have, relaxation and
 * oscillation as theory has them, energies that stay, and boxes that keep their shape where they must.
 *
 * What stands for a system is an ideal gas, of which all is known, or matter whose pressure is a function of
 * the box.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "md/couple/barostat.h"
#include "md/couple/thermostat.h"
#include "support/prop.h"

#define BAR 0.0602214076 /* kJ/mol/nm^3 */

static const double zero[3][3];

static void copy(const double from[3][3], double to[3][3])
{
    memcpy(to, from, 9 * sizeof(double));
}

static void change(const double mu[3][3], double box[3][3])
{
    for (int d = 0; d < 3; d++)
        al_barostat_place(mu, box[d]);
}

static al_barostat_opts options(int kind, int coupling, const double *compressibility,
                                const double *reference)
{
    al_barostat_opts opts = {.kind = kind,
                             .coupling = coupling,
                             .dt = 0.002,
                             .every = 5,
                             .tau = 2,
                             .pressure_energy = BAR,
                             .thermal = 2.5,
                             .seed = 17};
    al_barostat_spread(coupling, compressibility, opts.compressibility);
    al_barostat_spread(coupling, reference, opts.reference);
    assert_int_equal(al_barostat_check(&opts, NULL), ALLOT_OK);
    return opts;
}

static void numbers_go_where_gromacs_has_them(void **state)
{
    (void)state;
    static const double numbers[] = {1, 2, 3, 4, 5, 6};
    static const double one[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
                        two[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 2}},
                        six[3][3] = {{1, 4, 5}, {4, 2, 6}, {5, 6, 3}};
    double tensor[3][3];
    al_barostat_spread(AL_COUPLING_ISOTROPIC, numbers, tensor);
    assert_memory_equal(tensor, one, sizeof one);
    al_barostat_spread(AL_COUPLING_SEMIISOTROPIC, numbers, tensor);
    assert_memory_equal(tensor, two, sizeof two);
    al_barostat_spread(AL_COUPLING_ANISOTROPIC, numbers, tensor);
    assert_memory_equal(tensor, six, sizeof six);
}

static void is_due_when_gromacs_does_it(void **state)
{
    (void)state;
    al_barostat_opts opts = {.every = 10};
    for (uint64_t step = 0; step < 30; step++) {
        opts.kind = AL_BAROSTAT_NONE;
        assert_false(al_barostat_is_due(&opts, step));
        opts.kind = AL_BAROSTAT_C_RESCALE;
        assert_int_equal(al_barostat_is_due(&opts, step), step % 10 == 0);
        opts.kind = AL_BAROSTAT_PARRINELLO_RAHMAN;
        assert_int_equal(al_barostat_is_due(&opts, step), step % 10 == 1);
    }
}

static void pressure_is_of_motion_and_forces(void **state)
{
    (void)state;
    const al_barostat_opts opts = {.pressure_energy = BAR};
    const double box[3][3] = {{2, 0, 0}, {0.5, 3, 0}, {0.1, 0.2, 4}},
                 kinetic[3][3] = {{3, 1, 0}, {1, 3, 0}, {0, 0, 5}},
                 virial[3][3] = {{-2, 1, 0}, {0, 6, 0}, {7, 0, 0}};
    double pressure[3][3];
    al_barostat_pressure(&opts, kinetic, virial, box, pressure);
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            assert_true(fabs(pressure[d][e] - (2 * kinetic[d][e] + virial[d][e]) / (24 * BAR)) < 1e-12);
}

/* ---- matter whose pressure is a function of its box ---------------------------------------------------- */

/** Of a compressibility, and without strain at `rest`, where its pressure is what it is; its energy. */
typedef struct matter {
    double beta[3]; /* of the volume, if all are the same */
    double rest[3]; /* lengths */
    double pressure;
    bool is_fluid; /* the volume alone counts */
} matter;

static double squeeze(const matter *m, const double box[3][3], double pressure[3][3])
{
    double volume = al_barostat_volume(box), rest = m->rest[0] * m->rest[1] * m->rest[2], energy = 0;
    memset(pressure, 0, 9 * sizeof(double));
    for (int d = 0; d < 3; d++) {
        /* energy: rest / (2 beta) ln^2, less the pressure's work; pressure: its slope */
        double grown = m->is_fluid ? log(volume / rest) : 3 * log(box[d][d] / m->rest[d]);
        pressure[d][d] = m->pressure - rest / volume * grown / m->beta[d];
        energy += rest * grown * grown / (6 * m->beta[d]) * BAR;
    }
    return energy - m->pressure * volume * BAR;
}

static void set_box(double x, double y, double z, double box[3][3])
{
    const double straight[3][3] = {{x, 0, 0}, {0, y, 0}, {0, 0, z}};
    copy(straight, box);
}

/** Virial of matter that has no kinetic energy. */
static void virial_of(const double pressure[3][3], const double box[3][3], double virial[3][3])
{
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            virial[d][e] = pressure[d][e] * al_barostat_volume(box) * BAR;
}

static void berendsen_relaxes_exponentially(void **state)
{
    (void)state;
    static const double beta[] = {4.5e-5, 4.5e-5}, reference[] = {1, 1};
    for (int coupling = AL_COUPLING_ISOTROPIC; coupling <= AL_COUPLING_SEMIISOTROPIC; coupling++) {
        const al_barostat_opts opts = options(AL_BAROSTAT_BERENDSEN, coupling, beta, reference);
        const matter m = {.beta = {4.5e-5, 4.5e-5, 4.5e-5}, .rest = {3, 3, 3}, .pressure = 1};
        al_barostat_state memory = {.work = 0};
        double box[3][3], pressure[3][3], virial[3][3], mu[3][3], first = 0;
        set_box(3.01, 3.01, 3.01, box);
        for (int k = 0; k < 400; k++) {
            double energy = squeeze(&m, box, pressure), t = k * 0.01;
            if (k == 0)
                first = energy;
            for (int d = 0; d < 3; d++)
                assert_true(fabs(log(box[d][d] / 3) / log(3.01 / 3) / exp(-t / 2) - 1) < 0.01);
            assert_true(fabs(energy + memory.work - first) <= 0.02 * fabs(memory.work));
            virial_of(pressure, box, virial);
            al_barostat_scale(&opts, 5 * (uint64_t)k, zero, virial, pressure, box, &memory, mu);
            change(mu, box);
        }
    }
}

static void berendsen_is_as_written(void **state)
{
    (void)state;
    /* factor is period / tau / 3 = 1/600 */
    static const double pressure[3][3] = {{10, 2, 3}, {5, 40, 6}, {8, 9, 100}},
                        reference[] = {7, 1, 1, 1, 2, 3}, beta[] = {0.6, 0.3, 0.9, 0.06, 0.12, 0.18};
    double box[3][3], mu[3][3];
    al_barostat_state memory = {.work = 0};
    set_box(3, 4, 5, box);
    al_barostat_opts opts = options(AL_BAROSTAT_BERENDSEN, AL_COUPLING_ISOTROPIC, beta, reference);
    al_barostat_scale(&opts, 0, zero, zero, pressure, box, &memory, mu);
    const double one[3][3] = {{1.043, 0, 0}, {0, 1.043, 0}, {0, 0, 1.043}};
    for (int k = 0; k < 9; k++)
        assert_true(fabs(mu[k / 3][k % 3] - one[k / 3][k % 3]) < 1e-14);
    opts = options(AL_BAROSTAT_BERENDSEN, AL_COUPLING_SEMIISOTROPIC, beta, reference);
    al_barostat_scale(&opts, 0, zero, zero, pressure, box, &memory, mu);
    const double two[3][3] = {{1.018, 0, 0}, {0, 1.018, 0}, {0, 0, 1.0495}};
    for (int k = 0; k < 9; k++)
        assert_true(fabs(mu[k / 3][k % 3] - two[k / 3][k % 3]) < 1e-14);
    opts = options(AL_BAROSTAT_BERENDSEN, AL_COUPLING_ANISOTROPIC, beta, reference);
    al_barostat_scale(&opts, 0, zero, pressure, pressure, box, &memory, mu);
    const double six[3][3] = {{1.003, 0, 0}, {0.0005, 1.0195, 0}, {0.0014, 0.0027, 1.1485}};
    for (int k = 0; k < 9; k++)
        assert_true(fabs(mu[k / 3][k % 3] - six[k / 3][k % 3]) < 1e-14);
    assert_true(fabs(memory.work - (0.03 + 5 * 0.0005 + 0.78 + 8 * 0.0014 + 9 * 0.0027 + 14.85)) < 1e-12);
    assert_true(fabs(al_barostat_strain(mu) - 0.1485) < 1e-14);
}

/* ---- C-rescale of an ideal gas ------------------------------------------------------------------------- */

/** An ideal gas under a pressure: of volumes, (N + 1) kT/P is the mean, (N + 1) (kT/P)^2 the variance,
 * whichever of its lengths change. Its temperature is held in each direction. */
static void gas_under_pressure(int coupling, const double *beta)
{
    enum { N = 50, NSTEPS = 400000 };
    const double thermal = 2.5, reference[] = {20, 20}, one = thermal / (20 * BAR);
    al_barostat_opts opts = options(AL_BAROSTAT_C_RESCALE, coupling, beta, reference);
    const al_bath baths[] = {{N, 300, 0.01}, {N, 300, 0.01}, {N, 300, 0.01}};
    const al_thermostat_opts heat = {.kind = AL_THERMOSTAT_V_RESCALE,
                                     .boltzmann = thermal / 300,
                                     .dt = 0.01,
                                     .every = 1,
                                     .seed = 4,
                                     .baths = baths,
                                     .nbaths = 3};
    al_bath_state states[3] = {{.taken = 0}};
    al_barostat_state memory = {.work = 0};
    double box[3][3], kinetic[3][3] = {{0}}, pressure[3][3], mu[3][3], sums[2] = {0, 0}, begin = 0, end = 0;
    double edge = cbrt((N + 1) * one), wanted = (N + 1) * one;
    opts.tau = 0.5; /* of 0.01 a step: the volume forgets itself in 50 */
    set_box(edge, edge, edge, box);
    for (int d = 0; d < 3; d++)
        begin += kinetic[d][d] = N * thermal / 2;
    for (uint64_t step = 1; step <= NSTEPS; step++) {
        for (uint32_t d = 0; d < 3; d++) {
            al_bath_kick kick = al_thermostat_couple(&heat, step, d, kinetic[d][d], &states[d]);
            kinetic[d][d] *= kick.lambda * kick.lambda;
        }
        al_barostat_pressure(&opts, kinetic, zero, box, pressure);
        al_barostat_scale(&opts, step, kinetic, zero, pressure, box, &memory, mu);
        for (int d = 0; d < 3; d++) {
            kinetic[d][d] /= mu[d][d] * mu[d][d];
            if (beta[d == 2 && coupling == AL_COUPLING_SEMIISOTROPIC] == 0)
                assert_true(mu[d][d] == 1);
        }
        assert_true(mu[0][0] == mu[1][1]);
        change(mu, box);
        double y = al_barostat_volume(box) / wanted - 1;
        sums[0] += y;
        sums[1] += y * y;
    }
    for (int d = 0; d < 3; d++)
        end += kinetic[d][d];
    end += al_thermostat_energy(&heat, states) + al_barostat_energy(&opts, &memory, box);
    assert_true(fabs(end - begin) < 1e-6 * NSTEPS);
    /* d ln V/dt = -beta/tau (P0 - P), P about P0/V: relaxes with tau/(beta P0); a third of it along, two
     * across */
    double all = (coupling == AL_COUPLING_ISOTROPIC ? beta[0] : beta[0] * 2 / 3 + beta[1] / 3) * 20;
    double independent = NSTEPS * 0.01 * all / opts.tau / 2, mean = sums[0] / NSTEPS;
    assert_true(fabs(mean) < 3 * sqrt(1 / (N + 1.0) / independent));
    assert_true(3 * sqrt(1 / (N + 1.0) / independent) < 0.7 / (N + 1)); /* (N + 1) and N told apart */
    assert_true(fabs((sums[1] / NSTEPS - mean * mean) * (N + 1) - 1) <
                3 * sqrt((2 + 6 / (N + 1.0)) / independent) + 0.01);
}

static void c_rescale_draws_volumes_of_the_ensemble(void **state)
{
    (void)state;
    static const double both[] = {0.05}, across[] = {0.075, 0}, along[] = {0, 0.15};
    gas_under_pressure(AL_COUPLING_ISOTROPIC, both);
    gas_under_pressure(AL_COUPLING_SEMIISOTROPIC, across);
    gas_under_pressure(AL_COUPLING_SEMIISOTROPIC, along);
}

/** Two lengths that matter holds each for itself: no more moves either than theory has it, nor both as one.
 */
static void c_rescale_moves_across_and_along_apart(void **state)
{
    (void)state;
    enum { NSTEPS = 400000 };
    static const double beta[] = {0.01, 0.02}, reference[] = {1, 1};
    al_barostat_opts opts = options(AL_BAROSTAT_C_RESCALE, AL_COUPLING_SEMIISOTROPIC, beta, reference);
    const matter m = {.beta = {0.01, 0.01, 0.02}, .rest = {8, 8, 8}, .pressure = 1};
    al_barostat_state memory = {.work = 0};
    double box[3][3], pressure[3][3], mu[3][3], sums[5] = {0, 0, 0, 0, 0};
    opts.tau = 0.2; /* 20 steps */
    set_box(8, 8, 8, box);
    for (uint64_t step = 0; step < NSTEPS; step++) {
        (void)squeeze(&m, box, pressure);
        al_barostat_scale(&opts, step, zero, zero, pressure, box, &memory, mu);
        change(mu, box);
        double area = 2 * log(box[0][0] / 8), length = log(box[2][2] / 8);
        sums[0] += area;
        sums[1] += length;
        sums[2] += area * area;
        sums[3] += length * length;
        sums[4] += area * length;
    }
    /* energy: V0/6 (9 (area/2)^2 / beta 2 + 9 length^2 / beta), in units of kT: variances 2/3 and 1/3 kT
     * beta/V0 */
    double unit = 2.5 / (512 * BAR), across = unit * 0.01 * 2 / 3, along = unit * 0.02 / 3,
           independent = NSTEPS / 40.0;
    double mean_area = sums[0] / NSTEPS, mean_length = sums[1] / NSTEPS;
    assert_true(fabs((sums[2] / NSTEPS - mean_area * mean_area) / across - 1) <
                4 * sqrt(2 / independent) + 0.025);
    assert_true(fabs((sums[3] / NSTEPS - mean_length * mean_length) / along - 1) <
                4 * sqrt(2 / independent) + 0.025);
    assert_true(fabs(sums[4] / NSTEPS - mean_area * mean_length) <
                4 * sqrt(across * along / independent) + 3e-7);
}

/* ---- Parrinello-Rahman --------------------------------------------------------------------------------- */

typedef struct swing {
    double period, wobble, drift; /* of the z vector's length; of the energy, by that of the swing */
} swing;

/** Let go of matter that is strained, with nothing else. */
static swing let_go(const al_barostat_opts *opts, const matter *m, double box[3][3], double time)
{
    al_barostat_state memory = {.work = 0};
    double last = 0, first_crossing = 0, crossing = 0, greatest = 0, sums[5] = {0, 0, 0, 0, 0};
    double rest = m->is_fluid ? m->rest[0] * m->rest[1] * m->rest[2] : m->rest[2],
           dt = opts->every * opts->dt;
    int ncrossings = 0, nsteps = (int)(time / dt);
    for (int step = 0; step < nsteps; step++) {
        double pressure[3][3], matrix[3][3], mu[3][3];
        double apart = (m->is_fluid ? al_barostat_volume(box) : box[2][2]) / rest - 1;
        double potential = squeeze(m, box, pressure), before = al_barostat_energy(opts, &memory, box);
        double worked = memory.work;
        al_barostat_push(opts, pressure, box, &memory, matrix, mu);
        double new_work = memory.work;
        memory.work = worked; /* that was of the box that will be */
        double all = potential + (before + al_barostat_energy(opts, &memory, box)) / 2,
               t = step * dt - time / 2;
        memory.work = new_work;
        if (last > 0 && apart <= 0) {
            crossing = step * dt - dt * apart / (apart - last);
            if (ncrossings++ == 0)
                first_crossing = crossing;
        }
        last = apart;
        sums[0] += all;
        sums[1] += all * all;
        sums[2] += t * all;
        sums[3] += t;
        sums[4] += t * t;
        greatest = fmax(greatest, al_barostat_energy(opts, &memory, box) - before);
        change(mu, box);
    }
    assert_true(ncrossings > 4);
    double mean = sums[0] / nsteps;
    return (swing){.period = (crossing - first_crossing) / (ncrossings - 1),
                   .wobble = sqrt(fmax(0, sums[1] / nsteps - mean * mean)),
                   .drift = (sums[2] - sums[3] * mean) / (sums[4] - sums[3] * sums[3] / nsteps)};
}

/** Of a fluid in a cube the period is tau where the compressibility is right, and goes with the root of it.
 */
static void parrinello_rahman_swings_with_its_period(void **state)
{
    (void)state;
    static const double reference[] = {500};
    for (double wrong = 1; wrong < 5; wrong *= 4) {
        const double beta[] = {4.5e-5 / wrong};
        const al_barostat_opts opts =
            options(AL_BAROSTAT_PARRINELLO_RAHMAN, AL_COUPLING_ISOTROPIC, beta, reference);
        const matter m = {
            .beta = {4.5e-5, 4.5e-5, 4.5e-5}, .rest = {4, 4, 4}, .pressure = 500, .is_fluid = true};
        double box[3][3], strain = 0.001;
        set_box(4 * (1 + strain), 4 * (1 + strain), 4 * (1 + strain), box);
        swing s = let_go(&opts, &m, box, 40);
        double energy = 9 * strain * strain / (2 * 4.5e-5) * 64 * BAR;
        assert_true(fabs(s.period / opts.tau / sqrt(wrong) - 1) < 1e-3);
        assert_true(s.wobble < 2e-3 * energy && fabs(s.drift) * 40 < 2e-3 * energy);
    }
}

/** What stays, with boxes that are no cubes, pressures that differ, in all couplings. */
static void what_is_conserved_stays(void **state)
{
    (void)state;
    static const double beta[] = {4.5e-5, 3e-5, 6e-5, 0, 0, 0}, even[] = {100, 100, 100, 0, 0, 0},
                        uneven[] = {100, 115, 90, 0, 0, 0};
    for (int coupling = AL_COUPLING_ISOTROPIC; coupling <= AL_COUPLING_ANISOTROPIC; coupling++)
        for (int is_uneven = 0; is_uneven < 2; is_uneven++) {
            double energy[2], box[3][3];
            swing s[2];
            for (int fine = 0; fine < 2; fine++) {
                al_barostat_opts opts =
                    options(AL_BAROSTAT_PARRINELLO_RAHMAN, coupling, beta, is_uneven ? uneven : even);
                /* a fluid, where all is to be one; else a solid, whose lengths are apart */
                const matter m = {.beta = {4e-5, 4e-5, 4e-5},
                                  .rest = {3, 3, 5},
                                  .pressure = 100,
                                  .is_fluid = coupling == AL_COUPLING_ISOTROPIC};
                opts.every = fine ? 5 : 10;
                set_box(3 * 1.001, 3 * 1.001, 5 * 1.002, box);
                s[fine] = let_go(&opts, &m, box, 40);
                energy[fine] = 9 * 1e-6 / 8e-5 * 45 * BAR;
            }
            /* Masses go with the box, which energies do not count: with the strain, here 1 in 1,000. */
            assert_true(s[1].wobble < 0.003 * energy[1] && s[1].wobble < s[0].wobble);
            assert_true(fabs(s[1].drift) * 40 < 3e-4 * energy[1]);
        }
}

/** Atoms of an ideal gas in a box of any shape: what they lose in going round, the box has. */
static void a_gas_swings_without_heat(void **state)
{
    (void)state;
    enum { N = 300 };
    static const double boxes[][3][3] = {{{4, 0, 0}, {0, 4, 0}, {0, 0, 4}},
                                         {{4, 0, 0}, {0, 4, 0}, {2, 2, 2.8}}};
    for (int shape = 0; shape < 2; shape++) {
        double v[N][3], box[3][3], start[3][3], kinetic[3][3] = {{0}}, pressure[3][3], sums[3] = {0, 0, 0};
        copy(boxes[shape], box);
        copy(box, start);
        prop_begin(3);
        for (int k = 0; k < N; k++)
            for (int d = 0; d < 3; d++)
                v[k][d] = sqrt(-2 * log(1 - prop_unit())) * cos(2 * M_PI * prop_unit());
        double volume = al_barostat_volume(box), held = N / volume / BAR;
        const double beta[] = {1 / held}, reference[] = {held};
        al_barostat_opts opts =
            options(AL_BAROSTAT_PARRINELLO_RAHMAN, AL_COUPLING_ISOTROPIC, beta, reference);
        al_barostat_state memory = {.work = 0};
        double total = 0, last = 0, crossing = 0, first_crossing = 0;
        int ncrossings = 0;
        opts.every = 1;
        /* as warm in all directions, and they do not go together */
        for (int d = 0; d < 3; d++) {
            double along[3] = {0, 0, 0}, sum = 0;
            for (int k = 0; k < N; k++)
                for (int e = 0; e < d; e++)
                    along[e] += v[k][d] * v[k][e] / N;
            for (int k = 0; k < N; k++) {
                for (int e = 0; e < d; e++)
                    v[k][d] -= along[e] * v[k][e];
                sum += v[k][d] * v[k][d];
            }
            for (int k = 0; k < N; k++)
                v[k][d] *= sqrt(N / sum);
        }
        for (int k = 0; k < N; k++)
            for (int d = 0; d < 3; d++)
                v[k][d] *= 1.005;
        for (int step = 0; step < 10000; step++) {
            double m[3][3], mu[3][3], all = 0;
            memset(kinetic, 0, sizeof kinetic);
            for (int k = 0; k < N; k++)
                for (int d = 0; d < 3; d++)
                    for (int e = 0; e < 3; e++)
                        kinetic[d][e] += v[k][d] * v[k][e] / 2;
            for (int d = 0; d < 3; d++)
                all += kinetic[d][d];
            al_barostat_pressure(&opts, kinetic, zero, box, pressure);
            if (step == 0)
                total = all + al_barostat_energy(&opts, &memory, box);
            sums[0] = fmax(sums[0], fabs(all + al_barostat_energy(&opts, &memory, box) - total));
            double apart = pressure[2][2] / held - 1;
            if (last > 0 && apart <= 0) {
                crossing = step - apart / (apart - last);
                if (ncrossings++ == 0)
                    first_crossing = crossing;
            }
            last = apart;
            al_barostat_push(&opts, pressure, box, &memory, m, mu);
            for (int k = 0; k < N; k++) {
                for (int d = 2; d >= 0; d--)
                    v[k][d] -= opts.dt * (m[d][0] * v[k][0] + m[d][1] * v[k][1] + m[d][2] * v[k][2]);
            }
            change(mu, box);
        }
        /* M v is of velocities before, not half of before and after, which is this much in 10,000 steps */
        assert_true(sums[0] < 6e-6 * N);
        assert_true(ncrossings > 5);
        if (shape == 0) /* adiabatic: beta is 3/5 of 1/P */
            assert_true(
                fabs((crossing - first_crossing) / (ncrossings - 1) * opts.dt / opts.tau - sqrt(0.6)) < 2e-3);
        for (int d = 0; d < 3; d++)
            for (int e = 0; e <= d; e++) /* its shape has stayed */
                assert_true(fabs(box[d][e] / box[0][0] - start[d][e] / start[0][0]) < 1e-12);
    }
}

/** x, y and z are alike; what is done to a box with its axes named otherwise is the same. */
static void directions_are_alike(void **state)
{
    (void)state;
    static const int orders[][3] = {{0, 1, 2}, {1, 2, 0}, {2, 0, 1}, {1, 0, 2}};
    static const double lengths[] = {3, 4, 5}, pressures[] = {10, 300, -40}, betas[] = {4e-5, 5e-5, 6e-5};
    double grown[4][3];
    for (int k = 0; k < 4; k++) {
        const int *o = orders[k];
        const double beta[] = {betas[o[0]], betas[o[1]], betas[o[2]], 0, 0, 0},
                     reference[] = {1, 1, 1, 0, 0, 0};
        const al_barostat_opts opts =
            options(AL_BAROSTAT_PARRINELLO_RAHMAN, AL_COUPLING_ANISOTROPIC, beta, reference);
        double box[3][3], pressure[3][3], m[3][3], mu[3][3];
        al_barostat_state memory = {.work = 0};
        set_box(lengths[o[0]], lengths[o[1]], lengths[o[2]], box);
        set_box(pressures[o[0]], pressures[o[1]], pressures[o[2]], pressure);
        al_barostat_push(&opts, pressure, box, &memory, m, mu);
        al_barostat_push(&opts, pressure, box, &memory, m, mu);
        for (int d = 0; d < 3; d++)
            grown[k][o[d]] = mu[d][d];
        /* 2 period^2 V (P - P0) / (W L d) */
        double wanted = 2 * 1e-4 * 60 * (300 - 1) / (4 * 4) * 4 * M_PI * M_PI * 5e-5 / (3 * 4 * 5);
        assert_true(fabs((grown[k][1] - 1) / wanted - 1) < 1e-9);
        for (int d = 0; d < 3; d++)
            assert_true(fabs(grown[k][d] - grown[0][d]) < 1e-15);
    }
}

/** A box that leans: its vectors move as GROMACS' do; velocities turn with them, so that what is a whole step
 * along a vector stays one. */
static void tilts_move_by_the_pressure_below_and_above(void **state)
{
    (void)state;
    static const double beta[] = {1e-4, 1e-4, 1e-4, 2e-4, 3e-4, 4e-4}, reference[] = {0, 0, 0, 0, 0, 0};
    const al_barostat_opts opts =
        options(AL_BAROSTAT_PARRINELLO_RAHMAN, AL_COUPLING_ANISOTROPIC, beta, reference);
    const double pressure[3][3] = {{0, 7, 8}, {7, 0, 9}, {8, 9, 0}};
    double box[3][3], m[3][3], mu[3][3], next[3][3];
    al_barostat_state memory = {.work = 0};
    set_box(3, 4, 5, box);
    al_barostat_push(&opts, pressure, box, &memory, m, mu);
    static const double betas[] = {2e-4, 3e-4, 4e-4},
                        forces[] = {7 / 4.0 + 7 / 3.0, 8 / 5.0 + 8 / 3.0, 9 / 5.0 + 9 / 4.0};
    const double moved[] = {memory.velocity[1][0], memory.velocity[2][0], memory.velocity[2][1]};
    for (int k = 0; k < 3; k++) {
        double wanted = 0.01 * 60 * forces[k] * 4 * M_PI * M_PI * betas[k] / (3 * 4 * 5);
        assert_true(fabs(moved[k] / wanted - 1) < 1e-12);
    }
    assert_true(memory.velocity[0][1] == 0 && memory.velocity[0][0] == 0);
    /* in a box that leans: (b^-1)' (P - P0) */
    const double leaning[3][3] = {{2, 0, 0}, {1, 4, 0}, {1, 2, 5}},
                 full[3][3] = {{1, 7, 8}, {7, 3, 9}, {8, 9, 5}}; /* b^-1: 1/2; -1/8 1/4; -1/20 -1/10 1/5 */
    static const double wanted[3][3] = {
        {1 / 2.0 - 7 / 8.0 - 8 / 20.0, 0, 0},
        {7 / 4.0 - 8 / 10.0 + 7 / 2.0 - 3 / 8.0 - 9 / 20.0, 3 / 4.0 - 9 / 10.0, 0},
        {8 / 5.0 + 8 / 2.0 - 9 / 8.0 - 5 / 20.0, 9 / 5.0 + 9 / 4.0 - 5 / 10.0, 5 / 5.0}};
    memset(&memory, 0, sizeof memory);
    al_barostat_push(&opts, full, leaning, &memory, m, mu);
    for (int d = 0; d < 3; d++)
        for (int e = 0; e <= d; e++) {
            double per_mass = 4 * M_PI * M_PI * opts.compressibility[d][e] / (3 * 4 * 5);
            assert_true(fabs(memory.velocity[d][e] - 0.01 * 40 * per_mass * wanted[d][e]) < 1e-15);
        }
    /* mu takes the box where its velocity does, and m is the rate of mu, with tilts, too */
    const double skewed[3][3] = {{3, 0, 0}, {0.4, 4, 0}, {-1, 0.9, 5}};
    copy(skewed, box);
    copy(skewed, next);
    al_barostat_push(&opts, pressure, box, &memory, m, mu);
    change(mu, next);
    for (int d = 0; d < 3; d++)
        for (int e = 0; e <= d; e++) {
            assert_true(fabs(next[d][e] - box[d][e] - 0.01 * memory.velocity[d][e]) < 1e-14);
            assert_true(fabs(mu[d][e] - (d == e) - 0.01 * m[d][e]) < 1e-14);
        }
}

/** A cube that resists to be tilted: energy V G/2 t^2 of a tilt t, pressure -G t off the diagonal. */
static void tilts_swing_and_lose_nothing(void **state)
{
    (void)state;
    enum { NSTEPS = 4000 };
    static const double beta[] = {1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4}, reference[] = {0, 0, 0, 0, 0, 0};
    static const int places[][2] = {{1, 0}, {2, 0}, {2, 1}};
    al_barostat_opts opts = options(AL_BAROSTAT_PARRINELLO_RAHMAN, AL_COUPLING_ANISOTROPIC, beta, reference);
    const double modulus = 3000, strain = 0.001, energy = 64 * BAR * modulus * strain * strain / 2;
    double rate = sqrt(2 * 64 * modulus / 16 * 4 * M_PI * M_PI * 1e-4 / (3 * 4 * 4)); /* of the swing */
    for (int k = 0; k < 3; k++) {
        int d = places[k][0], e = places[k][1];
        al_barostat_state memory = {.work = 0};
        double box[3][3], m[3][3], mu[3][3];
        set_box(4, 4, 4, box);
        box[d][e] = 4 * strain;
        opts.every = 1;
        for (int step = 0; step < NSTEPS; step++) {
            double tilt = box[d][e] / 4, pressure[3][3] = {{0}}, t = step * 0.002;
            assert_true(fabs(tilt / strain - cos(rate * t)) < 0.01);
            pressure[d][e] = pressure[e][d] = -modulus * tilt;
            double sum = al_barostat_energy(&opts, &memory, box);
            al_barostat_push(&opts, pressure, box, &memory, m, mu);
            sum = (sum + al_barostat_energy(&opts, &memory, box)) / 2 + 64 * BAR * modulus * tilt * tilt / 2;
            assert_true(step == 0 || fabs(sum / energy - 1) < 2e-3);
            change(mu, box);
        }
    }
}

/** Of a crystal with a layer of it slanted, semi-isotropic: x and y, and what leans by them, grow as one. */
static void semiisotropic_keeps_the_shape_across(void **state)
{
    (void)state;
    static const double beta[] = {1e-4, 2e-4}, reference[] = {0, 0},
                        pressure[3][3] = {{30, 1, 2}, {1, 50, 3}, {2, 3, -60}};
    const al_barostat_opts opts =
        options(AL_BAROSTAT_PARRINELLO_RAHMAN, AL_COUPLING_SEMIISOTROPIC, beta, reference);
    const double box[3][3] = {{3, 0, 0}, {1.5, 2.6, 0}, {1.5, 0.8, 5}};
    double m[3][3], mu[3][3];
    al_barostat_state memory = {.work = 0};
    al_barostat_push(&opts, pressure, box, &memory, m, mu);
    assert_true(fabs(mu[0][0] - mu[1][1]) < 1e-15 && mu[0][0] > 1 && mu[2][2] < 1);
    assert_true(fabs(mu[1][0]) < 1e-15 && fabs(mu[2][0]) < 1e-15 && fabs(mu[2][1]) < 1e-15);
}

static void what_cannot_be_held_is_refused(void **state)
{
    (void)state;
    static const double ones[] = {1, 1, 1, 1, 1, 1};
    static const struct {
        int kind, coupling;
        double tau, beta, reference;
        allot_err code;
        const char *said;
    } cases[] = {
        {AL_BAROSTAT_C_RESCALE, AL_COUPLING_ANISOTROPIC, 1, 1, 1, ALLOT_EUNSUPPORTED,
         "parrinello-rahman can be"},
        {AL_BAROSTAT_BERENDSEN, AL_COUPLING_ISOTROPIC, 0, 1, 1, ALLOT_ERANGE, "time constant of 0"},
        {AL_BAROSTAT_BERENDSEN, AL_COUPLING_ISOTROPIC, INFINITY, 1, 1, ALLOT_ERANGE, "time constant of inf"},
        {AL_BAROSTAT_BERENDSEN, AL_COUPLING_ISOTROPIC, 1, -1, 1, ALLOT_ERANGE, "a compressibility of -1"},
        {AL_BAROSTAT_BERENDSEN, AL_COUPLING_ISOTROPIC, 1, INFINITY, 1, ALLOT_ERANGE,
         "a compressibility of inf"},
        {AL_BAROSTAT_BERENDSEN, AL_COUPLING_ISOTROPIC, 1, 1, NAN, ALLOT_ERANGE, "a pressure of"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        al_barostat_opts opts = {
            .kind = cases[k].kind, .coupling = cases[k].coupling, .tau = cases[k].tau, .every = 1};
        allot_error err;
        al_barostat_spread(opts.coupling, ones, opts.compressibility);
        al_barostat_spread(opts.coupling, ones, opts.reference);
        opts.compressibility[2][2] = cases[k].beta;
        opts.reference[1][1] = cases[k].reference;
        assert_int_equal(al_barostat_check(&opts, &err), cases[k].code);
        assert_non_null(strstr(err.text, cases[k].said));
        opts.kind = AL_BAROSTAT_NONE;
        assert_int_equal(al_barostat_check(&opts, NULL), ALLOT_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_go_where_gromacs_has_them),
        cmocka_unit_test(is_due_when_gromacs_does_it),
        cmocka_unit_test(pressure_is_of_motion_and_forces),
        cmocka_unit_test(berendsen_relaxes_exponentially),
        cmocka_unit_test(berendsen_is_as_written),
        cmocka_unit_test(c_rescale_draws_volumes_of_the_ensemble),
        cmocka_unit_test(c_rescale_moves_across_and_along_apart),
        cmocka_unit_test(parrinello_rahman_swings_with_its_period),
        cmocka_unit_test(what_is_conserved_stays),
        cmocka_unit_test(a_gas_swings_without_heat),
        cmocka_unit_test(directions_are_alike),
        cmocka_unit_test(tilts_move_by_the_pressure_below_and_above),
        cmocka_unit_test(tilts_swing_and_lose_nothing),
        cmocka_unit_test(semiisotropic_keeps_the_shape_across),
        cmocka_unit_test(what_cannot_be_held_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
