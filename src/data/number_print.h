/* number_print.h - one number as text, by type.
 *
 * Each writes at most AL_NUMBER_TEXT_MAX bytes at text, which must all be there: whole words are stored,
 * and what lies behind the length returned is scratch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_DATA_NUMBER_PRINT_H
#define AL_DATA_NUMBER_PRINT_H

#include <stddef.h>
#include <stdint.h>

#include "data/number.h"

size_t al_print_i32(int32_t value, char *text);
size_t al_print_i64(int64_t value, char *text);
size_t al_print_u64(uint64_t value, char *text);
size_t al_print_i128(al_i128 value, char *text);
size_t al_print_f32(float value, char *text);
size_t al_print_f64(double value, char *text);

#endif
