/* table.h - what the table of an enum says of one of its values. The table is a macro with a row (name, text)
 * for each value, in their order from 0: it makes the enum, too.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_TABLE_H
#define AL_BASE_TABLE_H

#include <stddef.h>

#define AL_TABLE_NAME(name, text) #name,
#define AL_TABLE_TEXT(name, text) text,

/** What a column says of value k; what is no value of it is called something else. */
static inline const char *al_table_at(const char *const *column, size_t n, size_t k, const char *other)
{
    return k < n ? column[k] : other;
}

#endif
