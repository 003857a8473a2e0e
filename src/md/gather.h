/* gather.h - all atoms of all ranks, at rank 0, in the order of their ids: for files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_GATHER_H
#define AL_MD_GATHER_H

#include "md/md.h"

/** Gather atoms as they are at the step that md is at. Collective.
 * @param[out] atoms   at rank 0: [natoms], owned by caller; elsewhere NULL
 * @param[out] forces  NULL: not wanted; or at rank 0: [3 natoms], owned by caller
 * @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE: ids are not 0 to natoms - 1, each once. The same on all ranks
 */
allot_err al_md_gather(const al_md *md, al_atom **atoms, double **forces, allot_error *err);

#endif
