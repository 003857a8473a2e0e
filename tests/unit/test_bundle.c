/* test_bundle.c - how many arguments a call is given, from what calls were measured to cost.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "farm/bundle.h"

/** Calls of a command that takes fixed + n each ns, until the choice stays. @return it */
static uint64_t settle(al_bundle *bundle, uint64_t fixed_ns, uint64_t each_ns, uint32_t njobs, uint64_t nleft)
{
    uint64_t n = 1;
    for (int calls = 0; calls < 200; calls++) {
        n = al_bundle_choose(bundle, 0, njobs, nleft);
        al_bundle_add(bundle, n, fixed_ns + n * each_ns);
    }
    return n;
}

static void test_first_a_look(void **state)
{
    (void)state;
    al_bundle bundle = {.count = 0};
    for (int calls = 0; calls < 4; calls++) {
        assert_int_equal(al_bundle_choose(&bundle, 1e6, 4, UINT64_MAX), 1);
        al_bundle_add(&bundle, 1, 1000000);
    }
    assert_int_equal(al_bundle_choose(&bundle, 1e6, 4, UINT64_MAX), 2);
}

static void test_costs_are_found(void **state)
{
    (void)state;
    double fixed_ns, each_ns;
    al_bundle bundle = {.count = 0};
    (void)settle(&bundle, 700000, 3000, 2, UINT64_MAX);
    al_bundle_costs(&bundle, &fixed_ns, &each_ns);
    assert_true(fixed_ns > 699000 && fixed_ns < 701000);
    assert_true(each_ns > 2999 && each_ns < 3001);
}

static void test_starting_becomes_cheap(void **state)
{
    (void)state;
    al_bundle bundle = {.count = 0};
    uint64_t n = settle(&bundle, 600000, 20000, 2, UINT64_MAX); /* 3 %: 1,000 */
    assert_in_range(n, 990, 1010);
}

static void test_no_call_takes_long(void **state)
{
    (void)state;
    al_bundle bundle = {.count = 0}, slow = {.count = 0}, flat = {.count = 0};
    uint64_t n = settle(&bundle, 100000000, 5000000, 2, UINT64_MAX); /* 100 ms + 5 ms each: 0.5 s at most */
    assert_in_range(n, 78, 81);
    assert_int_equal(settle(&slow, 0, 2000000000, 2, UINT64_MAX), 1);
    n = settle(&flat, 900000000, 0, 2, UINT64_MAX); /* nothing to be gained by more that could be seen */
    assert_in_range(n, 1, 4);
}

static void test_all_jobs_end_together(void **state)
{
    (void)state;
    al_bundle bundle = {.count = 0};
    (void)settle(&bundle, 600000, 1000, 2, UINT64_MAX);
    assert_true(al_bundle_choose(&bundle, 0, 2, 1000000) > 10000);
    assert_int_equal(al_bundle_choose(&bundle, 0, 2, 800), 100);
    assert_int_equal(al_bundle_choose(&bundle, 0, 2, 5), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_a_look),           cmocka_unit_test(test_costs_are_found),
        cmocka_unit_test(test_starting_becomes_cheap), cmocka_unit_test(test_no_call_takes_long),
        cmocka_unit_test(test_all_jobs_end_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
