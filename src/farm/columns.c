/* columns.c - see columns.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/columns.h"

#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

struct al_columns {
    char letter; /* '\0': the expression */
    bool has_expression;
    regex_t expression;
};

/** The expression with \t replaced, which POSIX does not know. NULL: out of memory */
static char *with_tabs(const char *separator)
{
    char *text = strdup(separator), *to = text;
    for (const char *from = separator; text != NULL && *from != '\0'; from++) {
        if (from[0] == '\\' && from[1] == 't') {
            *to++ = '\t';
            from++;
        } else if (from[0] == '\\' && from[1] != '\0') {
            *to++ = *from++;
            *to++ = *from;
        } else {
            *to++ = *from;
        }
    }
    if (text != NULL)
        *to = '\0';
    return text;
}

allot_err al_columns_create(const char *separator, al_columns **made, allot_error *err)
{
    al_columns *columns = calloc(1, sizeof *columns);
    char *text = with_tabs(separator);
    if (columns == NULL || text == NULL) {
        free(columns);
        free(text);
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    int fault = 0;
    if (text[0] != '\0' && text[1] == '\0')
        columns->letter = text[0];
    else
        fault = regcomp(&columns->expression, text, REG_EXTENDED);
    columns->has_expression = columns->letter == '\0' && fault == 0;
    bool is_empty = text[0] == '\0';
    free(text);
    if (fault == 0 && !is_empty) {
        *made = columns;
        return ALLOT_OK;
    }
    char reason[200] = "it is empty";
    if (fault != 0)
        (void)regerror(fault, &columns->expression, reason, sizeof reason);
    al_columns_destroy(columns);
    return al_fail(err, ALLOT_EINVAL, 0, "--colsep %s: %s", separator, reason);
}

void al_columns_destroy(al_columns *columns)
{
    if (columns == NULL)
        return;
    if (columns->has_expression)
        regfree(&columns->expression);
    free(columns);
}

/** Where the next separator is. An empty match separates nothing. @return false: there is none */
static bool find(const al_columns *columns, al_args text, size_t *from, size_t *to)
{
    if (columns->letter != '\0') {
        const char *at = text.nbytes > 0 ? memchr(text.at, columns->letter, text.nbytes) : NULL;
        *from = at != NULL ? (size_t)(at - text.at) : 0;
        *to = *from + 1;
        return at != NULL;
    }
    for (size_t begin = 0; begin < text.nbytes;) {
        regmatch_t match = {.rm_so = (regoff_t)begin, .rm_eo = (regoff_t)text.nbytes};
        if (regexec(&columns->expression, text.at, 1, &match, REG_STARTEND | (begin > 0 ? REG_NOTBOL : 0)) !=
            0)
            return false;
        *from = (size_t)match.rm_so;
        *to = (size_t)match.rm_eo;
        if (*to > *from)
            return true;
        begin = *from + 1;
    }
    return false;
}

int al_columns_next(const al_columns *columns, al_args *rest, al_args *column)
{
    size_t from, to;
    if (rest->at == NULL)
        return 0;
    *column = *rest;
    if (columns != NULL && find(columns, *rest, &from, &to)) {
        column->nbytes = from;
        *rest = (al_args){rest->at + to, rest->nbytes - to};
    } else {
        *rest = (al_args){NULL, 0};
    }
    return 1;
}
