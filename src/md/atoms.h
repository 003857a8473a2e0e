/* atoms.h - what a rank's atoms have besides positions and velocities, by place: charges and Lennard-Jones
 * numbers, and with which others they are no pair. Found from the topology when a list is made.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_ATOMS_H
#define AL_MD_ATOMS_H

#include "md/kernel/pair.h"
#include "md/locals.h"

/** Begin with zeros but for the upper part, which is borrowed. */
typedef struct al_atoms {
    const al_topology *topology;
    const al_pair_params *params; /**< prepared */
    double charge_by; /**< charges are multiplied by it: the root of the energy of two unit charges at a
                         unit's distance */
    al_locals locals;
    al_pair_atoms pairs;  /**< by place, of float or double as the space is */
    void *charge, *a, *b; /**< what pairs points to */
    uint32_t *type;
    uint32_t *excluded_first, *excluded; /**< as al_pair_space wants them */
    double *type_a, *type_b;             /**< [ntypes]: of al_pair_atom() */
    size_t room;                         /* places */
    uint32_t room_excluded;
} al_atoms;

/** Find all anew for the places that atoms have now, copies' too: an al_space_placed. @param arg  al_atoms
 * @return false: out of memory */
bool al_atoms_place(void *arg, al_space *space);
void al_atoms_fini(al_atoms *atoms);

#endif
