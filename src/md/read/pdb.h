/* pdb.h - structures in .pdb files: names, positions and the cell of the first model.
 * docs/formats/positions.md says what is read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_PDB_H
#define AL_MD_READ_PDB_H

#include "md/gro.h"

/** Read the text of a file; lengths become nm. Nothing is guessed: what an atom has is where its columns are.
 * @param name      of the file, for the sentence
 * @param[out] gro  owned by caller, al_gro_fini(); written only with ALLOT_OK. Without velocities; the box is
 *                  all zeros if the file has none
 * @return ALLOT_OK; ALLOT_EFORMAT: name:line:column, what is wrong and what to do; ALLOT_ENOMEM */
allot_err al_pdb_parse(const char *text, size_t nbytes, const char *name, al_gro *gro, allot_error *err);

#endif
