/* number_scan.h - reading the numbers that are nearly all numbers, in a few nanoseconds.
 *
 * al_number_scan() reads a plain number at the start of some text and says where it stopped. It is a
 * shortcut, never the judge: wherever it is not sure (a long number, hexadecimal, nan, anything odd) it
 * returns NULL, and the caller goes the long way of al_number_parse(), which decides what is a number and
 * what is a fault. What it does return is exact: integers as they are, floats correctly rounded.
 *
 * Eight characters are looked at in one word. Floats take one of two exact ways from digits m and power of
 * ten e. When m < 2^53 and |e| <= 22 both are exact as doubles, so that one multiplication or division
 * rounds once (Clinger, 1990). When m needs all 64 bits and -27 <= e < 0, m / 5^-e is one division of
 * integers, whose remainder says on which side of a tie the quotient lies. (With e = 0 there is nothing to
 * divide: the conversion of m rounds.)
 *
 * Inline, with a type that is a constant at each call: the loop over a block's lines is compiled once for
 * each type.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_DATA_NUMBER_SCAN_H
#define AL_DATA_NUMBER_SCAN_H

#include <float.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "data/number.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first character is a word's lowest byte");
_Static_assert(FLT_EVAL_METHOD == 0, "a double operation rounds once, to double");

/** 10^0 .. 10^22, all exact, and 5^0 .. 5^27 (number.c). */
extern const double al_pow10_exact[23];
extern const uint64_t al_pow5[28];

#define AL_EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/** Eight characters, the first in the lowest byte; those past end read as 0. */
AL_INLINE uint64_t al_scan_load8(const char *at, const char *end)
{
    uint64_t word = 0;
    if (AL_LIKELY(end - at >= 8))
        memcpy(&word, at, 8);
    else
        memcpy(&word, at, (size_t)(end - at));
    return word;
}

/** The value of eight digits, the first in the lowest byte, each byte 0 to 9. Neighbours are joined to
 * pairs, pairs to fours, fours to the whole: in each step a multiplication adds base * left to right. */
AL_INLINE uint64_t al_scan_join8(uint64_t digits)
{
    digits = ((digits * (1 + (10 << 8))) >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    digits = ((digits * (1 + (100 << 16))) >> 16) & UINT64_C(0x0000ffff0000ffff);
    return (digits * (1 + (UINT64_C(10000) << 32))) >> 32;
}

/** Read the digits that the next eight characters begin with. @return how many there are */
AL_INLINE uint32_t al_scan_digits8(const char *at, const char *end, uint64_t *value)
{
    uint64_t digits = al_scan_load8(at, end) ^ AL_EACH_BYTE('0');
    uint64_t others =
        (((digits & AL_EACH_BYTE(0x7f)) + AL_EACH_BYTE(0x7f - 9)) | digits) & AL_EACH_BYTE(0x80);
    if (others == 0) {
        *value = al_scan_join8(digits);
        return 8;
    }
    uint32_t ndigits = (uint32_t)__builtin_ctzll(others) / 8;
    /* Leading zeros make it eight; two shifts, as one by 64 is undefined. */
    *value = al_scan_join8(digits << (63 - 8 * ndigits) << 1);
    return ndigits;
}

/** Read digits on top of *value, which wraps around when they are too many. @return just after the last */
AL_INLINE const char *al_scan_digits(const char *at, const char *end, uint64_t *value)
{
    static const uint64_t pow10[9] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    for (;;) {
        uint64_t part;
        uint32_t ndigits = al_scan_digits8(at, end, &part);
        *value = *value * pow10[ndigits] + part;
        at += ndigits;
        if (ndigits < 8)
            return at;
    }
}

AL_INLINE bool al_scan_sign(const char **at, const char *end)
{
    bool negative = *at < end && **at == '-';
    *at += negative || (*at < end && **at == '+');
    return negative;
}

AL_INLINE const char *al_scan_integer(al_type type, const char *at, const char *end, void *value)
{
    bool negative = al_scan_sign(&at, end);
    const char *first = at;
    uint64_t magnitude = 0;
    at = al_scan_digits(at, end, &magnitude);
    if (at == first || at - first > 18)
        return NULL;
    int64_t number = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    if (type == AL_TYPE_i32) {
        int32_t narrow = (int32_t)number;
        if (narrow != number)
            return NULL;
        memcpy(value, &narrow, sizeof narrow);
    } else if (type == AL_TYPE_i128) {
        al_i128 wide = number;
        memcpy(value, &wide, sizeof wide);
    } else {
        if (type == AL_TYPE_u64 && number < 0)
            return NULL;
        memcpy(value, &number, sizeof number);
    }
    return at;
}

/** m / 5^k * 2^-k, correctly rounded, for m > 0 and 0 < k <= 27. */
AL_INLINE double al_scan_ratio(uint64_t m, uint32_t k)
{
    int32_t m_shift = __builtin_clzll(m), d_shift = __builtin_clzll(al_pow5[k]);
    uint64_t divisor = al_pow5[k] << d_shift;
    __extension__ unsigned __int128 dividend = (unsigned __int128)(m << m_shift) << 62;
    /* Both were normalised, so the quotient has 62 or 63 bits: it fits, and a double has room for all but
     * the last nine. Its last bit may therefore stand for all that was cut, and the conversion to double
     * is where it is rounded, once. */
    uint64_t quotient = (uint64_t)(dividend / divisor);
    quotient |= (uint64_t)quotient * divisor != (uint64_t)dividend;
    int32_t exponent = d_shift - m_shift - 62 - (int32_t)k;
    uint64_t scale_bits = (uint64_t)(exponent + 1023) << 52;
    double scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    return (double)(int64_t)quotient * scale;
}

/** m * 10^e, correctly rounded. @return false: not by the short ways */
AL_INLINE bool al_scan_scale(uint64_t m, int64_t e, double *value)
{
    if (AL_LIKELY(m <= UINT64_C(1) << 53 && e >= -22 && e <= 22)) {
        *value = e < 0 ? (double)m / al_pow10_exact[-e] : (double)m * al_pow10_exact[e];
        return true;
    }
    if (m == 0 || (e == 0 && m <= INT64_MAX)) {
        *value = (double)(int64_t)m;
        return true;
    }
    if (e >= 0 || e < -27)
        return false;
    *value = al_scan_ratio(m, (uint32_t)-e);
    return true;
}

/** Narrow a double that is the correctly rounded value of a decimal to the float that is. Rounding twice
 * goes wrong only where the first rounding ended on a tie of the second. The short ways stay far from
 * the subnormal and the largest floats. */
AL_INLINE bool al_scan_narrow(double wide, bool exact, float *value)
{
    uint64_t bits;
    memcpy(&bits, &wide, sizeof bits);
    *value = (float)wide;
    return exact || (bits & 0x1fffffff) != 0x10000000;
}

/** The exponent's part of a decimal, from its 'e'. @return just after it, NULL: not a plain one */
AL_INLINE const char *al_scan_exponent(const char *at, const char *end, int64_t *exponent)
{
    uint64_t magnitude;
    bool negative = al_scan_sign(&at, end);
    uint32_t ndigits = al_scan_digits8(at, end, &magnitude);
    if (ndigits == 0 || ndigits == 8)
        return NULL;
    *exponent += negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return at + ndigits;
}

AL_INLINE const char *al_scan_float(al_type type, const char *at, const char *end, void *value)
{
    bool negative = al_scan_sign(&at, end);
    const char *first = at;
    uint64_t m = 0;
    int64_t e = 0;
    at = al_scan_digits(at, end, &m);
    int64_t ndigits = at - first;
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        at = al_scan_digits(fraction, end, &m);
        e = fraction - at;
        ndigits -= e;
    }
    if (ndigits == 0 || ndigits > 19)
        return NULL;
    if (at < end && (*at | 0x20) == 'e') {
        at = al_scan_exponent(at + 1, end, &e);
        if (at == NULL)
            return NULL;
    }
    double wide;
    if (!al_scan_scale(m, e, &wide))
        return NULL;
    if (negative)
        wide = -wide;
    if (type == AL_TYPE_f64) {
        memcpy(value, &wide, sizeof wide);
        return at;
    }
    float narrow;
    if (!al_scan_narrow(wide, e == 0 && m <= UINT64_C(1) << 53, &narrow))
        return NULL;
    memcpy(value, &narrow, sizeof narrow);
    return at;
}

/** Read the plain number that [at, end) begins with.
 * @return just after it, with *value written; NULL: not read, *value untouched, ask al_number_parse() */
AL_INLINE const char *al_number_scan(al_type type, const char *at, const char *end, void *value)
{
    if (type == AL_TYPE_f32 || type == AL_TYPE_f64)
        return al_scan_float(type, at, end, value);
    return al_scan_integer(type, at, end, value);
}

#endif
