/* test_grain.c - the planner by example: each reason, each edge, odd figures, and what is said of a plan.
 *
 * What plan.h promises is tested, not the constants behind it: those may be tuned.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <allot/plan.h>

static const allot_costs server = {.clock_ns = 20.0,
                                   .handover_ns = 300.0,
                                   .wake_call_ns = 10e3,
                                   .wake_latency_ns = 40e3,
                                   .spawn_ns = 60e3,
                                   .copy_bytes_per_ns = 10.0};

static allot_plan plan_of(allot_work work)
{
    allot_plan plan;
    memset(&plan, 0x55, sizeof plan);
    allot_plan_grain(&server, &work, &plan);
    return plan;
}

static void expect_alone(allot_work work, allot_reason reason)
{
    allot_plan plan = plan_of(work);
    assert_int_equal(plan.reason, reason);
    assert_false(plan.share);
    assert_false(plan.wake);
    assert_int_equal(plan.nengines, 1);
    assert_true(plan.serial_ns == plan.parallel_ns);
    assert_true(plan.serial_ns == (double)work.nitems * work.item_ns);
}

static void there_are_reasons_to_stay_alone(void **state)
{
    (void)state;
    expect_alone((allot_work){.nitems = 0, .item_ns = 1e9, .nspinning = 3}, ALLOT_REASON_NOTHING);
    expect_alone((allot_work){.nitems = 1, .item_ns = 1e9, .nspinning = 3}, ALLOT_REASON_ONE_ITEM);
    expect_alone((allot_work){.nitems = 100, .item_ns = 1e9, .confirmed = true}, ALLOT_REASON_ALONE);
    expect_alone((allot_work){.nitems = 100, .item_ns = 1.0, .confirmed = true, .nspinning = 3},
                 ALLOT_REASON_TOO_SHORT);
    expect_alone((allot_work){.nitems = 1000, .item_ns = 10.0, .confirmed = true, .nsleeping = 3},
                 ALLOT_REASON_TOO_SHORT_TO_WAKE);
    expect_alone((allot_work){.nitems = 1000, .item_ns = 1e6, .done_ns = 100.0, .nsleeping = 3},
                 ALLOT_REASON_UNSURE);
}

static void there_are_reasons_for_company(void **state)
{
    (void)state;
    allot_plan plan = plan_of((allot_work){.nitems = 1000, .item_ns = 10.0, .nspinning = 1});
    assert_int_equal(plan.reason, ALLOT_REASON_SHARE);
    assert_true(plan.share);
    assert_false(plan.wake);
    assert_int_equal(plan.nengines, 2);

    allot_work work = {.nitems = 1000, .item_ns = 1e6, .confirmed = true, .nsleeping = 3};
    plan = plan_of(work);
    assert_int_equal(plan.reason, ALLOT_REASON_WAKE);
    assert_true(plan.share && plan.wake);
    assert_int_equal(plan.nengines, 4);

    work.confirmed = false;
    work.done_ns = 1e9;
    plan = plan_of(work);
    assert_int_equal(plan.reason, ALLOT_REASON_HEARTBEAT);
    assert_true(plan.share && plan.wake);
    assert_int_equal(plan.nengines, 4);
}

/** Awake ones are not enough: those who sleep are woken too, when each would have enough to do. */
static void sharing_may_wake_as_well(void **state)
{
    (void)state;
    allot_work work = {.nitems = 1000, .item_ns = 1e6, .confirmed = true, .nspinning = 1, .nsleeping = 5};
    assert_true(plan_of(work).share && plan_of(work).wake);
    work.item_ns = 10.0;
    assert_true(plan_of(work).share && !plan_of(work).wake);
}

static void no_more_engines_than_items(void **state)
{
    (void)state;
    for (uint64_t n = 2; n < 40; n++) {
        allot_plan plan = plan_of((allot_work){.nitems = n, .item_ns = 1e9, .nspinning = 1000});
        assert_true(plan.nengines == n);
        plan = plan_of((allot_work){.nitems = n, .item_ns = 1e9, .confirmed = true, .nsleeping = 20});
        assert_true(plan.nengines == (n < 21 ? n : 21));
    }
}

/** t(k) of plan.h, for engines that are awake and for such as sleep. */
static void the_prediction_is_the_models(void **state)
{
    (void)state;
    allot_plan plan = plan_of((allot_work){.nitems = 4, .item_ns = 1e6, .nspinning = 1});
    assert_true(fabs(plan.parallel_ns - (300.0 + (4e6 - 300.0) / 2.0 + 300.0)) < 1e-3);
    plan = plan_of((allot_work){.nitems = 4, .item_ns = 1e6, .confirmed = true, .nsleeping = 3});
    assert_true(fabs(plan.parallel_ns - (10e3 + 30e3 + (4e6 - 30e3) / 4.0 + 300.0)) < 1e-3);
}

/** Two items of half the break-even each are worth it; of the next smaller number they are not. */
static void break_even_is_where_the_plan_turns(void **state)
{
    (void)state;
    double share = allot_plan_share_ns(&server), wake = allot_plan_wake_ns(&server);
    assert_true(share > 0.0 && share < wake && isfinite(wake));
    allot_work work = {.nitems = 2, .item_ns = share / 2.0, .confirmed = true, .nspinning = 1};
    assert_int_equal(plan_of(work).reason, ALLOT_REASON_SHARE);
    assert_true(plan_of(work).parallel_ns < share);
    work.item_ns = nextafter(share / 2.0, 0.0);
    expect_alone(work, ALLOT_REASON_TOO_SHORT);

    work = (allot_work){.nitems = 2, .item_ns = wake / 2.0, .confirmed = true, .nsleeping = 1};
    assert_int_equal(plan_of(work).reason, ALLOT_REASON_WAKE);
    assert_true(plan_of(work).parallel_ns < wake);
    work.item_ns = nextafter(wake / 2.0, 0.0);
    expect_alone(work, ALLOT_REASON_TOO_SHORT_TO_WAKE);
}

static void odd_costs_count_as_nothing(void **state)
{
    (void)state;
    static const double odd[] = {NAN, -NAN, -1.0, -INFINITY, -DBL_MAX, -0.0};
    allot_costs free_costs = {0};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        allot_costs costs = {odd[i], odd[i], odd[i], odd[i], odd[i], odd[i]};
        assert_true(allot_plan_share_ns(&costs) == allot_plan_share_ns(&free_costs));
        assert_true(allot_plan_wake_ns(&costs) == allot_plan_wake_ns(&free_costs));
        assert_true(allot_plan_spin_ns(&costs) == allot_plan_spin_ns(&free_costs));
        for (uint32_t k = 0; k < 8; k++) {
            allot_work work = {.nitems = 1 + k * 37,
                               .item_ns = 10.0,
                               .confirmed = k % 2 != 0,
                               .nspinning = k / 2 % 2,
                               .nsleeping = k / 4};
            allot_plan with_odd, with_free;
            memset(&with_odd, 0, sizeof with_odd);
            memset(&with_free, 0, sizeof with_free);
            allot_plan_grain(&costs, &work, &with_odd);
            allot_plan_grain(&free_costs, &work, &with_free);
            assert_memory_equal(&with_odd, &with_free, sizeof with_odd);
        }
    }
}

static void endless_costs_keep_everybody_alone(void **state)
{
    (void)state;
    allot_costs costs = {INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY};
    allot_work work = {.nitems = UINT64_MAX, .item_ns = 1e12, .done_ns = 1e30, .confirmed = true};
    allot_plan plan;
    for (uint32_t k = 1; k < 4; k++) {
        work.nspinning = k & 1;
        work.nsleeping = k >> 1;
        allot_plan_grain(&costs, &work, &plan);
        assert_false(plan.share || plan.wake);
        assert_int_equal(plan.nengines, 1);
    }
    assert_true(isfinite(allot_plan_spin_ns(&costs)));
}

static void odd_items_make_no_odd_plan(void **state)
{
    (void)state;
    static const double odd[] = {NAN, -1.0, -INFINITY, 0.0, DBL_MIN, 4.9e-324, DBL_MAX, INFINITY};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        allot_plan plan = plan_of((allot_work){
            .nitems = 1000, .item_ns = odd[i], .done_ns = odd[i], .nspinning = 2, .nsleeping = 2});
        assert_false(isnan(plan.serial_ns) || plan.serial_ns < 0.0);
        assert_true(plan.parallel_ns <= plan.serial_ns);
        assert_true(plan.nengines >= 1 && plan.nengines <= 5);
        assert_true(plan.chunk_items >= 1 && plan.chunk_items <= 1000);
    }
}

/** A few microseconds, but an item at least; all where all is short. */
static void chunks_are_short(void **state)
{
    (void)state;
    static const double odd[] = {NAN, -1.0, 0.0, 1.0, 1e9, INFINITY};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_true(allot_plan_chunk(0, odd[i]) == 0);
        assert_true(allot_plan_chunk(1, odd[i]) == 1);
    }
    assert_true(allot_plan_chunk(1000, 1e6) == 1);
    assert_true(allot_plan_chunk(1000, INFINITY) == 1);
    assert_true(allot_plan_chunk(10, 1.0) == 10);
    assert_true(allot_plan_chunk(UINT64_MAX, 0.0) == UINT64_MAX);
    assert_true(allot_plan_chunk(UINT64_MAX, 1.0) < 20000);
    assert_true(allot_plan_chunk(UINT64_MAX, 1e-12) < UINT64_MAX);
    assert_true(allot_plan_chunk(1000000, 1.0) * 4 <= 1000000);
}

/** Not so many leaves that nobody has room for their sums, and never an empty one. */
static void leaves_cover_everything(void **state)
{
    (void)state;
    assert_true(allot_plan_leaf(0) >= 1);
    for (uint32_t bit = 0; bit <= 40; bit++) {
        for (int64_t near = -40; near <= 40; near++) {
            uint64_t n = (UINT64_C(1) << bit) + (uint64_t)near;
            if (n == 0 || n > UINT64_C(1) << 41)
                continue;
            uint64_t leaf = allot_plan_leaf(n), nleaves = (n - 1) / leaf + 1;
            assert_true(leaf >= 1 && leaf <= n);
            assert_true(nleaves <= 65536);
            assert_true((nleaves - 1) * leaf < n && nleaves * leaf >= n);
            assert_true(n < 1000 || nleaves >= 32);
        }
    }
    uint64_t leaf = allot_plan_leaf(UINT64_MAX);
    assert_true(leaf >= 1 && (UINT64_MAX - 1) / leaf + 1 <= 65536);
}

/** As long as a wake-up would cost, within reason. */
static void spinning_is_worth_a_wake_up(void **state)
{
    (void)state;
    assert_true(allot_plan_spin_ns(&server) == 50e3);
    allot_costs costs = server;
    costs.wake_latency_ns = 1e12;
    assert_true(allot_plan_spin_ns(&costs) < 10e6);
}

static void reasons_have_names(void **state)
{
    (void)state;
    assert_string_equal(allot_reason_name(ALLOT_REASON_NOTHING), "NOTHING");
    assert_string_equal(allot_reason_name(ALLOT_REASON_TOO_SHORT_TO_WAKE), "TOO_SHORT_TO_WAKE");
    assert_string_equal(allot_reason_name(ALLOT_REASON_HEARTBEAT), "HEARTBEAT");
    assert_string_equal(allot_reason_text(ALLOT_REASON_ALONE), "this machine offers one engine");
    for (int a = ALLOT_REASON_NOTHING; a <= ALLOT_REASON_HEARTBEAT; a++)
        for (int b = ALLOT_REASON_NOTHING; b < a; b++) {
            assert_string_not_equal(allot_reason_name((allot_reason)a), allot_reason_name((allot_reason)b));
            assert_string_not_equal(allot_reason_text((allot_reason)a), allot_reason_text((allot_reason)b));
        }
    assert_string_equal(allot_reason_name((allot_reason)99), "?");
    assert_string_equal(allot_reason_text((allot_reason)-1), "unknown reason");
}

static void expect_text(allot_plan plan, const char *expected)
{
    char text[256];
    int length = allot_plan_explain(&plan, text, sizeof text);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
}

static void plans_are_explained(void **state)
{
    (void)state;
    expect_text((allot_plan){.reason = ALLOT_REASON_NOTHING, .nengines = 1},
                "in series: there is nothing to do (0 ns of work left)");
    expect_text(
        (allot_plan){
            .reason = ALLOT_REASON_TOO_SHORT, .nengines = 1, .serial_ns = 512.0, .parallel_ns = 512.0},
        "in series: handing work over costs more than it would save (512 ns of work left)");
    expect_text((allot_plan){.reason = ALLOT_REASON_SHARE,
                             .share = true,
                             .nengines = 2,
                             .serial_ns = 10e3,
                             .parallel_ns = 5.45e3},
                "on 2 engines: engines are awake, and the work left pays for handing half of it over "
                "(10 us of work left, 5.45 us predicted, 1.83x)");
    expect_text((allot_plan){.reason = ALLOT_REASON_WAKE,
                             .share = true,
                             .wake = true,
                             .nengines = 64,
                             .serial_ns = 64e9,
                             .parallel_ns = 1.25e6},
                "on 64 engines: the work left pays for waking engines "
                "(64 s of work left, 1.25 ms predicted, 51200.00x)");
}

static void an_explanation_is_cut_as_snprintf_cuts(void **state)
{
    (void)state;
    allot_plan plan = {.reason = ALLOT_REASON_ALONE, .nengines = 1, .serial_ns = 1e6, .parallel_ns = 1e6};
    char whole[256], part[256];
    int length = allot_plan_explain(&plan, whole, sizeof whole);
    assert_int_equal(length, strlen(whole));
    assert_int_equal(allot_plan_explain(&plan, NULL, 0), length);
    for (size_t room = 1; room <= (size_t)length + 1; room++) {
        memset(part, 'x', sizeof part);
        assert_int_equal(allot_plan_explain(&plan, part, room), length);
        assert_int_equal(strlen(part), room - 1);
        assert_memory_equal(part, whole, room - 1);
        assert_int_equal(part[room], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_reasons_to_stay_alone),
        cmocka_unit_test(there_are_reasons_for_company),
        cmocka_unit_test(sharing_may_wake_as_well),
        cmocka_unit_test(no_more_engines_than_items),
        cmocka_unit_test(the_prediction_is_the_models),
        cmocka_unit_test(break_even_is_where_the_plan_turns),
        cmocka_unit_test(odd_costs_count_as_nothing),
        cmocka_unit_test(endless_costs_keep_everybody_alone),
        cmocka_unit_test(odd_items_make_no_odd_plan),
        cmocka_unit_test(chunks_are_short),
        cmocka_unit_test(leaves_cover_everything),
        cmocka_unit_test(spinning_is_worth_a_wake_up),
        cmocka_unit_test(reasons_have_names),
        cmocka_unit_test(plans_are_explained),
        cmocka_unit_test(an_explanation_is_cut_as_snprintf_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
