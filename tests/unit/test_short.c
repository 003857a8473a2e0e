/* test_short.c - the part of allot_for() that is compiled into its caller: what it may decide, and what not.
 *
 * It decides only after a pause, or for loops under a microsecond; so there are pauses here. Nothing is
 * asserted about time, but that it ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/pools.h"

#define NITEMS 100u
#define NTIMES 40u

/** Counts its items; they take as long as it says, and one of them may fail. */
typedef struct work {
    uint64_t item_ns, failing;
    _Atomic uint64_t ndone;
    pthread_t caller;
    atomic_bool helped; /* another thread did some */
} work;

static int count(uint64_t begin, uint64_t end, void *arg)
{
    work *w = arg;
    if (!pthread_equal(pthread_self(), w->caller))
        w->helped = true;
    w->ndone += end - begin;
    if (w->item_ns > 0)
        spend_ns(w->item_ns * (end - begin));
    return w->failing >= begin && w->failing < end ? allot_fail_at(w->failing, 7) : 0;
}

static work work_of(uint64_t item_ns)
{
    return (work){.item_ns = item_ns, .failing = UINT64_MAX, .caller = pthread_self()};
}

/** Long enough for all workers to fall asleep. */
static void pause_a_while(void)
{
    nap_ns(5000000);
}

static void each_item_is_done_once_with_and_without_pauses(void **state)
{
    (void)state;
    work w = work_of(0);
    for (unsigned k = 0; k < NTIMES; k++) {
        if (k % 3 == 0)
            pause_a_while();
        w.ndone = 0;
        assert_int_equal(allot_for(NULL, NITEMS, count, &w, NULL, NULL), ALLOT_OK);
        assert_int_equal(w.ndone, NITEMS);
    }
}

static void the_caller_decides_alone_after_a_pause(void **state)
{
    (void)state;
    work w = work_of(0);
    for (unsigned k = 0; k < 5; k++)
        assert_int_equal(allot_for(NULL, NITEMS, count, &w, NULL, NULL), ALLOT_OK);
#if defined(__OPTIMIZE__) && (defined(__x86_64__) || defined(__aarch64__))
    assert_ptr_equal(allot_short_here.fn, count);
    assert_ptr_equal(allot_short_here.arg, &w);
    if (!al_clock_has_counter)
        return;
    assert_true(allot_short_here.nitems >= NITEMS);
    pause_a_while();
    uint64_t ended = allot_short_here.ended;
    allot_short_here.left = 1; /* the next is timed */
    assert_int_equal(allot_for(NULL, NITEMS, count, &w, NULL, NULL), ALLOT_OK);
    assert_true(allot_short_here.ended > ended);
#endif
}

static void failures_are_told_by_index_and_value(void **state)
{
    (void)state;
    work w = work_of(0);
    allot_error err;
    for (unsigned k = 0; k < NTIMES; k++) {
        if (k % 2 == 0)
            pause_a_while();
        w.failing = k % 5 == 4 ? k : UINT64_MAX;
        allot_err code = allot_for(NULL, NITEMS, count, &w, NULL, &err);
        assert_int_equal(code, w.failing != UINT64_MAX ? ALLOT_EUSER : ALLOT_OK);
        if (code == ALLOT_EUSER) {
            assert_int_equal(err.index, k);
            assert_int_equal(err.user, 7);
        }
    }
}

/** A loop that was short, and no longer is, is shared sooner or later. */
static void a_loop_that_has_grown_is_measured_anew(void **state)
{
    (void)state;
    if (allot_pool_nthreads(NULL) < 2)
        skip();
    work w = work_of(0);
    for (unsigned k = 0; k < 10; k++)
        assert_int_equal(allot_for(NULL, NITEMS, count, &w, NULL, NULL), ALLOT_OK);
    w.item_ns = 200000;
    for (unsigned k = 0; k < NTIMES && !w.helped; k++) {
        pause_a_while();
        assert_int_equal(allot_for(NULL, NITEMS, count, &w, NULL, NULL), ALLOT_OK);
    }
    assert_true(w.helped);
}

/** Loops of which none pays for making threads do so in a row. */
static void a_row_of_short_loops_gets_help(void **state)
{
    (void)state;
    if (allot_pool_nthreads(NULL) < 2)
        skip();
    work w = work_of(100);
    for (unsigned k = 0; k < 3000 && !w.helped; k++)
        assert_int_equal(allot_for(NULL, NITEMS, count, &w, NULL, NULL), ALLOT_OK);
    assert_true(w.helped);
}

static void other_arguments_and_options_are_another_loop(void **state)
{
    (void)state;
    work first = work_of(0), second = work_of(0);
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    allot_stats stats;
    opts.stats = &stats;
    for (unsigned k = 0; k < NTIMES; k++) {
        pause_a_while();
        first.ndone = second.ndone = 0;
        assert_int_equal(allot_for(NULL, NITEMS, count, &first, NULL, NULL), ALLOT_OK);
        assert_int_equal(allot_for(NULL, NITEMS, count, &second, k % 2 == 0 ? &opts : NULL, NULL), ALLOT_OK);
        assert_int_equal(first.ndone, NITEMS);
        assert_int_equal(second.ndone, NITEMS);
        if (k % 2 == 0)
            assert_int_equal(stats.nitems, NITEMS);
    }
}

static void it_can_be_called_through_a_pointer_and_refuses_what_the_call_does(void **state)
{
    (void)state;
    allot_err (*volatile call)(allot_pool *, uint64_t, allot_for_fn, void *, const allot_map_opts *,
                               allot_error *) = allot_for;
    work w = work_of(0);
    assert_int_equal(call(NULL, NITEMS, count, &w, NULL, NULL), ALLOT_OK);
    assert_int_equal(w.ndone, NITEMS);
    allot_error err;
    assert_int_equal(allot_for(NULL, 0, NULL, NULL, NULL, &err), ALLOT_EINVAL);
    assert_int_equal(allot_for(NULL, 3, NULL, NULL, NULL, &err), ALLOT_EINVAL);
    assert_int_equal(allot_for(NULL, 0, count, &w, NULL, &err), ALLOT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_of_short_loops_gets_help), /* before there are threads */
        cmocka_unit_test(each_item_is_done_once_with_and_without_pauses),
        cmocka_unit_test(the_caller_decides_alone_after_a_pause),
        cmocka_unit_test(failures_are_told_by_index_and_value),
        cmocka_unit_test(a_loop_that_has_grown_is_measured_anew),
        cmocka_unit_test(other_arguments_and_options_are_another_loop),
        cmocka_unit_test(it_can_be_called_through_a_pointer_and_refuses_what_the_call_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
