/* field.h - a force field: what a topology's atoms do to each other, on one rank. It brings together charges
 * and types for pairs (atoms.h), bonded terms (bound.h), the far part of electrostatics (pme.h), and lengths
 * that stay (rigid.h); md.h takes steps with it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_FIELD_H
#define AL_MD_FIELD_H

#include "md/atoms.h"
#include "md/bound.h"
#include "md/freeze.h"
#include "md/held.h"
#include "md/pme.h"
#include "md/rigid.h"
#include "md/vsites.h"

typedef struct al_field_opts {
    const al_topology *topology;   /**< borrowed; NULL: there is no field, atoms are all alike */
    const al_reference *reference; /**< as in al_bound */
    const uint8_t *frozen;         /**< [natoms]: directions that an atom does not move along, as in
                                      al_freeze; those of constraints: all, or none. NULL: none */
    double coulomb;                /**< energy of two unit charges at a unit's distance */
    int mesh[3], order;            /**< as al_pme_opts; with Ewald's electrostatics */
} al_field_opts;

/** What a step's energy is made of, but for what moves. Sums over a rank, or over all. */
typedef struct al_energies {
    double lj,
        coulomb; /**< of pairs in the cut-offs, with what excluded pairs and charges themselves are due */
    double tail; /**< of attraction beyond the cut-off */
    double mesh;
    al_term_energies terms;
} al_energies;

/** Begin with zeros. */
typedef struct al_field {
    al_field_opts opts;
    const al_pair_params *params; /**< prepared; borrowed */
    al_held held;
    al_atoms atoms;
    al_bound bound;
    al_rigid rigid;
    al_vsites vsites;
    al_freeze freeze; /**< atoms that are frozen along some directions only */
    al_pme *pme;      /**< NULL: there is none */
    al_pme_sums mesh;
    double charge, charge2; /**< sums of charges and of their squares, times coulomb's root and coulomb */
    double mean_c6;         /**< over pairs that are not excluded */
} al_field;

/** @param params  prepared; borrowed, as all of opts is
 *  @param[in,out] space  gets groups, masses and placed()
 *  @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_field_open(al_field *field, const al_field_opts *opts, const al_pair_params *params,
                        al_space_opts *space, allot_error *err);
/** With the space opened. Collective. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_field_open_mesh(al_field *field, const al_space *space, allot_error *err);
/** Another mesh, for the params as they are now; al_field_settle() must follow. Collective.
 * @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_field_set_mesh(al_field *field, const int mesh[3], const al_space *space, allot_error *err);
void al_field_close(al_field *field);
static inline bool al_field_is_open(const al_field *field)
{
    return field->opts.topology != NULL;
}

/** The space has another box. */
void al_field_resize(al_field *field, const al_space *space);

/** After each al_space_rebuild(). Collective. @param margin  how far atoms may come out of where they are now
 * @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE, on all: a molecule is torn */
allot_err al_field_settle(al_field *field, const al_space *space, double margin, allot_error *err);

/** Forces of the mesh, added to those of home atoms at the end; as al_pme_begin() and what follows it.
 * Nothing where there is no mesh. */
allot_err al_field_begin_mesh(al_field *field, const al_space *space, bool is_summed, allot_error *err);
void al_field_advance_mesh(al_field *field);
void al_field_go_on(al_field *field);
void al_field_end_mesh(al_field *field, al_space *space);
/** This rank's part of the energies of the last forces. @param pairs  of its pairs */
void al_field_energies(const al_field *field, const al_pair_sums *pairs, al_energies *energies);
/** What is the same wherever atoms are, once for all ranks: charges with themselves, and the background that
 * makes the whole neutral on the mesh. Its trace of the virial is added to *virial. */
void al_field_add_constant(const al_field *field, double volume, al_energies *energies, double *virial);
/** Whether there are atoms that no force moves: frozen ones, virtual sites. */
static inline bool al_field_has_rest(const al_field *field)
{
    return field->opts.frozen != NULL || al_vsites_are_any(&field->vsites);
}
/** They have no velocity, nor what is frozen along some directions has one along them. */
void al_field_rest(const al_field *field, al_space *space);

double al_energies_sum(const al_energies *energies);

#endif
