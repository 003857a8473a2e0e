/* test_statistics.c - means, fluctuations and drifts against their definitions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "md/statistics.h"
#include "support/prop.h"

static void sums_are_what_they_are_defined_to_be(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 200; k++) {
        double t[100], y[100], mean_t = 0, mean_y = 0, tt = 0, ty = 0, yy = 0, rest = 0;
        al_statistics s = {.n = 0};
        prop_begin(k);
        int n = 2 + (int)prop_below(98);
        double slope = prop_log(1e-9, 1e3), level = prop_log(1, 1e9); /* a small drift of a great number */
        for (int i = 0; i < n; i++) {
            t[i] = 1e4 + i * 0.01;
            y[i] = level + slope * t[i] + prop_unit();
            al_statistics_add(&s, t[i], y[i]);
            mean_t += t[i] / n;
            mean_y += y[i] / n;
        }
        for (int i = 0; i < n; i++) {
            tt += (t[i] - mean_t) * (t[i] - mean_t);
            ty += (t[i] - mean_t) * (y[i] - mean_y);
            yy += (y[i] - mean_y) * (y[i] - mean_y);
        }
        for (int i = 0; i < n; i++)
            rest += pow(y[i] - mean_y - ty / tt * (t[i] - mean_t), 2);
        double small = 1e-6 * (1 + fabs(ty / tt)) + 1e-15 * mean_y / (t[n - 1] - t[0]);
        prop_require(fabs(s.mean_y - mean_y) <= 1e-14 * mean_y);
        prop_require(fabs(al_statistics_rms(&s) - sqrt(yy / n)) <= 1e-6 * sqrt(yy / n) + 1e-15 * mean_y);
        prop_require(fabs(al_statistics_slope(&s) - ty / tt) <= small * 10);
        prop_require(fabs(al_statistics_rms_about_line(&s) - sqrt(rest / n)) <=
                     1e-4 * sqrt(rest / n) + 1e-13 * mean_y);
    }
}

static void few_numbers_have_no_spread(void **state)
{
    (void)state;
    al_statistics s = {.n = 0};
    assert_true(al_statistics_rms(&s) == 0 && al_statistics_slope(&s) == 0 &&
                al_statistics_rms_about_line(&s) == 0);
    al_statistics_add(&s, 5, 7);
    assert_true(s.mean_y == 7 && al_statistics_rms(&s) == 0 && al_statistics_slope(&s) == 0);
    al_statistics_add(&s, 5, 9); /* at the same time: there is no slope */
    assert_true(s.mean_y == 8 && al_statistics_rms(&s) == 1 && al_statistics_slope(&s) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_what_they_are_defined_to_be),
        cmocka_unit_test(few_numbers_have_no_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
