/* prop_number.c - properties of number text, over seeded random values, with the C library as the oracle.
 *
 *  - reading rounds as strtod() and strtof() do, bit for bit, also on ties, subnormals and too many digits;
 *  - what is printed reads back as the same bits;
 *  - it has as few digits as any "%.*e" that reads back, and is that one where they are as many;
 *  - the shortcut (al_number_scan) and the long way agree, and the shortcut reads nothing the long way
 *    refuses.
 *
 * The seed is fixed, so a failure comes again; PROP_SEED and PROP_ROUNDS in the environment change both.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/number.h"
#include "data/number_float.h"
#include "data/number_scan.h"

static uint64_t rng_state;

/** Weyl sequence through a mixing function: enough for test data, the same everywhere. */
static uint64_t rng(void)
{
    uint64_t z = rng_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rng_below(uint64_t n)
{
    return rng() % n;
}

static uint64_t nrounds(uint64_t fallback)
{
    const char *text = getenv("PROP_ROUNDS");
    return text != NULL ? strtoull(text, NULL, 10) : fallback;
}

static double f64_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float f32_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool same_f64(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool same_f32(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static al_number_fault parse(al_type type, const char *text, void *value)
{
    return al_number_parse(type, text, text + strlen(text), value);
}

/** Read a text that is a decimal and compare with the C library. */
static void check_read(const char *text)
{
    double wide = -1, wide_oracle = strtod(text, NULL);
    al_number_fault fault = parse(AL_TYPE_f64, text, &wide);
    if (isinf(wide_oracle) ? fault != AL_NUMBER_RANGE : fault != AL_NUMBER_OK || !same_f64(wide, wide_oracle))
        fail_msg("f64 '%s': fault %d, %a, strtod says %a", text, fault, wide, wide_oracle);
    float narrow = -1, narrow_oracle = strtof(text, NULL);
    fault = parse(AL_TYPE_f32, text, &narrow);
    if (isinf(narrow_oracle) ? fault != AL_NUMBER_RANGE
                             : fault != AL_NUMBER_OK || !same_f32(narrow, narrow_oracle))
        fail_msg("f32 '%s': fault %d, %a, strtof says %a", text, fault, (double)narrow,
                 (double)narrow_oracle);
}

static void reads_random_digits(void **state)
{
    (void)state;
    char text[64];
    for (uint64_t i = nrounds(300000); i > 0; i--) {
        uint64_t digits = rng() >> rng_below(64);
        int point = (int)rng_below(22), exponent = (int)rng_below(60) - 30;
        if (rng_below(8) == 0)
            exponent *= 12;
        int nchars = snprintf(text, sizeof text, "%s%0*" PRIu64, rng_below(2) ? "-" : "", point + 1, digits);
        memmove(text + nchars - point + 1, text + nchars - point, (size_t)point + 1);
        text[nchars - point] = '.';
        if (rng_below(2))
            snprintf(text + nchars + 1, sizeof text - (size_t)nchars - 1, "e%d", exponent);
        check_read(text);
    }
}

static void reads_what_printf_writes(void **state)
{
    (void)state;
    char text[64];
    for (uint64_t i = nrounds(250000); i > 0; i--) {
        double value = f64_of(rng());
        if (rng_below(4) != 0)
            value = ldexp((double)(int64_t)rng(), -(int)rng_below(90));
        if (!isfinite(value))
            continue;
        snprintf(text, sizeof text, rng_below(2) ? "%.*e" : "%.*g", (int)rng_below(20), value);
        check_read(text);
        /* Printed as a double to 9 digits or so, a float's neighbourhood: double rounding would show. */
        snprintf(text, sizeof text, "%.*g", 6 + (int)rng_below(12), (double)(float)fmod(value, 1e30));
        check_read(text);
    }
}

/** Values exactly half-way between two floats or doubles, and a little off, in full digits. */
static void reads_ties(void **state)
{
    (void)state;
    char text[1200];
    for (uint64_t i = nrounds(100000); i > 0; i--) {
        int shift = (int)rng_below(120) - 90;
        uint64_t odd = (rng() >> 11) | 1; /* 53 bits */
        bool is_f32 = rng_below(2);
        double tie = is_f32 ? ldexp((double)((odd >> 28) | 1), shift) : ldexp((double)odd, shift);
        int nchars = snprintf(text, sizeof text, "%.*f", shift < 0 ? -shift + 2 : 1, tie);
        if (!is_f32) { /* one more bit: a 5 below the last place of a double, where the last digit is a 0 */
            double next = nextafter(tie, INFINITY);
            long double half = ((long double)tie + (long double)next) / 2;
            nchars = snprintf(text, sizeof text, "%.*Lf", shift < 0 ? -shift + 3 : 1, half);
        }
        check_read(text);
        text[nchars - 1] = '1';
        check_read(text);
        snprintf(text + nchars, sizeof text - (size_t)nchars, "%0*d", 1 + (int)rng_below(40), 1);
        check_read(text);
    }
}

static void reads_subnormals(void **state)
{
    (void)state;
    char text[1200];
    for (uint64_t i = nrounds(15000); i > 0; i--) {
        snprintf(text, sizeof text, "%.*e", (int)rng_below(25), f64_of(rng() >> (12 + rng_below(50))));
        check_read(text);
        snprintf(text, sizeof text, "%.*e", (int)rng_below(25),
                 (double)f32_of((uint32_t)(rng() >> (41 + rng_below(22)))));
        check_read(text);
        snprintf(text, sizeof text, "%.*f", 330 + (int)rng_below(800), f64_of(rng() >> (12 + rng_below(50))));
        check_read(text);
    }
}

/** Digits of a printed decimal without leading and trailing zeros, and the power of ten of the first. */
static size_t normalise(const char *text, char *digits, int *power)
{
    size_t ndigits = 0;
    int point = 0, exponent = 0;
    bool has_point = false;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '-')
            continue;
        if (*text == '.') {
            has_point = true;
            continue;
        }
        if (*text != '0' || ndigits > 0)
            digits[ndigits++] = *text;
        point += has_point ? -(ndigits == 0) : ndigits > 0;
    }
    if (*text == 'e')
        exponent = atoi(text + 1);
    while (ndigits > 0 && digits[ndigits - 1] == '0')
        ndigits--;
    digits[ndigits] = '\0';
    *power = point + exponent;
    return ndigits;
}

/** Whether a decimal is a tie between two of `precision` digits, where either may be printed. */
static bool is_tie(double value, int precision)
{
    char text[1200];
    char *mark;
    snprintf(text, sizeof text, "%.*e", 1100, value);
    mark = strchr(text, '.') + precision; /* the first digit that is cut */
    if (precision >= 1100 || *mark != '5')
        return false;
    return strspn(mark + 1, "0") == (size_t)(strchr(text, 'e') - mark - 1);
}

static void check_print(double value, bool is_f32)
{
    char text[AL_NUMBER_TEXT_MAX + 1], oracle[64], digits[64], oracle_digits[64];
    float narrow = (float)value, narrow_back = 0;
    double back = 0;
    al_type type = is_f32 ? AL_TYPE_f32 : AL_TYPE_f64;
    size_t nbytes = al_number_format(type, is_f32 ? (void *)&narrow : (void *)&value, text);
    assert_in_range(nbytes, 1, AL_NUMBER_TEXT_MAX);
    text[nbytes] = '\0';
    bool same = is_f32 ? parse(type, text, &narrow_back) == AL_NUMBER_OK && same_f32(narrow, narrow_back)
                       : parse(type, text, &back) == AL_NUMBER_OK && same_f64(value, back);
    if (!same)
        fail_msg("%a (%s) was printed as '%s', which reads as %a", value, al_type_name(type), text,
                 is_f32 ? (double)narrow_back : back);
    if (value == 0)
        return;
    int precision = 1, power, oracle_power;
    do {
        snprintf(oracle, sizeof oracle, "%.*e", precision - 1, value);
    } while ((is_f32 ? (double)strtof(oracle, NULL) != value : strtod(oracle, NULL) != value) &&
             ++precision <= 17);
    size_t ndigits = normalise(text, digits, &power);
    size_t noracle = normalise(oracle, oracle_digits, &oracle_power);
    /* Just above a power of two the shortest may be no "%.*e" at all, and shorter than any. */
    if (ndigits > noracle ||
        (ndigits == noracle && (power != oracle_power || strcmp(digits, oracle_digits) != 0) &&
         !is_tie(value, precision)))
        fail_msg("%a (%s) was printed as '%s', shortest is '%s'", value, al_type_name(type), text, oracle);
}

static void prints_f64(void **state)
{
    (void)state;
    for (uint64_t i = nrounds(150000); i > 0; i--) {
        double value = f64_of(rng());
        if (isfinite(value))
            check_print(value, false);
        check_print(ldexp((double)(int64_t)(rng() >> rng_below(64)), -(int)rng_below(80)), false);
        check_print((double)rng_below(UINT64_C(1) << rng_below(60)) / pow(10, (double)rng_below(20)), false);
    }
    for (int exponent = -1074; exponent < 1024; exponent++) {
        check_print(ldexp(1, exponent), false);
        check_print(nextafter(ldexp(1, exponent), 0), false);
        check_print(nextafter(ldexp(1, exponent), INFINITY), false);
    }
}

static void prints_f32(void **state)
{
    (void)state;
    for (uint64_t i = nrounds(150000); i > 0; i--) {
        float value = f32_of((uint32_t)rng());
        if (isfinite(value))
            check_print((double)value, true);
        check_print(
            (double)(float)((double)rng_below(UINT64_C(1) << rng_below(32)) / pow(10, (double)rng_below(14))),
            true);
    }
    for (int exponent = -149; exponent < 128; exponent++)
        check_print(ldexp(1, exponent), true);
}

/** Near every power of ten, where the count of digits and the layout change. */
static void prints_near_powers_of_ten(void **state)
{
    (void)state;
    for (int exponent = -330; exponent <= 308; exponent++) {
        double value = pow(10, exponent);
        for (int i = 0; i < 40; i++)
            value = nextafter(value, 0);
        for (int i = 0; i < 80; i++) {
            check_print(value, false);
            if (isfinite((float)value))
                check_print((double)(float)value, true);
            value = nextafter(value, INFINITY);
        }
    }
}

static al_i128 rng_i128(void)
{
    unsigned __int128 bits = (unsigned __int128)rng() << 64 | rng();
    al_i128 value = (al_i128)(bits >> rng_below(128));
    return rng_below(2) ? value : (al_i128) - (unsigned __int128)value;
}

/** Print in base 10 one digit at a time. */
static void slow_i128(al_i128 value, char *text)
{
    char reversed[48];
    size_t ndigits = 0;
    unsigned __int128 magnitude = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    do
        reversed[ndigits++] = (char)('0' + (int)(magnitude % 10));
    while ((magnitude /= 10) != 0);
    if (value < 0)
        *text++ = '-';
    while (ndigits > 0)
        *text++ = reversed[--ndigits];
    *text = '\0';
}

static bool fits(al_type type, al_i128 value)
{
    switch (type) {
    case AL_TYPE_i32:
        return value >= INT32_MIN && value <= INT32_MAX;
    case AL_TYPE_i64:
        return value >= INT64_MIN && value <= INT64_MAX;
    case AL_TYPE_u64:
        return value >= 0 && value <= UINT64_MAX;
    default:
        return true;
    }
}

static void check_integer(al_i128 value)
{
    char text[AL_NUMBER_TEXT_MAX + 1], oracle[64];
    slow_i128(value, oracle);
    for (al_type type = AL_TYPE_i32; type <= AL_TYPE_i128; type++) {
        al_i128 back = 0;
        al_number_fault fault = parse(type, oracle, &back);
        if (fault != (fits(type, value) ? AL_NUMBER_OK : AL_NUMBER_RANGE))
            fail_msg("'%s' as %s: fault %d", oracle, al_type_name(type), fault);
        if (fault != AL_NUMBER_OK)
            continue;
        assert_memory_equal(&back, &value, al_type_nbytes(type));
        text[al_number_format(type, &back, text)] = '\0';
        assert_string_equal(text, oracle);
    }
}

static void integers_there_and_back(void **state)
{
    (void)state;
    for (uint64_t i = nrounds(150000); i > 0; i--)
        check_integer(rng_i128());
    for (int shift = 0; shift < 127; shift++)
        for (int off = -2; off <= 2; off++) {
            check_integer(((al_i128)1 << shift) + off);
            check_integer(-((al_i128)1 << shift) + off);
        }
    for (al_i128 power = 1; power < ((al_i128)1 << 126) / 10; power *= 10)
        for (int off = -2; off <= 2; off++) {
            check_integer(power + off);
            check_integer(-power + off);
        }
}

/** Random characters: the shortcut and the long way must tell the same story. */
static void shortcut_agrees(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789012345678900..eE+-x \nn";
    char text[32];
    for (uint64_t i = nrounds(1000000); i > 0; i--) {
        size_t nchars = rng_below(sizeof text);
        for (size_t c = 0; c < nchars; c++)
            text[c] = alphabet[rng_below(sizeof alphabet - 1)];
        double quick, wide;
        int64_t quick_integer, integer;
        const char *stop = al_number_scan(AL_TYPE_f64, text, text + nchars, &quick);
        if (stop != NULL) {
            char copy[33] = "";
            memcpy(copy, text, (size_t)(stop - text));
            assert_int_equal(al_number_parse(AL_TYPE_f64, text, stop, &wide), AL_NUMBER_OK);
            if (!same_f64(quick, strtod(copy, NULL)) || !same_f64(quick, wide))
                fail_msg("'%s' scanned as %a", copy, quick);
        }
        stop = al_number_scan(AL_TYPE_i64, text, text + nchars, &quick_integer);
        if (stop != NULL) {
            assert_int_equal(al_number_parse(AL_TYPE_i64, text, stop, &integer), AL_NUMBER_OK);
            assert_int_equal(integer, quick_integer);
        }
    }
}

int main(void)
{
    const char *seed = getenv("PROP_SEED");
    rng_state = seed != NULL ? strtoull(seed, NULL, 0) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_random_digits),
        cmocka_unit_test(reads_what_printf_writes),
        cmocka_unit_test(reads_ties),
        cmocka_unit_test(reads_subnormals),
        cmocka_unit_test(prints_f64),
        cmocka_unit_test(prints_f32),
        cmocka_unit_test(prints_near_powers_of_ten),
        cmocka_unit_test(integers_there_and_back),
        cmocka_unit_test(shortcut_agrees),
    };
    return cmocka_run_group_tests_name("number properties", tests, NULL, NULL);
}
