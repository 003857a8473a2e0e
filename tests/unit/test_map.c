/* test_map.c - arrays through a function: element sizes, in place, failures, and what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/pools.h"

#define N 30000

static int square(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    (void)first;
    (void)arg;
    const double *x = in;
    double *y = out;
    for (uint64_t i = 0; i < count; i++)
        y[i] = x[i] * x[i];
    return 0;
}

static double *numbers(void)
{
    double *x = malloc(N * sizeof *x);
    assert_non_null(x);
    for (uint64_t i = 0; i < N; i++)
        x[i] = (double)i - 7.5;
    return x;
}

static void expect_squares(const double *y)
{
    for (uint64_t i = 0; i < N; i++)
        assert_true(y[i] == ((double)i - 7.5) * ((double)i - 7.5));
}

static void arrays_are_mapped(void **state)
{
    (void)state;
    static const uint64_t chunks[] = {0, 1, 100, N};
    allot_pool *pool = pool_of(3);
    for (size_t c = 0; c < 4; c++) {
        allot_map_opts opts = {.chunk_items = chunks[c]};
        double *x = numbers(), *y = calloc(N, sizeof *y);
        assert_non_null(y);
        assert_int_equal(allot_map(pool, N, x, sizeof *x, y, sizeof *y, square, NULL, &opts, NULL), ALLOT_OK);
        expect_squares(y);
        assert_true(x[3] == 3 - 7.5);
        assert_int_equal(allot_map(pool, N, x, sizeof *x, x, sizeof *x, square, NULL, &opts, NULL), ALLOT_OK);
        expect_squares(x);
        free(x);
        free(y);
    }
    allot_pool_destroy(pool);
}

typedef struct widths {
    const char *in;
    char *out;
    size_t in_nbytes, out_nbytes;
    uint64_t n;
    _Atomic uint64_t nitems, nwrong;
} widths;

/** Each element is where `first` says; the output gets a mark in its first and last byte. */
static int mark(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    widths *w = arg;
    bool in_right = w->in_nbytes == 0 ? in == NULL : (const char *)in == w->in + first * w->in_nbytes;
    bool out_right = w->out_nbytes == 0 ? out == NULL : (char *)out == w->out + first * w->out_nbytes;
    w->nwrong += !in_right || !out_right || count == 0 || first + count > w->n;
    w->nitems += count;
    for (uint64_t i = 0; w->out_nbytes > 0 && i < count; i++) {
        char *element = (char *)out + i * w->out_nbytes;
        element[0]++;
        element[w->out_nbytes - 1]++;
    }
    return 0;
}

static void elements_have_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 3, 16, 100};
    allot_pool *pool = pool_of(3);
    for (size_t i = 0; i < 5; i++)
        for (size_t o = 0; o < 5; o++) {
            widths w = {.in_nbytes = sizes[i], .out_nbytes = sizes[o], .n = 2000};
            char *in = calloc(w.n, sizes[i] + 1);
            char *out = calloc(w.n, sizes[o] + 1);
            assert_true(in != NULL && out != NULL);
            w.in = in;
            w.out = out;
            allot_map_opts opts = {.chunk_items = 7};
            assert_int_equal(allot_map(pool, w.n, sizes[i] != 0 ? in : NULL, sizes[i],
                                       sizes[o] != 0 ? out : NULL, sizes[o], mark, &w, &opts, NULL),
                             ALLOT_OK);
            assert_true(w.nwrong == 0 && w.nitems == w.n);
            for (uint64_t k = 0; sizes[o] != 0 && k < w.n; k++)
                assert_int_equal(out[k * sizes[o]], sizes[o] == 1 ? 2 : 1);
            free(in);
            free(out);
        }
    allot_pool_destroy(pool);
}

/** An array that is there counts as not there when its elements have no bytes. */
static void elements_without_bytes_are_not_looked_at(void **state)
{
    (void)state;
    char something = 'x';
    widths w = {.n = 100};
    assert_int_equal(allot_map(NULL, w.n, &something, 0, &something, 0, mark, &w, NULL, NULL), ALLOT_OK);
    assert_true(w.nwrong == 0 && w.nitems == w.n);
}

static int fail_at_odd(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    (void)in;
    (void)out;
    const uint64_t *lowest = arg;
    for (uint64_t i = first; i < first + count; i++)
        if (i >= *lowest && i % 2 != 0)
            return allot_fail_at(i, 42);
    return 0;
}

static void failures_are_told_by_element(void **state)
{
    (void)state;
    allot_pool *pool = pool_of(4);
    for (uint64_t lowest = 1; lowest < 1000; lowest += 62)
        for (uint64_t chunk = 0; chunk < 3; chunk++) {
            allot_map_opts opts = {.chunk_items = chunk * 5};
            allot_error err;
            assert_int_equal(allot_map(pool, 1000, NULL, 0, NULL, 0, fail_at_odd, &lowest, &opts, &err),
                             ALLOT_EUSER);
            assert_true(err.index == (lowest | 1));
            assert_int_equal(err.user, 42);
        }
    allot_pool_destroy(pool);
}

static void expect_refused(uint64_t n, const void *in, size_t in_nbytes, void *out, size_t out_nbytes)
{
    allot_error err = {.code = ALLOT_OK};
    assert_int_equal(allot_map(NULL, n, in, in_nbytes, out, out_nbytes, square, NULL, NULL, &err),
                     ALLOT_EINVAL);
    assert_int_equal(err.code, ALLOT_EINVAL);
    assert_true(strlen(err.text) > 0);
}

static void impossible_arrays_are_refused(void **state)
{
    (void)state;
    double x[1] = {0};
    expect_refused(1, NULL, 8, x, 8);
    expect_refused(1, x, 8, NULL, 8);
    expect_refused(UINT64_MAX, x, 8, x, 8);
    expect_refused(UINT64_C(1) << 61, x, 8, NULL, 0);
    expect_refused(UINT64_C(1) << 61, NULL, 0, x, 8);
    expect_refused(2, NULL, 0, x, SIZE_MAX);
    allot_error err;
    assert_int_equal(allot_map(NULL, 1, x, 8, x, 8, NULL, NULL, NULL, &err), ALLOT_EINVAL);
    assert_non_null(strstr(err.text, "NULL"));
    allot_map_opts opts = {.reserved = {0, 7}};
    assert_int_equal(allot_map(NULL, 1, x, 8, x, 8, square, NULL, &opts, NULL), ALLOT_EINVAL);
}

static void nothing_maps_to_nothing(void **state)
{
    (void)state;
    assert_int_equal(allot_map(NULL, 0, NULL, 8, NULL, 8, square, NULL, NULL, NULL), ALLOT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_mapped),
        cmocka_unit_test(elements_have_any_size),
        cmocka_unit_test(elements_without_bytes_are_not_looked_at),
        cmocka_unit_test(failures_are_told_by_element),
        cmocka_unit_test(impossible_arrays_are_refused),
        cmocka_unit_test(nothing_maps_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
