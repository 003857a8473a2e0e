/* start.h - where atoms are at first, and how they move.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_START_H
#define AL_MD_START_H

#include "md/space.h"

/** Edge of a cube that holds n atoms at a density. */
double al_start_edge(uint64_t n, double density);

/** n atoms on a face-centred cubic lattice that fills a cube of that edge, as evenly as it goes when n is not
 * four times a cube; those in the space's domain are added to it. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_start_lattice(al_space *space, uint64_t n, double edge, allot_error *err);
/** Velocities of a temperature for the atoms that the space was given, of n in all: drawn by atom and seed,
 * without motion of the whole, the same for every cut.
 * @param thermal  energy: Boltzmann's constant times the temperature */
void al_start_velocities(al_space *space, uint64_t n, double thermal, uint64_t seed);

#endif
