/* g96.h - structures in .g96 files, GROMOS's blocks as GROMACS writes them: names, positions, velocities and
 * the box. docs/formats/positions.md says what is read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_G96_H
#define AL_MD_READ_G96_H

#include "md/gro.h"

/** Read the text of a file.
 * @param name      of the file, for the sentence
 * @param[out] gro  owned by caller, al_gro_fini(); written only with ALLOT_OK. Names are empty where the file
 *                  has none (POSITIONRED); the box is all zeros if it has no BOX
 * @return ALLOT_OK; ALLOT_EFORMAT: name:line:column, what is wrong and what to do; ALLOT_ENOMEM */
allot_err al_g96_parse(const char *text, size_t nbytes, const char *name, al_gro *gro, allot_error *err);

#endif
