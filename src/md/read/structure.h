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

/** A cell by its lengths and angles, in Angstrom and degrees, becomes the box, laid as GROMACS lays it. One
 * of zeros is none, and a cube of 1 Angstrom, which is what files have that know of no cell, as after NMR.
 * @param first, width  columns of the first length, from 0; angles_first, angles_width: of the first angle
 * @return ALLOT_OK; ALLOT_EFORMAT: there is no such cell */
allot_err al_structure_cell(al_columns *c, size_t first, size_t width, size_t angles_first,
                            size_t angles_width, al_gro *made);

#endif
