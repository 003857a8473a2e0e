/* test_number.c - what is a number, what is a fault, and how each type is printed: by example.
 * The large space of values is prop_number.c's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/number.h"
#include "data/number_scan.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static al_number_fault parse(al_type type, const char *text, void *value)
{
    /* A copy of just that length, so that the address sanitizer sees a read past its end. */
    size_t nbytes = strlen(text);
    char *copy = malloc(nbytes + 1);
    assert_non_null(copy);
    char *exact = copy + 1;
    memcpy(exact, text, nbytes);
    al_number_fault fault = al_number_parse(type, exact, exact + nbytes, value);
    free(copy);
    return fault;
}

static void types_have_names_and_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t nbytes;
        bool is_float;
    } rows[AL_NTYPES] = {{"i32", 4, false},   {"i64", 8, false}, {"u64", 8, false},
                         {"i128", 16, false}, {"f32", 4, true},  {"f64", 8, true}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        al_type type = AL_NTYPES;
        assert_true(al_type_parse(rows[i].name, &type));
        assert_int_equal(type, i);
        assert_string_equal(al_type_name(type), rows[i].name);
        assert_int_equal(al_type_nbytes(type), rows[i].nbytes);
        assert_int_equal(al_type_is_float(type), rows[i].is_float);
    }
    al_type untouched = AL_TYPE_f32;
    assert_false(al_type_parse("f16", &untouched));
    assert_false(al_type_parse("", &untouched));
    assert_false(al_type_parse("F64", &untouched));
    assert_int_equal(untouched, AL_TYPE_f32);
}

static void faults_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        al_type type;
        const char *text;
        al_number_fault fault;
    } rows[] = {
        {AL_TYPE_i64, "", AL_NUMBER_EMPTY},
        {AL_TYPE_f64, "", AL_NUMBER_EMPTY},
        {AL_TYPE_i64, "-", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "+", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "+-1", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "12abc", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, " 12", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "12 ", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "1.5", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "1e3", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "nan", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "0x", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "0xg", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "1f", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "99999999999999999999999x", AL_NUMBER_SYNTAX},
        {AL_TYPE_i64, "9223372036854775808", AL_NUMBER_RANGE},
        {AL_TYPE_i64, "-9223372036854775809", AL_NUMBER_RANGE},
        {AL_TYPE_i64, "0x8000000000000000", AL_NUMBER_RANGE},
        {AL_TYPE_i32, "2147483648", AL_NUMBER_RANGE},
        {AL_TYPE_i32, "-2147483649", AL_NUMBER_RANGE},
        {AL_TYPE_u64, "-1", AL_NUMBER_RANGE},
        {AL_TYPE_u64, "18446744073709551616", AL_NUMBER_RANGE},
        {AL_TYPE_i128, "170141183460469231731687303715884105728", AL_NUMBER_RANGE},
        {AL_TYPE_i128, "-170141183460469231731687303715884105729", AL_NUMBER_RANGE},
        {AL_TYPE_i128, "1000000000000000000000000000000000000000000000000000000", AL_NUMBER_RANGE},
        {AL_TYPE_i128, "340282366920938463463374607431768211456", AL_NUMBER_RANGE}, /* 2^128 */
        {AL_TYPE_i64, "340282366920938463463374607431768211459", AL_NUMBER_RANGE},
        {AL_TYPE_u64, "0x100000000000000000000000000000000", AL_NUMBER_RANGE},
        {AL_TYPE_f64, "0.0.0", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "0..", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "-", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, ".", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "+.e1", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "1e", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "1e+", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "1e5.5", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "1.2.3", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "1,5", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "--1", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "1d5", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "0x10", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "in", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "infinit", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "infinityy", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "nan(1)", AL_NUMBER_SYNTAX},
        {AL_TYPE_f64, "1e400", AL_NUMBER_RANGE},
        {AL_TYPE_f64, "-1e400", AL_NUMBER_RANGE},
        {AL_TYPE_f64, "1e99999999999999999999999", AL_NUMBER_RANGE},
        {AL_TYPE_f64, "1.7976931348623159e308", AL_NUMBER_RANGE},
        {AL_TYPE_f32, "3.5e38", AL_NUMBER_RANGE},
        {AL_TYPE_f32, "1e39", AL_NUMBER_RANGE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char value[16], untouched[16];
        memset(value, 0x5a, sizeof value);
        memset(untouched, 0x5a, sizeof untouched);
        al_number_fault fault = parse(rows[i].type, rows[i].text, value);
        if (fault != rows[i].fault)
            fail_msg("'%s' as %s: fault %d, not %d", rows[i].text, al_type_name(rows[i].type), fault,
                     rows[i].fault);
        assert_memory_equal(value, untouched, sizeof value);
    }
}

static void integers_are_read(void **state)
{
    (void)state;
    static const struct {
        al_type type;
        const char *text;
        int64_t value;
    } rows[] = {
        {AL_TYPE_i64, "0", 0},
        {AL_TYPE_i64, "-0", 0},
        {AL_TYPE_i64, "+7", 7},
        {AL_TYPE_i64, "12345678", 12345678},
        {AL_TYPE_i64, "123456789", 123456789},
        {AL_TYPE_i64, "0000000000000000000000000000012", 12},
        {AL_TYPE_i64, "999999999999999999", 999999999999999999},
        {AL_TYPE_i64, "9223372036854775807", INT64_MAX},
        {AL_TYPE_i64, "-9223372036854775808", INT64_MIN},
        {AL_TYPE_i64, "0x7fffffffffffffff", INT64_MAX},
        {AL_TYPE_i64, "-0X10", -16},
        {AL_TYPE_i64, "+0xfF", 255},
        {AL_TYPE_i32, "2147483647", INT32_MAX},
        {AL_TYPE_i32, "-2147483648", INT32_MIN},
        {AL_TYPE_i32, "-0x80000000", INT32_MIN},
        {AL_TYPE_u64, "-0", 0},
        {AL_TYPE_u64, "18446744073709551615", -1},
        {AL_TYPE_u64, "0xffffffffffffffff", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t value = 0x5a5a5a5a5a5a5a5a;
        if (parse(rows[i].type, rows[i].text, &value) != AL_NUMBER_OK)
            fail_msg("'%s' was refused", rows[i].text);
        if (memcmp(&value, &rows[i].value, al_type_nbytes(rows[i].type)) != 0)
            fail_msg("'%s' was read as %" PRId64, rows[i].text, value);
    }
}

static void i128_reaches_its_ends(void **state)
{
    (void)state;
    static const char *const texts[] = {"170141183460469231731687303715884105727",
                                        "-170141183460469231731687303715884105728",
                                        "18446744073709551616",
                                        "100000000000000000000000000000000",
                                        "-99999999999999999999999999999999",
                                        "10000000000000000",
                                        "0"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        al_i128 value = 1;
        char text[AL_NUMBER_TEXT_MAX + 1];
        assert_int_equal(parse(AL_TYPE_i128, texts[i], &value), AL_NUMBER_OK);
        text[al_number_format(AL_TYPE_i128, &value, text)] = '\0';
        assert_string_equal(text, texts[i]);
    }
    al_i128 most = 0;
    assert_int_equal(parse(AL_TYPE_i128, "0x7fffffffffffffffffffffffffffffff", &most), AL_NUMBER_OK);
    assert_true(most == (al_i128)(~(unsigned __int128)0 >> 1));
}

static void floats_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0", 0.0},
        {"+1", 1.0},
        {"5.", 5.0},
        {".5", 0.5},
        {"-.5e1", -5.0},
        {"+3.14159", 3.14159},
        {"1E3", 1000.0},
        {"1e+003", 1000.0},
        {"1e00000000000000000003", 1000.0},
        {"0.000000000000000000000000000000000000000000001e45", 1.0},
        {"100000000000000000000000000000000000000000000e-44", 1.0},
        {"12345678901234567890123", 12345678901234567890123.0},
        {"9007199254740993", 9007199254740992.0}, /* a tie, to even */
        {"9007199254740993.0000000000000000001", 0x1.0000000000001p53 + 0.0},
        {"900719925474099.30e1", 9007199254740992.0}, /* the same tie, with a fraction */
        {"900719925474099500.00001e-2", 9007199254740995.0},
        {"4.9e-324", 0x1p-1074},
        {"2.4703282292062327e-324", 0.0}, /* just below half of the smallest */
        {"2.4703282292062328e-324", 0x1p-1074},
        {"-1e-400", -0.0},
        {"1e-99999999999999999999999", 0.0},
        {"0e99999999999999999999999", 0.0},
        {"-0", -0.0},
        {"-0.000e5", -0.0},
        {"1.7976931348623157e308", 0x1.fffffffffffffp1023},
        {"inf", INFINITY},
        {"-Infinity", -INFINITY},
        {"+INF", INFINITY},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        double value = 42;
        al_number_fault fault = parse(AL_TYPE_f64, rows[i].text, &value);
        double expected = rows[i].value;
        if (fault != AL_NUMBER_OK || memcmp(&value, &expected, sizeof value) != 0)
            fail_msg("'%s': fault %d, %a", rows[i].text, fault, value);
    }
    static const char *const nans[] = {"nan", "NaN", "-nan", "+NAN"};
    for (size_t i = 0; i < COUNT(nans); i++) {
        double wide = 0;
        float narrow = 0;
        assert_int_equal(parse(AL_TYPE_f64, nans[i], &wide), AL_NUMBER_OK);
        assert_int_equal(parse(AL_TYPE_f32, nans[i], &narrow), AL_NUMBER_OK);
        assert_true(isnan(wide) && isnan(narrow));
    }
}

/** Decimals whose nearest double is a tie between two floats: rounding twice would go wrong. */
static void f32_is_rounded_once(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        float value;
    } rows[] = {
        {"1.00000005960464477540", 0x1.000002p0f}, /* above the tie 1 + 2^-24 by 2e-20 */
        {"1.00000005960464477538", 0x1p0f},        /* below it by as much */
        {"1.000000059604644775390625", 0x1p0f},    /* the tie itself: to even */
        {"1.000000178813934326171875", 0x1.000004p0f},
        {"16777217", 0x1p24f},
        {"16777219", 0x1.000004p24f},
        {"1677721.70000000001e1", 0x1.000002p24f},
        {"3.4028235e38", 0x1.fffffep127f},
        {"3.40282356779733661637e38", 0x1.fffffep127f}, /* just below what rounds to infinity */
        {"1e-45", 0x1p-149f},
        {"7e-46", 0.0f},
        {"1e-100", 0.0f},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        float value = 42;
        al_number_fault fault = parse(AL_TYPE_f32, rows[i].text, &value);
        if (fault != AL_NUMBER_OK || memcmp(&value, &rows[i].value, sizeof value) != 0)
            fail_msg("'%s': fault %d, %a", rows[i].text, fault, (double)value);
    }
}

static void long_text_is_read(void **state)
{
    (void)state;
    enum { NBYTES = 100000 };
    char *text = malloc(NBYTES + 8);
    assert_non_null(text);
    double value = 0;
    memset(text, '0', NBYTES);
    text[1] = '.';
    memcpy(text + NBYTES - 8, "1e099992", 8); /* 1 at place 99991 after the point */
    assert_int_equal(al_number_parse(AL_TYPE_f64, text, text + NBYTES, &value), AL_NUMBER_OK);
    assert_true(value == 10.0);
    int64_t integer = 0;
    memset(text, '9', NBYTES);
    assert_int_equal(al_number_parse(AL_TYPE_i64, text, text + NBYTES, &integer), AL_NUMBER_RANGE);
    assert_int_equal(al_number_parse(AL_TYPE_f64, text, text + NBYTES, &value), AL_NUMBER_RANGE);
    free(text);
}

/** A byte of any value within and behind digits, at each place of the words they are read by. */
static void only_digits_are_digits(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        for (size_t place = 1; place < 18; place++) {
            char text[] = "1111111111111111111";
            int64_t integer;
            double value;
            bool is_digit = byte >= '0' && byte <= '9';
            bool is_float = is_digit || byte == '.' || byte == 'e' || byte == 'E';
            text[place] = (char)byte;
            assert_int_equal(al_number_parse(AL_TYPE_i64, text, text + 18, &integer),
                             is_digit ? AL_NUMBER_OK : AL_NUMBER_SYNTAX);
            al_number_fault fault = al_number_parse(AL_TYPE_f64, text, text + 18, &value);
            assert_int_equal(fault == AL_NUMBER_SYNTAX, !(is_float && (place < 17 || byte < 'A')));
        }
    }
}

/** The plain numbers do go the short way, all of it. */
static void plain_numbers_are_scanned(void **state)
{
    (void)state;
    static const char *const texts[] = {"0",        "-1",        "+1234567890", "999999999999999999",
                                        "98765432", "123456789", "1111111"};
    static const char *const decimals[] = {
        "3.14159", "-0.5", "1e5",    "6.02214076e+23",     "1.5E-05",
        ".5",      "5.",   "0.0001", "20.123456789012345", "99999999.99999999"};
    double value = 0;
    int64_t integer = 0;
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *end = texts[i] + strlen(texts[i]);
        assert_ptr_equal(al_number_scan(AL_TYPE_i64, texts[i], end, &integer), end);
        assert_ptr_equal(al_number_scan(AL_TYPE_f64, texts[i], end, &value), end);
        assert_true(value == (double)integer);
    }
    for (size_t i = 0; i < COUNT(decimals); i++) {
        const char *end = decimals[i] + strlen(decimals[i]);
        assert_ptr_equal(al_number_scan(AL_TYPE_f64, decimals[i], end, &value), end);
        assert_true(value == strtod(decimals[i], NULL));
    }
}

static void nul_is_no_end(void **state)
{
    (void)state;
    int64_t integer = 0;
    double value = 0;
    const char text[] = "12\0"
                        "34";
    assert_int_equal(al_number_parse(AL_TYPE_i64, text, text + 5, &integer), AL_NUMBER_SYNTAX);
    assert_int_equal(al_number_parse(AL_TYPE_f64, text, text + 5, &value), AL_NUMBER_SYNTAX);
    assert_int_equal(al_number_parse(AL_TYPE_f64, text, text + 3, &value), AL_NUMBER_SYNTAX);
}

static void floats_are_printed(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {-1.0, "-1"},
        {100000.0, "100000"},
        {12345678.0, "12345678"},
        {100000000.0, "100000000"},
        {9007199254740991.0, "9007199254740991"},
        {9007199254740994.0, "9007199254740994"},
        {1e15, "1000000000000000"},
        {9999999999999998.0, "9999999999999998"},
        {1e16, "1e+16"},
        {1.2345e22, "1.2345e+22"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {3.14159, "3.14159"},
        {-2.5, "-2.5"},
        {1.0 / 3, "0.3333333333333333"},
        {2.0 / 3 * 1e5, "66666.66666666666"},
        {123456789.125, "123456789.125"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00099999999999999991, "0.0009999999999999998"},
        {0.0001234567890123456, "0.0001234567890123456"},
        {0.00001, "1e-05"},
        {0.000012345, "1.2345e-05"},
        {0x1p-1074, "5e-324"},
        {0x1.fffffffffffffp1023, "1.7976931348623157e+308"},
        {-0x1.fffffffffffffp1023, "-1.7976931348623157e+308"},
        {-2.2250738585072014e-308, "-2.2250738585072014e-308"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[AL_NUMBER_TEXT_MAX + 1];
        text[al_number_format(AL_TYPE_f64, &rows[i].value, text)] = '\0';
        assert_string_equal(text, rows[i].text);
    }
    double minus_nan = -(double)NAN;
    char text[AL_NUMBER_TEXT_MAX];
    assert_int_equal(al_number_format(AL_TYPE_f64, &minus_nan, text), 3);
    assert_memory_equal(text, "nan", 3);
}

static void f32_is_printed(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *text;
    } rows[] = {
        {0.1f, "0.1"},         {16777215.0f, "16777215"},   {123456789.0f, "123456790"},
        {3.14159f, "3.14159"}, {1.0f / 3, "0.33333334"},    {0x1p-149f, "1e-45"},
        {1e-5f, "1e-05"},      {0.0001f, "0.0001"},         {0x1.fffffep127f, "3.4028235e+38"},
        {-0.0f, "-0"},         {-INFINITY, "-inf"},         {1e16f, "1e+16"},
        {2.5f, "2.5"},         {0.00012345f, "0.00012345"}, {1e10f, "10000000000"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[AL_NUMBER_TEXT_MAX + 1];
        text[al_number_format(AL_TYPE_f32, &rows[i].value, text)] = '\0';
        assert_string_equal(text, rows[i].text);
    }
}

static void integers_are_printed(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *i64, *i32, *u64;
    } rows[] = {
        {0, "0", "0", "0"},
        {7, "7", "7", "7"},
        {-7, "-7", "-7", "18446744073709551609"},
        {99999999, "99999999", "99999999", "99999999"},
        {100000000, "100000000", "100000000", "100000000"},
        {INT32_MIN, "-2147483648", "-2147483648", "18446744071562067968"},
        {9999999999999999, "9999999999999999", NULL, "9999999999999999"},
        {10000000000000000, "10000000000000000", NULL, "10000000000000000"},
        {INT64_MAX, "9223372036854775807", "-1", "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808", "0", "9223372036854775808"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[AL_NUMBER_TEXT_MAX + 1];
        text[al_number_format(AL_TYPE_i64, &rows[i].value, text)] = '\0';
        assert_string_equal(text, rows[i].i64);
        text[al_number_format(AL_TYPE_u64, &rows[i].value, text)] = '\0';
        assert_string_equal(text, rows[i].u64);
        if (rows[i].i32 == NULL)
            continue;
        text[al_number_format(AL_TYPE_i32, &rows[i].value, text)] = '\0';
        assert_string_equal(text, rows[i].i32);
    }
}

/** A misaligned value, as in the middle of a file, is read and written as any. */
static void any_alignment_will_do(void **state)
{
    (void)state;
    _Alignas(16) char room[40];
    for (al_type type = 0; type < AL_NTYPES; type++) {
        char text[AL_NUMBER_TEXT_MAX + 1];
        const char *number = "123456";
        assert_int_equal(al_number_parse(type, number, number + 6, room + 1), AL_NUMBER_OK);
        text[al_number_format(type, room + 1, text)] = '\0';
        assert_string_equal(text, number);
    }
}

static void tables_hold_powers(void **state)
{
    (void)state;
    uint64_t five = 1;
    for (size_t k = 0; k < COUNT(al_pow5); k++, five *= 5)
        assert_true(al_pow5[k] == five);
    double ten = 1;
    for (size_t k = 0; k < COUNT(al_pow10_exact); k++, ten *= 10)
        assert_true(al_pow10_exact[k] == ten);
}

static void every_fault_has_a_text(void **state)
{
    (void)state;
    for (int fault = AL_NUMBER_OK; fault <= AL_NUMBER_RANGE; fault++) {
        const char *text = al_number_fault_text((al_number_fault)fault);
        assert_non_null(text);
        for (int other = 0; other < fault; other++)
            assert_string_not_equal(text, al_number_fault_text((al_number_fault)other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_names_and_sizes),
        cmocka_unit_test(faults_are_told_apart),
        cmocka_unit_test(integers_are_read),
        cmocka_unit_test(i128_reaches_its_ends),
        cmocka_unit_test(floats_are_read),
        cmocka_unit_test(f32_is_rounded_once),
        cmocka_unit_test(long_text_is_read),
        cmocka_unit_test(only_digits_are_digits),
        cmocka_unit_test(plain_numbers_are_scanned),
        cmocka_unit_test(nul_is_no_end),
        cmocka_unit_test(floats_are_printed),
        cmocka_unit_test(f32_is_printed),
        cmocka_unit_test(integers_are_printed),
        cmocka_unit_test(any_alignment_will_do),
        cmocka_unit_test(tables_hold_powers),
        cmocka_unit_test(every_fault_has_a_text),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
