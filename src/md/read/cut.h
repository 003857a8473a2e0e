/* cut.h - from a system that is one list of atoms to molecules, equal ones once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_CUT_H
#define AL_MD_READ_CUT_H

#include <allot/error.h>

#include "md/topology.h"

/** Cut between atoms wherever no term and no exclusion reaches over. A molecule is called as its residue is,
 * or by its number, and is then the kind of all that have the same atoms, terms and exclusions. Residues of a
 * molecule that has one are numbered 1.
 * @param all  the atoms of the whole system; at least one
 * @param[in,out] topology  has types and params[]; gets natoms, molecules and rows
 * @return ALLOT_OK; ALLOT_ENOMEM: al_topology_fini() what there is */
allot_err al_cut_molecules(const al_molecule *all, al_topology *topology, allot_error *err);

#endif
