/* number_float.h - the C++ standard library's <charconv>, reached from C.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_DATA_NUMBER_FLOAT_H
#define AL_DATA_NUMBER_FLOAT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room that the two functions below need. */
#define AL_FLOAT_DIGITS_MAX 32

/** Read the decimal that fills [text, end) exactly, correctly rounded. The text was checked before:
 * an optional '-', digits with at most one '.', an optional exponent.
 * @return 0: *value written; 1: too large for the type, or too small; -1: not such a text */
int al_float_parse_f32(const char *text, const char *end, float *value);
int al_float_parse_f64(const char *text, const char *end, double *value);

/** Write a finite value that is not negative as the shortest digits that read back as the same value:
 * "d.ddde+XX", the point only where a digit follows, the exponent of two or three digits.
 * @return bytes written, at most AL_FLOAT_DIGITS_MAX */
size_t al_float_digits_f32(float value, char *text);
size_t al_float_digits_f64(double value, char *text);

#ifdef __cplusplus
}
#endif

#endif
