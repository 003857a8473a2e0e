/* structure.h - what readers of structures have in common, whatever the format.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_STRUCTURE_H
#define AL_MD_READ_STRUCTURE_H

#include "md/gro.h"
#include "md/read/columns.h"

/** The line from a column on as the title, if there is none yet.
 * @return ALLOT_OK; ALLOT_EFORMAT: it is no text; ALLOT_ENOMEM */
allot_err al_structure_title(al_columns *c, size_t first, al_gro *made);
/** All was read. A structure without atoms is none, and without a title has an empty one.
 * @param code    what reading came to
 * @param made    moved to gro, or given back to memory
 * @param wanted  for the sentence: what a file without atoms lacks
 * @return code; ALLOT_EFORMAT: there are no atoms; ALLOT_ENOMEM */
allot_err al_structure_finish(al_columns *c, allot_err code, al_gro *made, const char *wanted, al_gro *gro);

#endif
