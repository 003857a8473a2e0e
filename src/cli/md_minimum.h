/* md_minimum.h - what `allot md` tells of a minimisation: a line for a step, and at the end a sentence.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_MINIMUM_H
#define AL_CLI_MD_MINIMUM_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/md_options.h"
#include "md/minimise.h"

/** What the columns are, and their units. */
void al_md_minimum_head(FILE *out, const al_units *units, bool json);
/** The lowest energy at a step. @return false: it could not be written */
bool al_md_minimum_line(FILE *out, const al_minimum *now, bool json);
/** Why it is over, and where.
 * @param atom  what the atom with the greatest force is called */
void al_md_minimum_end(FILE *out, const al_minimum *now, const al_md_options *options, const char *atom);

#endif
