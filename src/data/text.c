/* text.c - columns of numbers out of text, and back.
 *
 * A block is read twice over, but nearly always once: read_block() reads a field with al_number_scan()
 * and goes on if just what it expected follows, knowing nothing of quotes, faults or odd numbers. Where
 * it is not sure it gives the whole line to read_line(), which knows everything, and then goes on fast.
 * So read_line() alone defines the format (docs/formats/text.md), and the short way may only say less.
 *
 * Invariants: no byte outside the block is read; the k-th value written belongs to the k-th line that
 * holds an item.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "data/text.h"

#include <string.h>

#include "base/attr.h"
#include "data/number_print.h"
#include "data/number_scan.h"

/** A part of the block. */
typedef struct span {
    const char *begin, *end;
} span;

static bool is_blank(const al_text_format *format, char c)
{
    return c == ' ' || (c == '\t' && format->separator != '\t');
}

static span trim(const al_text_format *format, span s)
{
    while (s.begin < s.end && is_blank(format, s.begin[0]))
        s.begin++;
    while (s.begin < s.end && is_blank(format, s.end[-1]))
        s.end--;
    return s;
}

/** Copy text so that it prints on any terminal; too long ends in "...". */
static void excerpt_text(span s, char *excerpt, size_t room)
{
    static const char hex[] = "0123456789abcdef";
    size_t length = 0, cut = 0; /* cut: as long as it may be with the dots behind it */
    for (; s.begin < s.end; s.begin++) {
        unsigned char c = (unsigned char)*s.begin;
        bool prints = c >= ' ' && c < 0x7f;
        size_t nbytes = prints ? 1 : 4;
        if (length + nbytes >= room) {
            memcpy(excerpt + cut, "...", 3);
            length = cut + 3;
            break;
        }
        if (prints)
            excerpt[length] = (char)c;
        else
            memcpy(excerpt + length, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
        length += nbytes;
        if (length + 3 < room)
            cut = length;
    }
    excerpt[length] = '\0';
}

/** Fill everything of a fault but its line. @return false, for the caller to return */
static bool fault_at(al_text_fault *fault, al_number_fault what, span line, span text)
{
    ptrdiff_t offset = text.begin - line.begin;
    *fault =
        (al_text_fault){.fault = what, .column = offset >= UINT32_MAX ? UINT32_MAX : (uint32_t)offset + 1};
    excerpt_text(text, fault->excerpt, sizeof fault->excerpt);
    return false;
}

static bool fault_no_column(al_text_fault *fault, span line)
{
    fault_at(fault, AL_NUMBER_EMPTY, line, (span){line.end, line.end});
    fault->no_column = true;
    excerpt_text(line, fault->excerpt, sizeof fault->excerpt);
    return false;
}

/** The column-th run of characters that are not blanks. */
static bool find_word(const al_text_format *format, span line, span *field, al_text_fault *fault)
{
    const char *at = line.begin;
    for (uint32_t column = 0;; column++) {
        while (at < line.end && is_blank(format, *at))
            at++;
        if (at == line.end)
            return fault_no_column(fault, line);
        field->begin = at;
        while (at < line.end && !is_blank(format, *at))
            at++;
        field->end = at;
        if (column == format->column)
            return true;
    }
}

/** The quote that ends the one at `at`, or end: there is none. A doubled one stands for itself. */
static const char *closing_quote(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at != '"')
            continue;
        if (at + 1 == end || at[1] != '"')
            return at;
        at++;
    }
    return end;
}

/** The column-th part of a line between separators, blanks and quotes around it taken off. */
static bool find_separated(const al_text_format *format, span line, span *field, al_text_fault *fault)
{
    const char *at = line.begin;
    for (uint32_t column = 0;; column++) {
        const char *text = at, *search = at;
        while (text < line.end && is_blank(format, *text))
            text++;
        bool is_quoted = text < line.end && *text == '"';
        if (is_quoted) {
            search = closing_quote(text, line.end);
            if (search == line.end) {
                fault_at(fault, AL_NUMBER_SYNTAX, line, (span){text, line.end});
                fault->open_quote = true;
                return false;
            }
        }
        const char *stop = memchr(search, format->separator, (size_t)(line.end - search));
        if (column == format->column) {
            *field = trim(format, (span){at, stop != NULL ? stop : line.end});
            /* Something behind the quote stays part of the field, and makes it no number. */
            if (is_quoted && field->end == search + 1)
                *field = trim(format, (span){text + 1, search});
            return true;
        }
        if (stop == NULL)
            return fault_no_column(fault, line);
        at = stop + 1;
    }
}

/** Read a line without its newline, by the book.
 * @param[out] has_item  whether it holds one, which then is in *value
 * @return false: *fault is filled, but for the line */
static AL_NOINLINE bool read_line(const al_text_format *format, al_type type, span line, void *value,
                                  bool *has_item, al_text_fault *fault)
{
    span field;
    if (line.end > line.begin && line.end[-1] == '\r')
        line.end--;
    span rest = line;
    if (rest.end - rest.begin >= 3 && memcmp(rest.begin, "\xef\xbb\xbf", 3) == 0)
        rest.begin += 3;
    field = trim(format, rest);
    *has_item = field.begin < field.end && *field.begin != '#';
    if (!*has_item)
        return true;
    if (format->separator != 0) {
        bool found = format->separator == ' ' ? find_word(format, rest, &field, fault)
                                              : find_separated(format, rest, &field, fault);
        if (!found) {
            fault->column += (uint32_t)(rest.begin - line.begin);
            return false;
        }
    }
    al_number_fault what = al_number_parse(type, field.begin, field.end, value);
    return what == AL_NUMBER_OK || fault_at(fault, what, line, field);
}

/** A bit 0x80 in the first byte of word that is `byte`; maybe more in those behind it. */
AL_INLINE uint64_t mark_byte(uint64_t word, char byte)
{
    uint64_t differs = word ^ AL_EACH_BYTE((unsigned char)byte);
    return (differs - AL_EACH_BYTE(1)) & ~differs & AL_EACH_BYTE(0x80);
}

/** The first separator, newline or quote, or NULL: none of them. */
AL_INLINE const char *find_mark(const char *at, const char *end, char separator)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word = al_scan_load8(at, end);
        uint64_t marks = mark_byte(word, separator) | mark_byte(word, '\n') | mark_byte(word, '"');
        if (marks != 0)
            return at + __builtin_ctzll(marks) / 8;
    }
    for (; at < end; at++) {
        if (*at == separator || *at == '\n' || *at == '"')
            return at;
    }
    return NULL;
}

/** Where the wanted field begins, on a line without quotes before it; NULL: not sure. */
AL_INLINE const char *skip_fields(const al_text_format *format, const char *at, const char *end)
{
    for (uint32_t column = 0; column < format->column; column++) {
        if (format->separator == ' ') {
            while (at < end && is_blank(format, *at))
                at++;
            while (at < end && !is_blank(format, *at) && *at != '\n')
                at++;
        } else {
            at = find_mark(at, end, format->separator);
            if (at == NULL || *at != format->separator)
                return NULL;
            at++;
        }
    }
    return at;
}

/** The line that begins at `at` if it is a plain one: its number into *value.
 * @return the beginning of the next line; NULL: not sure, and *value may be spoilt */
AL_INLINE const char *read_plain(const al_text_format *format, al_type type, bool is_whole, const char *at,
                                 const char *end, void *value)
{
    if (!is_whole) {
        const char *first = at;
        while (first < end && is_blank(format, *first))
            first++;
        /* A comment, or a byte-order mark, behind which may be one: not for its fields to tell. */
        if (first == end || *first == '#' || *first == '\xef')
            return NULL;
        at = skip_fields(format, at, end);
        if (at == NULL)
            return NULL;
    }
    while (at < end && is_blank(format, *at))
        at++;
    at = al_number_scan(type, at, end, value);
    if (at == NULL)
        return NULL;
    if (AL_LIKELY(at < end && *at == '\n'))
        return at + 1;
    const char *stop = at;
    while (at < end && is_blank(format, *at))
        at++;
    if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
        return at + 2;
    bool is_separated =
        at < end && !is_whole && (format->separator == ' ' ? at > stop : *at == format->separator);
    if (at < end && *at != '\n' && !is_separated)
        return NULL;
    at = at == end ? end : memchr(at, '\n', (size_t)(end - at));
    return at == NULL || at == end ? end : at + 1;
}

/** Whether the separator can be told from a number's own characters and a line's. */
static bool is_plain_separator(char separator)
{
    return separator == 0 || strchr("0123456789+-.eE\"\n", separator) == NULL;
}

/** A loop over lines for one type and kind of format, both constants here. */
AL_INLINE bool read_block(const al_text_format *format, al_type type, size_t value_nbytes, bool is_whole,
                          span block, char *values, uint64_t *nvalues, al_text_fault *fault)
{
    uint64_t nlines = 0;
    char *value = values;
    bool is_good = true, is_quick = is_plain_separator(format->separator);
    for (const char *at = block.begin; at < block.end; nlines++) {
        const char *next = is_quick ? read_plain(format, type, is_whole, at, block.end, value) : NULL;
        bool has_item = true;
        if (AL_UNLIKELY(next == NULL)) {
            const char *newline = memchr(at, '\n', (size_t)(block.end - at));
            span line = {at, newline != NULL ? newline : block.end};
            is_good = read_line(format, type, line, value, &has_item, fault);
            if (!is_good) {
                fault->line = nlines;
                break;
            }
            next = newline != NULL ? newline + 1 : block.end;
        }
        at = next;
        value += has_item ? value_nbytes : 0;
    }
    *nvalues = (uint64_t)(value - values) / value_nbytes;
    return is_good;
}

bool al_text_parse(const al_text_format *format, al_type type, const char *text, size_t nbytes, void *values,
                   uint64_t *nvalues, al_text_fault *fault)
{
    span block = {text, text + nbytes};
    *nvalues = 0;
    switch (type) {
#define READ_CASE(name, ctype)                                                                               \
    case AL_TYPE_##name:                                                                                     \
        return format->separator == 0                                                                        \
                   ? read_block(format, AL_TYPE_##name, sizeof(ctype), true, block, values, nvalues, fault)  \
                   : read_block(format, AL_TYPE_##name, sizeof(ctype), false, block, values, nvalues,        \
                                fault);
        AL_TYPES(READ_CASE)
#undef READ_CASE
    default:
        return fault_at(fault, AL_NUMBER_SYNTAX, block, block);
    }
}

uint64_t al_text_count_lines(const char *text, size_t nbytes)
{
    uint64_t nlines = nbytes > 0 && text[nbytes - 1] != '\n';
    for (size_t i = 0; i < nbytes;) {
        /* Counted in bytes, which the compiler vectorises; 255 rounds before a byte could overflow. */
        uint8_t count[16] = {0};
        size_t nrounds = (nbytes - i) / sizeof count < 255 ? (nbytes - i) / sizeof count : 255;
        for (size_t round = 0; round < nrounds; round++, i += sizeof count) {
            for (size_t lane = 0; lane < sizeof count; lane++)
                count[lane] = (uint8_t)(count[lane] + (text[i + lane] == '\n'));
        }
        for (size_t lane = 0; lane < sizeof count; lane++)
            nlines += count[lane];
        for (; nrounds < 255 && i < nbytes; i++)
            nlines += text[i] == '\n';
    }
    return nlines;
}

size_t al_text_print(al_type type, const void *values, uint64_t nvalues, char *text)
{
    char *at = text;
    switch (type) {
#define PRINT_CASE(name, ctype)                                                                              \
    case AL_TYPE_##name:                                                                                     \
        for (uint64_t i = 0; i < nvalues; i++) {                                                             \
            ctype value;                                                                                     \
            memcpy(&value, (const char *)values + i * sizeof value, sizeof value);                           \
            at += al_print_##name(value, at);                                                                \
            *at++ = '\n';                                                                                    \
        }                                                                                                    \
        break;
        AL_TYPES(PRINT_CASE)
#undef PRINT_CASE
    default:
        break;
    }
    return (size_t)(at - text);
}

size_t al_text_whole_lines(const char *text, size_t nbytes)
{
    while (nbytes > 0 && text[nbytes - 1] != '\n')
        nbytes--;
    return nbytes;
}

size_t al_text_line_end(const char *text, size_t nbytes, size_t at)
{
    const char *newline = at < nbytes ? memchr(text + at, '\n', nbytes - at) : NULL;
    return newline != NULL ? (size_t)(newline - text) + 1 : nbytes;
}
