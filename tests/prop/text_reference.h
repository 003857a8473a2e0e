/* text_reference.h - the format of src/data/text.h read in the plainest way: one line after the other, one
 * character after the other, no short ways. What tests and fuzzers compare the real reader with.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_TESTS_TEXT_REFERENCE_H
#define AL_TESTS_TEXT_REFERENCE_H

#include <string.h>

#include "data/text.h"

static bool reference_blank(char separator, char c)
{
    return (c == ' ' || c == '\t') && (c != separator || separator == ' ');
}

static size_t reference_skip_blanks(char separator, const char *line, size_t at, size_t end)
{
    while (at < end && reference_blank(separator, line[at]))
        at++;
    return at;
}

/** Find the wanted field. @return 1 found, 0 too few fields, -1 an open quote at *begin */
static int reference_field(const al_text_format *format, const char *line, size_t at, size_t end,
                           size_t *begin, size_t *stop)
{
    char separator = format->separator;
    for (uint32_t column = 0;; column++) {
        at = *begin = reference_skip_blanks(separator, line, at, end);
        if (separator == ' ') {
            if (at == end)
                return 0;
            while (at < end && !reference_blank(separator, line[at]))
                at++;
            *stop = at;
        } else {
            bool is_quoted = at < end && line[at] == '"', is_open = is_quoted;
            size_t quote = at;
            at += is_quoted;
            for (; at < end && (is_open || (separator != 0 && line[at] != separator) || separator == 0);
                 at++) {
                if (!is_open || separator == 0 || line[at] != '"')
                    continue;
                if (at + 1 < end && line[at + 1] == '"') {
                    at++;
                    continue;
                }
                is_open = false;
                quote = at;
                if (separator == '"') { /* the closing quote is a separator, too */
                    break;
                }
            }
            if (is_open && separator != 0)
                return -1;
            *stop = at;
            while (*stop > *begin && reference_blank(separator, line[*stop - 1]))
                --*stop;
            if (is_quoted && separator != 0 && *stop == quote + 1) {
                *stop = quote;
                *begin = reference_skip_blanks(separator, line, *begin + 1, *stop);
                while (*stop > *begin && reference_blank(separator, line[*stop - 1]))
                    --*stop;
            }
        }
        if (column == format->column || separator == 0)
            return 1;
        if (separator != ' ') {
            if (at == end)
                return 0;
            at++;
        }
    }
}

/** Read the line [line, line + end), no newline in it. @return 1 an item, 0 none, -1 a fault */
static int reference_line(const al_text_format *format, al_type type, const char *line, size_t end,
                          void *value, al_text_fault *fault)
{
    size_t at = 0, begin = 0, stop = 0;
    memset(fault, 0, sizeof *fault);
    if (end > 0 && line[end - 1] == '\r')
        end--;
    if (end >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
        at = 3;
    size_t first = reference_skip_blanks(format->separator, line, at, end);
    if (first == end || line[first] == '#')
        return 0;
    int found = reference_field(format, line, at, end, &begin, &stop);
    if (found == 1)
        fault->fault = al_number_parse(type, line + begin, line + stop, value);
    else
        fault->fault = found == 0 ? AL_NUMBER_EMPTY : AL_NUMBER_SYNTAX;
    fault->no_column = found == 0;
    fault->open_quote = found < 0;
    fault->column = (uint32_t)(found == 0 ? end : begin) + 1;
    return fault->fault == AL_NUMBER_OK ? 1 : -1;
}

/** As al_text_parse(), but for the excerpt. */
static bool reference_parse(const al_text_format *format, al_type type, const char *text, size_t nbytes,
                            void *values, uint64_t *nvalues, al_text_fault *fault)
{
    uint64_t nlines = 0;
    *nvalues = 0;
    for (size_t at = 0; at < nbytes; nlines++) {
        size_t end = at;
        while (end < nbytes && text[end] != '\n')
            end++;
        int item = reference_line(format, type, text + at, end - at,
                                  (char *)values + *nvalues * al_type_nbytes(type), fault);
        if (item < 0) {
            fault->line = nlines;
            return false;
        }
        *nvalues += (uint64_t)item;
        at = end + (end < nbytes);
    }
    return true;
}

#endif
