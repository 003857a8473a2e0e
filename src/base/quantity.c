/* quantity.c - see quantity.h.
 *
 * The whole part is computed in integers, so that what people mean exactly is exact; only a fraction goes
 * through floating point. strtod() would ask the locale what a decimal point is, and take "inf" and "1e3".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/quantity.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define QUANTITY_MOST ((uint64_t)INT64_MAX) /* so that it fits signed numbers too */
#define FRACTION_MOST 18                    /* digits behind the point that can tell anything */

/** A number as it was written. */
typedef struct number {
    uint64_t whole;
    double fraction; /* below 1 */
    bool is_huge;
} number;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *read_whole(const char *text, number *n)
{
    for (; is_digit(*text); text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (n->whole > (QUANTITY_MOST - digit) / 10)
            n->is_huge = true;
        else
            n->whole = n->whole * 10 + digit;
    }
    return text;
}

static const char *read_fraction(const char *text, number *n)
{
    uint64_t digits = 0;
    double scale = 1.0;
    for (int k = 0; is_digit(*text); text++, k++) {
        if (k >= FRACTION_MOST)
            continue;
        digits = digits * 10 + (uint64_t)(*text - '0');
        scale *= 10.0;
    }
    n->fraction = (double)digits / scale;
    return text;
}

/** @return where it ends; NULL: it is no number */
static const char *read_number(const char *text, number *n)
{
    *n = (number){.whole = 0};
    const char *end = read_whole(text, n);
    size_t ndigits = (size_t)(end - text);
    if (*end == '.') {
        const char *point = end;
        end = read_fraction(point + 1, n);
        ndigits += (size_t)(end - point) - 1;
    }
    return ndigits > 0 ? end : NULL;
}

/** Add n units to *sum. @return 0 or ERANGE */
static int add_units(uint64_t *sum, const number *n, uint64_t unit)
{
    if (n->is_huge || n->whole > QUANTITY_MOST / unit)
        return ERANGE;
    uint64_t part = n->whole * unit;
    uint64_t rest = (uint64_t)(n->fraction * (double)unit + 0.5);
    if (rest > QUANTITY_MOST - part || part + rest > QUANTITY_MOST - *sum)
        return ERANGE;
    *sum += part + rest;
    return 0;
}

/* ---- durations ----------------------------------------------------------------------------------------- */

static const struct {
    char name[4];
    uint64_t ns;
} units[] = {{"ns", 1},
             {"us", 1000},
             {"ms", 1000000},
             {"s", 1000000000},
             {"m", UINT64_C(60000000000)},
             {"h", UINT64_C(3600000000000)},
             {"d", UINT64_C(86400000000000)}};

/** Nanoseconds in the unit of length letters; 0: there is none of that name. */
static uint64_t unit_ns(const char *name, size_t length)
{
    for (size_t k = 0; k < sizeof units / sizeof units[0]; k++)
        if (strlen(units[k].name) == length && memcmp(units[k].name, name, length) == 0)
            return units[k].ns;
    return 0;
}

int al_duration_parse(const char *text, uint64_t *ns)
{
    uint64_t sum = 0, last_unit = UINT64_MAX;
    int fault = 0;
    bool is_first = true;
    do {
        number n;
        const char *name = read_number(text, &n);
        if (name == NULL)
            return EINVAL;
        size_t length = strspn(name, "numshd");
        text = name + length;
        bool is_bare = is_first && name[0] == '\0';
        uint64_t unit = is_bare ? UINT64_C(1000000000) : unit_ns(name, length);
        if (unit == 0 || unit >= last_unit)
            return EINVAL;
        last_unit = unit;
        if (fault == 0)
            fault = add_units(&sum, &n, unit);
        is_first = false;
    } while (*text != '\0');
    if (fault == 0)
        *ns = sum;
    return fault;
}

/* ---- sizes --------------------------------------------------------------------------------------------- */

static uint64_t power(uint64_t base, unsigned exponent)
{
    uint64_t product = 1;
    while (exponent-- > 0)
        product *= base;
    return product;
}

/** Bytes in a unit: "", "B", "K", "kB", "KiB"; 0: there is none of that name. */
static uint64_t unit_bytes(const char *name)
{
    static const char large[] = "KMGTP", small[] = "kmgtp";
    if (name[0] == '\0' || strcmp(name, "B") == 0)
        return 1;
    const char *is_large = strchr(large, name[0]), *is_small = strchr(small, name[0]);
    if (is_large == NULL && is_small == NULL)
        return 0;
    unsigned exponent = (unsigned)(is_large != NULL ? is_large - large : is_small - small) + 1;
    const char *rest = name + 1;
    if (rest[0] == '\0')
        return power(is_large != NULL ? 1024 : 1000, exponent);
    if (strcmp(rest, "i") == 0 || strcmp(rest, "iB") == 0)
        return power(1024, exponent);
    return strcmp(rest, "B") == 0 ? power(1000, exponent) : 0;
}

int al_size_parse(const char *text, uint64_t *nbytes)
{
    number n;
    uint64_t sum = 0;
    const char *name = read_number(text, &n);
    uint64_t unit = name != NULL ? unit_bytes(name) : 0;
    if (unit == 0)
        return EINVAL;
    int fault = add_units(&sum, &n, unit);
    if (fault == 0)
        *nbytes = sum;
    return fault;
}
