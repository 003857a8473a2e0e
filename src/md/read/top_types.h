/* top_types.h - the force field in a topology: what types say, and which of them says it of given atoms.
 * (GROMACS reference manual, "File formats: Topology file".)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_TOP_TYPES_H
#define AL_MD_READ_TOP_TYPES_H

#include "md/read/top_reader.h"

/** Lines of [ defaults ], [ atomtypes ], [ nonbond_params ]; of bondtypes and the like. */
allot_err al_top_read_defaults(al_top_reader *r);
allot_err al_top_read_atom_type(al_top_reader *r);
allot_err al_top_read_special(al_top_reader *r);
allot_err al_top_read_type(al_top_reader *r, al_top_directive d);
/** Add the terms that types have for atoms, in GROMACS's order: types of the same function, as they are or
 * turned round, the one with the fewest X first. */
allot_err al_top_look_up(al_top_reader *r, const al_top_function *f, const uint32_t *atom);
/** c6 and c12 of every two types. */
allot_err al_top_make_matrix(al_top_reader *r);

#endif
