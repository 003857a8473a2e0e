/* top_exclusions.h - which pairs of a molecule's atoms are left out: those few bonds apart, and those that
 * are named.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_TOP_EXCLUSIONS_H
#define AL_MD_READ_TOP_EXCLUSIONS_H

#include "md/read/top_reader.h"

/** Note a bond, r->bonded, or an exclusion, r->excluded. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_top_add_edge(al_top_reader *r, al_top_edge **edges, uint32_t *n, uint32_t a, uint32_t b);
/** All exclusions of the molecule that is complete. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_top_exclude_all(al_top_reader *r, al_molecule *m);

#endif
