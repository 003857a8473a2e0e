/* fail.c - the error table and the one function that writes an allot_error.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/fail.h"
#include "base/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

allot_err al_fail(allot_error *err, allot_err code, int os_errno, const char *format, ...)
{
    if (err == NULL)
        return code;
    *err = (allot_error){.code = code, .os_errno = os_errno};
    va_list args;
    va_start(args, format);
    int length = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (os_errno != 0 && length >= 0 && (size_t)length < sizeof err->text)
        (void)snprintf(err->text + length, sizeof err->text - (size_t)length, ": %s", strerror(os_errno));
    return code;
}

#define NAME(name, text) "ALLOT_" #name,

const char *allot_err_name(allot_err code)
{
    static const char *const names[] = {ALLOT_ERRORS(NAME)};
    return al_table_at(names, sizeof names / sizeof names[0], code, "ALLOT_E?");
}

const char *allot_err_text(allot_err code)
{
    static const char *const texts[] = {ALLOT_ERRORS(AL_TABLE_TEXT)};
    return al_table_at(texts, sizeof texts / sizeof texts[0], code, "unknown error");
}

const char *allot_version(void)
{
    return ALLOT_VERSION;
}
