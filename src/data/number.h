/* number.h - the six item types, and their text.
 *
 * Parsing and printing of text are part of a map's parallel work, so these are written for speed: short
 * ways for plain numbers here, and for the rest of floating point the C++ standard library's <charconv>
 * (correctly rounded in, shortest that reads back the same out), which number_float.cc wraps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_DATA_NUMBER_H
#define AL_DATA_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef __int128 al_i128;

/** X(name, C type) */
#define AL_TYPES(X)                                                                                          \
    X(i32, int32_t)                                                                                          \
    X(i64, int64_t)                                                                                          \
    X(u64, uint64_t)                                                                                         \
    X(i128, al_i128)                                                                                         \
    X(f32, float)                                                                                            \
    X(f64, double)

typedef enum al_type {
#define AL_TYPE_MEMBER(name, ctype) AL_TYPE_##name,
    AL_TYPES(AL_TYPE_MEMBER)
#undef AL_TYPE_MEMBER
        AL_NTYPES
} al_type;

const char *al_type_name(al_type type);              /* "f64" */
bool al_type_parse(const char *name, al_type *type); /* false: no such type */
size_t al_type_nbytes(al_type type);
bool al_type_is_float(al_type type);

/** The longest text al_number_format() writes, terminator not counted. */
#define AL_NUMBER_TEXT_MAX 48

typedef enum al_number_fault {
    AL_NUMBER_OK,
    AL_NUMBER_EMPTY,  /* no characters */
    AL_NUMBER_SYNTAX, /* not a number of this type ("12abc", "1.5" as an integer) */
    AL_NUMBER_RANGE,  /* a number, but too large for the type */
} al_number_fault;

/** Read the number that fills [text, end) exactly; no surrounding blanks. Accepts a sign ('+' too);
 * floats also exponent, inf, nan. Integers are decimal or 0x hexadecimal. A float too large is RANGE,
 * one too small is rounded to zero or a subnormal.
 * @param[out] value  al_type_nbytes(type) bytes, any alignment; written only when the result is OK */
al_number_fault al_number_parse(al_type type, const char *text, const char *end, void *value);

/** Write a value as text: decimal (integers); for floats the fewest digits that read back as the same value,
 * laid out as Python's repr() does but with no ".0": an exponent below 1e-4 and from 1e16 up; "nan", "inf",
 * "-inf".
 * @param value  any alignment
 * @param text   room for AL_NUMBER_TEXT_MAX bytes; not terminated
 * @return bytes written */
size_t al_number_format(al_type type, const void *value, char *text);

const char *al_number_fault_text(al_number_fault fault);

#endif
