/* test_clock.c - the counter runs forward, at the rate that was found for it, on every processor.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/pools.h"

static void the_two_rates_are_inverses(void **state)
{
    (void)state;
    assert_true(isfinite(al_clock_ticks_per_ns) && al_clock_ticks_per_ns > 0.0);
    assert_true(fabs(al_clock_ticks_per_ns * al_clock_ns_per_tick - 1.0) < 1e-9);
    if (!al_clock_has_counter)
        assert_true(al_clock_ticks_per_ns == 1.0);
}

/** Against the kernel's clock over 50 ms. Both readings of each end lie between two others, so that the bound
 * holds also where the thread was kept waiting between them. */
static void the_rate_is_right(void **state)
{
    (void)state;
    uint64_t early_ns = al_clock_ns(), a = al_ticks(), late_ns = al_clock_ns();
    nap_ns(50000000);
    uint64_t early_end_ns = al_clock_ns(), b = al_ticks(), late_end_ns = al_clock_ns();
    double ns = al_ticks_to_ns(b - a);
    assert_true(ns >= 0.95 * (double)(early_end_ns - late_ns));
    assert_true(ns <= 1.05 * (double)(late_end_ns - early_ns));
}

static void time_never_runs_back(void **state)
{
    (void)state;
    uint64_t last = al_ticks(), last_ns = al_clock_ns();
    for (int i = 0; i < 100000; i++) {
        uint64_t now = al_ticks(), now_ns = al_clock_ns();
        assert_true(now >= last);
        assert_true(now_ns >= last_ns);
        last = now;
        last_ns = now_ns;
    }
}

/** A reading on one processor is not later than one taken on another afterwards. */
static void processors_agree(void **state)
{
    (void)state;
    cpu_set_t allowed, one;
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    uint64_t last = al_ticks();
    for (int round = 0; round < 20; round++)
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (!CPU_ISSET((size_t)cpu, &allowed))
                continue;
            CPU_ZERO(&one);
            CPU_SET((size_t)cpu, &one);
            assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
            uint64_t now = al_ticks();
            assert_true(now >= last);
            last = now;
        }
    assert_int_equal(sched_setaffinity(0, sizeof allowed, &allowed), 0);
}

static void nanoseconds_become_ticks(void **state)
{
    (void)state;
    assert_int_equal(al_ticks_from_ns(0.0), 0);
    uint64_t second = al_ticks_from_ns(1e9);
    assert_true(fabs(al_ticks_to_ns(second) - 1e9) < 10.0);
    assert_true(al_ticks_from_ns(INFINITY) == UINT64_MAX);
    assert_true(al_ticks_from_ns(1e300) == UINT64_MAX);
    assert_true(al_ticks_from_ns((double)UINT64_MAX) >= al_ticks_from_ns(1.8e18));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_two_rates_are_inverses), cmocka_unit_test(the_rate_is_right),
        cmocka_unit_test(time_never_runs_back),       cmocka_unit_test(processors_agree),
        cmocka_unit_test(nanoseconds_become_ticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
