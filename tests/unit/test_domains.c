/* test_domains.c - how a box is cut: the best of all grids, fewer ranks where more would not help, and what
 * is said of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "plan/domains.h"
#include "support/prop.h"

static const al_domains_costs usual = AL_DOMAINS_COSTS_INIT;

static void assert_grid(const al_domains_plan *plan, int x, int y, int z)
{
    if (plan->grid[0] != x || plan->grid[1] != y || plan->grid[2] != z)
        fail_msg("%dx%dx%d, not %dx%dx%d", plan->grid[0], plan->grid[1], plan->grid[2], x, y, z);
    assert_int_equal(plan->nranks, x * y * z);
}

static void the_box_decides(void **state)
{
    (void)state;
    al_domains_plan plan;
    al_domains_job job = {.box = {10, 10, 100}, .reach = 2, .least = 1, .natoms = 1e6, .nranks = 3};
    al_domains_choose(&job, &usual, &plan);
    assert_grid(&plan, 1, 1, 3); /* not 3x1x1, as one that cannot see the box would say */
    assert_int_equal(plan.reason, AL_DOMAINS_ALL);
    job = (al_domains_job){.box = {100, 100, 100}, .reach = 2, .least = 1, .natoms = 1e6, .nranks = 8};
    al_domains_choose(&job, &usual, &plan);
    assert_grid(&plan, 2, 2, 2);
    job.box[2] *=
        1 + 1e-14; /* of grids that are as good, but for rounding, the one that cuts x, and z last */
    job.nranks = 2;
    al_domains_choose(&job, &usual, &plan);
    assert_grid(&plan, 2, 1, 1);
    job.nranks = 4;
    al_domains_choose(&job, &usual, &plan);
    assert_grid(&plan, 2, 2, 1);
    job.nranks = 1;
    al_domains_choose(&job, &usual, &plan);
    assert_grid(&plan, 1, 1, 1);
    assert_int_equal(plan.reason, AL_DOMAINS_ALONE);
    assert_true(plan.efficiency == 1 && plan.nmessages == 0 && plan.nbytes == 0);
}

static void fewer_where_more_is_no_help(void **state)
{
    (void)state;
    al_domains_plan plan;
    al_domains_costs costs = usual;
    al_domains_job job = {.box = {10, 10, 10}, .reach = 3, .least = 3, .natoms = 1e6, .nranks = 64};
    char text[512];
    al_domains_choose(&job, &costs, &plan);
    assert_grid(&plan, 3, 3, 3);
    assert_int_equal(plan.reason, AL_DOMAINS_THIN);
    (void)al_domains_explain(&job, &plan, text, sizeof text);
    assert_non_null(strstr(text,
                           "3x3x3 domains on 27 of 64 ranks, fewer than offered: with all, domains would be "
                           "too thin: each of 3.333 x 3.333 x 3.333 with 37037 atoms"));
    costs.message_ns = 1e9; /* by carrier */
    al_domains_choose(&job, &costs, &plan);
    assert_grid(&plan, 1, 1, 1);
    job.nranks = 8;
    al_domains_choose(&job, &costs, &plan);
    assert_int_equal(plan.reason, AL_DOMAINS_SLOWER);
    assert_true(plan.all_ns > plan.step_ns);
    (void)al_domains_explain(&job, &plan, text, sizeof text);
    assert_non_null(
        strstr(text, "1x1x1 domains on 1 of 8 ranks, fewer than offered: with all, steps would be slower "
                     "(6"));
    job = (al_domains_job){.box = {1, 1, 1}, .reach = 3, .least = 3, .natoms = 10, .nranks = 8};
    al_domains_choose(&job, &usual, &plan);
    assert_grid(&plan, 1, 1, 1); /* what is not cut may be thin */
}

static al_domains_job random_job(void)
{
    al_domains_job job = {.natoms = prop_log(1, 1e9),
                          .nranks = 1 + (int)prop_below(prop_chance(4) ? 300 : 40)};
    for (int d = 0; d < 3; d++)
        job.box[d] = prop_log(1, 1000);
    job.reach = prop_log(0.1, 10);
    job.least = job.reach * prop_log(0.1, 2);
    return job;
}

static al_domains_costs random_costs(void)
{
    return (al_domains_costs){prop_log(1, 1e4), prop_log(1, 1e3), prop_log(0.01, 10), prop_log(100, 1e6),
                              prop_log(100, 1e6)};
}

static void no_other_grid_is_better(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(3000); k++) {
        prop_begin(k);
        al_domains_job job = random_job();
        al_domains_costs costs = random_costs();
        al_domains_plan plan, other;
        al_domains_choose(&job, &costs, &plan);
        prop_require(plan.nranks >= 1 && plan.nranks <= job.nranks);
        prop_require(al_domains_check(&job, plan.grid, NULL) == ALLOT_OK);
        prop_require(plan.efficiency > 0 && plan.step_ns <= plan.alone_ns);
        for (int n = 0; n < 50; n++) {
            const int grid[3] = {1 + (int)prop_below(8), 1 + (int)prop_below(8), 1 + (int)prop_below(8)};
            if (al_domains_check(&job, grid, NULL) != ALLOT_OK)
                continue;
            al_domains_of(&job, &costs, grid, &other);
            prop_require(plan.step_ns <= other.step_ns);
        }
        job.nranks++; /* one more is never worse */
        al_domains_choose(&job, &costs, &other);
        prop_require(other.step_ns <= plan.step_ns);
    }
}

/** Volume within reach above a box, by points. */
static void copies_are_counted(void **state)
{
    (void)state;
    const al_domains_job job = {
        .box = {12, 10, 14}, .reach = 3, .least = 1, .natoms = 12 * 10 * 14, .nranks = 12};
    const int grid[3] = {2, 1, 3};
    al_domains_plan plan;
    uint64_t nnear = 0, nsent = 0, n = 400000;
    prop_begin(1);
    for (uint64_t k = 0; k < n; k++) {
        double r2[2] = {0, 0}, w[3];
        bool is_in = true;
        for (int d = 0; d < 3; d++) {
            w[d] = job.box[d] / grid[d];
            double above = prop_unit() * (w[d] + job.reach) - w[d];
            is_in = is_in && above < 0;
            r2[0] += above > 0 ? above * above : 0;
            r2[1] += above > 0 && grid[d] == 1 ? HUGE_VAL : above > 0 ? above * above : 0;
        }
        nnear += !is_in && r2[0] < job.reach * job.reach;
        nsent += !is_in && r2[1] < job.reach * job.reach;
    }
    double volume = (6 + 3) * (10 + 3) * (14.0 / 3 + 3) / (double)n;
    al_domains_of(&job, &usual, grid, &plan);
    assert_true(fabs((double)nnear * volume / plan.ncopies - 1) < 0.01);
    assert_true(fabs(24 * (double)nsent * volume / plan.nbytes - 1) < 0.01);
    assert_int_equal(plan.nmessages, 4);
    assert_true(plan.natoms == 280);
}

static void impossible_grids_are_refused(void **state)
{
    (void)state;
    const al_domains_job job = {.box = {20, 20, 10}, .reach = 3, .least = 2.5, .natoms = 1e4, .nranks = 8};
    const struct {
        int grid[3];
        const char *text; /* NULL: possible */
    } cases[] = {
        {{2, 2, 2}, NULL},
        {{8, 1, 1}, NULL},
        {{1, 1, 4}, NULL}, /* just thick enough */
        {{3, 1, 1}, NULL},
        {{1, 1, 5},
         "a grid of 1x1x5 has domains that are 2 thick in z, and less than 2.5 is too little: the largest "
         "grid that is "
         "possible is 2x4x1"},
        {{3, 3, 1},
         "a grid of 3x3x1 has 9 domains, more than there are ranks (8): the largest grid that is possible is "
         "2x4x1"},
        {{1000000, 1000000, 1000000},
         "a grid of 1000000x1000000x1000000 has 1000000000000000000 domains, more than there are ranks (8): "
         "the "
         "largest grid "
         "that is possible is 2x4x1"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        allot_error err;
        assert_int_equal(al_domains_check(&job, cases[k].grid, &err),
                         cases[k].text ? ALLOT_EINVAL : ALLOT_OK);
        if (cases[k].text != NULL)
            assert_string_equal(err.text, cases[k].text);
    }
}

static void grids_are_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "2",      "2x2",         "2x2x",
                                      "x2x2",   "2x2x2x", "2x2x2x2",     "0x2x2",
                                      "2x0x2",  "-1x2x2", "2X2X2",       " 2x2x2",
                                      "2x 2x2", "2x2x2 ", "2.0x2x2",     "axbxc",
                                      "02x2x2", "+2x2x2", "2x2x1000001", "99999999999999999999x1x1"};
    int grid[3];
    assert_true(al_domains_parse("2x30x400", grid));
    assert_true(grid[0] == 2 && grid[1] == 30 && grid[2] == 400);
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
        if (al_domains_parse(bad[k], grid))
            fail_msg("'%s' is no grid", bad[k]);
}

static void ten_thousand_ranks_are_foretold(void **state)
{
    (void)state;
    const al_domains_job job = {
        .box = {134.4, 134.4, 134.4}, .reach = 2.9, .least = 1, .natoms = 2048000, .nranks = 1};
    char text[4096], little[40];
    int length = al_domains_forecast(&job, &usual, text, sizeof text), nlines = 0;
    assert_int_equal(length, strlen(text));
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        nlines++;
    assert_int_equal(nlines, 15);
    assert_non_null(strstr(text, "\n    1     1       1x1x1 "));
    assert_non_null(strstr(text, "\n    8     8       2x2x2 "));
    assert_non_null(strstr(text, "\n10000 "));
    assert_int_equal(al_domains_forecast(&job, &usual, little, sizeof little), length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_box_decides),
        cmocka_unit_test(fewer_where_more_is_no_help),
        cmocka_unit_test(no_other_grid_is_better),
        cmocka_unit_test(copies_are_counted),
        cmocka_unit_test(impossible_grids_are_refused),
        cmocka_unit_test(grids_are_read),
        cmocka_unit_test(ten_thousand_ranks_are_foretold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
