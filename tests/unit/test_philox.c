/* test_philox.c - the published vectors (Random123's known answers for philox4x32, 10 rounds), and what is
 * made of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"

static void vectors_are_the_published_ones(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        uint32_t out[4];
        al_philox(known[k].counter, known[k].key, out);
        assert_memory_equal(out, known[k].out, sizeof out);
    }
}

/** Mean, variance and fourth moment of a normal distribution, within five standard errors. */
static void normal_numbers_are_normal(void **state)
{
    (void)state;
    enum { N = 200000 };
    double sum = 0, sum2 = 0, sum4 = 0, mixed = 0;
    for (uint64_t id = 0; id < N; id++) {
        double v[3];
        al_philox_normal3(7, 1, id, 2, v);
        mixed += v[0] * v[1] + v[1] * v[2] + v[2] * v[0];
        for (int d = 0; d < 3; d++) {
            sum += v[d];
            sum2 += v[d] * v[d];
            sum4 += v[d] * v[d] * v[d] * v[d];
        }
    }
    double n = 3.0 * N;
    assert_true(fabs(sum / n) < 5 / sqrt(n));
    assert_true(fabs(sum2 / n - 1) < 5 * sqrt(2 / n));
    assert_true(fabs(sum4 / n - 3) < 5 * sqrt(96 / n));
    assert_true(fabs(mixed / n) < 5 / sqrt(n));
}

static void each_argument_matters(void **state)
{
    (void)state;
    double first[3], other[3];
    al_philox_normal3(1, 2, 3, 4, first);
    al_philox_normal3(1, 2, 3, 4, other);
    assert_memory_equal(first, other, sizeof first);
    const uint64_t changed[][4] = {{2, 2, 3, 4},
                                   {1, 3, 3, 4},
                                   {1, 2, 4, 4},
                                   {1, 2, 3, 5},
                                   {1 | UINT64_C(1) << 40, 2, 3, 4},
                                   {1, 2, 3 | UINT64_C(1) << 40, 4}};
    for (size_t k = 0; k < sizeof changed / sizeof changed[0]; k++) {
        al_philox_normal3(changed[k][0], (uint32_t)changed[k][1], changed[k][2], changed[k][3], other);
        for (int d = 0; d < 3; d++)
            assert_true(other[d] != first[d]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_the_published_ones),
        cmocka_unit_test(normal_numbers_are_normal),
        cmocka_unit_test(each_argument_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
