/* test_map_parts.c - the pure parts of `allot map`: ranges, conversions, and where a reduction is cut.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/map_convert.h"
#include "cli/map_fold.h"
#include "cli/map_range.h"

/* ---- ranges ---- */

static void test_forms(void **state)
{
    (void)state;
    assert_true(al_range_is_range("0:3"));
    assert_true(al_range_is_range("-5:5:2"));
    assert_true(al_range_is_range("0.5:1e3"));
    assert_true(al_range_is_range("0x10:0x20"));
    for (const char *const *text = (const char *const[]){"", "3", ":", "0:", ":3", "0:3:", "0:1:2:3", "a:b",
                                                         "0:3x", "0: 3", "C:4", NULL};
         *text != NULL; text++)
        assert_false(al_range_is_range(*text));
    assert_true(al_range_is_integer("0:1e6"));
    assert_true(al_range_is_integer("0x10:-3:-1"));
    assert_false(al_range_is_integer("0:1e-6"));
    assert_false(al_range_is_integer("0:1.5"));
    assert_false(al_range_is_integer("0:1e39"));
}

/** The items of a range as text, at most the first eight; the count in front. */
static const char *items(const char *text, al_type type)
{
    static char line[1024];
    al_map_range range;
    allot_error err;
    allot_err code = al_range_parse(text, type, &range, &err);
    if (code != ALLOT_OK)
        return allot_err_name(code);
    int n = snprintf(line, sizeof line, "%llu:", (unsigned long long)range.nitems);
    uint64_t count = range.nitems < 8 ? range.nitems : 8;
    _Alignas(16) unsigned char values[8 * 16];
    al_range_fill(&range, 0, count, values);
    for (uint64_t k = 0; k < count; k++) {
        line[n++] = ' ';
        n += (int)al_number_format(type, values + k * al_type_nbytes(type), line + n);
    }
    line[n] = '\0';
    return line;
}

static void test_items(void **state)
{
    (void)state;
    assert_string_equal(items("0:3", AL_TYPE_i32), "3: 0 1 2");
    assert_string_equal(items("10:0:-3", AL_TYPE_i64), "4: 10 7 4 1");
    assert_string_equal(items("3:3", AL_TYPE_i64), "0:");
    assert_string_equal(items("3:0", AL_TYPE_i64), "0:");
    assert_string_equal(items("0:1:2", AL_TYPE_i64), "1: 0");
    assert_string_equal(items("0:1e3:250", AL_TYPE_i64), "4: 0 250 500 750");
    assert_string_equal(items("5:0:-2", AL_TYPE_u64), "3: 5 3 1");
    assert_string_equal(items("0:1:0.25", AL_TYPE_f64), "4: 0 0.25 0.5 0.75");
    assert_string_equal(items("0:1:0.3", AL_TYPE_f32), "4: 0 0.3 0.6 0.90000004");
    assert_string_equal(items("1:0:-0.5", AL_TYPE_f64), "2: 1 0.5");
    assert_string_equal(items("0:1:-1", AL_TYPE_f64), "0:");
}

static void test_ends_of_types(void **state)
{
    (void)state;
    assert_string_equal(items("2147483646:2147483648", AL_TYPE_i32), "2: 2147483646 2147483647");
    assert_string_equal(items("2147483646:2147483649", AL_TYPE_i32), "ALLOT_ERANGE");
    assert_string_equal(items("-2147483648:-2147483647", AL_TYPE_i32), "1: -2147483648");
    assert_string_equal(items("-2147483649:0", AL_TYPE_i32), "ALLOT_ERANGE");
    assert_string_equal(items("9223372036854775807:9223372036854775808", AL_TYPE_i64),
                        "1: 9223372036854775807");
    assert_string_equal(items("9223372036854775808:9223372036854775809", AL_TYPE_i64), "ALLOT_ERANGE");
    assert_string_equal(items("18446744073709551615:18446744073709551616", AL_TYPE_u64),
                        "1: 18446744073709551615");
    assert_string_equal(items("-1:1", AL_TYPE_u64), "ALLOT_ERANGE");
    assert_string_equal(items("1:-2:-1", AL_TYPE_u64), "ALLOT_ERANGE");
    assert_string_equal(
        items("-170141183460469231731687303715884105728:170141183460469231731687303715884105727:"
              "170141183460469231731687303715884105727",
              AL_TYPE_i128),
        "3: -170141183460469231731687303715884105728 -1 170141183460469231731687303715884105726");
    assert_string_equal(items("0:0x7fffffffffffffff", AL_TYPE_i128), "9223372036854775807: 0 1 2 3 4 5 6 7");
    assert_string_equal(items("0:0x8000000000000000", AL_TYPE_i128), "ALLOT_ERANGE");
    assert_string_equal(items("0:1e300", AL_TYPE_f64), "ALLOT_ERANGE");
    assert_string_equal(items("0:1e39:1e38", AL_TYPE_f32), "10: 0 1e+38 2e+38 3e+38 inf inf inf inf");
    assert_string_equal(items("1e39:2e39:1e38", AL_TYPE_f32), "ALLOT_ERANGE");
    assert_string_equal(items("0:3:0", AL_TYPE_i64), "ALLOT_EINVAL");
    assert_string_equal(items("0:3:0", AL_TYPE_f64), "ALLOT_EINVAL");
    assert_string_equal(items("0:nan", AL_TYPE_f64), "ALLOT_EINVAL");
    assert_string_equal(items("0:1.5", AL_TYPE_i64), "ALLOT_EINVAL");
}

/** Renumbered, a range has the same items under higher numbers, in every integer type. */
static void test_renumbering(void **state)
{
    (void)state;
    const al_type types[] = {AL_TYPE_i32, AL_TYPE_i64, AL_TYPE_u64, AL_TYPE_i128};
    for (size_t t = 0; t < 4; t++) {
        al_map_range range, moved;
        assert_int_equal(al_range_parse("100:3:-7", types[t], &range, NULL), ALLOT_OK);
        for (uint64_t by = 0; by < UINT64_C(1) << 62; by = by * 3 + 1) {
            _Alignas(16) unsigned char here[14 * 16], there[14 * 16];
            moved = range;
            al_range_number_from(&moved, by);
            al_range_fill(&range, 0, 14, here);
            al_range_fill(&moved, by, 14, there);
            assert_memory_equal(here, there, 14 * al_type_nbytes(types[t]));
        }
    }
}

/* ---- conversions ---- */

static void test_conversions(void **state)
{
    (void)state;
    int npairs = 0;
    for (int from = 0; from < AL_NTYPES; from++)
        for (int to = 0; to < AL_NTYPES; to++)
            npairs += al_convert_find((al_type)from, (al_type)to) != NULL;
    assert_int_equal(npairs, 11);
    assert_null(al_convert_find(AL_TYPE_f64, AL_TYPE_i64));
    assert_null(al_convert_find(AL_TYPE_u64, AL_TYPE_i64));
    assert_null(al_convert_find(AL_TYPE_f64, AL_TYPE_f32));
    char bytes[17];
    uint64_t big[2] = {UINT64_MAX, 7};
    memcpy(bytes + 1, big, sizeof big); /* at an odd address */
    al_i128 wide[2];
    al_convert_find(AL_TYPE_u64, AL_TYPE_i128)(bytes + 1, wide, 2);
    assert_true(wide[0] == (al_i128)UINT64_MAX && wide[1] == 7);
    int32_t small[2] = {-3, INT32_MIN};
    double real[2];
    al_convert_find(AL_TYPE_i32, AL_TYPE_f64)(small, real, 2);
    assert_true(real[0] == -3.0 && real[1] == -2147483648.0);
}

/* ---- leaves ---- */

static void check_leaf(uint64_t item)
{
    uint64_t leaf = al_leaf_of(item), begin = al_leaf_begin(leaf), end = al_leaf_begin(leaf + 1);
    assert_true(begin <= item && item < end);
    uint64_t size = end - begin;
    assert_true((size & (size - 1)) == 0 && size <= AL_LEAF_ITEMS_MAX);
    assert_true(size == 1 || size <= begin / 256);
    assert_true(size == AL_LEAF_ITEMS_MAX || begin < 512 * size);
    assert_true(begin % size == 0);
}

static void test_leaves(void **state)
{
    (void)state;
    for (uint64_t item = 0; item < 3000000; item++)
        check_leaf(item);
    for (uint64_t item = 3000000; item < UINT64_C(1) << 62; item += item / 7)
        check_leaf(item);
    for (uint64_t leaf = 1; leaf < 10000; leaf++) {
        assert_int_equal(al_leaf_of(al_leaf_begin(leaf)), leaf);
        assert_int_equal(al_leaf_of(al_leaf_begin(leaf) - 1), leaf - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),         cmocka_unit_test(test_items),
        cmocka_unit_test(test_ends_of_types), cmocka_unit_test(test_renumbering),
        cmocka_unit_test(test_leaves),        cmocka_unit_test(test_conversions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
