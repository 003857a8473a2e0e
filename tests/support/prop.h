/* prop.h - random cases that come again.
 *
 * A property is tried on many cases, each made from a seed of its own. A failure names that seed; with
 * PROP_SEED set to it the same case comes first. PROP_ROUNDS in the environment sets how many are tried.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SUPPORT_PROP_H
#define TESTS_SUPPORT_PROP_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static uint64_t prop_seed; /* of the case being tried */
static uint64_t prop_state;

/** Fail, with the seed of the case, unless the property holds. */
#define prop_require(property)                                                                               \
    do {                                                                                                     \
        if (!(property))                                                                                     \
            fail_msg("PROP_SEED=%llu: %s", (unsigned long long)prop_seed, #property);                        \
    } while (0)

static inline uint64_t prop_number(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : fallback;
}

static inline uint64_t prop_rounds(uint64_t fallback)
{
    return prop_number("PROP_ROUNDS", fallback);
}

/** Begin case k. */
static inline void prop_begin(uint64_t k)
{
    prop_seed = prop_state = prop_number("PROP_SEED", 20240229) + k;
}

/** A Weyl sequence through a mixing function: enough for test data, and the same everywhere. */
static inline uint64_t prop_u64(void)
{
    uint64_t z = prop_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t prop_below(uint64_t n)
{
    return prop_u64() % n;
}

static inline bool prop_chance(uint64_t one_in)
{
    return prop_below(one_in) == 0;
}

/** In [0, 1). */
static inline double prop_unit(void)
{
    return (double)(prop_u64() >> 11) * 0x1p-53;
}

/** Between low and high, each power of ten as likely as any other. */
static inline double prop_log(double low, double high)
{
    return low * exp(prop_unit() * log(high / low));
}

/** A whole number up to 2^bits, each number of bits as likely as any other. */
static inline uint64_t prop_size(uint32_t bits)
{
    uint64_t k = prop_below(bits + 1u);
    return k == 0 ? 0 : prop_u64() >> (64 - k);
}

#endif
