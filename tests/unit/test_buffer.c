/* test_buffer.c - the estimate of drift against numbers found by numerical integration, its limits, its
 * inverse, and against the drift of a simulation whose pruned list is used for far too long.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "md/buffer.h"
#include "md/md.h"
#include "md/start.h"

static al_buffer_job melt(void)
{
    al_buffer_job job = {.cutoff = 2.5, .density = 0.8442, .speed2 = 0.72, .dt = 0.005};
    al_buffer_lj(&job, 4, 4);
    return job;
}

static void assert_near(double found, double expected, double by)
{
    if (!(fabs(found - expected) <= by * fabs(expected)))
        fail_msg("%.9g, not %.9g", found, expected);
}

static void derivatives_are_the_potentials(void **state)
{
    (void)state;
    al_buffer_job job = melt();
    assert_near(job.slope, 0.03899947745, 1e-7); /* by differences, in python */
    assert_near(job.curve, -0.1084254427, 1e-7);
    assert_near(job.third, 0.3429425, 1e-4);
}

static void drifts_are_the_integrals(void **state)
{
    (void)state;
    static const struct {
        double buffer, nsteps, drift; /* by the trapezium rule over the normal deviate, in python */
    } cases[] = {{0, 10, 0.026761},        {0.05, 10, 0.0058878316}, {0.15, 10, 6.8819745e-05},
                 {0.15, 20, 0.0055402308}, {0.3, 15, 5.500219e-06},  {0.15, 4, 2.0152683e-13}};
    al_buffer_job job = melt();
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++)
        assert_near(al_buffer_drift(&job, cases[k].buffer, cases[k].nsteps), cases[k].drift, 1e-4);
}

static void limits_hold(void **state)
{
    (void)state;
    al_buffer_job job = melt(), cold = job, smooth = job;
    cold.speed2 = 0;
    smooth.slope = 0;
    assert_true(al_buffer_drift(&job, 0.1, 0) == 0);
    assert_true(al_buffer_drift(&cold, 0, 10) == 0);
    assert_true(al_buffer_drift(&job, 1, 1) < 1e-200);
    assert_true(al_buffer_drift(&smooth, 0.1, 10) < al_buffer_drift(&job, 0.1, 10));
    smooth.curve = smooth.third = 0;
    assert_true(al_buffer_drift(&smooth, 0.1, 10) == 0);
    for (double buffer = 0; buffer < 0.6;
         buffer += 0.001) { /* also where one form takes over from the other */
        double drift = al_buffer_drift(&job, buffer, 8);
        assert_true(al_buffer_drift(&job, buffer + 0.001, 8) < drift);
        assert_true(al_buffer_drift(&job, buffer, 9) > drift);
    }
}

static void inverses_are_inverse(void **state)
{
    (void)state;
    al_buffer_job job = melt();
    for (double tolerance = 1e-9; tolerance < 1; tolerance *= 3)
        for (double n = 1; n < 40; n += 3) {
            double least = al_buffer_least(&job, n, tolerance);
            assert_true(al_buffer_drift(&job, least, n) <= tolerance);
            assert_true(least == 0 || al_buffer_drift(&job, least - 1e-5, n) > tolerance);
            uint32_t steps = al_buffer_steps(&job, least + 1e-9, tolerance, 1000);
            assert_true(steps >= (uint32_t)n && (least == 0 || steps < (uint32_t)n + 1));
        }
    assert_int_equal(al_buffer_steps(&job, 0, 1e-30, 1000), 1);
    assert_int_equal(al_buffer_steps(&job, 2, 1, 7), 7);
}

static al_md *start(double near_skin, double tolerance)
{
    enum { N = 4000 };
    al_md *md = calloc(1, sizeof *md);
    double edge = al_start_edge(N, 0.8442);
    al_md_opts opts = {.space = {.comm = al_comm_serial(),
                                 .box = {edge, edge, edge},
                                 .grid = {1, 1, 1},
                                 .reach = 3.3,
                                 .near = 2.5 + near_skin,
                                 .density = 0.8442,
                                 .masses = {.same = 1},
                                 .kernels = al_kernels_find(NULL),
                                 .nthreads = 1},
                       .pairs = {.c6 = 4, .c12 = 4, .lj_cutoff = 2.5, .is_shifted = true},
                       .dt = 0.005,
                       .tolerance = tolerance,
                       .units = &al_units_reduced};
    assert_non_null(md);
    assert_int_equal(al_md_open(md, &opts, NULL), ALLOT_OK);
    assert_int_equal(al_start_lattice(&md->space, N, edge, NULL), ALLOT_OK);
    al_start_velocities(&md->space, N, 1.44, 1);
    assert_int_equal(al_md_start(md, 0, NULL), ALLOT_OK);
    assert_int_equal(al_md_advance(md, 200, NULL), ALLOT_OK); /* it melts */
    assert_int_equal(al_md_renew(md, NULL), ALLOT_OK);
    return md;
}

/** Energy that an atom loses in a time unit; *estimate: what it was to be at most. */
static double measure(double near_skin, double tolerance, double *estimate)
{
    enum { NSTEPS = 600 };
    al_thermo before, after;
    al_md *md = start(near_skin, tolerance);
    al_md_thermo(md, &before);
    assert_int_equal(al_md_advance(md, NSTEPS, NULL), ALLOT_OK);
    assert_int_equal(al_md_renew(md, NULL), ALLOT_OK); /* with all pairs */
    al_md_thermo(md, &after);
    *estimate = md->estimate;
    if (tolerance > 0)
        assert_true(md->nprunings > 0 && md->near_steps > 1 && md->estimate <= tolerance);
    al_md_close(md);
    free(md);
    return (before.total - after.total) / ((double)before.natoms * NSTEPS * 0.005);
}

/* Lists are of clusters against blocks, so they hold most pairs that are a little too far: the drift is less.
 */
static void runs_drift_less_than_estimated(void **state)
{
    (void)state;
    static const double cases[][2] = {{0.05, 2e-2}, {0.0, 4e-2}};
    double none, noise = fabs(measure(0.15, 0, &none));
    assert_true(noise < 1e-4);
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        double estimate, drift = measure(cases[k][0], cases[k][1], &estimate);
        print_message("buffer %g: drift %.3g, estimated %.3g; exact: %.3g\n", cases[k][0], drift, estimate,
                      noise);
        assert_true(drift > 3 * noise); /* pairs that come late lower the energy */
        assert_true(drift < estimate);
    }
}

static double *places_of(const al_md *md)
{
    al_migrants found = {.nbytes = sizeof(al_atom)};
    double *x = calloc(md->natoms * 3, sizeof *x);
    assert_true(x != NULL && al_space_collect(&md->space, &found));
    for (uint32_t k = 0; k < found.n; k++) {
        const al_atom *atom = &((const al_atom *)(const void *)found.records)[k];
        for (int d = 0; d < 3; d++)
            x[3 * atom->id + (uint64_t)d] = atom->x[d];
    }
    al_migrants_fini(&found);
    return x;
}

static double distance2(const double *x, const double *y, double edge)
{
    double r2 = 0;
    for (int d = 0; d < 3; d++) {
        double dx = x[d] - y[d];
        dx -= edge * rint(dx / edge);
        r2 += dx * dx;
    }
    return r2;
}

/** Energy, an atom's share, of pairs that were beyond `far` before and are within 2.5 now. */
static double lacking(const double *before, const double *now, uint64_t n, double edge, double far)
{
    double shift = pow(2.5, -12) - pow(2.5, -6), sum = 0;
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = i + 1; j < n; j++) {
            double r2 = distance2(now + 3 * i, now + 3 * j, edge);
            if (r2 < 2.5 * 2.5 && distance2(before + 3 * i, before + 3 * j, edge) > far * far)
                sum += 4 * (pow(r2, -6) - pow(r2, -3) - shift);
        }
    return -sum / (double)n;
}

/** What a list of pairs of atoms would miss, by brute force. */
static void lists_of_atoms_miss_what_was_estimated(void **state)
{
    (void)state;
    enum { NTURNS = 8, NSTEPS = 10 };
    static const double buffers[] = {0.02, 0.06, 0.1};
    double lacks[3] = {0, 0, 0}, edge = al_start_edge(4000, 0.8442);
    al_buffer_job job = melt();
    al_md *md = start(0.15, 0);
    al_thermo thermo;
    double *before = places_of(md);
    for (int turn = 0; turn < NTURNS; turn++) {
        assert_int_equal(al_md_advance(md, NSTEPS, NULL), ALLOT_OK);
        double *now = places_of(md);
        for (int k = 0; k < 3; k++)
            lacks[k] += lacking(before, now, md->natoms, edge, 2.5 + buffers[k]) / NTURNS;
        free(before);
        before = now;
    }
    al_md_thermo(md, &thermo);
    job.speed2 = thermo.temperature;
    for (int k = 0; k < 3; k++) {
        double drift = lacks[k] / (NSTEPS * 0.005), estimate = al_buffer_drift(&job, buffers[k], NSTEPS);
        print_message("buffer %g: drift %.3g, estimated %.3g\n", buffers[k], drift, estimate);
        assert_true(drift < estimate && drift > estimate / 10);
    }
    free(before);
    al_md_close(md);
    free(md);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivatives_are_the_potentials),
        cmocka_unit_test(drifts_are_the_integrals),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(inverses_are_inverse),
        cmocka_unit_test(lists_of_atoms_miss_what_was_estimated),
        cmocka_unit_test(runs_drift_less_than_estimated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
