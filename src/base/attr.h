/* attr.h - the GNU attributes the house uses, in one place.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_ATTR_H
#define AL_BASE_ATTR_H

#define AL_LIKELY(x) __builtin_expect(!!(x), 1)
#define AL_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AL_NOINLINE __attribute__((noinline))
#define AL_INLINE static inline __attribute__((always_inline))
#define AL_COLD __attribute__((cold))
/** Placed beside each other, so that a call after a pause fetches few pages. */
#define AL_HOT __attribute__((hot))
#define AL_CONSTRUCTOR __attribute__((constructor))
#define AL_UNUSED __attribute__((unused))
/** A thread-local. In the shared library it is reached through a descriptor (cmake/AllotFlags.cmake), nearly
 * as fast as one with a fixed place; but a fixed place is not to be had when the library is loaded at run
 * time. */
#define AL_TLS __thread

/** Bytes in a cache line; what two threads write must be this far apart. */
#define AL_CACHE_LINE 64
#define AL_LINE_ALIGNED _Alignas(AL_CACHE_LINE)

#endif
