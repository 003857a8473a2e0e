/* test_scan.c - prefix sums: inclusive and exclusive, exact and rough, against the serial loop.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/pools.h"

static const uint32_t thread_counts[] = {1, 2, 3, 8};
#define NCOUNTS (sizeof thread_counts / sizeof thread_counts[0])
static allot_pool *pools[NCOUNTS];

static int make_pools(void **state)
{
    (void)state;
    make_pools_of(pools, thread_counts, 0, NCOUNTS);
    return 0;
}

static int end_pools(void **state)
{
    (void)state;
    end_pools_of(pools, 0, NCOUNTS);
    return 0;
}

/** Whole numbers: which sum has which of them is seen in every result. */
typedef struct sums {
    uint64_t *out;
    _Atomic uint64_t nemitted;
    uint64_t fail_fold, fail_emit; /* from this item on, every 10th; UINT64_MAX: none */
    uint64_t item_ns;
} sums;

static uint64_t value_of(uint64_t i)
{
    return i * i + 3;
}

static bool fails(uint64_t from, uint64_t i)
{
    return i >= from && (i - from) % 10 == 0;
}

static int fold(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    const sums *s = arg;
    for (uint64_t i = begin; i < end; i++) {
        if (fails(s->fail_fold, i))
            return allot_fail_at(i, 11);
        *(uint64_t *)acc += value_of(i);
        if (s->item_ns > 0)
            spend_ns(s->item_ns);
    }
    return 0;
}

static void combine(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(uint64_t *)acc += *(const uint64_t *)right;
}

static int emit_after(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    sums *s = arg;
    for (uint64_t i = begin; i < end; i++) {
        if (fails(s->fail_emit, i))
            return allot_fail_at(i, 22);
        s->out[i] = *(uint64_t *)acc += value_of(i);
    }
    s->nemitted += end - begin;
    return 0;
}

static int emit_before(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    sums *s = arg;
    for (uint64_t i = begin; i < end; i++) {
        s->out[i] = *(uint64_t *)acc;
        *(uint64_t *)acc += value_of(i);
    }
    s->nemitted += end - begin;
    return 0;
}

static const allot_scanner inclusive = {{sizeof(uint64_t), fold, combine}, emit_after};
static const allot_scanner exclusive = {{sizeof(uint64_t), fold, combine}, emit_before};

static void expect_scan(allot_pool *pool, uint64_t n, bool is_inclusive, const allot_map_opts *opts)
{
    sums s = {.out = calloc(n, sizeof *s.out), .fail_fold = UINT64_MAX, .fail_emit = UINT64_MAX};
    assert_non_null(s.out);
    uint64_t acc = 0, sum = 0;
    assert_int_equal(allot_scan(pool, n, is_inclusive ? &inclusive : &exclusive, &acc, &s, opts, NULL),
                     ALLOT_OK);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t before = sum;
        sum += value_of(i);
        if (s.out[i] != (is_inclusive ? sum : before))
            fail_msg("result %llu of %llu is wrong", (unsigned long long)i, (unsigned long long)n);
    }
    assert_true(acc == sum);
    assert_true(s.nemitted == n);
    free(s.out);
}

static void scans_are_those_of_the_serial_loop(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 100, 1023, 1024, 1025, 5000, 200000};
    for (size_t p = 0; p < NCOUNTS; p++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (uint32_t k = 0; k < 16; k++) {
                allot_map_opts opts = {.exact = k % 2 != 0,
                                       .leaf_items = k / 2 % 2 * 33,
                                       .chunk_items = k / 4 % 2 * 50,
                                       .max_threads = k / 8 * 3};
                expect_scan(pools[p], sizes[s], true, k == 0 ? NULL : &opts);
                expect_scan(pools[p], sizes[s], false, k == 0 ? NULL : &opts);
            }
    expect_scan(NULL, 100000, true, NULL);
}

static double rough(uint64_t i)
{
    return sin((double)i) * exp2((double)(i * 40503 % 61) - 30.0);
}

static int fold_rough(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    (void)arg;
    for (uint64_t i = begin; i < end; i++)
        *(double *)acc += rough(i);
    return 0;
}

static void combine_rough(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(double *)acc += *(const double *)right;
}

static int emit_rough(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    double *out = arg;
    for (uint64_t i = begin; i < end; i++)
        out[i] = *(double *)acc += rough(i);
    return 0;
}

static const allot_scanner rough_scan = {{sizeof(double), fold_rough, combine_rough}, emit_rough};

static void rough_scans_have_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 1000, 1024, 1025, 3000, 50001};
    static double first[50001], out[50001];
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (uint64_t leaf = 0; leaf < 200; leaf += 99)
            for (size_t p = 0; p < NCOUNTS; p++)
                for (uint64_t round = 0; round < 3; round++) {
                    double acc = 0.0;
                    allot_map_opts opts = {.leaf_items = leaf, .chunk_items = round % 2};
                    bool is_first = p == 0 && round == 0;
                    assert_int_equal(allot_scan(pools[p], sizes[s], &rough_scan, &acc, is_first ? first : out,
                                                &opts, NULL),
                                     ALLOT_OK);
                    assert_true(is_first || memcmp(first, out, (size_t)sizes[s] * sizeof first[0]) == 0);
                    assert_true(fabs(acc - first[sizes[s] - 1]) <= 1e-6);
                }
}

static void the_lowest_failing_item_is_told(void **state)
{
    (void)state;
    static uint64_t out[5000];
    for (size_t p = 0; p < NCOUNTS; p++)
        for (uint64_t at = 0; at < 5000; at = at * 3 + 1)
            for (uint32_t k = 0; k < 4; k++) {
                sums s = {.out = out, .fail_fold = UINT64_MAX, .fail_emit = UINT64_MAX};
                *(k / 2 == 0 ? &s.fail_emit : &s.fail_fold) = at;
                uint64_t acc = 0;
                allot_error err = {.code = ALLOT_OK};
                allot_map_opts opts = {.exact = k % 2 != 0};
                allot_err code = allot_scan(pools[p], 5000, &inclusive, &acc, &s, &opts, &err);
                if (k / 2 != 0 && code == ALLOT_OK)
                    continue; /* a single pass of emit does not fold */
                assert_int_equal(code, ALLOT_EUSER);
                assert_true(err.index == at);
                assert_int_equal(err.user, k / 2 == 0 ? 22 : 11);
            }
}

/** In a single pass each item counts once, in two passes twice; nothing ever counts back. */
static void progress_grows_to_the_end(void **state)
{
    (void)state;
    static uint64_t out[20000];
    for (size_t p = 0; p < NCOUNTS; p++)
        for (int exact = 0; exact < 2; exact++) {
            sums s = {.out = out, .fail_fold = UINT64_MAX, .fail_emit = UINT64_MAX, .item_ns = 500};
            bool is_single = exact != 0 && thread_counts[p] <= 2;
            watcher w = {.n = is_single ? 20000 : 40000};
            assert_int_equal(allot_control_create(&w.control, NULL), ALLOT_OK);
            pthread_t other = thread_of(watch, &w);
            while (w.nlooks == 0)
                nap_ns(100000);
            allot_stats stats;
            allot_map_opts opts = {.control = w.control, .exact = exact != 0, .stats = &stats};
            uint64_t acc = 0, done, total;
            assert_int_equal(allot_scan(pools[p], 20000, &inclusive, &acc, &s, &opts, NULL), ALLOT_OK);
            allot_control_progress(w.control, &done, &total);
            w.over = true;
            (void)pthread_join(other, NULL);
            assert_true(done == w.n && total == w.n);
            assert_true(stats.nitems == 20000);
            assert_true(w.nwrong == 0);
            allot_control_destroy(w.control);
        }
}

static int emit_slowly(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    nap_ns(100000 * (end - begin));
    return emit_after(begin, end, acc, arg);
}

static void scans_are_stopped(void **state)
{
    (void)state;
    static uint64_t out[100000];
    sums s = {.out = out, .fail_fold = UINT64_MAX, .fail_emit = UINT64_MAX};
    static const allot_scanner slow = {{sizeof(uint64_t), fold, combine}, emit_slowly};
    for (size_t p = 0; p < NCOUNTS; p++) {
        allot_map_opts opts = {.timeout_ns = 20000000};
        uint64_t acc = 0;
        assert_int_equal(allot_scan(pools[p], 100000, &slow, &acc, &s, &opts, NULL), ALLOT_ETIMEDOUT);
        allot_control *control;
        assert_int_equal(allot_control_create(&control, NULL), ALLOT_OK);
        allot_control_cancel(control);
        opts = (allot_map_opts){.control = control};
        assert_int_equal(allot_scan(pools[p], 100000, &inclusive, &acc, &s, &opts, NULL), ALLOT_ECANCELED);
        allot_control_destroy(control);
    }
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    const allot_scanner bad[] = {{{8, NULL, combine}, emit_after},
                                 {{8, fold, NULL}, emit_after},
                                 {{0, fold, combine}, emit_after},
                                 {{8, fold, combine}, NULL}};
    uint64_t acc = 3;
    for (size_t i = 0; i < 4; i++) {
        allot_error err = {.code = ALLOT_OK};
        assert_int_equal(allot_scan(NULL, 10, &bad[i], &acc, NULL, NULL, &err), ALLOT_EINVAL);
        assert_int_equal(err.code, ALLOT_EINVAL);
    }
    assert_int_equal(allot_scan(NULL, 10, NULL, &acc, NULL, NULL, NULL), ALLOT_EINVAL);
    assert_int_equal(allot_scan(NULL, 10, &inclusive, NULL, NULL, NULL, NULL), ALLOT_EINVAL);
    allot_map_opts opts = {.reserved = {0, 1}};
    assert_int_equal(allot_scan(NULL, 10, &inclusive, &acc, NULL, &opts, NULL), ALLOT_EINVAL);
    assert_int_equal(allot_scan(NULL, 0, &inclusive, &acc, NULL, NULL, NULL), ALLOT_OK);
    assert_true(acc == 3);
}

static void too_large_accumulators_are_refused(void **state)
{
    (void)state;
    allot_scanner absurd = {{SIZE_MAX / 2, fold, combine}, emit_after};
    uint64_t acc = 0;
    allot_error err;
    assert_int_equal(allot_scan(pools[2], 100000, &absurd, &acc, NULL, NULL, &err), ALLOT_ENOMEM);
    assert_true(strlen(err.text) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scans_are_those_of_the_serial_loop),
        cmocka_unit_test(rough_scans_have_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(the_lowest_failing_item_is_told),
        cmocka_unit_test(progress_grows_to_the_end),
        cmocka_unit_test(scans_are_stopped),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(too_large_accumulators_are_refused),
    };
    return cmocka_run_group_tests(tests, make_pools, end_pools);
}
