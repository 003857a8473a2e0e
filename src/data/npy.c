/* npy.c - the header of NumPy's .npy files.
 *
 * A file is a magic of six bytes, two of version, the header's length (two bytes in version 1, four in 2
 * and 3, little-endian), the header, and the items. The header is a Python dict literal:
 *
 *     {'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }
 *
 * which is read here as Python would read it as far as these three keys go, in any order and spacing, and
 * refused with the place and the reason where it is anything else. Version 3 allows UTF-8 in the names of
 * fields, which are of arrays that are refused anyway.
 *
 * Invariants: nothing outside [bytes, bytes + nbytes) is read; *npy is written only when all is well;
 * whatever an error quotes from the file has been made printable.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "data/npy.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_NBYTES 6
#define ALIGNMENT 64

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "items are mapped as they are: '<'");

/** Where the reader is in the header. */
typedef struct reader {
    const char *file, *at, *end; /* file: its first byte, to say at which one something is wrong */
    const char *name;
    allot_error *err;
} reader;

typedef struct span {
    const char *begin, *end;
} span;

/** Text from the file for a sentence: printable, at most so long. */
typedef struct quote {
    char text[44];
} quote;

static quote quote_span(span s)
{
    quote q = {""};
    size_t length = 0;
    for (; s.begin < s.end && length < 40; s.begin++)
        q.text[length++] = *s.begin >= ' ' && *s.begin < 0x7f ? *s.begin : '?';
    if (s.begin < s.end)
        memcpy(q.text + length, "...", 4);
    return q;
}

static allot_err malformed(reader *r, const char *format, ...) ALLOT_PRINTF(2, 3);

static allot_err malformed(reader *r, const char *format, ...)
{
    char reason[200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return al_fail(r->err, ALLOT_EFORMAT, 0,
                   "%s: malformed .npy header: %s (byte %td); save the array again with numpy.save()",
                   r->name, reason, r->at - r->file);
}

static void skip_blanks(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || (*r->at >= '\t' && *r->at <= '\r')))
        r->at++;
}

/** Take a character, blanks before it skipped. */
static bool take(reader *r, char c)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool take_word(reader *r, const char *word)
{
    size_t nbytes = strlen(word);
    skip_blanks(r);
    if ((size_t)(r->end - r->at) < nbytes || memcmp(r->at, word, nbytes) != 0)
        return false;
    r->at += nbytes;
    return true;
}

/** What is there instead of what was expected. */
static quote found(reader *r)
{
    skip_blanks(r);
    if (r->at == r->end)
        return (quote){"its end"};
    quote q = quote_span((span){r->at, r->at + 1}), framed = {""};
    (void)snprintf(framed.text, sizeof framed.text, "'%.3s'", q.text);
    return framed;
}

static allot_err read_string(reader *r, const char *what, span *s)
{
    skip_blanks(r);
    char mark = r->at < r->end ? *r->at : 0;
    if (mark != '\'' && mark != '"')
        return malformed(r, "%s must be a string, found %s", what, found(r).text);
    s->begin = r->at + 1;
    for (s->end = s->begin; s->end < r->end && *s->end != mark; s->end++) {
        if (*s->end == '\\' || *s->end == '\n') {
            r->at = s->end;
            return malformed(r, "%s has an escape or a line break in it", what);
        }
    }
    if (s->end == r->end)
        return malformed(r, "the string of %s does not end", what);
    r->at = s->end + 1;
    return ALLOT_OK;
}

static bool is_text(span s, const char *text)
{
    size_t nbytes = strlen(text);
    return (size_t)(s.end - s.begin) == nbytes && memcmp(s.begin, text, nbytes) == 0;
}

/** The item types as NumPy calls them, byte order left off. i128 has none. */
static const struct {
    const char *numpy;
    al_type type;
} item_types[] = {
    {"i4", AL_TYPE_i32}, {"i8", AL_TYPE_i64}, {"u8", AL_TYPE_u64}, {"f4", AL_TYPE_f32}, {"f8", AL_TYPE_f64},
};

/** What to do with the others: the whole name, or the letter of a kind. */
static const struct {
    const char *numpy, *remedy;
} other_types[] = {
    {"b1", "convert it with a.astype('<i4')"},
    {"i1", "convert it with a.astype('<i4')"},
    {"i2", "convert it with a.astype('<i4')"},
    {"u1", "convert it with a.astype('<i4')"},
    {"u2", "convert it with a.astype('<i4')"},
    {"u4", "convert it with a.astype('<i8')"},
    {"f2", "convert it with a.astype('<f4')"},
    {"f", "convert it with a.astype('<f8')"},
    {"c", "save a part of the complex numbers, as a.real or a.imag, with astype('<f8')"},
    {"M", "convert the times with a.astype('<i8')"},
    {"m", "convert the time spans with a.astype('<i8')"},
    {"U", "convert the strings with a.astype('<f8')"},
    {"S", "convert the strings with a.astype('<f8')"},
    {"a", "convert the strings with a.astype('<f8')"},
    {"O", "convert the Python objects with a.astype('<f8')"},
    {"V", "say what the raw bytes are with a.view(), as in a.view('<f8')"},
};

static allot_err refuse_type(reader *r, span descr, span kind)
{
    for (size_t i = 0; i < sizeof other_types / sizeof *other_types; i++) {
        const char *numpy = other_types[i].numpy;
        if (is_text(kind, numpy) || (numpy[1] == '\0' && kind.begin < kind.end && *kind.begin == *numpy))
            return al_fail(r->err, ALLOT_EUNSUPPORTED, 0,
                           "%s: dtype '%s' is not one of i4, i8, u8, f4, f8; %s", r->name,
                           quote_span(descr).text, other_types[i].remedy);
    }
    return malformed(r, "'%s' is no dtype", quote_span(descr).text);
}

/** Name the first field, as the one that may have been meant. */
static allot_err refuse_structure(reader *r)
{
    span field;
    reader ahead = {.file = r->file, .at = r->at, .end = r->end, .name = r->name};
    if (take(&ahead, '[') && take(&ahead, '(') && read_string(&ahead, "field", &field) == ALLOT_OK)
        return al_fail(r->err, ALLOT_EUNSUPPORTED, 0,
                       "%s: each item is a structure; save one of its fields, as in "
                       "numpy.save(file, a['%s'])",
                       r->name, quote_span(field).text);
    return al_fail(r->err, ALLOT_EUNSUPPORTED, 0,
                   "%s: each item is a structure or an array; save one of its fields, as in "
                   "numpy.save(file, a['name'])",
                   r->name);
}

static allot_err read_descr(reader *r, al_npy *npy)
{
    span descr;
    skip_blanks(r);
    if (r->at < r->end && (*r->at == '[' || *r->at == '('))
        return refuse_structure(r);
    allot_err code = read_string(r, "descr", &descr);
    if (code != ALLOT_OK)
        return code;
    span kind = descr;
    bool is_big = kind.begin < kind.end && *kind.begin == '>';
    if (kind.begin < kind.end && strchr("<>|=", *kind.begin) != NULL && *kind.begin != '\0')
        kind.begin++;
    for (size_t i = 0; i < sizeof item_types / sizeof *item_types; i++) {
        if (!is_text(kind, item_types[i].numpy))
            continue;
        if (is_big)
            return al_fail(r->err, ALLOT_EUNSUPPORTED, 0,
                           "%s: dtype '%s' is big-endian; convert it with a.astype('<%s')", r->name,
                           quote_span(descr).text, item_types[i].numpy);
        npy->type = item_types[i].type;
        return ALLOT_OK;
    }
    return refuse_type(r, descr, kind);
}

static allot_err read_order(reader *r, al_npy *npy)
{
    npy->fortran_order = take_word(r, "True");
    if (npy->fortran_order || take_word(r, "False"))
        return ALLOT_OK;
    return malformed(r, "fortran_order must be True or False, found %s", found(r).text);
}

static allot_err read_dim(reader *r, uint64_t *dim)
{
    skip_blanks(r);
    const char *first = r->at;
    for (*dim = 0; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        uint64_t digit = (uint64_t)(*r->at - '0');
        if (*dim > ((uint64_t)INT64_MAX - digit) / 10)
            return malformed(r, "a length in shape does not fit 63 bits");
        *dim = *dim * 10 + digit;
    }
    if (r->at == first)
        return malformed(r, "shape must hold lengths, found %s", found(r).text);
    if (r->at < r->end && *r->at == 'L') /* Python 2 wrote long integers so */
        r->at++;
    return ALLOT_OK;
}

static allot_err read_shape(reader *r, al_npy *npy)
{
    npy->ndims = 0;
    if (!take(r, '('))
        return malformed(r, "shape must be a tuple such as (3,), found %s", found(r).text);
    while (!take(r, ')')) {
        uint64_t dim;
        allot_err code = read_dim(r, &dim);
        if (code != ALLOT_OK)
            return code;
        if (npy->ndims == AL_NPY_MAX_DIMS)
            return al_fail(r->err, ALLOT_EUNSUPPORTED, 0,
                           "%s: the array has more than %d dimensions; reshape it with a.reshape(-1)",
                           r->name, AL_NPY_MAX_DIMS);
        npy->dims[npy->ndims++] = dim;
        if (take(r, ','))
            continue;
        if (!take(r, ')'))
            return malformed(r, "shape goes on with ',' or ends with ')', found %s", found(r).text);
        if (npy->ndims == 1)
            return malformed(r, "(%" PRIu64 ") is no tuple: shape lacks a comma", dim);
        break;
    }
    return ALLOT_OK;
}

/** The keys there are, each once and all three. */
static const struct {
    const char *name;
    allot_err (*read)(reader *r, al_npy *npy);
} keys[] = {{"descr", read_descr}, {"fortran_order", read_order}, {"shape", read_shape}};

enum { NKEYS = sizeof keys / sizeof *keys };

static allot_err read_entry(reader *r, bool *seen, al_npy *npy)
{
    span key;
    skip_blanks(r);
    const char *begin = r->at;
    allot_err code = read_string(r, "a key", &key);
    if (code != ALLOT_OK)
        return code;
    for (size_t i = 0; i < NKEYS; i++) {
        if (!is_text(key, keys[i].name))
            continue;
        if (seen[i]) {
            r->at = begin;
            return malformed(r, "the key '%s' comes twice", keys[i].name);
        }
        seen[i] = true;
        if (!take(r, ':'))
            return malformed(r, "':' must follow the key '%s', found %s", keys[i].name, found(r).text);
        return keys[i].read(r, npy);
    }
    r->at = begin;
    return malformed(r, "'%s' is no key of a .npy header", quote_span(key).text);
}

static allot_err read_dict(reader *r, al_npy *npy)
{
    bool seen[NKEYS] = {false};
    if (!take(r, '{'))
        return malformed(r, "it must begin with '{', found %s", found(r).text);
    while (!take(r, '}')) {
        allot_err code = read_entry(r, seen, npy);
        if (code != ALLOT_OK)
            return code;
        if (take(r, ','))
            continue;
        if (!take(r, '}'))
            return malformed(r, "',' or '}' must follow a value, found %s", found(r).text);
        break;
    }
    for (size_t i = 0; i < NKEYS; i++) {
        if (!seen[i])
            return malformed(r, "the key '%s' is missing", keys[i].name);
    }
    skip_blanks(r);
    return r->at == r->end ? ALLOT_OK : malformed(r, "%s follows the closing '}'", found(r).text);
}

/** Count the items and see that the file can hold them. */
static allot_err check_size(reader *r, uint64_t file_nbytes, al_npy *npy)
{
    const uint64_t most = (uint64_t)INT64_MAX - AL_NPY_HEADER_MAX;
    uint64_t item_nbytes = al_type_nbytes(npy->type), nbytes = item_nbytes;
    bool is_empty = false;
    for (uint32_t i = 0; i < npy->ndims; i++)
        is_empty |= npy->dims[i] == 0;
    for (uint32_t i = 0; i < npy->ndims && !is_empty; i++) {
        if (npy->dims[i] > most / nbytes)
            return al_fail(r->err, ALLOT_EFORMAT, 0,
                           "%s: malformed .npy header: an array of this shape has over 2^63 bytes; save the "
                           "array again with numpy.save()",
                           r->name);
        nbytes *= npy->dims[i];
    }
    npy->nitems = is_empty ? 0 : nbytes / item_nbytes;
    uint64_t needed = npy->data_offset + npy->nitems * item_nbytes;
    if (file_nbytes >= needed)
        return ALLOT_OK;
    return al_fail(r->err, ALLOT_EFORMAT, 0,
                   "%s: truncated: %" PRIu64 " of %" PRIu64 " bytes are missing, so that it holds %" PRIu64
                   " of %" PRIu64 " items; copy or save it again",
                   r->name, needed - file_nbytes, needed,
                   file_nbytes <= npy->data_offset ? 0 : (file_nbytes - npy->data_offset) / item_nbytes,
                   npy->nitems);
}

/** The bytes before the header's text, and in *header_nbytes those of the text. 0: unknown version */
static size_t read_prefix(const unsigned char *bytes, size_t *header_nbytes)
{
    uint32_t lowest = (uint32_t)bytes[8] | (uint32_t)bytes[9] << 8;
    *header_nbytes = lowest;
    if (bytes[7] != 0 || bytes[6] < 1 || bytes[6] > 3)
        return 0;
    if (bytes[6] == 1)
        return MAGIC_NBYTES + 4;
    *header_nbytes = lowest | (uint32_t)bytes[10] << 16 | (uint32_t)bytes[11] << 24;
    return MAGIC_NBYTES + 6;
}

size_t al_npy_header_nbytes(const void *bytes, size_t nbytes)
{
    size_t header_nbytes, prefix_nbytes;
    if (nbytes < MAGIC_NBYTES || memcmp(bytes, MAGIC, MAGIC_NBYTES) != 0)
        return 0;
    if (nbytes < AL_NPY_PREFIX_NBYTES)
        return AL_NPY_PREFIX_NBYTES;
    prefix_nbytes = read_prefix(bytes, &header_nbytes);
    if (prefix_nbytes == 0 || prefix_nbytes + header_nbytes < AL_NPY_PREFIX_NBYTES)
        return AL_NPY_PREFIX_NBYTES;
    return prefix_nbytes + header_nbytes;
}

/** Find the header's text. */
static allot_err find_header(reader *r, const unsigned char *bytes, size_t nbytes, al_npy *npy)
{
    size_t header_nbytes;
    if (nbytes < MAGIC_NBYTES || memcmp(bytes, MAGIC, MAGIC_NBYTES) != 0)
        return al_fail(r->err, ALLOT_EFORMAT, 0,
                       "%s: not a .npy file: it does not begin with the bytes \\x93NUMPY; save an array with "
                       "numpy.save()",
                       r->name);
    if (nbytes < AL_NPY_PREFIX_NBYTES)
        return al_fail(r->err, ALLOT_EFORMAT, 0,
                       "%s: truncated: it ends within the .npy header; copy or save it again", r->name);
    size_t prefix_nbytes = read_prefix(bytes, &header_nbytes);
    if (prefix_nbytes == 0)
        return al_fail(
            r->err, ALLOT_EUNSUPPORTED, 0,
            "%s: .npy format version %u.%u is not known (1.0, 2.0 and 3.0 are); save the array again "
            "with numpy.save()",
            r->name, bytes[6], bytes[7]);
    npy->data_offset = prefix_nbytes + header_nbytes;
    if (npy->data_offset > AL_NPY_HEADER_MAX)
        return al_fail(
            r->err, ALLOT_EUNSUPPORTED, 0,
            "%s: the .npy header claims %zu bytes, more than the %d that allot reads; save the array "
            "again with numpy.save()",
            r->name, npy->data_offset, AL_NPY_HEADER_MAX);
    if (npy->data_offset > nbytes)
        return al_fail(r->err, ALLOT_EFORMAT, 0,
                       "%s: truncated: it ends within the .npy header; copy or save it again", r->name);
    r->at = (const char *)bytes + prefix_nbytes;
    r->end = (const char *)bytes + npy->data_offset;
    return ALLOT_OK;
}

allot_err al_npy_parse(const void *bytes, size_t nbytes, uint64_t file_nbytes, const char *name, al_npy *npy,
                       allot_error *err)
{
    al_npy parsed = {.type = AL_TYPE_f64};
    reader r = {.file = bytes, .at = bytes, .end = bytes, .name = name, .err = err};
    allot_err code = find_header(&r, bytes, nbytes, &parsed);
    if (code == ALLOT_OK)
        code = read_dict(&r, &parsed);
    if (code == ALLOT_OK)
        code = check_size(&r, file_nbytes, &parsed);
    if (code == ALLOT_OK)
        *npy = parsed;
    return code;
}

/** NumPy's name of a type, NULL: none. */
static const char *numpy_name(al_type type)
{
    for (size_t i = 0; i < sizeof item_types / sizeof *item_types; i++) {
        if (item_types[i].type == type)
            return item_types[i].numpy;
    }
    return NULL;
}

allot_err al_npy_format(const al_npy *npy, void *header, size_t *nbytes, allot_error *err)
{
    const size_t prefix_nbytes = MAGIC_NBYTES + 4;
    char text[128 + AL_NPY_MAX_DIMS * 22];
    const char *numpy = numpy_name(npy->type);
    if (numpy == NULL)
        return al_fail(err, ALLOT_EUNSUPPORTED, 0,
                       "NumPy has no type for %s; write text, or choose i64 or f64 items",
                       al_type_name(npy->type));
    if (npy->ndims > AL_NPY_MAX_DIMS)
        return al_fail(err, ALLOT_EINVAL, 0, "a .npy array has at most %d dimensions, not %" PRIu32,
                       AL_NPY_MAX_DIMS, npy->ndims);
    size_t length = (size_t)snprintf(text, sizeof text, "{'descr': '<%s', 'fortran_order': %s, 'shape': (",
                                     numpy, npy->fortran_order ? "True" : "False");
    for (uint32_t i = 0; i < npy->ndims; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%" PRIu64 "%s", i > 0 ? " " : "",
                                   npy->dims[i], i + 1 < npy->ndims || npy->ndims == 1 ? "," : "");
    length += (size_t)snprintf(text + length, sizeof text - length, "), }");
    /* A newline ends the padding. */
    size_t total = (prefix_nbytes + length + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (total > *nbytes)
        return al_fail(err, ALLOT_EINVAL, 0, "a .npy header of %zu bytes has no room in %zu", total, *nbytes);
    size_t header_nbytes = total - prefix_nbytes;
    memcpy(header, MAGIC "\x01", MAGIC_NBYTES + 2);
    ((unsigned char *)header)[8] = (unsigned char)(header_nbytes & 255);
    ((unsigned char *)header)[9] = (unsigned char)(header_nbytes >> 8);
    memset((char *)header + prefix_nbytes, ' ', header_nbytes);
    memcpy((char *)header + prefix_nbytes, text, length);
    ((char *)header)[total - 1] = '\n';
    *nbytes = total;
    return ALLOT_OK;
}
