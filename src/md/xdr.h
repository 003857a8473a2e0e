/* xdr.h - numbers as xtc and trr files have them: big-endian, in multiples of four bytes (XDR, RFC 4506).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_XDR_H
#define AL_MD_XDR_H

#include <stdint.h>
#include <string.h>

/** Each returns just behind what it wrote; at has room. */
static inline char *al_xdr_put_u32(char *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static inline char *al_xdr_put_f32(char *at, double value)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return al_xdr_put_u32(at, bits);
}

static inline char *al_xdr_put_f64(char *at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = __builtin_bswap64(bits);
    memcpy(at, &bits, sizeof bits);
    return at + sizeof bits;
}

static inline uint32_t al_xdr_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

static inline double al_xdr_f32(const uint8_t *at)
{
    uint32_t bits = al_xdr_u32(at);
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static inline double al_xdr_f64(const uint8_t *at)
{
    uint64_t bits = (uint64_t)al_xdr_u32(at) << 32 | al_xdr_u32(at + 4);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes are swapped for a big-endian file");

#endif
