/* test_sched.c - corners of the scheduler that random runs (prop_sched.c) seldom come to: how many engines a
 * task may be lost with, room in queues, tasks that run twice.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "farm/sched.h"

#define MS UINT64_C(1000000)

static al_sched *sched;
static uint64_t now_ns;

/** One kind of tasks, engines of one processor each. */
static void make(const al_sched_opts *opts, const al_task_kind *kind, uint64_t ntasks, uint32_t nengines)
{
    const al_need has = {.cpus_milli = 1000};
    uint32_t number;
    now_ns = MS;
    sched = al_sched_create(opts);
    assert_non_null(sched);
    assert_int_equal(al_sched_kind(sched, kind, &number), ALLOT_OK);
    for (uint32_t k = 0; k < nengines; k++)
        assert_int_equal(al_sched_engine_up(sched, &has, 1, &number), ALLOT_OK);
    assert_int_equal(al_sched_add(sched, ntasks, 0, false), ALLOT_OK);
    al_sched_input_ended(sched);
}

static al_action next(void)
{
    al_action action;
    al_sched_next(sched, now_ns, &action);
    return action;
}

static void expect_start(al_task_id task, uint32_t attempt, uint32_t engine)
{
    al_action action = next();
    assert_int_equal(action.kind, AL_ACTION_START);
    assert_int_equal(action.task, task);
    assert_int_equal(action.attempt, attempt);
    assert_int_equal(action.engine, engine);
}

static void expect_kill(al_task_id task, uint32_t engine, bool hard)
{
    al_action action = next();
    assert_int_equal(action.kind, AL_ACTION_KILL);
    assert_int_equal(action.task, task);
    assert_int_equal(action.engine, engine);
    assert_int_equal(action.hard, hard);
}

static void expect_nothing(void)
{
    assert_int_equal(next().kind, AL_ACTION_NONE);
}

/** @return whether it is the task's result. @param[out] state  NULL: no matter */
static bool end(al_task_id task, uint32_t engine, int status, al_task_state *state)
{
    al_result result = {.task = task, .cause = AL_CAUSE_EXIT, .exit_status = status, .wall_us = 10000};
    bool is_kept = al_sched_ended(sched, engine, &result, now_ns);
    if (state != NULL)
        *state = result.state;
    return is_kept;
}

static al_sched_counts counts(void)
{
    al_sched_counts c;
    al_sched_count(sched, &c);
    return c;
}

/* ---- lost engines ----------------------------------------------------------------------------------------
 */

static void test_set_aside_after_three_losses(void **state)
{
    (void)state;
    const al_sched_opts opts = {.retry_lost = true};
    make(&opts, &(al_task_kind){.need = {.cpus_milli = 1000}}, 1, 1);
    for (uint32_t attempt = 1; attempt <= 3; attempt++) {
        expect_start(1, attempt, 0);
        al_sched_engine_down(sched, 0, now_ns);
        al_sched_engine_back(sched, 0, &(al_need){.cpus_milli = 1000}, 1, false);
    }
    al_action action = next();
    assert_int_equal(action.kind, AL_ACTION_FINAL);
    assert_int_equal(action.state, AL_TASK_FAILED);
    assert_int_equal(action.cause, AL_CAUSE_LOST);
    assert_true(al_sched_is_over(sched));
    al_sched_destroy(sched);
}

/** A loss is the engine's fault: it costs none of the task's own attempts. */
static void test_losses_cost_no_retries(void **state)
{
    (void)state;
    al_task_state became;
    al_sched_opts opts = {.retry_lost = true, .retry_exits = {2}};
    make(&opts, &(al_task_kind){.need = {.cpus_milli = 1000}, .retries = 1}, 1, 1);
    for (uint32_t attempt = 1; attempt <= 2; attempt++) {
        expect_start(1, attempt, 0);
        al_sched_engine_down(sched, 0, now_ns);
        al_sched_engine_back(sched, 0, &(al_need){.cpus_milli = 1000}, 1, false);
    }
    expect_start(1, 3, 0);
    assert_true(end(1, 0, 1, &became));
    assert_int_equal(became, AL_TASK_DELAYED);
    expect_start(1, 4, 0);
    assert_true(end(1, 0, 1, &became));
    assert_int_equal(became, AL_TASK_FAILED);
    al_sched_destroy(sched);
}

/* ---- queues ----------------------------------------------------------------------------------------------
 */

static void test_more_room_to_wait_is_used(void **state)
{
    (void)state;
    make(&(al_sched_opts){.seed = 1}, &(al_task_kind){.need = {.cpus_milli = 1000}}, 4, 1);
    al_sched_engine_queue(sched, 0, 1);
    expect_start(1, 1, 0);
    expect_start(2, 1, 0);
    expect_nothing();
    al_sched_engine_queue(sched, 0, 2);
    expect_start(3, 1, 0);
    expect_nothing();
    al_sched_returned(sched, 3, 0);
    expect_start(3, 1, 0);
    expect_nothing();
    al_sched_destroy(sched);
}

/* ---- tasks that run twice --------------------------------------------------------------------------------
 */

static const al_sched_opts twice = {
    .speculate = 1.5, .kill_after_ns = 100 * MS, .retry_exits = {2}, .retry_lost = true};

/** Five tasks on two engines, of 10 ms each; the fifth goes on, and is late: it runs on engine 0, and on 1.
 */
static void make_late(const al_sched_opts *opts, const al_task_kind *kind)
{
    make(opts, kind, 5, 2);
    for (al_task_id task = 1; task <= 3; task += 2) {
        expect_start(task, 1, 0);
        expect_start(task + 1, 1, 1);
        now_ns += 10 * MS;
        assert_true(end(task, 0, 0, NULL) && end(task + 1, 1, 0, NULL));
    }
    expect_start(5, 1, 0);
    expect_nothing();
    uint64_t begin_ns = now_ns;
    now_ns = al_sched_wake_at(sched);
    assert_in_range(now_ns - begin_ns, 14800000, 15200000); /* the median is to within 1.1 % */
    expect_start(5, 2, 1);
    expect_nothing();
    assert_true(al_sched_runs_twice(sched, 5));
    assert_int_equal(al_sched_attempts(sched, 5), 2);
}

static const al_task_kind plain = {.need = {.cpus_milli = 1000}};

static void test_copy_wins(void **state)
{
    (void)state;
    al_task_state became;
    make_late(&twice, &plain);
    assert_true(end(5, 1, 0, &became));
    assert_int_equal(became, AL_TASK_DONE);
    assert_true(al_sched_is_over(sched)); /* nobody waits for the other, */
    expect_kill(5, 0, false);             /* which is ended all the same */
    now_ns += 99 * MS;
    expect_nothing();
    now_ns += MS;
    expect_kill(5, 0, true);
    uint32_t slot, nwaiting;
    assert_true(al_sched_where(sched, 5, 0, &slot));
    assert_int_equal(al_sched_engine_load(sched, 0, &nwaiting), 1);
    assert_false(end(5, 0, 0, &became)); /* also where it succeeds after all */
    assert_int_equal(became, AL_TASK_DONE);
    assert_int_equal(al_sched_engine_load(sched, 0, &nwaiting), 0);
    assert_false(al_sched_where(sched, 5, 0, &slot));
    assert_int_equal(counts().ndone, 5);
    assert_int_equal(counts().ncopies, 1);
    assert_int_equal(counts().ncopies_won, 1);
    al_sched_destroy(sched);
}

static void test_first_wins(void **state)
{
    (void)state;
    make_late(&twice, &plain);
    assert_true(end(5, 0, 0, NULL));
    expect_kill(5, 1, false);
    assert_int_equal(counts().ncopies_won, 0);
    al_sched_returned(sched, 5, 1); /* it had not begun there */
    expect_nothing();
    assert_int_equal(counts().ndone, 5);
    al_sched_destroy(sched);
}

/** A copy that comes back as it was given never was. */
static void test_copy_comes_back(void **state)
{
    (void)state;
    make_late(&twice, &plain);
    al_sched_returned(sched, 5, 1);
    assert_int_equal(al_sched_attempts(sched, 5), 1);
    expect_start(5, 2, 1);
    al_sched_returned(sched, 5, 0); /* or the first does: the number of the second is in use */
    assert_int_equal(al_sched_attempts(sched, 5), 2);
    assert_int_equal(al_sched_state(sched, 5), AL_TASK_RUNNING);
    assert_true(end(5, 1, 0, NULL));
    assert_true(al_sched_is_over(sched));
    al_sched_destroy(sched);
}

/** Of two failures the last decides, and of two attempts one counts. */
static void test_both_fail(void **state)
{
    (void)state;
    al_task_state became;
    al_task_kind kind = plain;
    kind.retries = 1;
    make_late(&twice, &kind);
    assert_false(end(5, 0, 1, &became));
    assert_int_equal(became, AL_TASK_RUNNING);
    now_ns += 100 * MS;
    expect_nothing(); /* once a try */
    assert_true(end(5, 1, 1, &became));
    assert_int_equal(became, AL_TASK_DELAYED);
    expect_start(5, 3, 0);
    assert_true(end(5, 0, 1, &became));
    assert_int_equal(became, AL_TASK_FAILED);
    assert_int_equal(counts().nfailed, 1);
    al_sched_destroy(sched);
}

static void test_engine_of_one_is_lost(void **state)
{
    (void)state;
    make_late(&twice, &plain);
    al_sched_engine_down(sched, 0, now_ns);
    assert_int_equal(al_sched_state(sched, 5), AL_TASK_RUNNING);
    expect_nothing();
    al_sched_engine_down(sched, 1, now_ns); /* that of the other, too: two losses */
    assert_int_equal(al_sched_state(sched, 5), AL_TASK_DELAYED);
    al_sched_engine_back(sched, 0, &(al_need){.cpus_milli = 1000}, 1, false);
    expect_start(5, 3, 0);
    al_sched_engine_down(sched, 0, now_ns);
    assert_int_equal(al_sched_state(sched, 5), AL_TASK_FAILED);
    al_sched_destroy(sched);
}

/** The loss of one that is no longer wanted is nobody's. */
static void test_engine_of_beaten_is_lost(void **state)
{
    (void)state;
    make_late(&twice, &plain);
    assert_true(end(5, 1, 0, NULL));
    expect_kill(5, 0, false);
    al_sched_engine_down(sched, 0, now_ns);
    expect_nothing();
    assert_int_equal(counts().ndone, 5);
    assert_true(al_sched_is_over(sched));
    al_sched_destroy(sched);
}

static void test_canceled(void **state)
{
    (void)state;
    al_task_state became;
    make_late(&twice, &plain);
    al_sched_cancel_task(sched, 5, now_ns);
    al_action one = next(), two = next();
    assert_true(one.kind == AL_ACTION_KILL && two.kind == AL_ACTION_KILL && one.engine != two.engine);
    assert_false(end(5, 0, 143, NULL));
    assert_false(al_sched_is_over(sched));
    assert_true(end(5, 1, 143, &became));
    assert_int_equal(became, AL_TASK_CANCELED);
    al_sched_destroy(sched);
}

/** Each copy has its own time. */
static void test_timeout_of_each(void **state)
{
    (void)state;
    al_task_state became;
    al_task_kind kind = plain;
    kind.timeout_ns = 50 * MS;
    make_late(&twice, &kind);
    uint64_t copied_ns = now_ns;
    now_ns = 21 * MS + 50 * MS;
    expect_kill(5, 0, false);
    expect_nothing();
    now_ns = copied_ns + 50 * MS;
    expect_kill(5, 1, false);
    now_ns = 21 * MS + 150 * MS;
    expect_kill(5, 0, true);
    assert_false(end(5, 0, 143, NULL));
    now_ns = copied_ns + 150 * MS;
    expect_kill(5, 1, true);
    assert_true(end(5, 1, 143, &became));
    assert_int_equal(became, AL_TASK_FAILED);
    al_sched_destroy(sched);
}

/** Tokens are of the run: a copy needs its own. */
static void test_copies_need_tokens(void **state)
{
    (void)state;
    al_sched_opts opts = twice;
    al_task_kind kind = {.need = {.cpus_milli = 100}, .tokens = {1}};
    opts.tokens[0] = 1;
    make(&opts, &kind, 4, 2);
    for (al_task_id task = 1; task <= 4; task++) {
        al_action action = next();
        assert_true(action.kind == AL_ACTION_START && action.task == task);
        expect_nothing();
        now_ns += 10 * MS;
        if (task < 4)
            assert_true(end(task, action.engine, 0, NULL));
    }
    now_ns += 1000 * MS;
    expect_nothing();
    assert_int_equal(counts().ncopies, 0);
    assert_true(al_sched_wake_at(sched) == UINT64_MAX);
    al_sched_destroy(sched);
}

/** Nothing is late by what an earlier session knows of four tasks, until it is; nothing at all while there
 * may be more to do. */
static void test_only_at_the_end(void **state)
{
    (void)state;
    make(&twice, &plain, 5, 2);
    for (al_task_id task = 1; task <= 4; task++)
        assert_int_equal(al_sched_restore(sched, task, AL_TASK_DONE, 1, 10000), ALLOT_OK);
    expect_start(5, 1, 0);
    expect_nothing();
    assert_int_equal(al_sched_add(sched, 0, 0, false), ALLOT_OK); /* there may be more */
    now_ns += 100 * MS;
    expect_nothing();
    al_sched_input_ended(sched);
    expect_start(5, 2, 1);
    al_sched_destroy(sched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_aside_after_three_losses),
        cmocka_unit_test(test_losses_cost_no_retries),
        cmocka_unit_test(test_more_room_to_wait_is_used),
        cmocka_unit_test(test_copy_wins),
        cmocka_unit_test(test_first_wins),
        cmocka_unit_test(test_copy_comes_back),
        cmocka_unit_test(test_both_fail),
        cmocka_unit_test(test_engine_of_one_is_lost),
        cmocka_unit_test(test_engine_of_beaten_is_lost),
        cmocka_unit_test(test_canceled),
        cmocka_unit_test(test_timeout_of_each),
        cmocka_unit_test(test_copies_need_tokens),
        cmocka_unit_test(test_only_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
