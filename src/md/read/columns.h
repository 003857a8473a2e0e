/* columns.h - text whose names and numbers have columns of their own, as files of structures are: .gro, .g96
 * and .pdb.
 *
 * Nothing is guessed: what is wanted is where its columns are, or the sentence says which they are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_COLUMNS_H
#define AL_MD_READ_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/error.h>

/** Where reading is. Begin with name, next, end and err; all are the caller's. */
typedef struct al_columns {
    const char *name;            /**< of the file, for the sentences */
    const char *next, *end;      /**< of what was not read yet */
    const char *line, *line_end; /**< the line that was read last, without blanks and CR at its end */
    uint64_t nlines;             /**< read, with this one */
    allot_error *err;
} al_columns;

/** Read a line. @return false: there is none */
bool al_columns_next(al_columns *c);
/** Go on as if a line had been read that is not there, so that complaints name it. */
void al_columns_beyond(al_columns *c);

/** Complain: name:line:column, and the sentence. @param where  in the line, or at its end
 * @return ALLOT_EFORMAT */
allot_err ALLOT_PRINTF(3, 4) al_columns_fault(al_columns *c, const char *where, const char *format, ...);
/** @return ALLOT_ENOMEM */
allot_err al_columns_no_memory(al_columns *c);
/** A text that prints, of [at, end) or its beginning. @return text */
const char *al_columns_excerpt(const char *at, const char *end, char text[40]);

/** Whether columns [first, first + strlen(text)) of the line, from 0, are this text. */
bool al_columns_have(const al_columns *c, size_t first, const char *text);
#define AL_COLUMNS_REST (SIZE_MAX / 2) /* a width: all to the end of the line */

/** Columns [first, first + width) of the line, from 0, or what there is of them, without blanks around. */
void al_columns_field(const al_columns *c, size_t first, size_t width, const char **at, const char **end);
/** The number that fills [at, end): digits, a point, a sign, an exponent. @return false: it is none */
bool al_columns_number(const char *at, const char *end, double *value);
bool al_columns_integer(const char *at, const char *end, int64_t *value);
/** A name from columns [first, first + width): name[width + 1].
 * @return ALLOT_OK; ALLOT_EFORMAT: a byte in it is no character */
allot_err al_columns_name(al_columns *c, size_t first, size_t width, char *name);

#define AL_COLUMNS_ANYWHERE SIZE_MAX

/** How three numbers lie in a line. */
typedef struct al_columns_row {
    size_t first, width;      /**< columns of the first number, from 0; the others follow */
    size_t point;             /**< characters before its decimal point; AL_COLUMNS_ANYWHERE */
    const char *const *names; /**< [3], for sentences */
    const char *why;          /**< of a sentence: why in these columns; "" */
} al_columns_row;

/** Read three numbers. @return ALLOT_OK; ALLOT_EFORMAT: which is not there, and where it is wanted */
allot_err al_columns_vector(al_columns *c, const al_columns_row *row, double values[3]);

/** Where the n-th number of a box is, as .gro and .g96 have it: the diagonal, then xy xz yx yz zx zy. */
double *al_columns_box_at(double box[3][3], unsigned n);
/** Read the line as a box: three numbers, or nine, with blanks between. The others are untouched.
 * @param natoms  read before, for the sentence
 * @return ALLOT_OK; ALLOT_EFORMAT */
allot_err al_columns_box(al_columns *c, uint64_t natoms, double box[3][3], bool *is_triclinic);

#endif
