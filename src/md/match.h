/* match.h - whether a structure is what a topology describes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_MATCH_H
#define AL_MD_MATCH_H

#include "md/gro.h"
#include "md/topology.h"

/** Compare names, atom by atom: other names are no error, as force fields have their own, but a structure in
 * another order is told by them. Of an atom without a name (.g96 has such) nothing is said.
 * @param[in,out] warnings  a line for the first few that differ, and one with how many did, is appended
 * @return ALLOT_OK; ALLOT_ERANGE: another number of atoms; ALLOT_ENOMEM */
allot_err al_topology_match(const al_topology *topology, const al_gro *gro, const char *name,
                            al_buffer *warnings, allot_error *err);

/** Give atoms the topology's names and residues if the structure, which has as many, knows none. */
void al_topology_label(const al_topology *topology, al_gro *gro);

/** The whole's charge, and mass. Pure. */
double al_topology_charge(const al_topology *topology);
double al_topology_mass(const al_topology *topology);
/** Append a line if the whole's charge is not 0, as grompp does. @param name  of the file
 * @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_topology_tell_charge(const al_topology *topology, const char *name, al_buffer *warnings,
                                  allot_error *err);
/** The mean of c6 over all pairs of atoms that are not excluded; not a number: out of memory. */
double al_topology_mean_c6(const al_topology *topology);
/** Terms of a kind in all molecules together. Pure. */
uint64_t al_topology_nterms(const al_topology *topology, al_term_kind kind);

#endif
