/* md_atoms.h - the atoms that a simulation begins with, each put in the domain that it is in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_ATOMS_H
#define AL_CLI_MD_ATOMS_H

#include "cli/md_simulation.h"

/** Add this rank's atoms of the checkpoint, the structure or a lattice; with velocities, drawn where none are
 * given. @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE */
allot_err al_md_atoms_add(al_simulation *s, const al_box *box, allot_error *err);

#endif
