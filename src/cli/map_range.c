/* map_range.c - reading A:B[:STEP], counting its items, and writing them out.
 *
 * Integers are read as 128-bit ones whatever the type, so that the count and the check that the last item
 * fits are exact also at the ends of the 64-bit types (B itself need not fit: no item has that value).
 * 1e6 is an integer here, because that is what people type for a million.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_range.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"

__extension__ typedef unsigned __int128 u128;

#define NPARTS_MAX 3
#define NITEMS_MAX ((uint64_t)INT64_MAX)

typedef struct parts {
    const char *begin[NPARTS_MAX], *end[NPARTS_MAX];
    int count;
} parts;

static bool split(const char *text, parts *p)
{
    p->count = 0;
    for (;;) {
        if (p->count == NPARTS_MAX)
            return false;
        const char *end = text + strcspn(text, ":");
        p->begin[p->count] = text;
        p->end[p->count++] = end;
        if (*end == '\0')
            return p->count >= 2;
        text = end + 1;
    }
}

/** [+-]digits e digits, where the value is an integer of 128 bits. */
static bool read_scaled(const char *begin, const char *end, al_i128 *value)
{
    const char *e = begin;
    while (e < end && *e != 'e' && *e != 'E')
        e++;
    int32_t exponent;
    if (e == end || al_number_parse(AL_TYPE_i32, e + 1, end, &exponent) != AL_NUMBER_OK || exponent < 0 ||
        exponent > 38 || al_number_parse(AL_TYPE_i128, begin, e, value) != AL_NUMBER_OK)
        return false;
    while (exponent-- > 0)
        if (__builtin_mul_overflow(*value, (al_i128)10, value))
            return false;
    return true;
}

static bool read_integer(const char *begin, const char *end, al_i128 *value)
{
    return al_number_parse(AL_TYPE_i128, begin, end, value) == AL_NUMBER_OK || read_scaled(begin, end, value);
}

static bool read_float(const char *begin, const char *end, double *value)
{
    al_i128 integer;
    if (al_number_parse(AL_TYPE_f64, begin, end, value) == AL_NUMBER_OK)
        return true;
    if (!read_integer(begin, end, &integer))
        return false;
    *value = (double)integer; /* hexadecimal */
    return true;
}

static bool is_number(const char *begin, const char *end)
{
    double value;
    return read_float(begin, end, &value);
}

static bool is_integer(const char *begin, const char *end)
{
    al_i128 value;
    return read_integer(begin, end, &value);
}

static bool all_parts(const char *text, bool (*is_good)(const char *begin, const char *end))
{
    parts p;
    if (!split(text, &p))
        return false;
    for (int k = 0; k < p.count; k++)
        if (!is_good(p.begin[k], p.end[k]))
            return false;
    return true;
}

bool al_range_is_range(const char *text)
{
    return all_parts(text, is_number);
}

bool al_range_is_integer(const char *text)
{
    return all_parts(text, is_integer);
}

static bool fits(al_type type, al_i128 value)
{
    switch (type) {
    case AL_TYPE_i32:
        return value >= INT32_MIN && value <= INT32_MAX;
    case AL_TYPE_i64:
        return value >= INT64_MIN && value <= INT64_MAX;
    case AL_TYPE_u64:
        return value >= 0 && value <= (al_i128)UINT64_MAX;
    default:
        return true;
    }
}

static void store_integer(al_type type, al_i128 value, unsigned char *place)
{
    switch (type) {
    case AL_TYPE_i32: {
        int32_t v = (int32_t)value;
        memcpy(place, &v, sizeof v);
        break;
    }
    case AL_TYPE_i64:
    case AL_TYPE_u64: {
        uint64_t v = (uint64_t)value;
        memcpy(place, &v, sizeof v);
        break;
    }
    default:
        memcpy(place, &value, sizeof value);
    }
}

/** The items of A:B:STEP, as a number without sign, which the distance of any two always fits. */
static u128 count_integers(al_i128 a, al_i128 b, al_i128 step)
{
    u128 distance, stride;
    if (step > 0) {
        distance = b > a ? (u128)b - (u128)a : 0;
        stride = (u128)step;
    } else {
        distance = a > b ? (u128)a - (u128)b : 0;
        stride = -(u128)step;
    }
    return distance / stride + (distance % stride != 0);
}

static allot_err too_many(const char *text, allot_error *err)
{
    return al_fail(err, ALLOT_ERANGE, 0, "the range %s has more than 2^63 - 1 items; split it", text);
}

static allot_err does_not_fit(const char *text, al_type type, const parts *p, allot_error *err)
{
    for (int k = 0; k < p->count; k++) {
        double value;
        al_i128 integer;
        if (!read_integer(p->begin[k], p->end[k], &integer) && read_float(p->begin[k], p->end[k], &value))
            return al_fail(err, ALLOT_EINVAL, 0,
                           "the range %s: '%.*s' is not an integer of type %s; use --type f64", text,
                           (int)(p->end[k] - p->begin[k]), p->begin[k], al_type_name(type));
    }
    const char *remedy = type == AL_TYPE_i128  ? "--type f64"
                         : type == AL_TYPE_u64 ? "--type i64 or i128"
                         : type == AL_TYPE_i32 ? "--type i64"
                                               : "--type i128";
    return al_fail(err, ALLOT_ERANGE, 0, "the range %s has items that do not fit %s; use %s", text,
                   al_type_name(type), remedy);
}

static allot_err parse_integers(const char *text, const parts *p, al_map_range *range, allot_error *err)
{
    al_i128 value[NPARTS_MAX] = {0, 0, 1};
    for (int k = 0; k < p->count; k++)
        if (!read_integer(p->begin[k], p->end[k], &value[k]))
            return does_not_fit(text, range->type, p, err);
    if (value[2] == 0)
        return al_fail(err, ALLOT_EINVAL, 0, "the range %s never ends: its step is 0", text);
    u128 nitems = count_integers(value[0], value[1], value[2]);
    if (nitems > NITEMS_MAX)
        return too_many(text, err);
    if (nitems > 0) {
        al_i128 last = (al_i128)((u128)value[0] + (nitems - 1) * (u128)value[2]);
        if (!fits(range->type, value[0]) || !fits(range->type, last))
            return does_not_fit(text, range->type, p, err);
    }
    range->nitems = (uint64_t)nitems;
    store_integer(range->type, value[0], range->pair);
    store_integer(range->type, value[2], range->pair + al_type_nbytes(range->type));
    return ALLOT_OK;
}

static allot_err parse_floats(const char *text, const parts *p, al_map_range *range, allot_error *err)
{
    double value[NPARTS_MAX] = {0, 0, 1};
    for (int k = 0; k < p->count; k++)
        if (!read_float(p->begin[k], p->end[k], &value[k]) || !isfinite(value[k]))
            return al_fail(err, ALLOT_EINVAL, 0, "the range %s: '%.*s' is not a finite number", text,
                           (int)(p->end[k] - p->begin[k]), p->begin[k]);
    if (value[2] == 0.0)
        return al_fail(err, ALLOT_EINVAL, 0, "the range %s never ends: its step is 0", text);
    double nitems = ceil((value[1] - value[0]) / value[2]);
    if (!(nitems < 0x1p63))
        return too_many(text, err);
    range->nitems = nitems > 0 ? (uint64_t)nitems : 0;
    if (range->type == AL_TYPE_f32) {
        float pair[2] = {(float)value[0], (float)value[2]};
        if (!isfinite(pair[0]) || !isfinite(pair[1]))
            return al_fail(err, ALLOT_ERANGE, 0, "the range %s has items that do not fit f32; use --type f64",
                           text);
        memcpy(range->pair, pair, sizeof pair);
    } else {
        double pair[2] = {value[0], value[2]};
        memcpy(range->pair, pair, sizeof pair);
    }
    return ALLOT_OK;
}

allot_err al_range_parse(const char *text, al_type type, al_map_range *range, allot_error *err)
{
    parts p;
    *range = (al_map_range){.type = type};
    if (!split(text, &p))
        return al_fail(err, ALLOT_EINVAL, 0, "'%s' is not a range A:B or A:B:STEP", text);
    return al_type_is_float(type) ? parse_floats(text, &p, range, err) : parse_integers(text, &p, range, err);
}

/** Integers through 128 bits without sign: what wraps there wraps to the same in every narrower type. The
 * number of an item may be negative (see al_range_number_from). */
#define FILL_INTEGERS(name, ctype)                                                                           \
    static void fill_##name(const al_map_range *range, uint64_t first, uint64_t count, ctype *values)        \
    {                                                                                                        \
        ctype start, step;                                                                                   \
        memcpy(&start, range->pair, sizeof start);                                                           \
        memcpy(&step, range->pair + sizeof start, sizeof step);                                              \
        for (uint64_t k = 0; k < count; k++)                                                                 \
            values[k] = (ctype)((u128)start + (u128)(int64_t)(first + k) * (u128)step);                      \
    }
#define FILL_FLOATS(name, ctype)                                                                             \
    static void fill_##name(const al_map_range *range, uint64_t first, uint64_t count, ctype *values)        \
    {                                                                                                        \
        ctype start, step;                                                                                   \
        memcpy(&start, range->pair, sizeof start);                                                           \
        memcpy(&step, range->pair + sizeof start, sizeof step);                                              \
        for (uint64_t k = 0; k < count; k++)                                                                 \
            values[k] = start + (ctype)(first + k) * step;                                                   \
    }
FILL_INTEGERS(i32, int32_t)
FILL_INTEGERS(i64, int64_t)
FILL_INTEGERS(u64, uint64_t)
FILL_INTEGERS(i128, al_i128)
FILL_FLOATS(f32, float)
FILL_FLOATS(f64, double)

void al_range_fill(const al_map_range *range, uint64_t first, uint64_t count, void *values)
{
    switch (range->type) {
#define FILL(name, ctype)                                                                                    \
    case AL_TYPE_##name:                                                                                     \
        fill_##name(range, first, count, values);                                                            \
        break;
        AL_TYPES(FILL)
#undef FILL
    case AL_NTYPES:
        break;
    }
}

void al_range_number_from(al_map_range *range, uint64_t nitems)
{
    _Alignas(16) unsigned char start[16];
    al_range_fill(range, 0 - nitems, 1, start);
    memcpy(range->pair, start, al_type_nbytes(range->type));
}
