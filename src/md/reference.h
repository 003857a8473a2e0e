/* reference.h - where position restraints hold atoms: a structure of its own, and how it goes with the box
 * when pressure changes that.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_REFERENCE_H
#define AL_MD_REFERENCE_H

#include "comm/lattice.h"
#include "md/gro.h"
#include "md/mdp.h"
#include "md/topology.h"

/** Begin with zeros. */
typedef struct al_reference {
    al_scaling scaling;
    uint64_t natoms; /**< that are held */
    uint64_t *ids;   /**< [natoms] sorted, each once */
    double
        *at; /**< [3 natoms]: nm (NONE); fractions of the box's vectors (ALL); nm from the centre (CENTRE) */
    double centre[3]; /**< of mass of what is held, in fractions of the box's vectors; CENTRE only. As in
                         GROMACS (2022), of a row of equal molecules the first one counts */
} al_reference;

/** Find the place of each atom that a RESTRAINT term holds: where it is in the structure, as it stands there,
 * in the box or not.
 * @param structure  of the topology's atoms; its box is looked at unless scaling is NONE
 * @param name       of its file, for the sentence
 * @param[out] reference  owned by caller, al_reference_fini(); written only with ALLOT_OK
 * @return ALLOT_OK; ALLOT_ERANGE: another number of atoms, or what is held has no mass (CENTRE);
 *         ALLOT_EFORMAT: the box is none; ALLOT_ENOMEM */
allot_err al_reference_init(al_reference *reference, const al_topology *topology, const al_gro *structure,
                            const char *name, al_scaling scaling, allot_error *err);
void al_reference_fini(al_reference *reference);

/** Which of the atoms that are held has this id. Pure. @return UINT64_MAX: it is not held */
uint64_t al_reference_find(const al_reference *reference, uint64_t id);

/** Where the k-th of the atoms that are held is to be in this box: of all images the one that is nearest to
 * x, as restraints are of the shortest way (GROMACS manual, "Position restraints"). Pure.
 * @param lattice  of the box as it is now, rectangular or not
 * @param x        where the atom is
 * @param[out] at     the place for a RESTRAINT term's reference
 * @param[out] fixed  what of it does not grow with the box: of a force f the virial is -1/2 (x - at + fixed)
 * f */
void al_reference_place(const al_reference *reference, uint64_t k, const al_lattice *lattice,
                        const double x[3], double at[3], double fixed[3]);

#endif
