/* columns.h - what stands between the columns of a line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_COLUMNS_H
#define AL_FARM_COLUMNS_H

#include <allot/error.h>

#include "farm/args.h"

typedef struct al_columns al_columns;

/** @param separator  one character, which is itself, or a POSIX extended regular expression, in which \\t is
 * a tab too
 * @param[out] made  owned by caller. @return ALLOT_OK; ALLOT_EINVAL: what is wrong with it; ALLOT_ENOMEM */
allot_err al_columns_create(const char *separator, al_columns **made, allot_error *err);
void al_columns_destroy(al_columns *columns);

/** Step through the columns of a line: begin with *rest = the line. columns may be NULL: all of it is one.
 * @return 0 when there is none left */
int al_columns_next(const al_columns *columns, al_args *rest, al_args *column);

#endif
