/* index.h - groups of atoms that have names: those of an index file, or those that GROMACS has without one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_INDEX_H
#define AL_MD_INDEX_H

#include <stdint.h>

#include <allot/error.h>

#include "md/residue.h"
#include "md/topology.h"

/** Which atoms a group without a list has. */
typedef enum al_index_rule {
    AL_INDEX_LISTED,         /**< those of its list */
    AL_INDEX_ALL,            /**< all */
    AL_INDEX_CLASS,          /**< those in residues of its class */
    AL_INDEX_NOT_CLASS,      /**< the others */
    AL_INDEX_RESIDUE,        /**< those in residues that are called as the group is */
    AL_INDEX_PART,           /**< of a protein those that have certain names */
    AL_INDEX_WATER_AND_IONS, /**< waters and ions */
} al_index_rule;

typedef struct al_index_group {
    char *name;
    uint64_t *listed; /**< [nlisted] numbers of atoms from 0, in the file's order, perhaps several times */
    uint64_t nlisted, line;
    al_index_rule rule;
    al_residue_class of; /**< CLASS and NOT_CLASS */
    uint8_t part;        /**< PART: which */
} al_index_group;

/** Begin with zeros; al_index_fini(). */
typedef struct al_index {
    char *source; /**< the file; NULL: groups are made of the topology */
    al_index_group *groups;
    uint32_t ngroups;
    const al_topology *topology; /**< borrowed; NULL: of a file */
} al_index;

/** The groups that GROMACS makes of a system when it is given no index file, in its order: System, Protein
 * and parts of it, non-Protein, Water, SOL, non-Water, Ion, the first of Other, DNA and RNA with each residue
 * of others and ions, Water_and_ions; and then, which GROMACS has not, the other two, and each residue's name
 * outside of protein, DNA and RNA that has no group yet.
 * @param topology    must outlive the index
 * @param[out] index  owned by caller; written only with ALLOT_OK
 * @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_index_of(const al_topology *topology, al_index *index, allot_error *err);
/** One group more. @return it, with zeros and a copy of the name; NULL: out of memory */
al_index_group *al_index_add(al_index *index, const char *name);
/** The atoms of a group. Capitals and small letters are the same, as in GROMACS.
 * @param natoms       of the system
 * @param[out] atoms   [n], sorted, each once, from 0; owned by caller, free(); written only with ALLOT_OK,
 * and never NULL then
 * @return ALLOT_OK; ALLOT_ENOTFOUND: there is no such group, and which there are; ALLOT_ERANGE: it has an
 * atom twice or one that the system has not, or there are several of that name that differ; ALLOT_ENOMEM */
allot_err al_index_find(const al_index *index, const char *name, uint64_t natoms, uint64_t **atoms,
                        uint64_t *n, allot_error *err);
void al_index_fini(al_index *index);

#endif
