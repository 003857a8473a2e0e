/* prop_reduce.c - properties of reductions and scans over random sizes, leaves, cuts and threads.
 *
 *  - what does not commute is combined in order: products of matrices modulo a prime equal the serial loop's;
 *  - sums of doubles have the bits of the cut that the header describes, on any number of threads;
 *  - results of scans equal the serial loop's, each written once;
 *  - of random failing items the lowest is told, and a reduction's accumulator is left as it was.
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
#include "support/prop.h"

#define ROUNDS 4000
#define NITEMS_MAX 32768
#define NPOOLS 5

static allot_pool *pools[NPOOLS];
static const uint32_t sizes[NPOOLS] = {0, 1, 2, 3, 8};

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

typedef struct trial {
    uint64_t n, mix;
    uint64_t fail_from, fail_every;
    matrix out[NITEMS_MAX];
    _Atomic unsigned char written[NITEMS_MAX];
} trial;

static matrix matrix_of(const trial *t, uint64_t i)
{
    uint64_t z = (i + t->mix) * UINT64_C(0x9e3779b97f4a7c15);
    return (matrix){(z >> 20) % PRIME, (z >> 30) % PRIME, (z >> 40) % PRIME, 1 + (z >> 50) % 1000};
}

static bool fails(const trial *t, uint64_t i)
{
    return i >= t->fail_from && (i - t->fail_from) % t->fail_every == 0;
}

static int fold(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    const trial *t = arg;
    matrix m = *(matrix *)acc;
    for (uint64_t i = begin; i < end; i++) {
        if (fails(t, i))
            return allot_fail_at(i, (int)(i % 77) + 1);
        m = times(m, matrix_of(t, i));
    }
    *(matrix *)acc = m;
    return 0;
}

static void combine(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(matrix *)acc = times(*(matrix *)acc, *(const matrix *)right);
}

static int emit_after(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    trial *t = arg;
    for (uint64_t i = begin; i < end; i++) {
        if (fails(t, i))
            return allot_fail_at(i, (int)(i % 77) + 1);
        t->written[i]++;
        t->out[i] = *(matrix *)acc = times(*(matrix *)acc, matrix_of(t, i));
    }
    return 0;
}

static int emit_before(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    trial *t = arg;
    for (uint64_t i = begin; i < end; i++) {
        if (fails(t, i))
            return allot_fail_at(i, (int)(i % 77) + 1);
        t->written[i]++;
        t->out[i] = *(matrix *)acc;
        *(matrix *)acc = times(*(matrix *)acc, matrix_of(t, i));
    }
    return 0;
}

static allot_map_opts draw(trial *t)
{
    t->n = prop_chance(4) ? 1 + prop_below(70) : 1 + prop_size(15) % NITEMS_MAX;
    t->mix = prop_u64();
    t->fail_from = prop_chance(4) ? prop_below(t->n) : UINT64_MAX;
    t->fail_every = 1 + prop_size(10);
    uint64_t least = t->n / 4096 + 1; /* leaves enough to matter, not to wait for */
    return (allot_map_opts){.chunk_items = prop_chance(2) ? 0 : prop_size(12),
                            .max_threads = prop_chance(2) ? 0 : 1 + (uint32_t)prop_below(8),
                            .leaf_items = prop_chance(2) ? 0 : least + prop_size(12),
                            .exact = prop_chance(2)};
}

static void products_are_those_of_the_serial_loop(void **state)
{
    (void)state;
    static trial t;
    static const allot_reducer product = {sizeof(matrix), fold, combine};
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++) {
        prop_begin(k);
        allot_map_opts opts = draw(&t);
        matrix acc = unit_matrix, expected = unit_matrix;
        allot_error err;
        allot_err code = allot_reduce(pools[prop_below(NPOOLS)], t.n, &product, &acc, &t, &opts, &err);
        if (t.fail_from != UINT64_MAX) {
            prop_require(code == ALLOT_EUSER && err.index == t.fail_from);
            prop_require(err.user == (int)(t.fail_from % 77) + 1);
        } else {
            prop_require(code == ALLOT_OK);
            (void)fold(0, t.n, &expected, &t);
        }
        prop_require(memcmp(&acc, &expected, sizeof acc) == 0);
    }
}

static void check_scan(trial *t, const matrix *total, bool is_after)
{
    matrix m = unit_matrix;
    for (uint64_t i = 0; i < t->n; i++) {
        matrix before = m;
        m = times(m, matrix_of(t, i));
        prop_require(t->written[i] == 1);
        prop_require(memcmp(&t->out[i], is_after ? &m : &before, sizeof m) == 0);
    }
    prop_require(memcmp(total, &m, sizeof m) == 0);
}

static void scans_are_those_of_the_serial_loop(void **state)
{
    (void)state;
    static trial t;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS / 2); k < rounds; k++) {
        prop_begin(k);
        allot_map_opts opts = draw(&t);
        memset((void *)t.written, 0, sizeof t.written);
        bool is_after = prop_chance(2);
        allot_scanner scanner = {{sizeof(matrix), fold, combine}, is_after ? emit_after : emit_before};
        matrix acc = unit_matrix;
        allot_error err;
        allot_err code = allot_scan(pools[prop_below(NPOOLS)], t.n, &scanner, &acc, &t, &opts, &err);
        if (t.fail_from != UINT64_MAX) {
            prop_require(code == ALLOT_EUSER && err.index == t.fail_from);
            prop_require(err.user == (int)(t.fail_from % 77) + 1);
        } else {
            prop_require(code == ALLOT_OK);
            check_scan(&t, &acc, is_after);
        }
    }
}

static double rough(uint64_t mix, uint64_t i)
{
    return sin((double)i) * exp2((double)((i + mix) % 61) - 30.0);
}

static int add_rough(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    double sum = *(double *)acc;
    for (uint64_t i = begin; i < end; i++)
        sum += rough(((const trial *)arg)->mix, i);
    *(double *)acc = sum;
    return 0;
}

static void add_doubles(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(double *)acc += *(const double *)right;
}

static void sums_have_the_bits_of_their_cut(void **state)
{
    (void)state;
    static trial t;
    static const allot_reducer sum = {sizeof(double), add_rough, add_doubles};
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS / 4); k < rounds; k++) {
        prop_begin(k);
        allot_map_opts opts = draw(&t);
        opts.exact = false;
        uint64_t leaf = opts.leaf_items != 0 ? opts.leaf_items : allot_plan_leaf(t.n);
        double expected = 0.0, acc = 0.0;
        for (uint64_t begin = 0; begin < t.n; begin += leaf) {
            double part = 0.0;
            (void)add_rough(begin, begin + leaf < t.n ? begin + leaf : t.n, &part, &t);
            expected += part;
        }
        prop_require(allot_reduce(pools[prop_below(NPOOLS)], t.n, &sum, &acc, &t, &opts, NULL) == ALLOT_OK);
        prop_require(memcmp(&acc, &expected, sizeof acc) == 0);
    }
}

static int make_pools(void **state)
{
    (void)state;
    make_pools_of(pools, sizes, 1, NPOOLS);
    return 0;
}

static int end_pools(void **state)
{
    (void)state;
    end_pools_of(pools, 1, NPOOLS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_the_serial_loop),
        cmocka_unit_test(scans_are_those_of_the_serial_loop),
        cmocka_unit_test(sums_have_the_bits_of_their_cut),
    };
    return cmocka_run_group_tests(tests, make_pools, end_pools);
}
