/* xtc_reader.h - reads the frames of .xtc files, by the format's other side: a decoder that takes what any
 * writer may send, changes of size too. For tests; slow and plain.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_XTC_READER_H
#define TESTS_XTC_READER_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "md/xdr.h"

typedef struct xtc_bits {
    const uint8_t *bytes;
    size_t at, nbits;
} xtc_bits;

static inline uint32_t xtc_bits_get(xtc_bits *bits, unsigned n)
{
    uint32_t value = 0;
    for (; n > 0; n--, bits->at++) {
        if (bits->at >= bits->nbits)
            abort();
        value = value << 1 | (bits->bytes[bits->at / 8] >> (7 - bits->at % 8) & 1);
    }
    return value;
}

/** The cube root of 2^k, rounded down, but for three. */
static inline uint32_t xtc_size(int k)
{
    return k == 37   ? 5060
           : k == 57 ? 524287
           : k == 69 ? 8388607
           : k < 9   ? 0
                     : (uint32_t)(cbrt(ldexp(1, k)) + 1e-9);
}

/** Three numbers below size[] from one of n bits, low byte first. */
static inline void xtc_mixed_get(xtc_bits *bits, unsigned n, const uint32_t size[3], int64_t out[3])
{
    unsigned __int128 value = 0;
    for (unsigned at = 0; at < n; at += 8)
        value |= (unsigned __int128)xtc_bits_get(bits, n - at < 8 ? n - at : 8) << at;
    for (int d = 2; d > 0; d--) {
        out[d] = (int64_t)(value % size[d]);
        value /= size[d];
    }
    out[0] = (int64_t)value;
}

static inline unsigned xtc_length(unsigned __int128 value)
{
    unsigned n = 0;
    for (; value > 0; value >>= 1)
        n++;
    return n;
}

/** Read the positions that begin at bytes, behind the box, as multiples of 1/precision.
 * @return bytes they take */
static inline size_t xtc_read_packed(const uint8_t *bytes, uint64_t natoms, int64_t *x)
{
    int64_t least[3], first[3], near[3], before[3];
    uint32_t span[3];
    unsigned nbits[3], nall = 0, run = 0;
    for (int d = 0; d < 3; d++) {
        least[d] = (int32_t)al_xdr_u32(bytes + 4 + 4 * d);
        span[d] = (uint32_t)((int32_t)al_xdr_u32(bytes + 16 + 4 * d) - least[d] + 1);
        nbits[d] = xtc_length(span[d]);
    }
    if ((span[0] | span[1] | span[2]) <= 0xffffff)
        nall = xtc_length((unsigned __int128)span[0] * span[1] * span[2]);
    int size = (int)al_xdr_u32(bytes + 28);
    uint32_t nbytes = al_xdr_u32(bytes + 32);
    xtc_bits bits = {.bytes = bytes + 36, .nbits = 8 * (size_t)nbytes};
    for (uint64_t k = 0; k < natoms;) {
        for (int d = 0; d < 3; d++)
            first[d] = nall > 0 ? 0 : xtc_bits_get(&bits, nbits[d]);
        if (nall > 0)
            xtc_mixed_get(&bits, nall, span, first);
        for (int d = 0; d < 3; d++)
            first[d] += least[d];
        int change = 0;
        if (xtc_bits_get(&bits, 1) == 1) {
            unsigned code = xtc_bits_get(&bits, 5);
            run = code / 3;
            change = (int)(code % 3) - 1;
        }
        memcpy(before, first, sizeof before);
        if (run == 0)
            memcpy(&x[3 * k], first, sizeof first);
        for (unsigned n = 0; n < run; n++) {
            const uint32_t small[3] = {xtc_size(size), xtc_size(size), xtc_size(size)};
            xtc_mixed_get(&bits, (unsigned)size, small, near);
            for (int d = 0; d < 3; d++)
                before[d] += near[d] - xtc_size(size) / 2;
            memcpy(&x[3 * (k + (n == 0 ? 0 : n + 1))], before, sizeof before);
            if (n == 0)
                memcpy(&x[3 * (k + 1)], first, sizeof first);
        }
        k += run + 1;
        size += change;
    }
    if ((bits.at + 7) / 8 != nbytes)
        abort();
    return 36 + (nbytes + 3) / 4 * 4;
}

#endif
