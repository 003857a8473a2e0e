/* noise_blocks.h - the text of noise.h's function, compiled for several processors by noise_*.c, which
 * includes it: NAME. All loops are of eight atoms, for the compiler's vectors. There is nothing in it but
 * sums, products, quotients and roots, which are the same everywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "md/kernel/noise.h"

#define EACH for (int k = 0; k < AL_BLOCK; k++)

enum { ROUNDS = 10, WORDS = 4 };

/** Philox4x32-10 of eight counters, whose words of 32 bits have 64 to themselves: the width of all else here.
 */
static inline void draw(uint32_t key, uint32_t other, uint64_t word[WORDS][AL_BLOCK])
{
    for (int round = 0; round < ROUNDS; round++) {
        EACH
        {
            uint64_t first = (uint64_t)(uint32_t)word[0][k] * 0xD2511F53u,
                     second = (uint64_t)(uint32_t)word[2][k] * 0xCD9E8D57u;
            word[0][k] = (second >> 32) ^ word[1][k] ^ key;
            word[1][k] = second & 0xffffffffu;
            word[2][k] = (first >> 32) ^ word[3][k] ^ other;
            word[3][k] = first & 0xffffffffu;
        }
        key += 0x9E3779B9u;
        other += 0xBB67AE85u;
    }
}

/** -2 ln of (word + 1/2) / 2^32. With that as 2^n m, m from root 1/2 to root 2, ln m is twice the area
 * tangent of (m - 1)/(m + 1), of which the series is short: right to 1e-13. */
static inline void find_squares(const uint64_t *word, double *square)
{
    double u[AL_BLOCK], m[AL_BLOCK], n[AL_BLOCK];
    uint64_t bits[AL_BLOCK];
    EACH u[k] = ((double)(int64_t)word[k] + 0.5) * 0x1p-32;
    memcpy(bits, u, sizeof bits);
    EACH
    {
        /* counted from root 1/2, whose bits begin with this: what is above it goes up by one */
        int32_t power = (int32_t)((uint32_t)(bits[k] >> 32) - 0x3fe6a09eu) >> 20;
        bits[k] -= (uint64_t)(int64_t)power << 52;
        n[k] = power;
    }
    memcpy(m, bits, sizeof m);
    EACH
    {
        double s = (m[k] - 1) / (m[k] + 1), t = s * s, sum = 1.0 / 15;
        sum = sum * t + 1.0 / 13;
        sum = sum * t + 1.0 / 11;
        sum = sum * t + 1.0 / 9;
        sum = sum * t + 1.0 / 7;
        sum = sum * t + 1.0 / 5;
        sum = sum * t + 1.0 / 3;
        sum = sum * t + 1;
        square[k] = -2 * (2 * s * sum + n[k] * 0.693147180559945309);
    }
}

/** Cosine and sine of an angle that a word is: its two highest bits a quarter of the circle, the others where
 * in it, from -1/8 to 1/8. Right to 1e-13. */
static inline void find_direction(const uint64_t *word, double *cosine, double *sine)
{
    EACH
    {
        double angle = ((double)(int32_t)((uint32_t)word[k] << 2) + 2) * (M_PI / 2 * 0x1p-32),
               t = angle * angle;
        double s = 1.0 / 6227020800, c = -1.0 / 87178291200;
        s = s * t - 1.0 / 39916800;
        s = s * t + 1.0 / 362880;
        s = s * t - 1.0 / 5040;
        s = s * t + 1.0 / 120;
        s = s * t - 1.0 / 6;
        s = (s * t + 1) * angle;
        c = c * t + 1.0 / 479001600;
        c = c * t - 1.0 / 3628800;
        c = c * t + 1.0 / 40320;
        c = c * t - 1.0 / 720;
        c = c * t + 1.0 / 24;
        c = c * t - 1.0 / 2;
        c = c * t + 1;
        bool is_odd = (word[k] & 0x40000000u) != 0;
        double turned_c = is_odd ? -s : c, turned_s = is_odd ? c : s;
        cosine[k] = (word[k] & 0x80000000u) != 0 ? -turned_c : turned_c;
        sine[k] = (word[k] & 0x80000000u) != 0 ? -turned_s : turned_s;
    }
}

void NAME(AL_NOISE_ARGS)
{
    uint64_t word[WORDS][AL_BLOCK];
    double square[2][AL_BLOCK], cosine[2][AL_BLOCK], sine[2][AL_BLOCK];
    EACH
    {
        word[0][k] = (uint32_t)id[k];
        word[1][k] = id[k] >> 32;
        word[2][k] = (uint32_t)step;
        word[3][k] = step >> 32;
    }
    draw((uint32_t)seed, (uint32_t)(seed >> 32) ^ what, word);
    for (int pair = 0; pair < 2; pair++) {
        find_squares(word[2 * pair], square[pair]);
        find_direction(word[2 * pair + 1], cosine[pair], sine[pair]);
    }
    EACH
    {
        double r = sqrt(square[0][k]);
        normal[k] = r * cosine[0][k];
        normal[AL_BLOCK + k] = r * sine[0][k];
        normal[2 * AL_BLOCK + k] = sqrt(square[1][k]) * cosine[1][k];
    }
}
