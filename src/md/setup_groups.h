/* setup_groups.h - for setup.c: which atoms a run-parameter file means by its groups, and how many degrees of
 * freedom they have.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_SETUP_GROUPS_H
#define AL_MD_SETUP_GROUPS_H

#include "md/setup.h"

/** tc-grps, comm-grps, freezegrps and compressed-x-grps. @param[out] setup  group, frozen, still and framed
 * @return as al_setup_make() */
allot_err al_setup_find_groups(al_setup *setup, const al_setup_files *files, allot_error *err);
/** Degrees of freedom of each temperature group, or of the whole where there are none: freedom.h.
 * @param[out] freedom  [1 or as many as tc-grps has words] @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_setup_freedom(const al_setup *setup, const al_setup_files *files, double *freedom,
                           allot_error *err);

#endif
