/* fail.h - filling an allot_error where the noun is known.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_FAIL_H
#define AL_BASE_FAIL_H

#include <allot/error.h>

/** Fill err (which may be NULL) with code, the os_errno given (0: none; its strerror text is appended to
 * the sentence) and the formatted sentence; user and index become 0.
 * @return code, so that a caller can `return al_fail(err, ALLOT_EIO, errno, "journal %s", path);` */
allot_err al_fail(allot_error *err, allot_err code, int os_errno, const char *format, ...) ALLOT_PRINTF(4, 5);

#endif
