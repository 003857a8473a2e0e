/* nearest.c - the name closest to a misspelt word.
 *
 * Distance is the number of letters inserted, removed, replaced or swapped with their neighbour
 * (the restricted form of Damerau, 1964). A suggestion that is far off is worse than none: at most a
 * third of the word may be wrong. The first of two equally close names wins, so the answer is fixed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/nearest.h"

#include <string.h>

#define NAME_MAX_BYTES 63 /* longer names are not looked at: they would not fit al_nearest.name */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/** Rows of the usual table: [at] is the distance between a prefix of the word and name[0 .. at). */
typedef struct rows {
    unsigned before[NAME_MAX_BYTES + 1], last[NAME_MAX_BYTES + 1], now[NAME_MAX_BYTES + 1];
} rows;

static void next_row(rows *table, const char *word, size_t row, const char *name, size_t name_length)
{
    table->now[0] = (unsigned)row;
    for (size_t at = 1; at <= name_length; at++) {
        unsigned differs = word[row - 1] != name[at - 1];
        unsigned best = least(table->last[at - 1] + differs, least(table->last[at], table->now[at - 1]) + 1);
        if (row > 1 && at > 1 && word[row - 1] == name[at - 2] && word[row - 2] == name[at - 1])
            best = least(best, table->before[at - 2] + 1);
        table->now[at] = best;
    }
}

static unsigned distance(const char *word, size_t word_length, const char *name, size_t name_length)
{
    rows table;
    for (size_t at = 0; at <= name_length; at++)
        table.last[at] = (unsigned)at;
    for (size_t row = 1; row <= word_length; row++) {
        next_row(&table, word, row, name, name_length);
        memcpy(table.before, table.last, sizeof table.last);
        memcpy(table.last, table.now, sizeof table.now);
    }
    return table.last[name_length];
}

void al_nearest_try(al_nearest *nearest, const char *name, size_t length)
{
    size_t word_length = strlen(nearest->word);
    if (length > NAME_MAX_BYTES)
        return;
    unsigned found = distance(nearest->word, word_length, name, length);
    if (found > (word_length + 2) / 3)
        return;
    if (nearest->name[0] != '\0' && found >= nearest->distance)
        return;
    memcpy(nearest->name, name, length);
    nearest->name[length] = '\0';
    nearest->distance = found;
}
