/* fuzz_text.c - any bytes as a block of lines: the plain reader agrees, and what is printed reads the same.
 *
 * The first two bytes choose separator, column and type.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../prop/text_reference.h"
#include "data/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void check_fault(const al_text_fault *fault, const al_text_fault *expected)
{
    if (fault->fault != expected->fault || fault->line != expected->line ||
        fault->column != expected->column || fault->no_column != expected->no_column ||
        fault->open_quote != expected->open_quote)
        abort();
    if (memchr(fault->excerpt, '\0', sizeof fault->excerpt) == NULL)
        abort();
    for (const char *at = fault->excerpt; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~')
            abort();
    }
}

static void check_printed(al_type type, const char *values, uint64_t nvalues, char *back)
{
    static const al_text_format whole = {0, 0};
    uint64_t nback;
    al_text_fault fault;
    char *text = malloc(nvalues * (AL_NUMBER_TEXT_MAX + 1) + 1);
    if (text == NULL)
        return;
    size_t nprinted = al_text_print(type, values, nvalues, text);
    if (nprinted > nvalues * (AL_NUMBER_TEXT_MAX + 1) ||
        !al_text_parse(&whole, type, text, nprinted, back, &nback, &fault) || nback != nvalues ||
        memcmp(values, back, nvalues * al_type_nbytes(type)) != 0)
        abort();
    free(text);
}

static void check_block(const al_text_format *format, al_type type, const char *text, size_t nbytes)
{
    uint64_t nlines = al_text_count_lines(text, nbytes), nvalues, nexpected;
    al_text_fault fault, expected_fault;
    char *values = malloc(nlines * al_type_nbytes(type) + 1);
    char *expected = malloc(nlines * al_type_nbytes(type) + 1);
    if (values != NULL && expected != NULL) {
        bool is_good = al_text_parse(format, type, text, nbytes, values, &nvalues, &fault);
        if (is_good != reference_parse(format, type, text, nbytes, expected, &nexpected, &expected_fault) ||
            nvalues != nexpected || nvalues > nlines ||
            memcmp(values, expected, nvalues * al_type_nbytes(type)) != 0)
            abort();
        if (!is_good)
            check_fault(&fault, &expected_fault);
        check_printed(type, values, nvalues, expected);
    }
    free(values);
    free(expected);
}

/** Walking line by line meets every newline, and the last of them where al_text_whole_lines() says. */
static void check_lines(const char *text, size_t nbytes)
{
    uint64_t nlines = 0;
    size_t whole_nbytes = 0;
    for (size_t at = 0; at < nbytes; nlines++) {
        size_t end = al_text_line_end(text, nbytes, at);
        if (end <= at || end > nbytes)
            abort();
        at = end;
        if (text[at - 1] == '\n')
            whole_nbytes = at;
    }
    if (nlines != al_text_count_lines(text, nbytes) || whole_nbytes != al_text_whole_lines(text, nbytes))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    static const char separators[] = {0,   ' ',  ',',  '\t', ';', '|', '.',    'e',
                                      '"', '\r', '\n', '#',  '-', '1', '\xef', '\0'};
    if (nbytes < 2)
        return 0;
    al_text_format format = {.separator = separators[data[0] % sizeof separators], .column = data[0] / 64};
    al_type type = (al_type)(data[1] % AL_NTYPES);
    check_block(&format, type, (const char *)data + 2, nbytes - 2);
    check_lines((const char *)data + 2, nbytes - 2);
    return 0;
}
