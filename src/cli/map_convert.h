/* map_convert.h - arrays of one item type as items of another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_CONVERT_H
#define AL_CLI_MAP_CONVERT_H

#include <stdint.h>

#include "data/number.h"

/** to[k] = from[k] for k in [0, count). from: any alignment. */
typedef void al_convert_fn(const void *from, void *to, uint64_t count);

/** How to convert; NULL when some values of `from` have no counterpart in `to` (a float may round one, as
 * text that is read as a float is rounded) and when both are the same type. */
al_convert_fn *al_convert_find(al_type from, al_type to);

#endif
