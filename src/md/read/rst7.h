/* rst7.h - structures in AMBER's coordinate and restart files (inpcrd, rst7): positions, velocities and the
 * box, no names. docs/formats/amber.md says what is read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_RST7_H
#define AL_MD_READ_RST7_H

#include "md/gro.h"

/** Whether a text is such a file: by how numbers lie in its third line, which no .gro has. */
bool al_rst7_is_one(const char *text, size_t nbytes);

/** Read the text of a file; lengths become nm, velocities nm/ps.
 * @param name      of the file, for the sentence
 * @param[out] gro  owned by caller, al_gro_fini(); written only with ALLOT_OK. Names are empty; the box is
 *                  all zeros if the file has none
 * @return ALLOT_OK; ALLOT_EFORMAT: name:line:column, what is wrong and what to do; ALLOT_ENOMEM */
allot_err al_rst7_parse(const char *text, size_t nbytes, const char *name, al_gro *gro, allot_error *err);

#endif
