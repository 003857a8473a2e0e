/* philox.c - see philox.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/philox.h"

#include <math.h>

#define ROUNDS 10

void al_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t a = counter[0], b = counter[1], c = counter[2], d = counter[3], k = key[0], l = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t first = (uint64_t)a * 0xD2511F53u, second = (uint64_t)c * 0xCD9E8D57u;
        a = (uint32_t)(second >> 32) ^ b ^ k;
        b = (uint32_t)second;
        c = (uint32_t)(first >> 32) ^ d ^ l;
        d = (uint32_t)first;
        k += 0x9E3779B9u;
        l += 0xBB67AE85u;
    }
    out[0] = a;
    out[1] = b;
    out[2] = c;
    out[3] = d;
}

double al_philox_unit(uint32_t high, uint32_t low)
{
    uint64_t bits = ((uint64_t)high << 32 | low) >> 11;
    return ((double)bits + 1.0) * 0x1p-53;
}

void al_philox_normal3(uint64_t seed, uint32_t what, uint64_t id, uint64_t step, double normal[3])
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32) ^ what};
    uint32_t counter[4] = {(uint32_t)id, (uint32_t)(id >> 32), (uint32_t)step, (uint32_t)(step >> 32) << 1};
    uint32_t first[4], second[4];
    al_philox(counter, key, first);
    counter[3] |= 1;
    al_philox(counter, key, second);
    /* Box and Muller, 1958: two pairs of uniform numbers give two pairs of normal ones; one is left over. */
    double r = sqrt(-2.0 * log(al_philox_unit(first[0], first[1]))),
           angle = 2.0 * M_PI * al_philox_unit(first[2], first[3]);
    normal[0] = r * cos(angle);
    normal[1] = r * sin(angle);
    r = sqrt(-2.0 * log(al_philox_unit(second[0], second[1])));
    normal[2] = r * cos(2.0 * M_PI * al_philox_unit(second[2], second[3]));
}
