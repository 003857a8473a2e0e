/* number_print.c - numbers as text.
 *
 * Floats are printed with the fewest digits that read back as the same value (the closest such, where
 * there are several), laid out as Python's repr() lays them out but for the ".0": 0.0001 and
 * 1234567890123456 in full, 1e-05 and 1e+16 with an exponent. Most floats in files were written by people
 * and programs with few digits, so two short ways come before the library's general one:
 *
 *  - an integral value that is exact (below 2^53, 2^24 for f32) is printed as that integer: the
 *    neighbours are at least 1/2 away, so no integer with more trailing zeros reads back the same;
 *  - up to 15 digits (6 for f32): scaled by a power of ten and rounded to an integer m, it is the decimal
 *    m / 10^k if that division, which rounds once, gives the value back. Different decimals of so few
 *    digits are different doubles (DBL_DIG), so there is one such at most, and with its trailing zeros
 *    cut it is the shortest.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "data/number_print.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/attr.h"
#include "data/number_float.h"
#include "data/number_scan.h"

_Static_assert(DBL_DIG >= 15 && FLT_DIG >= 6, "so many digits survive a decimal's way through a float");

__extension__ typedef unsigned __int128 u128;

#define EIGHT UINT64_C(100000000)           /* what eight digits count to */
#define SIXTEEN UINT64_C(10000000000000000) /* what sixteen digits count to */

#define MOST_DIGITS 17                              /* a double needs no more */
#define SCRATCH (AL_FLOAT_DIGITS_MAX + MOST_DIGITS) /* so that a copy of them may begin at any digit */

static const uint64_t pow10_u64[17] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
};

/** The eight digits of a number below 10^8, one a byte, the first in the lowest: halves, quarters and
 * digits are each split off in all lanes at once, by multiplying with the reciprocal. */
AL_INLINE uint64_t split8(uint32_t number)
{
    uint64_t fours = number / 10000 + ((uint64_t)(number % 10000) << 32);
    uint64_t hundreds = ((fours * 10486) >> 20) & UINT64_C(0x0000007f0000007f);
    uint64_t pairs = hundreds + ((fours - hundreds * 100) << 16);
    uint64_t tens = ((pairs * 103) >> 10) & UINT64_C(0x000f000f000f000f);
    return tens + ((pairs - tens * 10) << 8);
}

AL_INLINE void put8(char *text, uint64_t digits)
{
    digits |= AL_EACH_BYTE('0');
    memcpy(text, &digits, 8);
}

/** A number below 10^8 without leading zeros. */
AL_INLINE char *put_short(char *text, uint32_t number)
{
    uint64_t digits = split8(number);
    uint32_t nzeros = (uint32_t)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;
    put8(text, digits >> (8 * nzeros));
    return text + 8 - nzeros;
}

AL_INLINE char *put_eight(char *text, uint32_t number)
{
    put8(text, split8(number));
    return text + 8;
}

AL_INLINE char *put_sixteen(char *text, uint64_t number)
{
    text = put_eight(text, (uint32_t)(number / EIGHT));
    return put_eight(text, (uint32_t)(number % EIGHT));
}

AL_INLINE char *put_u64(char *text, uint64_t number)
{
    if (AL_LIKELY(number < EIGHT))
        return put_short(text, (uint32_t)number);
    if (number < SIXTEEN) {
        text = put_short(text, (uint32_t)(number / EIGHT));
        return put_eight(text, (uint32_t)(number % EIGHT));
    }
    text = put_short(text, (uint32_t)(number / SIXTEEN));
    return put_sixteen(text, number % SIXTEEN);
}

/** The minus, if there is to be one, without a branch to mispredict. */
AL_INLINE char *put_sign(char *text, bool negative)
{
    *text = '-';
    return text + negative;
}

size_t al_print_i32(int32_t value, char *text)
{
    return al_print_i64(value, text);
}

size_t al_print_i64(int64_t value, char *text)
{
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    return (size_t)(put_u64(put_sign(text, value < 0), magnitude) - text);
}

size_t al_print_u64(uint64_t value, char *text)
{
    return (size_t)(put_u64(text, value) - text);
}

size_t al_print_i128(al_i128 value, char *text)
{
    u128 magnitude = value < 0 ? -(u128)value : (u128)value;
    char *at = put_sign(text, value < 0);
    if (AL_LIKELY(magnitude <= UINT64_MAX))
        return (size_t)(put_u64(at, (uint64_t)magnitude) - text);
    /* 2^127 / 10^16 has 23 digits: cut once more. */
    u128 upper = magnitude / SIXTEEN;
    if (upper >= SIXTEEN) {
        at = put_u64(at, (uint64_t)(upper / SIXTEEN));
        at = put_sixteen(at, (uint64_t)(upper % SIXTEEN));
    } else {
        at = put_u64(at, (uint64_t)upper);
    }
    return (size_t)(put_sixteen(at, (uint64_t)(magnitude % SIXTEEN)) - text);
}

/** Decimal digits of a number below 2^53; 0 has none. */
AL_INLINE uint32_t count_digits(uint64_t number)
{
    uint32_t nbits = 64 - (uint32_t)__builtin_clzll(number | 1);
    uint32_t fewest = nbits * 1233 >> 12; /* log10(2) is about 1233 / 4096 */
    return fewest + (number >= pow10_u64[fewest]);
}

/** The digits of fraction, which has ndigits (1 to 16) of them, without the zeros at its end. */
AL_INLINE char *put_fraction(char *text, uint64_t fraction, uint32_t ndigits)
{
    fraction *= pow10_u64[16 - ndigits];
    uint64_t upper = split8((uint32_t)(fraction / EIGHT)), lower = split8((uint32_t)(fraction % EIGHT));
    put8(text, upper);
    put8(text + 8, lower);
    uint64_t last = lower != 0 ? lower : upper;
    return text + (lower != 0 ? 16 : 8) - (uint32_t)__builtin_clzll(last | 1) / 8;
}

/** Print a value that is not integral as a decimal of at most most_digits digits, if it is one.
 * @return the end of it, NULL: it is none, or too small for this way */
AL_INLINE char *put_decimal(char *text, double value, uint32_t most_digits, bool is_f32)
{
    uint64_t whole = (uint64_t)value;
    uint32_t nwhole = count_digits(whole);
    if (value < 1e-4 || nwhole >= most_digits)
        return NULL;
    uint32_t nfraction = most_digits - nwhole;
    double scale = al_pow10_exact[nfraction];
    uint64_t digits = (uint64_t)(value * scale + 0.5);
    double back = (double)digits / scale;
    if (is_f32 ? (float)back != (float)value : back != value)
        return NULL;
    text = put_u64(text, whole);
    *text++ = '.';
    return put_fraction(text, digits - whole * (uint64_t)scale, nfraction);
}

/** Lay out "d.ddde+XX" as the head of this file says. Copies are of fixed sizes, which are single moves;
 * what they bring too many is scratch. @param from  SCRATCH bytes, not where text is */
AL_INLINE size_t lay_out(const char *from, size_t nbytes, char *text)
{
    size_t mark = from[nbytes - 4] == 'e' ? nbytes - 4 : nbytes - 5;
    int exponent = 0;
    for (size_t i = mark + 2; i < nbytes; i++)
        exponent = exponent * 10 + (from[i] - '0');
    if (from[mark + 1] == '-')
        exponent = -exponent;
    if (exponent < -4 || exponent >= 16) {
        memcpy(text, from, AL_FLOAT_DIGITS_MAX);
        return nbytes;
    }
    size_t ndigits = mark == 1 ? 1 : mark - 1; /* the first is from[0], the others begin at from[2] */
    if (exponent < 0) {
        size_t nzeros = (size_t)-exponent;
        memcpy(text, "0.0000", 6);
        text[nzeros + 1] = from[0];
        memcpy(text + nzeros + 2, from + 2, MOST_DIGITS - 1);
        return nzeros + 1 + ndigits;
    }
    size_t nwhole = (size_t)exponent + 1;
    text[0] = from[0];
    memcpy(text + 1, from + 2, MOST_DIGITS - 1);
    if (ndigits <= nwhole) {
        memset(text + ndigits, '0', nwhole - ndigits);
        return nwhole;
    }
    text[nwhole] = '.';
    memcpy(text + nwhole + 1, from + nwhole + 1, MOST_DIGITS - 1);
    return ndigits + 1;
}

static AL_NOINLINE size_t print_special(double value, char *text)
{
    const char *word = isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
    size_t nbytes = strlen(word);
    memcpy(text, word, nbytes);
    return nbytes;
}

size_t al_print_f64(double value, char *text)
{
    if (AL_UNLIKELY(!isfinite(value)))
        return print_special(value, text);
    char *at = put_sign(text, signbit(value));
    double magnitude = fabs(value);
    if (magnitude < 0x1p53) {
        uint64_t whole = (uint64_t)magnitude;
        if ((double)whole == magnitude)
            return (size_t)(put_u64(at, whole) - text);
        char *end = put_decimal(at, magnitude, DBL_DIG, false);
        if (end != NULL)
            return (size_t)(end - text);
    }
    char digits[SCRATCH];
    return (size_t)(at - text) + lay_out(digits, al_float_digits_f64(magnitude, digits), at);
}

size_t al_print_f32(float value, char *text)
{
    if (AL_UNLIKELY(!isfinite(value)))
        return print_special((double)value, text);
    char *at = put_sign(text, signbit(value));
    float magnitude = fabsf(value);
    if (magnitude < 0x1p24f) {
        uint64_t whole = (uint64_t)magnitude;
        if ((float)whole == magnitude)
            return (size_t)(put_u64(at, whole) - text);
        char *end = put_decimal(at, (double)magnitude, FLT_DIG, true);
        if (end != NULL)
            return (size_t)(end - text);
    }
    char digits[SCRATCH];
    return (size_t)(at - text) + lay_out(digits, al_float_digits_f32(magnitude, digits), at);
}

size_t al_number_format(al_type type, const void *value, char *text)
{
    switch (type) {
#define PRINT_CASE(name, ctype)                                                                              \
    case AL_TYPE_##name: {                                                                                   \
        ctype number;                                                                                        \
        memcpy(&number, value, sizeof number);                                                               \
        return al_print_##name(number, text);                                                                \
    }
        AL_TYPES(PRINT_CASE)
#undef PRINT_CASE
    default:
        return 0;
    }
}
