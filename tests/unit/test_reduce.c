/* test_reduce.c - reductions: the same bits on any number of threads, the right order, failures, sizes.
 *
 * The oracle of the order is a combination that does not commute: 2 x 2 matrices modulo a prime.
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
#include "support/sanitizers.h"

static const uint32_t thread_counts[] = {1, 2, 3, 5, 8};
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

/** A number of which sums depend on their order. */
static double rough(uint64_t i)
{
    return sin((double)i) * exp2((double)(i * 40503 % 61) - 30.0);
}

static int add_rough(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    (void)arg;
    double sum = *(double *)acc;
    for (uint64_t i = begin; i < end; i++)
        sum += rough(i);
    *(double *)acc = sum;
    return 0;
}

static void add_doubles(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(double *)acc += *(const double *)right;
}

static const allot_reducer rough_sum = {sizeof(double), add_rough, add_doubles};

static void sums_have_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 63, 64, 65, 1000, 1024, 1025, 5000, 77777, 300001};
    static const uint64_t leaves[] = {0, 1, 100, 4096};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (size_t l = 0; l < sizeof leaves / sizeof leaves[0]; l++) {
            double first = 0.0;
            for (size_t p = 0; p < NCOUNTS; p++)
                for (uint64_t round = 0; round < 4; round++) {
                    double sum = 0.0;
                    allot_map_opts opts = {.leaf_items = leaves[l], .chunk_items = round % 2};
                    assert_int_equal(allot_reduce(pools[p], sizes[s], &rough_sum, &sum, NULL, &opts, NULL),
                                     ALLOT_OK);
                    if (p == 0 && round == 0)
                        first = sum;
                    assert_memory_equal(&sum, &first, sizeof sum);
                }
        }
}

/** Otherwise equal bits above would prove nothing. */
static void another_cut_has_other_bits(void **state)
{
    (void)state;
    double sums[2] = {0.0, 0.0};
    for (uint64_t k = 0; k < 2; k++) {
        allot_map_opts opts = {.leaf_items = 10 + k};
        assert_int_equal(allot_reduce(NULL, 10000, &rough_sum, &sums[k], NULL, &opts, NULL), ALLOT_OK);
    }
    assert_memory_not_equal(&sums[0], &sums[1], sizeof sums[0]);
}

/** The result is the one the header describes: leaves folded from the identity, combined left to right. */
static void the_cut_is_the_one_described(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 1000, 5000, 50000};
    for (size_t s = 0; s < 4; s++)
        for (uint64_t leaf = 0; leaf < 100; leaf += 33) {
            uint64_t n = sizes[s], items = leaf != 0 ? leaf : allot_plan_leaf(n);
            double expected = 0.0, sum = 0.0;
            for (uint64_t begin = 0; begin < n; begin += items) {
                double part = 0.0;
                (void)add_rough(begin, begin + items < n ? begin + items : n, &part, NULL);
                expected += part;
            }
            allot_map_opts opts = {.leaf_items = leaf};
            assert_int_equal(allot_reduce(pools[2], n, &rough_sum, &sum, NULL, &opts, NULL), ALLOT_OK);
            assert_memory_equal(&sum, &expected, sizeof sum);
        }
}

#define PRIME 1000003u

typedef struct matrix {
    uint64_t a, b, c, d;
} matrix;

static const matrix unit_matrix = {1, 0, 0, 1};

static matrix times(matrix x, matrix y)
{
    return (matrix){(x.a * y.a + x.b * y.c) % PRIME, (x.a * y.b + x.b * y.d) % PRIME,
                    (x.c * y.a + x.d * y.c) % PRIME, (x.c * y.b + x.d * y.d) % PRIME};
}

static matrix matrix_of(uint64_t i)
{
    return (matrix){i % PRIME, 1 + i % 7, i * 5 % PRIME, 3 + i % 11};
}

static int multiply_on(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    uint64_t *item_ns = arg;
    matrix m = *(matrix *)acc;
    for (uint64_t i = begin; i < end; i++) {
        m = times(m, matrix_of(i));
        if (item_ns != NULL)
            spend_ns(*item_ns * (i % 3));
    }
    *(matrix *)acc = m;
    return 0;
}

static void multiply(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(matrix *)acc = times(*(matrix *)acc, *(const matrix *)right);
}

static const allot_reducer product = {sizeof(matrix), multiply_on, multiply};

static void the_order_is_kept(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 100, 3000, 60000};
    uint64_t slow_ns = 300;
    for (size_t s = 0; s < 5; s++) {
        matrix expected = unit_matrix;
        (void)multiply_on(0, sizes[s], &expected, NULL);
        for (size_t p = 0; p < NCOUNTS; p++)
            for (uint64_t round = 0; round < 8; round++) {
                matrix m = unit_matrix;
                allot_map_opts opts = {
                    .exact = round % 2 != 0, .chunk_items = round / 2 % 2 * 10, .leaf_items = round / 4 * 17};
                assert_int_equal(allot_reduce(pools[p], sizes[s], &product, &m,
                                              sizes[s] <= 3000 ? &slow_ns : NULL, &opts, NULL),
                                 ALLOT_OK);
                assert_memory_equal(&m, &expected, sizeof m);
            }
    }
}

static int add_index(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    (void)arg;
    uint64_t sum = *(uint64_t *)acc;
    for (uint64_t i = begin; i < end; i++)
        sum += i;
    *(uint64_t *)acc = sum;
    return 0;
}

static void add_u64(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(uint64_t *)acc += *(const uint64_t *)right;
}

static const allot_reducer index_sum = {sizeof(uint64_t), add_index, add_u64};

static void exact_sums_are_exact(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 3000000; n = n * 3 + 1)
        for (size_t p = 0; p < NCOUNTS; p++) {
            uint64_t sum = 0;
            allot_map_opts opts = {.exact = true};
            assert_int_equal(allot_reduce(pools[p], n, &index_sum, &sum, NULL, &opts, NULL), ALLOT_OK);
            assert_true(sum == n * (n - 1) / 2);
        }
}

/** Strings of letters: an accumulator of 4 KB, in which nothing may be lost, doubled or swapped. */
typedef struct text {
    uint64_t length;
    char letters[4088];
} text;

static int write_letters(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    (void)arg;
    text *t = acc;
    for (uint64_t i = begin; i < end; i++)
        t->letters[t->length++] = (char)('a' + i * i % 26);
    return 0;
}

static void append(void *acc, const void *right, void *arg)
{
    (void)arg;
    text *t = acc;
    const text *r = right;
    memcpy(t->letters + t->length, r->letters, r->length);
    t->length += r->length;
}

static void strings_are_joined_in_order(void **state)
{
    (void)state;
    static const allot_reducer join = {sizeof(text), write_letters, append};
    static text expected, joined;
    for (uint64_t n = 1; n <= 4000; n = n * 5 / 2 + 1)
        for (size_t p = 0; p < NCOUNTS; p++)
            for (int exact = 0; exact < 2; exact++) {
                memset(&expected, 0, sizeof expected);
                memset(&joined, 0, sizeof joined);
                (void)write_letters(0, n, &expected, NULL);
                allot_map_opts opts = {.exact = exact != 0};
                assert_int_equal(allot_reduce(pools[p], n, &join, &joined, NULL, &opts, NULL), ALLOT_OK);
                assert_memory_equal(&joined, &expected, sizeof joined);
            }
}

static int add_byte(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    (void)arg;
    *(unsigned char *)acc = (unsigned char)(*(unsigned char *)acc + (end - begin));
    return 0;
}

static void add_bytes(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(unsigned char *)acc = (unsigned char)(*(unsigned char *)acc + *(const unsigned char *)right);
}

#define MEGABYTE 1048576u

/** Counts items in each of its bytes' place, the last one among them. */
static int mark_place(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    (void)arg;
    unsigned char *places = acc;
    for (uint64_t i = begin; i < end; i++)
        places[i * 1021 % MEGABYTE]++;
    places[MEGABYTE - 1] = (unsigned char)(places[MEGABYTE - 1] + (end - begin));
    return 0;
}

static void add_places(void *acc, const void *right, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < MEGABYTE; i++)
        ((unsigned char *)acc)[i] =
            (unsigned char)(((unsigned char *)acc)[i] + ((const unsigned char *)right)[i]);
}

static void accumulators_have_any_size(void **state)
{
    (void)state;
    static const allot_reducer small = {1, add_byte, add_bytes}, large = {MEGABYTE, mark_place, add_places};
    for (uint64_t n = 1; n < 100000; n = n * 7 + 1) {
        unsigned char sum = 0;
        assert_int_equal(allot_reduce(pools[2], n, &small, &sum, NULL, NULL, NULL), ALLOT_OK);
        assert_int_equal(sum, n % 256);
    }
    unsigned char *sums = calloc(2, MEGABYTE);
    assert_non_null(sums);
    allot_map_opts opts = {.leaf_items = 15};
    assert_int_equal(allot_reduce(pools[2], 200, &large, sums, NULL, &opts, NULL), ALLOT_OK);
    (void)mark_place(0, 200, sums + MEGABYTE, NULL);
    assert_memory_equal(sums, sums + MEGABYTE, MEGABYTE);
    free(sums);
}

static void too_large_accumulators_are_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2, SIZE_MAX / 16, (size_t)1 << 46};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        allot_reducer absurd = {sizes[s], add_byte, add_bytes};
        unsigned char acc = 0;
        allot_error err = {.code = ALLOT_OK};
        assert_int_equal(allot_reduce(pools[1], 10000, &absurd, &acc, NULL, NULL, &err), ALLOT_ENOMEM);
        assert_int_equal(err.code, ALLOT_ENOMEM);
        assert_non_null(strstr(err.text, "leaf_items"));
    }
    /* As many leaves as items, of which there are too many. */
    unsigned char acc = 0;
    allot_reducer small = {1, add_byte, add_bytes};
    allot_map_opts opts = {.leaf_items = 1};
    assert_int_equal(allot_reduce(pools[1], UINT64_MAX, &small, &acc, NULL, &opts, NULL), ALLOT_ENOMEM);
}

typedef struct faults {
    uint64_t lowest, every;
    bool say_which;
} faults;

static int fold_or_fail(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    const faults *f = arg;
    for (uint64_t i = begin; i < end; i++) {
        spend_ns(i * 40503 % 1000);
        if (i >= f->lowest && (i - f->lowest) % f->every == 0)
            return f->say_which ? allot_fail_at(i, (int)(i % 100) + 1) : 5;
        *(uint64_t *)acc += i;
    }
    return 0;
}

static const allot_reducer failing_sum = {sizeof(uint64_t), fold_or_fail, add_u64};

/** By item, not by leaf; and the accumulator is as it was. */
static void the_lowest_failing_item_is_told(void **state)
{
    (void)state;
    for (size_t p = 0; p < NCOUNTS; p++)
        for (uint64_t lowest = 0; lowest < 2000; lowest = lowest * 2 + 1)
            for (int exact = 0; exact < 2; exact++) {
                faults f = {.lowest = lowest, .every = 1 + lowest % 50, .say_which = true};
                uint64_t sum = 1234567;
                allot_error err;
                allot_map_opts opts = {.exact = exact != 0, .chunk_items = lowest % 3};
                assert_int_equal(allot_reduce(pools[p], 2000, &failing_sum, &sum, &f, &opts, &err),
                                 ALLOT_EUSER);
                assert_true(err.index == lowest);
                assert_int_equal(err.user, (int)(lowest % 100) + 1);
                assert_true(sum == 1234567);
            }
    faults f = {.lowest = 95, .every = 10};
    uint64_t sum = 0;
    allot_error err;
    allot_map_opts opts = {.leaf_items = 10};
    assert_int_equal(allot_reduce(pools[2], 1000, &failing_sum, &sum, &f, &opts, &err), ALLOT_EUSER);
    assert_true(err.index == 90); /* where its leaf begins */
    assert_int_equal(err.user, 5);
    assert_int_equal(allot_reduce(pools[2], 1000, &failing_sum, &sum, &f, &opts, NULL), ALLOT_EUSER);
}

static void reductions_are_stopped_and_watched(void **state)
{
    (void)state;
    allot_control *control;
    allot_stats stats;
    assert_int_equal(allot_control_create(&control, NULL), ALLOT_OK);
    allot_map_opts opts = {.control = control, .stats = &stats, .leaf_items = 7};
    matrix m = unit_matrix;
    uint64_t item_ns = 500, done, total;
    assert_int_equal(allot_reduce(pools[2], 10000, &product, &m, &item_ns, &opts, NULL), ALLOT_OK);
    allot_control_progress(control, &done, &total);
    assert_true(done == 10000 && total == 10000 && stats.nitems == 10000);
    allot_control_cancel(control);
    m = unit_matrix;
    assert_int_equal(allot_reduce(pools[2], 10000, &product, &m, &item_ns, &opts, NULL), ALLOT_ECANCELED);
    assert_memory_equal(&m, &unit_matrix, sizeof m);
    allot_control_destroy(control);
    item_ns = 1000000;
    allot_map_opts hasty = {.timeout_ns = 10000000};
    assert_int_equal(allot_reduce(pools[2], 10000, &product, &m, &item_ns, &hasty, NULL), ALLOT_ETIMEDOUT);
    assert_memory_equal(&m, &unit_matrix, sizeof m);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    const allot_reducer bad[] = {{8, NULL, add_u64}, {8, add_index, NULL}, {0, add_index, add_u64}};
    uint64_t sum = 3;
    for (size_t i = 0; i < 3; i++) {
        allot_error err = {.code = ALLOT_OK};
        assert_int_equal(allot_reduce(NULL, 10, &bad[i], &sum, NULL, NULL, &err), ALLOT_EINVAL);
        assert_int_equal(err.code, ALLOT_EINVAL);
        assert_true(strlen(err.text) > 0);
    }
    assert_int_equal(allot_reduce(NULL, 10, NULL, &sum, NULL, NULL, NULL), ALLOT_EINVAL);
    assert_int_equal(allot_reduce(NULL, 10, &index_sum, NULL, NULL, NULL, NULL), ALLOT_EINVAL);
    allot_map_opts opts = {.reserved = {1}};
    assert_int_equal(allot_reduce(NULL, 10, &index_sum, &sum, NULL, &opts, NULL), ALLOT_EINVAL);
    assert_int_equal(allot_reduce(NULL, 0, &index_sum, &sum, NULL, NULL, NULL), ALLOT_OK);
    assert_true(sum == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_have_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(another_cut_has_other_bits),
        cmocka_unit_test(the_cut_is_the_one_described),
        cmocka_unit_test(the_order_is_kept),
        cmocka_unit_test(exact_sums_are_exact),
        cmocka_unit_test(strings_are_joined_in_order),
        cmocka_unit_test(accumulators_have_any_size),
        cmocka_unit_test(too_large_accumulators_are_refused),
        cmocka_unit_test(the_lowest_failing_item_is_told),
        cmocka_unit_test(reductions_are_stopped_and_watched),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, make_pools, end_pools);
}
