/* ndx.h - groups of atoms in GROMACS's index files (.ndx). docs/formats/ndx.md says what is read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_NDX_H
#define AL_MD_READ_NDX_H

#include <stddef.h>

#include "md/index.h"

/** Read the text of a file. What atoms there are is looked at when a group is wanted (al_index_find()).
 * @param name        of the file, for the sentence
 * @param[out] index  owned by caller, al_index_fini(); written only with ALLOT_OK
 * @return ALLOT_OK; ALLOT_EFORMAT: name:line:column, what is wrong; ALLOT_ENOMEM */
allot_err al_ndx_parse(const char *text, size_t nbytes, const char *name, al_index *index, allot_error *err);
/** Read a file. @return as al_ndx_parse(); ALLOT_ENOTFOUND; ALLOT_EIO */
allot_err al_ndx_read(const char *path, al_index *index, allot_error *err);

#endif
