/* positions.h - a structure from a file of any format that we read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_POSITIONS_H
#define AL_MD_READ_POSITIONS_H

#include "md/gro.h"

/** Read a file: .pdb and .ent as pdb.h says, .g96 as g96.h says, .inpcrd and .rst7 as rst7.h says; others are
 * AMBER's, too, if they look like it, or .gro.
 * @param[out] gro  owned by caller, al_gro_fini(); written only with ALLOT_OK
 * @return ALLOT_OK; ALLOT_ENOTFOUND; ALLOT_EIO; ALLOT_EFORMAT: file:line:column, what is wrong and what to
 * do; ALLOT_ENOMEM */
allot_err al_positions_read(const char *path, al_gro *gro, allot_error *err);

#endif
