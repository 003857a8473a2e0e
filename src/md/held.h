/* held.h - which atoms of a topology must stay together on one rank: those that constraints, rigid waters and
 * virtual sites join, directly or over others. See groups.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_HELD_H
#define AL_MD_HELD_H

#include "md/groups.h"
#include "md/topology.h"

/** Leaders of all atoms. */
typedef struct al_held {
    const al_topology *topology; /**< borrowed */
    uint32_t **leaders;          /**< [nmolecules][natoms of each]: of a kind of molecule */
    bool has_groups;             /**< some atoms are not alone */
} al_held;

/** Find them. A group's leader is the atom that most others are held to, and of those the first: so that all
 * are near it. @param[out] held  al_held_fini() @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_held_find(al_held *held, const al_topology *topology, allot_error *err);
/** As al_space_opts has them; borrows held. */
al_groups al_held_groups(const al_held *held);
void al_held_fini(al_held *held);

#endif
