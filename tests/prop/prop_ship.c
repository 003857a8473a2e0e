/* prop_ship.c - properties of the planner of engines over random maps and ways.
 *
 *  - a chunk is given only where it pays, has an item at least and no more than there are, and would be back
 *    before this machine is through by itself;
 *  - more bytes, a slower wire or a longer way never turn a map that stays at home into one that does not;
 *  - more work left never turns one that is given away into one that stays;
 *  - what is not known, or makes no sense, is no reason to give anything away.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan/ship.h"
#include "support/prop.h"

#define ROUNDS 50000

static double odd(void)
{
    return prop_chance(3) ? NAN : prop_chance(2) ? -1.0 : 0.0;
}

static al_ship_work random_work(void)
{
    return (al_ship_work){.item_ns = prop_chance(20) ? odd() : prop_log(1e-1, 1e11),
                          .nleft = prop_chance(20) ? odd() : prop_log(1, 1e12),
                          .nthreads = 1 + (uint32_t)prop_below(128),
                          .nslots = (uint32_t)prop_below(1000),
                          .item_nbytes = prop_chance(20) ? odd() : prop_log(1e-2, 1e3)};
}

static al_ship_engine random_engine(void)
{
    return (al_ship_engine){.ready_ns = prop_chance(2) ? 0 : prop_log(1e6, 1e11),
                            .rtt_ns = prop_chance(10) ? odd() : prop_log(1e3, 1e9),
                            .byte_ns = prop_chance(10) ? odd() : prop_log(1e-2, 1e4),
                            .pace = prop_chance(10) ? odd() : prop_log(0.1, 10),
                            .start_ns = prop_chance(3) ? odd() : prop_log(1e5, 1e8)};
}

static al_ship_plan plan_of(const al_ship_work *work, const al_ship_engine *engine)
{
    al_ship_plan plan;
    al_plan_ship(work, engine, &plan);
    return plan;
}

static void one_plan(const al_ship_work *work, const al_ship_engine *engine)
{
    al_ship_plan plan = plan_of(work, engine);
    prop_require((plan.nitems > 0) == (plan.reason == AL_SHIP_PAYS));
    if (plan.nitems == 0)
        return;
    prop_require((double)plan.nitems <= work->nleft);
    prop_require(plan.first_ns <= plan.home_ns);
    prop_require(plan.ship_ns < work->item_ns);
    prop_require(plan.nitems == 1 || plan.chunk_ns <= 1.001e9);
}

static void worse_way(const al_ship_work *work, const al_ship_engine *engine)
{
    if (plan_of(work, engine).nitems > 0)
        return;
    al_ship_work more = *work;
    al_ship_engine worse = *engine;
    if (work->item_nbytes > 0)
        more.item_nbytes *= prop_log(1, 10);
    if (engine->byte_ns > 0)
        worse.byte_ns *= prop_log(1, 10);
    if (engine->ready_ns > 0)
        worse.ready_ns *= prop_log(1, 10);
    prop_require(plan_of(&more, &worse).nitems == 0);
}

static void more_work(const al_ship_work *work, const al_ship_engine *engine)
{
    if (plan_of(work, engine).nitems == 0)
        return;
    al_ship_work more = *work;
    more.nleft *= prop_log(1, 100);
    prop_require(plan_of(&more, engine).nitems > 0);
}

static void test_properties(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(ROUNDS); k++) {
        prop_begin(k);
        al_ship_work work = random_work();
        al_ship_engine engine = random_engine();
        one_plan(&work, &engine);
        worse_way(&work, &engine);
        more_work(&work, &engine);
    }
}

static void test_cases(void **state)
{
    (void)state;
    const al_ship_engine near = {.rtt_ns = 1e5, .byte_ns = 1};
    /* The textbook's x * x: nothing. */
    al_ship_work work = {.item_ns = 1, .nleft = 1e9, .nthreads = 2, .item_nbytes = 16};
    assert_int_equal(plan_of(&work, &near).reason, AL_SHIP_BYTES);
    /* A millisecond an item: chunks of a few tens of them. */
    work.item_ns = 1e6;
    al_ship_plan plan = plan_of(&work, &near);
    assert_int_equal(plan.reason, AL_SHIP_PAYS);
    assert_in_range(plan.nitems, 20, 100);
    /* The same, but five are left. */
    work.nleft = 5;
    assert_int_equal(plan_of(&work, &near).reason, AL_SHIP_TOO_SHORT);
    /* Ten seconds an item: five may well be shared out, one at a time. */
    work.item_ns = 1e10;
    assert_int_equal(plan_of(&work, &near).nitems, 1);
    /* It is not even up, and will not be in time. */
    al_ship_engine far = {.ready_ns = 1e12};
    assert_int_equal(plan_of(&work, &far).reason, AL_SHIP_TOO_SHORT);
    work.item_ns = 0;
    assert_int_equal(plan_of(&work, &near).reason, AL_SHIP_UNMEASURED);
    work.nleft = 0;
    assert_int_equal(plan_of(&work, &near).reason, AL_SHIP_NOTHING);
    assert_string_equal(al_ship_reason_name(AL_SHIP_BYTES), "BYTES");
    assert_non_null(strstr(al_ship_reason_text(AL_SHIP_BYTES), "costs more than computing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
