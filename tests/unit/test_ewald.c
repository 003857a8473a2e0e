/* test_ewald.c - how electrostatics are split: what is measured, and what is taken, on machines that are made
 * up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plan/ewald.h"
#include "support/prop.h"

/** A machine: what a step takes with a split. */
typedef struct machine {
    double atoms_ns, pair_ns; /* of what does not go with the ball, and of a unit of it */
    double spread_ns, point_ns;
    double list_ns; /* of a trial, besides */
} machine;

/** As a protein in water on one processor: 56 points a direction, 16 ms of pairs, 6 of the mesh. */
static const machine usual = {2e6, 7.3e6, 2e6, 23, 3e7};

static al_ewald_job job_of(double nsteps)
{
    static const int points[] = {56, 52, 48, 44, 42, 40, 36, 32};
    al_ewald_job job = {.margin = 0.34, .nsteps = nsteps, .nsplits = 8};
    for (uint32_t k = 0; k < job.nsplits; k++)
        job.splits[k] =
            (al_ewald_split){.mesh = {points[k], points[k], points[k]}, .cutoff = 0.9 * 56 / points[k]};
    return job;
}

static double points_of(const al_ewald_split *split)
{
    return (double)split->mesh[0] * split->mesh[1] * split->mesh[2];
}

static void measure(const machine *m, const al_ewald_job *job, al_ewald_split *split)
{
    split->pairs_ns = m->atoms_ns + m->pair_ns * pow(split->cutoff + job->margin, 3);
    split->mesh_ns = m->spread_ns + m->point_ns * points_of(split);
    split->trial_ns = m->list_ns + 4 * (split->pairs_ns + split->mesh_ns);
    split->is_measured = true;
}

/** @return how many were measured */
static uint32_t search(const machine *m, al_ewald_job *job, al_ewald_plan *plan)
{
    uint32_t k, n = 0;
    while ((k = al_ewald_next(job)) < job->nsplits) {
        assert_false(job->splits[k].is_measured);
        measure(m, job, &job->splits[k]);
        assert_true(++n <= job->nsplits);
    }
    assert_int_equal(k, job->nsplits);
    al_ewald_choose(job, plan);
    return n;
}

static double total(const machine *m, const al_ewald_job *job, uint32_t k)
{
    al_ewald_split split = job->splits[k];
    measure(m, job, &split);
    return split.pairs_ns + split.mesh_ns;
}

static void where_none_can_be_faster_none_is_tried(void **state)
{
    (void)state;
    al_ewald_job job = job_of(1e6);
    al_ewald_plan plan;
    assert_int_equal(search(&usual, &job, &plan), 1);
    assert_int_equal(plan.split, 0);
    assert_int_equal(plan.reason, AL_EWALD_BEST);
    job = job_of(1e6);
    job.nsplits = 1; /* the box leaves room for no other */
    assert_int_equal(search(&usual, &job, &plan), 0);
    assert_int_equal(plan.split, 0);
    assert_int_equal(plan.reason, AL_EWALD_ALONE);
}

static void a_slow_mesh_is_made_coarser(void **state)
{
    (void)state;
    machine slow = usual;
    al_ewald_job job = job_of(1e6);
    al_ewald_plan plan;
    slow.point_ns *= 5;
    assert_true(search(&slow, &job, &plan) > 1);
    assert_int_equal(plan.reason, AL_EWALD_FASTER);
    for (uint32_t k = 0; k < job.nsplits; k++) /* what was left out is not 3 % better */
        assert_true(total(&slow, &job, plan.split) <= 1.03 * total(&slow, &job, k));
}

static void what_promised_more_than_it_holds_is_not_taken(void **state)
{
    (void)state;
    machine all_pairs = usual;
    al_ewald_job job = job_of(1e6);
    al_ewald_plan plan;
    all_pairs.atoms_ns = 0; /* twice the share that is supposed at first */
    all_pairs.point_ns *= 1.6;
    all_pairs.spread_ns = 5e6;
    assert_true(search(&all_pairs, &job, &plan) > 1);
    assert_int_equal(plan.split, 0);
    assert_int_equal(plan.reason, AL_EWALD_SLOWER);
}

static void less_than_three_per_cent_are_not_worth_it(void **state)
{
    (void)state;
    for (int is_worth = 0; is_worth < 2; is_worth++) {
        al_ewald_job job = job_of(1e6);
        al_ewald_plan plan;
        measure(&usual, &job, &job.splits[0]);
        job.splits[2] = job.splits[0];
        job.splits[2].mesh_ns -= (is_worth ? 0.031 : 0.029) * total(&usual, &job, 0);
        al_ewald_choose(&job, &plan);
        assert_int_equal(plan.split, is_worth ? 2 : 0);
        assert_int_equal(plan.reason, is_worth ? AL_EWALD_FASTER : AL_EWALD_SLOWER);
    }
}

static void short_runs_are_left_alone(void **state)
{
    (void)state;
    machine slow = usual;
    al_ewald_plan plan;
    al_ewald_job job = job_of(AL_EWALD_STEPS_LEAST - 1);
    slow.point_ns *= 5;
    assert_int_equal(search(&slow, &job, &plan), 0);
    assert_int_equal(plan.split, 0);
    assert_int_equal(plan.reason, AL_EWALD_SHORT);
    job = job_of(AL_EWALD_STEPS_LEAST);
    assert_true(search(&slow, &job, &plan) > 1);
    /* where a trial takes as long as thousands of steps */
    slow.list_ns = 5000 * total(&slow, &job, 0);
    job = job_of(4000);
    assert_int_equal(search(&slow, &job, &plan), 1);
    assert_int_equal(plan.split, 0);
    assert_int_equal(plan.reason, AL_EWALD_SHORT);
    job = job_of(1e6);
    assert_true(search(&slow, &job, &plan) > 1);
    assert_int_equal(plan.reason, AL_EWALD_FASTER);
}

/** However a machine is, as long as pairs take half of what is not the mesh's: it ends, and never takes what
 * is not faster than what was asked for; and it is not far from the best. */
static void any_machine(void **state)
{
    (void)state;
    double lost = 0, ntried = 0;
    int rounds = 2000;
    for (int round = 0; round < rounds; round++) {
        prop_begin((uint64_t)round);
        al_ewald_job job = job_of(prop_log(1, 1e9));
        al_ewald_plan plan;
        job.margin = prop_log(0.01, 1);
        machine m = {0, prop_log(1e3, 1e8), prop_log(1e3, 1e8), prop_log(0.1, 1e3), prop_log(1e3, 1e9)};
        m.atoms_ns = prop_unit() * m.pair_ns * pow(0.9 + job.margin, 3);
        ntried += search(&m, &job, &plan);
        double first = total(&m, &job, 0), taken = total(&m, &job, plan.split), best = first;
        assert_true(plan.split < job.nsplits);
        assert_true(plan.split == 0 || (job.splits[plan.split].is_measured && taken <= 0.97 * first));
        assert_int_equal(plan.split > 0, plan.reason == AL_EWALD_FASTER);
        for (uint32_t k = 0; k < job.nsplits; k++)
            best = fmin(best, total(&m, &job, k));
        if (plan.reason != AL_EWALD_SHORT)
            lost = fmax(lost, taken / best - 1);
    }
    printf("at most %.3g slower than the best; %.3g tried\n", lost, ntried / rounds);
    assert_true(lost < 0.06);
}

static void it_is_told(void **state)
{
    (void)state;
    machine slow = usual;
    al_ewald_job job = job_of(1e6);
    al_ewald_plan plan;
    char text[2048], expected[128];
    slow.point_ns *= 5;
    (void)search(&slow, &job, &plan);
    int length = al_ewald_explain(&job, &plan, "> ", text, sizeof text);
    assert_int_equal(length, (int)strlen(text));
    const al_ewald_split *taken = &job.splits[plan.split];
    (void)snprintf(expected, sizeof expected,
                   "> electrostatics to %.9g and a mesh of %d x %d x %d, instead of ", taken->cutoff,
                   taken->mesh[0], taken->mesh[1], taken->mesh[2]);
    assert_non_null(strstr(text, expected));
    assert_non_null(strstr(text, "\n>   56 x 56 x 56 to 0.9: pairs and lists "));
    char part[10]; /* as snprintf: what fits, and the length of all */
    assert_int_equal(al_ewald_explain(&job, &plan, "> ", part, sizeof part), length);
    assert_string_equal(part, "> electro");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_none_can_be_faster_none_is_tried),
        cmocka_unit_test(a_slow_mesh_is_made_coarser),
        cmocka_unit_test(what_promised_more_than_it_holds_is_not_taken),
        cmocka_unit_test(less_than_three_per_cent_are_not_worth_it),
        cmocka_unit_test(short_runs_are_left_alone),
        cmocka_unit_test(any_machine),
        cmocka_unit_test(it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
