/* top_molecule.h - the lines of a molecule: atoms, terms, exclusions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_TOP_MOLECULE_H
#define AL_MD_READ_TOP_MOLECULE_H

#include "md/read/top_reader.h"

/** [ moleculetype ]: the molecule before is complete, another begins. */
allot_err al_top_read_molecule_type(al_top_reader *r);
allot_err al_top_read_atom(al_top_reader *r);
allot_err al_top_read_exclusion(al_top_reader *r);
/** A line of any other section: what stands on it wins, then types. */
allot_err al_top_read_term(al_top_reader *r, al_top_directive d);
/** The molecule is complete, if there is one: its virtual sites are looked at, and its exclusions found. */
allot_err al_top_finish_molecule(al_top_reader *r);

#endif
