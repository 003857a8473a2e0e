/* api.h - version and linkage of the public interface.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ALLOT_API_H
#define ALLOT_API_H

#define ALLOT_VERSION_MAJOR 0
#define ALLOT_VERSION_MINOR 1
#define ALLOT_VERSION_PATCH 0
#define ALLOT_VERSION "0.1.0"

#if defined(__GNUC__)
#define ALLOT_API __attribute__((visibility("default")))
#define ALLOT_NODISCARD __attribute__((warn_unused_result))
#define ALLOT_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define ALLOT_API
#define ALLOT_NODISCARD
#define ALLOT_PRINTF(fmt, first)
#endif

#ifdef __cplusplus
#define ALLOT_BEGIN_DECLS extern "C" {
#define ALLOT_END_DECLS }
#else
#define ALLOT_BEGIN_DECLS
#define ALLOT_END_DECLS
#endif

#endif
