/* groups.h - atoms that stay together on one rank: a rigid water, an atom and the hydrogens that are held to
 * it. So what holds them is never between ranks.
 *
 * The place of a group's leader, which is one of its atoms, says whose all of them are. The others are beside
 * it in space, whether that is in the box or not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_GROUPS_H
#define AL_MD_GROUPS_H

#include "comm/migrate.h"

/** Which atoms are together. */
typedef struct al_groups {
    /** The leader of an atom's group; of a leader, itself. NULL: each atom is alone. Pure. */
    uint64_t (*leader)(const void *arg, uint64_t id);
    const void *arg; /**< borrowed */
} al_groups;

/** An atom on its way between ranks, or from a file. */
typedef struct al_atom {
    double x[3];
    uint64_t id;
    double v[3];
} al_atom;

/** An atom that travels with its group. */
typedef struct al_member {
    al_atom atom; /**< its x is the leader's */
    double x[3];  /**< its own */
} al_member;

/** Atoms as members: of each group, all must be here. Each is put beside its leader.
 * @param domain   for the vectors of the box
 * @param[in,out] members  of sizeof(al_member) bytes; replaced
 * @param[out] radius  the farthest that one is from its leader
 * @return ALLOT_OK; ALLOT_ERANGE: an atom without its leader, and which; ALLOT_ENOMEM */
allot_err al_groups_join(const al_groups *groups, const al_domain *domain, const al_migrants *atoms,
                         al_migrants *members, double *radius, allot_error *err);
/** Put n atoms, in the order of their ids from 0 on, into the box, group by group. */
void al_groups_enter(const al_groups *groups, const al_domain *domain, al_atom *atoms, uint64_t n);

#endif
