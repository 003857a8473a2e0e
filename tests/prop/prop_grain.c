/* prop_grain.c - properties of the planner over random costs and work.
 *
 *  - a plan to share never predicts more time than working alone, and the prediction is the model's;
 *  - a plan to stay alone says so in all its members;
 *  - more work never turns company into solitude, dearer engines never turn solitude into company;
 *  - the break-even functions and the plan agree to the last bit;
 *  - chunks hold an item at least, never more than there are, and last a few microseconds at most.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <allot/plan.h>

#include "support/prop.h"

#define ROUNDS 50000

static double random_cost(void)
{
    switch (prop_below(12)) {
    case 0:
        return 0.0;
    case 1:
        return prop_chance(2) ? NAN : -prop_log(1.0, 1e9);
    default:
        return prop_log(1e-3, 1e9);
    }
}

static allot_costs random_costs(void)
{
    return (allot_costs){.clock_ns = random_cost(),
                         .handover_ns = random_cost(),
                         .wake_call_ns = random_cost(),
                         .wake_latency_ns = random_cost(),
                         .spawn_ns = random_cost()};
}

static allot_work random_work(void)
{
    return (allot_work){.nitems = prop_size(40),
                        .item_ns = random_cost(),
                        .done_ns = random_cost(),
                        .confirmed = prop_chance(2),
                        .nspinning = prop_chance(2) ? 0 : (uint32_t)prop_size(10),
                        .nsleeping = prop_chance(3) ? 0 : (uint32_t)prop_size(10)};
}

static double positive(double x)
{
    return x > 0.0 ? x : 0.0;
}

/** t(k) as plan.h has it. */
static double model_ns(const allot_costs *costs, const allot_plan *plan, bool awake)
{
    double h = positive(costs->handover_ns), r = plan->serial_ns;
    double c = awake ? 0.0 : positive(costs->wake_call_ns);
    double l = positive((awake ? h : positive(costs->wake_latency_ns)) - c);
    return c + l + (r - l) / (double)plan->nengines + h;
}

static void plans_are_sound(void **state)
{
    (void)state;
    uint64_t nshared = 0, nalone = 0;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++) {
        prop_begin(k);
        allot_costs costs = random_costs();
        allot_work work = random_work();
        allot_plan plan;
        allot_plan_grain(&costs, &work, &plan);
        prop_require(plan.serial_ns == (double)work.nitems * positive(work.item_ns));
        prop_require(plan.parallel_ns <= plan.serial_ns);
        prop_require(plan.chunk_items == allot_plan_chunk(work.nitems, positive(work.item_ns)));
        if (plan.share) {
            nshared++;
            prop_require(plan.nengines >= 2 && plan.nengines <= work.nitems);
            prop_require(plan.nengines - 1 <= (work.nspinning > 0 ? work.nspinning : work.nsleeping));
            prop_require(!plan.wake || work.nsleeping > 0);
            double model = model_ns(&costs, &plan, plan.reason == ALLOT_REASON_SHARE);
            prop_require(fabs(plan.parallel_ns - model) <= 1e-9 * model);
        } else {
            nalone++;
            prop_require(!plan.wake && plan.nengines == 1 && plan.parallel_ns == plan.serial_ns);
        }
    }
    assert_true(nshared > 0 && nalone > 0);
}

static void more_work_never_ends_company(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++) {
        prop_begin(k);
        allot_costs costs = random_costs();
        allot_work work = random_work(), more;
        more = work;
        switch (prop_below(5)) {
        case 0:
            more.nitems += prop_size(40);
            break;
        case 1:
            more.item_ns = positive(work.item_ns) * (1.0 + prop_log(1e-9, 1e3));
            break;
        case 2:
            more.done_ns = positive(work.done_ns) + prop_log(1.0, 1e9);
            break;
        case 3:
            more.confirmed = true;
            break;
        default:
            more.nsleeping += (uint32_t)prop_below(5);
        }
        allot_plan plan, with_more;
        allot_plan_grain(&costs, &work, &plan);
        allot_plan_grain(&costs, &more, &with_more);
        prop_require(!plan.share || with_more.share);
    }
}

static void dearer_engines_never_begin_company(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++) {
        prop_begin(k);
        allot_costs costs = random_costs(), dearer;
        allot_work work = random_work();
        dearer = costs;
        double *costs_of[] = {&dearer.handover_ns, &dearer.wake_call_ns, &dearer.wake_latency_ns};
        double *raised = costs_of[prop_below(3)];
        *raised = positive(*raised) + prop_log(1e-3, 1e9);
        allot_plan plan, with_dearer;
        allot_plan_grain(&costs, &work, &plan);
        allot_plan_grain(&dearer, &work, &with_dearer);
        /* The latency hides what the call costs: only their break-even orders them. */
        if (allot_plan_wake_ns(&dearer) < allot_plan_wake_ns(&costs))
            continue;
        prop_require(allot_plan_share_ns(&dearer) >= allot_plan_share_ns(&costs));
        prop_require(plan.share || !with_dearer.share);
    }
}

/** The plan turns exactly where the functions say. */
static void break_even_agrees_with_the_plan(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++) {
        prop_begin(k);
        allot_costs costs = random_costs();
        bool awake = prop_chance(2);
        double edge = awake ? allot_plan_share_ns(&costs) : allot_plan_wake_ns(&costs);
        double least = fmax(edge, allot_plan_share_ns(&costs));
        prop_require(isfinite(least) && least >= 0.0);
        allot_work work = {.nitems = 2,
                           .item_ns = least / 2.0,
                           .confirmed = true,
                           .nspinning = awake ? 1 : 0,
                           .nsleeping = awake ? 0 : 1};
        allot_plan plan;
        allot_plan_grain(&costs, &work, &plan);
        prop_require(plan.share);
        if (least > 1e-300) {
            work.item_ns = nextafter(work.item_ns, 0.0);
            allot_plan_grain(&costs, &work, &plan);
            prop_require(!plan.share);
        }
        prop_require(allot_plan_spin_ns(&costs) > 0.0 && isfinite(allot_plan_spin_ns(&costs)));
    }
}

static void chunks_keep_their_bounds(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++) {
        prop_begin(k);
        uint64_t n = prop_size(64);
        double item_ns = prop_chance(10) ? random_cost() : prop_log(1e-12, 1e12);
        uint64_t chunk = allot_plan_chunk(n, item_ns);
        prop_require(chunk <= n && (chunk >= 1) == (n >= 1));
        if (item_ns > 0.0)
            prop_require(chunk <= 1 || (double)chunk * item_ns < 20e3);
    }
}

static void leaves_keep_their_bounds(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++) {
        prop_begin(k);
        uint64_t n = 1 + prop_size(41), leaf = allot_plan_leaf(n), nleaves = (n - 1) / leaf + 1;
        prop_require(leaf >= 1 && leaf <= n && nleaves <= 65536);
        prop_require(leaf == allot_plan_leaf(n));
    }
}

static void every_plan_can_be_explained(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS / 5); k < rounds; k++) {
        prop_begin(k);
        allot_costs costs = random_costs();
        allot_work work = random_work();
        allot_plan plan;
        char text[512];
        allot_plan_grain(&costs, &work, &plan);
        int length = allot_plan_explain(&plan, text, sizeof text);
        prop_require(length > 0 && (size_t)length == strlen(text));
        prop_require(strstr(text, allot_reason_text(plan.reason)) != NULL);
        prop_require(strstr(text, "nan") == NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_sound),
        cmocka_unit_test(more_work_never_ends_company),
        cmocka_unit_test(dearer_engines_never_begin_company),
        cmocka_unit_test(break_even_agrees_with_the_plan),
        cmocka_unit_test(chunks_keep_their_bounds),
        cmocka_unit_test(leaves_keep_their_bounds),
        cmocka_unit_test(every_plan_can_be_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
