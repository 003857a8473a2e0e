/* term.h - what bonded atoms do to each other: energies and forces of the kinds of terms that topology.h
 * lists, but for those that are no potential (constraints, rigid waters, virtual sites).
 *
 * Positions and forces lie in blocks (block.h), in the precision of forces; what is between is computed in
 * double. A term's atoms are given as places, and where they are must be near each other: nothing here knows
 * of periodic boxes. Where the direction of a force is not defined (bonds without length, straight angles and
 * dihedrals of atoms in a line) there is none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_TERM_TERM_H
#define AL_MD_TERM_TERM_H

#include <stddef.h>

#include "md/block.h"
#include "md/term/cmap.h"
#include "md/topology.h"

/** 1 / (4 pi epsilon0) in kJ/mol nm / e^2, as GROMACS has it (CODATA 2018). */
#define AL_TERM_COULOMB 138.93545764

/** What terms refer to. */
typedef struct al_term_tables {
    const double *params; /**< of the topology: a term's begin at its `params` */
    const al_cmap *cmaps; /**< one for each of the topology's cmaps[]; NULL: no term is of CMAP */
    const double
        *reference; /**< in blocks, as positions: where RESTRAINT holds a place; NULL: it holds none */
    double
        coulomb; /**< PAIR14's energy of two unit charges at a unit's distance: AL_TERM_COULOMB in vacuum */
} al_term_tables;

/** Sums in kJ/mol. */
typedef struct al_term_energies {
    double of[AL_TERM_NKINDS]; /**< PAIR14: both that follow */
    double lj14, coulomb14;
} al_term_energies;

/** Do n terms of one kind.
 * @param terms  atom[] are places
 * @param x, f   in blocks; f and energies are added to */
#define AL_TERM_ARGS(REAL)                                                                                   \
    const al_term_tables *tables, size_t n, const al_term *terms, const REAL *x, REAL *f,                    \
        al_term_energies *energies

typedef void al_term_function_f(AL_TERM_ARGS(float));
typedef void al_term_function_d(AL_TERM_ARGS(double));

/** By kind, for floats and doubles; NULL: the kind is no potential. */
extern al_term_function_f *const al_term_functions_f[AL_TERM_NKINDS];
extern al_term_function_d *const al_term_functions_d[AL_TERM_NKINDS];

#endif
