/* map_convert.c - the table of conversions: one row a pair of types.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_convert.h"

#include <stddef.h>
#include <string.h>

/** X(from, its C type, to, its C type) */
#define CONVERSIONS(X)                                                                                       \
    X(i32, int32_t, i64, int64_t)                                                                            \
    X(i32, int32_t, i128, al_i128)                                                                           \
    X(i32, int32_t, f32, float)                                                                              \
    X(i32, int32_t, f64, double)                                                                             \
    X(i64, int64_t, i128, al_i128)                                                                           \
    X(i64, int64_t, f32, float)                                                                              \
    X(i64, int64_t, f64, double)                                                                             \
    X(u64, uint64_t, i128, al_i128)                                                                          \
    X(u64, uint64_t, f32, float)                                                                             \
    X(u64, uint64_t, f64, double)                                                                            \
    X(f32, float, f64, double)

#define CONVERT(from_name, from_ctype, to_name, to_ctype)                                                    \
    static void from_##from_name##_to_##to_name(const void *from, void *to, uint64_t count)                  \
    {                                                                                                        \
        const char *source = from;                                                                           \
        to_ctype *target = to;                                                                               \
        for (uint64_t k = 0; k < count; k++) {                                                               \
            from_ctype value;                                                                                \
            memcpy(&value, source + k * sizeof value, sizeof value);                                         \
            target[k] = (to_ctype)value;                                                                     \
        }                                                                                                    \
    }
CONVERSIONS(CONVERT)

al_convert_fn *al_convert_find(al_type from, al_type to)
{
#define FIND(from_name, from_ctype, to_name, to_ctype)                                                       \
    if (from == AL_TYPE_##from_name && to == AL_TYPE_##to_name)                                              \
        return from_##from_name##_to_##to_name;
    CONVERSIONS(FIND)
#undef FIND
    return NULL;
}
