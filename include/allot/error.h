/* error.h - how every allot call says that it failed.
 *
 * A call that can fail returns an allot_err (0 = ALLOT_OK) and, where its last argument is an
 * allot_error, fills that with the sentence a person needs: which file, which item, what to do.
 * The library never prints, never exits and installs no signal handler.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ALLOT_ERROR_H
#define ALLOT_ERROR_H

#include <stdint.h>

#include <allot/api.h>

ALLOT_BEGIN_DECLS

/** Every error there is: X(name, text). The order is part of the ABI: append only. */
#define ALLOT_ERRORS(X)                                                                                      \
    X(OK, "success")                                                                                         \
    X(EINVAL, "invalid argument")                                                                            \
    X(ENOMEM, "out of memory")                                                                               \
    X(EIO, "input or output failed")                                                                         \
    X(EFORMAT, "malformed input")                                                                            \
    X(ERANGE, "value out of range")                                                                          \
    X(EUSER, "the caller's function failed")                                                                 \
    X(ECANCELED, "canceled")                                                                                 \
    X(ETIMEDOUT, "deadline passed")                                                                          \
    X(ECOMPILE, "compilation failed")                                                                        \
    X(ENOTFOUND, "not found")                                                                                \
    X(EPERM, "not permitted")                                                                                \
    X(EUNSUPPORTED, "not supported")

typedef enum allot_err {
#define ALLOT_ERROR_MEMBER(name, text) ALLOT_##name,
    ALLOT_ERRORS(ALLOT_ERROR_MEMBER)
#undef ALLOT_ERROR_MEMBER
} allot_err;

/** What went wrong, filled only when a call does not return ALLOT_OK. Plain data, owned by caller. */
typedef struct allot_error {
    allot_err code; /**< what the call returned */
    int os_errno;   /**< errno of the system call behind it, or 0 */
    int user;       /**< ALLOT_EUSER: the value the caller's function returned */
    uint64_t index; /**< ALLOT_EUSER: the lowest failing item (see allot_fail_at), else 0 */
    char text[512]; /**< one sentence for people, no newline at the end, always terminated */
} allot_error;

/** The name of a code, as in "ALLOT_EINVAL"; "ALLOT_E?" for a number that is none.
 * @return static text.  Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API const char *allot_err_name(allot_err code);

/** A short text for a code, as in "invalid argument".
 * @return static text.  Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API const char *allot_err_text(allot_err code);

/** The version of the library that is linked, as in "0.1.0".
 * @return static text.  Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API const char *allot_version(void);

ALLOT_END_DECLS

#endif
