/* number.c - the item types by name, and reading one number from text.
 *
 * The plain numbers go through al_number_scan(); what it leaves is judged here, at leisure: whether the
 * text is a number of the type at all, and whether it fits. So this file is what "a number" means:
 *
 *     integer = [+-] (digits | 0x hexdigits)
 *     float   = [+-] (digits [. [digits]] | . digits) [e [+-] digits]  |  [+-] (inf | infinity | nan)
 *
 * in any case of letters. Locales have no say.
 *
 * Invariant: a value is written only with AL_NUMBER_OK.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "data/number.h"

#include <math.h>
#include <string.h>

#include "data/number_float.h"
#include "data/number_scan.h"

__extension__ typedef unsigned __int128 u128;

const double al_pow10_exact[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

const uint64_t al_pow5[28] = {
    UINT64_C(1),
    UINT64_C(5),
    UINT64_C(25),
    UINT64_C(125),
    UINT64_C(625),
    UINT64_C(3125),
    UINT64_C(15625),
    UINT64_C(78125),
    UINT64_C(390625),
    UINT64_C(1953125),
    UINT64_C(9765625),
    UINT64_C(48828125),
    UINT64_C(244140625),
    UINT64_C(1220703125),
    UINT64_C(6103515625),
    UINT64_C(30517578125),
    UINT64_C(152587890625),
    UINT64_C(762939453125),
    UINT64_C(3814697265625),
    UINT64_C(19073486328125),
    UINT64_C(95367431640625),
    UINT64_C(476837158203125),
    UINT64_C(2384185791015625),
    UINT64_C(11920928955078125),
    UINT64_C(59604644775390625),
    UINT64_C(298023223876953125),
    UINT64_C(1490116119384765625),
    UINT64_C(7450580596923828125),
};

static const struct {
    const char *name;
    size_t nbytes;
    bool is_float;
} types[AL_NTYPES] = {
#define TYPE_ROW(name, ctype) {#name, sizeof(ctype), (ctype)0.5 != 0},
    AL_TYPES(TYPE_ROW)
#undef TYPE_ROW
};

const char *al_type_name(al_type type)
{
    return types[type].name;
}

bool al_type_parse(const char *name, al_type *type)
{
    for (int i = 0; i < AL_NTYPES; i++) {
        if (strcmp(name, types[i].name) == 0) {
            *type = (al_type)i;
            return true;
        }
    }
    return false;
}

size_t al_type_nbytes(al_type type)
{
    return types[type].nbytes;
}

bool al_type_is_float(al_type type)
{
    return types[type].is_float;
}

const char *al_number_fault_text(al_number_fault fault)
{
    switch (fault) {
    case AL_NUMBER_OK:
        return "a number";
    case AL_NUMBER_EMPTY:
        return "no number";
    case AL_NUMBER_SYNTAX:
        return "not a number of this type";
    case AL_NUMBER_RANGE:
        return "out of this type's range";
    }
    return "no such fault";
}

/** The value of a digit in base 16, or 16 for what is none. */
static uint32_t digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0');
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (uint32_t)(lower - 'a') + 10 : 16;
}

/** Read digits of a base up to the end; *magnitude sticks at its largest value when they are too many. */
static al_number_fault read_magnitude(const char *at, const char *end, uint32_t base, u128 *magnitude)
{
    const u128 most = ~(u128)0;
    if (at == end)
        return AL_NUMBER_SYNTAX;
    for (*magnitude = 0; at < end; at++) {
        uint32_t digit = digit_value(*at);
        if (digit >= base)
            return AL_NUMBER_SYNTAX;
        *magnitude = *magnitude > (most - digit) / base ? most : *magnitude * base + digit;
    }
    return AL_NUMBER_OK;
}

/** The largest magnitude of a type's numbers on one side of zero. */
static u128 largest_magnitude(al_type type, bool negative)
{
    switch (type) {
    case AL_TYPE_i32:
        return (u128)INT32_MAX + negative;
    case AL_TYPE_i64:
        return (u128)INT64_MAX + negative;
    case AL_TYPE_u64:
        return negative ? 0 : UINT64_MAX;
    default:
        return (((u128)1 << 127) - 1) + negative;
    }
}

static al_number_fault parse_integer(al_type type, const char *at, const char *end, void *value)
{
    u128 magnitude;
    bool negative = al_scan_sign(&at, end);
    bool is_hex = end - at >= 2 && at[0] == '0' && (at[1] | 0x20) == 'x';
    al_number_fault fault = read_magnitude(is_hex ? at + 2 : at, end, is_hex ? 16 : 10, &magnitude);
    if (fault != AL_NUMBER_OK)
        return fault;
    if (magnitude > largest_magnitude(type, negative))
        return AL_NUMBER_RANGE;
    u128 number = negative ? -magnitude : magnitude;
    memcpy(value, &number, types[type].nbytes); /* little-endian: the lowest bytes come first */
    return AL_NUMBER_OK;
}

/** Whether [at, end) is `word`, given in lower case, in any case of letters. */
static bool is_word(const char *at, const char *end, const char *word)
{
    for (; at < end && *word != '\0' && (*at | 0x20) == *word; at++)
        word++;
    return at == end && *word == '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/** What is to be known of a decimal that does not fit a float. */
typedef struct decimal {
    bool is_zero;
    int64_t power; /* its value is below 10^power, and at least a tenth of that */
} decimal;

/** Read [at, end) as an exponent; a huge one sticks at what no text of digits can make up for. */
static bool read_exponent(const char *at, const char *end, int64_t *exponent)
{
    const int64_t most = INT64_MAX / 4;
    bool negative = al_scan_sign(&at, end);
    if (at == end)
        return false;
    int64_t magnitude = 0;
    for (; at < end && is_digit(*at); at++)
        magnitude = magnitude > most / 10 - 1 ? most : magnitude * 10 + (*at - '0');
    *exponent = negative ? -magnitude : magnitude;
    return at == end;
}

/** Check that [at, end) is a decimal, with no sign, and find its magnitude. */
static bool read_decimal(const char *at, const char *end, decimal *d)
{
    int64_t ndigits = 0, exponent = 0;
    bool has_point = false;
    *d = (decimal){.is_zero = true};
    for (; at < end && (is_digit(*at) || (*at == '.' && !has_point)); at++) {
        if (*at == '.') {
            has_point = true;
            continue;
        }
        ndigits++;
        d->is_zero &= *at == '0';
        d->power += has_point ? -(int64_t)d->is_zero : (int64_t)!d->is_zero;
    }
    if (ndigits == 0)
        return false;
    if (at < end && ((*at | 0x20) != 'e' || !read_exponent(at + 1, end, &exponent)))
        return false;
    d->power += exponent;
    return true;
}

static void write_float(al_type type, double number, void *value)
{
    float narrow = (float)number;
    if (type == AL_TYPE_f32)
        memcpy(value, &narrow, sizeof narrow);
    else
        memcpy(value, &number, sizeof number);
}

/** Read a checked decimal. @return as al_float_parse_f64() */
static int convert_float(al_type type, const char *text, const char *end, void *value)
{
    int status;
    if (type == AL_TYPE_f32) {
        float narrow = 0;
        status = al_float_parse_f32(text, end, &narrow);
        if (status == 0)
            memcpy(value, &narrow, sizeof narrow);
    } else {
        double wide = 0;
        status = al_float_parse_f64(text, end, &wide);
        if (status == 0)
            memcpy(value, &wide, sizeof wide);
    }
    return status;
}

static al_number_fault parse_float(al_type type, const char *text, const char *end, void *value)
{
    const char *at = text;
    bool negative = al_scan_sign(&at, end);
    if (is_word(at, end, "inf") || is_word(at, end, "infinity")) {
        write_float(type, negative ? -(double)INFINITY : (double)INFINITY, value);
        return AL_NUMBER_OK;
    }
    if (is_word(at, end, "nan")) {
        write_float(type, (double)NAN, value);
        return AL_NUMBER_OK;
    }
    decimal d;
    if (!read_decimal(at, end, &d))
        return AL_NUMBER_SYNTAX;
    int status = d.is_zero ? 1 : convert_float(type, negative ? at - 1 : at, end, value);
    if (status < 0)
        return AL_NUMBER_SYNTAX;
    if (status > 0) {
        if (!d.is_zero && d.power > 0)
            return AL_NUMBER_RANGE;
        write_float(type, negative ? -0.0 : 0.0, value);
    }
    return AL_NUMBER_OK;
}

al_number_fault al_number_parse(al_type type, const char *text, const char *end, void *value)
{
    _Alignas(16) char number[sizeof(al_i128)];
    const char *stop = NULL;
    if (text == end)
        return AL_NUMBER_EMPTY;
    switch (type) {
#define SCAN_CASE(name, ctype)                                                                               \
    case AL_TYPE_##name:                                                                                     \
        stop = al_number_scan(AL_TYPE_##name, text, end, number);                                            \
        break;
        AL_TYPES(SCAN_CASE)
#undef SCAN_CASE
    default:
        return AL_NUMBER_SYNTAX;
    }
    if (stop == end) {
        memcpy(value, number, types[type].nbytes);
        return AL_NUMBER_OK;
    }
    if (types[type].is_float)
        return parse_float(type, text, end, value);
    return parse_integer(type, text, end, value);
}
