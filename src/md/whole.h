/* whole.h - molecules in one piece: atoms are put into the box each by itself (or with those that they are
 * held to), so that a molecule on the box's boundary is in two places, of which each is right.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_WHOLE_H
#define AL_MD_WHOLE_H

#include <stddef.h>

#include "comm/lattice.h"
#include "md/topology.h"

/** In which order atoms are put beside each other. Begin with zeros. */
typedef struct al_whole {
    const al_topology *topology; /**< borrowed */
    uint32_t **order;            /**< [nmolecules]: of a kind of molecule pairs of an atom and the one beside
                                    which it is put, which comes before it */
    uint32_t *npairs;            /**< [nmolecules] */
} al_whole;

/** What hangs together by bonds, constraints, rigid waters and virtual sites. @return false: out of memory */
bool al_whole_open(al_whole *whole, const al_topology *topology);
void al_whole_close(al_whole *whole);

/** Move atoms by vectors of the box until each is beside one that it is bonded to; the first atom of what
 * hangs together stays where it is. Of a molecule that is bonded to its own image there is no such thing:
 * some of its bonds still go around the box.
 * @param x  [natoms] in the order of ids; atom k's place begins at x[k * stride] */
void al_whole_make(const al_whole *whole, const al_lattice *lattice, double *x, size_t stride);

#endif
