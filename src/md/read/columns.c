/* columns.c - see columns.h.
 *
 * Most of the time goes to numbers, so there is a short way for plain ones: digits as an integer, divided by
 * a power of ten. Both are exact as doubles, so that the quotient is correctly rounded (Clinger, 1990).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/columns.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"

/** 10^0 .. 10^19 are exact, and more than 19 digits are not divided. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
#define EXACT_MOST (UINT64_C(1) << 53)

/* ---- complaints ---------------------------------------------------------------------------------------- */

allot_err AL_COLD al_columns_fault(al_columns *c, const char *where, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return al_fail(c->err, ALLOT_EFORMAT, 0, "%s:%" PRIu64 ":%zu: %s", c->name, c->nlines,
                   (size_t)(where - c->line) + 1, text);
}

allot_err AL_COLD al_columns_no_memory(al_columns *c)
{
    return al_fail(c->err, ALLOT_ENOMEM, 0, "%s: out of memory", c->name);
}

const char *AL_COLD al_columns_excerpt(const char *at, const char *end, char text[40])
{
    size_t n = 0;
    for (; at < end && n < 30; at++)
        n += (size_t)snprintf(text + n, 40 - n, *at >= ' ' && *at <= '~' ? "%c" : "\\x%02x",
                              (unsigned char)*at);
    (void)snprintf(text + n, 40 - n, "%s", at < end ? "..." : "");
    return text;
}

/* ---- pieces -------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool al_columns_next(al_columns *c)
{
    if (c->next == c->end)
        return false;
    c->line = c->next;
    const char *newline = memchr(c->line, '\n', (size_t)(c->end - c->line));
    c->next = newline != NULL ? newline + 1 : c->end;
    c->line_end = newline != NULL ? newline : c->end;
    while (c->line_end > c->line && (is_blank(c->line_end[-1]) || c->line_end[-1] == '\r'))
        c->line_end--;
    c->nlines++;
    return true;
}

void al_columns_beyond(al_columns *c)
{
    c->nlines++;
    c->line = c->line_end = c->next;
}

bool al_columns_have(const al_columns *c, size_t first, const char *text)
{
    size_t nbytes = strlen(text), length = (size_t)(c->line_end - c->line);
    return length >= first + nbytes && memcmp(c->line + first, text, nbytes) == 0;
}

static void trim(const char **at, const char **end)
{
    while (*at < *end && is_blank(**at))
        ++*at;
    while (*end > *at && is_blank((*end)[-1]))
        --*end;
}

void al_columns_field(const al_columns *c, size_t first, size_t width, const char **at, const char **end)
{
    size_t length = (size_t)(c->line_end - c->line);
    *at = c->line + (first < length ? first : length);
    *end = c->line + (first + width < length ? first + width : length);
    trim(at, end);
}

/** Numbers the short way does not take: many digits, exponents. */
static bool AL_COLD parse_long(const char *at, const char *end, double *value)
{
    char text[64];
    size_t nbytes = (size_t)(end - at);
    if (nbytes == 0 || nbytes >= sizeof text)
        return false;
    for (size_t k = 0; k < nbytes; k++)
        if (strchr("+-.0123456789eE", at[k]) == NULL || at[k] == '\0')
            return false;
    memcpy(text, at, nbytes);
    text[nbytes] = '\0';
    char *stop;
    *value = strtod(text, &stop);
    return *stop == '\0' && stop > text && isfinite(*value);
}

static inline bool parse_number(const char *at, const char *end, double *value)
{
    const char *from = at;
    bool negative = at < end && *at == '-';
    at += negative;
    uint64_t m = 0;
    const char *point = NULL, *first = at;
    for (; at < end; at++) {
        unsigned digit = (unsigned)(unsigned char)*at - '0';
        if (digit <= 9)
            m = m * 10 + digit;
        else if (*at == '.' && point == NULL)
            point = at;
        else
            return parse_long(from, end, value);
    }
    ptrdiff_t ndigits = at - first - (point != NULL), ndecimals = point != NULL ? at - point - 1 : 0;
    if (ndigits == 0 || ndigits > 19 || m > EXACT_MOST)
        return parse_long(from, end, value);
    double magnitude = (double)m / powers[ndecimals];
    *value = negative ? -magnitude : magnitude;
    return true;
}

bool al_columns_number(const char *at, const char *end, double *value)
{
    return parse_number(at, end, value);
}

bool al_columns_integer(const char *at, const char *end, int64_t *value)
{
    bool negative = at < end && *at == '-';
    at += negative;
    if (at == end || end - at > 18)
        return false;
    for (*value = 0; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        *value = *value * 10 + (*at - '0');
    }
    *value = negative ? -*value : *value;
    return true;
}

allot_err al_columns_name(al_columns *c, size_t first, size_t width, char *name)
{
    const char *at, *end;
    al_columns_field(c, first, width, &at, &end);
    size_t n = (size_t)(end - at);
    for (size_t k = 0; k < n; k++) {
        if ((unsigned char)at[k] < ' ' || at[k] == 0x7f)
            return al_columns_fault(c, at + k, "a name has a byte 0x%02x in it; rename the atom",
                                    (unsigned char)at[k]);
        name[k] = at[k];
    }
    name[n] = '\0';
    return ALLOT_OK;
}

/* ---- rows of numbers ------------------------------------------------------------------------------------
 */

static allot_err AL_COLD bad_number(al_columns *c, const al_columns_row *row, unsigned d)
{
    char text[40];
    const char *from, *to;
    size_t first = row->first + d * row->width, length = (size_t)(c->line_end - c->line);
    al_columns_field(c, first, row->width, &from, &to);
    if (from == to)
        return al_columns_fault(c, c->line + (first < length ? first : length),
                                "%s is missing; it is needed in columns %zu to %zu", row->names[d], first + 1,
                                first + row->width);
    return al_columns_fault(c, from, "%s is no number: \"%s\"; columns %zu to %zu are for it%s",
                            row->names[d], al_columns_excerpt(from, to, text), first + 1, first + row->width,
                            row->why);
}

allot_err al_columns_vector(al_columns *c, const al_columns_row *row, double values[3])
{
    for (unsigned d = 0; d < 3; d++) {
        const char *at = c->line + row->first + d * row->width, *end = at + row->width;
        if (AL_UNLIKELY(at >= c->line_end))
            return bad_number(c, row, d);
        if (end > c->line_end)
            end = c->line_end;
        bool has_point =
            row->point == AL_COLUMNS_ANYWHERE || ((size_t)(end - at) > row->point && at[row->point] == '.');
        trim(&at, &end);
        if (AL_UNLIKELY(!has_point || !parse_number(at, end, &values[d])))
            return bad_number(c, row, d);
    }
    return ALLOT_OK;
}

double *al_columns_box_at(double box[3][3], unsigned n)
{
    static const unsigned rows[] = {0, 1, 2, 0, 0, 1, 1, 2, 2}, columns[] = {0, 1, 2, 1, 2, 0, 2, 0, 1};
    return &box[rows[n]][columns[n]];
}

allot_err al_columns_box(al_columns *c, uint64_t natoms, double box[3][3], bool *is_triclinic)
{
    unsigned n = 0;
    char text[40];
    *is_triclinic = false;
    for (const char *at = c->line, *end; at < c->line_end; at = end, n++) {
        while (is_blank(*at)) /* none at the line's end */
            at++;
        for (end = at; end < c->line_end && !is_blank(*end);)
            end++;
        double value = 0;
        if (!parse_number(at, end, &value))
            return al_columns_fault(
                c, at, "\"%s\" is no number; the box is needed here, as %" PRIu64 " atoms were read",
                al_columns_excerpt(at, end, text), natoms);
        if (n == 9 || (n < 3 && value < 0))
            return al_columns_fault(c, at,
                                    n == 9 ? "a box has three or nine numbers, and this is the tenth"
                                           : "a box has no negative edge");
        *al_columns_box_at(box, n) = value;
        *is_triclinic = *is_triclinic || (n >= 3 && value != 0);
    }
    return n == 3 || n == 9
               ? ALLOT_OK
               : al_columns_fault(c, c->line_end, "a box has three numbers, or nine, and here are %u", n);
}
