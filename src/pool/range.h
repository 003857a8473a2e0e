/* range.h - units of a loop that nobody has begun: first and end, 32 bits each, in one word that is taken
 * from by compare-and-swap. Both threads (visit.h) and engines (seat.h) cut their items so.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_POOL_RANGE_H
#define AL_POOL_RANGE_H

#include <stdint.h>

static inline uint64_t al_range_pack(uint32_t begin, uint32_t end)
{
    return (uint64_t)begin << 32 | end;
}

static inline uint32_t al_range_begin(uint64_t range)
{
    return (uint32_t)(range >> 32);
}

static inline uint32_t al_range_end(uint64_t range)
{
    return (uint32_t)range;
}

static inline uint32_t al_range_left(uint64_t range)
{
    uint32_t begin = al_range_begin(range), end = al_range_end(range);
    return begin < end ? end - begin : 0;
}

#endif
