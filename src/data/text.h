/* text.h - columns of numbers out of text, a block of whole lines at a time.
 *
 * Pure: no files, no threads. A block is some whole lines of a file (the last may lack its newline).
 * Several threads parse several blocks; where a fault is found the caller adds the lines before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_DATA_TEXT_H
#define AL_DATA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/number.h"

/** How lines are cut into fields. Zero-initialised: one number a line, blanks around it ignored. */
typedef struct al_text_format {
    char separator;  /* 0: the line is one number; ' ': any run of blanks; otherwise that byte (',', '\t');
                        with a byte separator a field may be "quoted", as in RFC 4180, on one line */
    uint32_t column; /* which field, from 0 */
} al_text_format;

/** Where and why a block could not be read. */
typedef struct al_text_fault {
    al_number_fault fault;
    bool no_column;   /* the line has too few fields: fault is EMPTY, column just after the line's end and
                         excerpt the line */
    bool open_quote;  /* a quote that begins there does not end on its line: fault is SYNTAX */
    uint64_t line;    /* within the block, from 0 */
    uint32_t column;  /* byte position in the line of the offending text, from 1 */
    char excerpt[32]; /* that text, terminated; what does not print as \xNN, what is too long ends in "..." */
} al_text_fault;

/** Parse a block. Empty lines (blanks only) and lines whose first character is '#' hold no item and are
 * skipped; so are blanks (spaces and tabs, but for the separator itself) around a field, a CR before the
 * newline, and a UTF-8 byte-order mark at the beginning of a line.
 * @param values    room for al_text_count_lines() values
 * @param[out] nvalues  values written (up to the fault, if any)
 * @param[out] fault    filled when the result is false
 * @return true, or false: the first line that could not be read is described in *fault */
bool al_text_parse(const al_text_format *format, al_type type, const char *text, size_t nbytes, void *values,
                   uint64_t *nvalues, al_text_fault *fault);

/** Newlines in the block, plus one when its last line lacks one: the most items it can hold. */
uint64_t al_text_count_lines(const char *text, size_t nbytes);

/** Write values one a line. @param text room for nvalues * (AL_NUMBER_TEXT_MAX + 1) bytes
 * @return bytes written */
size_t al_text_print(al_type type, const void *values, uint64_t nvalues, char *text);

/** The bytes of [text, text + nbytes) up to and with the last newline; 0 when there is none. */
size_t al_text_whole_lines(const char *text, size_t nbytes);

/** The end of the line that position `at` lies in: just after its newline, or nbytes. */
size_t al_text_line_end(const char *text, size_t nbytes, size_t at);

#endif
