/* map_range.h - A:B[:STEP], the items of a range.
 *
 * As Python's range: B is exclusive and STEP may be negative. A range of integers is exact in any of the
 * integer types; one of floats has ceil((B - A) / STEP) items, the k-th being A + k * STEP.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_RANGE_H
#define AL_CLI_MAP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "data/number.h"

typedef struct al_map_range {
    al_type type;
    uint64_t nitems;                     /* no more than INT64_MAX: an index is an int64_t */
    _Alignas(16) unsigned char pair[32]; /* A and STEP, two values of the type one after the other */
} al_map_range;

/** Whether the text has the form of a range: two or three numbers with colons between them. */
bool al_range_is_range(const char *text);

/** Whether all its numbers are integers; 1e6 is one. */
bool al_range_is_integer(const char *text);

/** Read a range as items of a type.
 * @return ALLOT_OK; ALLOT_EINVAL (a STEP of 0, a bound that is no number of this type or not finite);
 *         ALLOT_ERANGE (an item that does not fit the type, too many items) */
allot_err al_range_parse(const char *text, al_type type, al_map_range *range, allot_error *err);

/** Write the items [first, first + count) to values. */
void al_range_fill(const al_map_range *range, uint64_t first, uint64_t count, void *values);

/** Move A back by nitems steps, so that the item numbered nitems is the old first one. Integers only: their
 * arithmetic wraps, so that the items stay exactly what they were. */
void al_range_number_from(al_map_range *range, uint64_t nitems);

#endif
