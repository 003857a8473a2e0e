/* topology.h - what is simulated, as force fields describe it: kinds of molecules, their atoms and the terms
 * of the potential between them. Every rank has all of it; positions are elsewhere.
 *
 * Atoms are numbered through all molecules in the order of the system; within a kind of molecule, from 0.
 * Units: nm, ps, u, kJ/mol, e, K; angles are in radians here whatever the file had.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_TOPOLOGY_H
#define AL_MD_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

enum { AL_TERM_ATOMS = 5, AL_TOPOLOGY_NAME = 15 };

/** Kinds of terms: name, atoms, numbers that describe one. What the numbers mean:
 *  BOND        length, k: 1/2 k (r - length)^2                      (GROMACS bonds 1)
 *  BOND_G96    length, k: 1/4 k (r^2 - length^2)^2                  (bonds 2)
 *  ANGLE       theta, k: 1/2 k (angle - theta)^2                    (angles 1)
 *  ANGLE_G96   theta, k: 1/2 k (cos angle - cos theta)^2            (angles 2)
 *  UREY        theta, k, length, k13: ANGLE, and a BOND from 1 to 3 (angles 5)
 *  PROPER      phase, k, multiplicity: k (1 + cos(n phi - phase))   (dihedrals 1, 9)
 *  IMPROPER    xi, k: 1/2 k (phi - xi)^2, phi - xi the short way    (dihedrals 2)
 *  IMPROPER_PERIODIC  as PROPER, counted as improper                (dihedrals 4)
 *  RYCKAERT    c0..c5: sum of cn cos(phi - pi)^n                    (dihedrals 3, and 5 made into it)
 *  CMAP        number of the grid in cmaps[]                        (cmap 1), of two dihedrals of 5 atoms
 *  PAIR14      c6, c12, product of charges with fudgeQQ: no cut-off (pairs 1)
 *  RESTRAINT   kx, ky, kz: 1/2 k (x - reference)^2                  (position_restraints 1)
 *  CONSTRAINT  length                                               (constraints 1, 2, or bonds made into it)
 *  SETTLE      oxygen-hydrogen, hydrogen-hydrogen: water, rigid     (settles 1); atoms O H H
 *  VSITE2      a: x = (1 - a) x1 + a x2                             (virtual_sites2 1); the site comes first
 *  VSITE3      a, b                                                 (virtual_sites3 1)
 *  VSITE3FD    a, d                                                 (virtual_sites3 2)
 *  VSITE3FAD   theta, d                                             (virtual_sites3 3)
 *  VSITE3OUT   a, b, c                                              (virtual_sites3 4) */
#define AL_TERMS(X)                                                                                          \
    X(BOND, "bonds", 2, 2)                                                                                   \
    X(BOND_G96, "g96 bonds", 2, 2)                                                                           \
    X(ANGLE, "angles", 3, 2)                                                                                 \
    X(ANGLE_G96, "g96 angles", 3, 2)                                                                         \
    X(UREY, "Urey-Bradley angles", 3, 4)                                                                     \
    X(PROPER, "proper dihedrals", 4, 3)                                                                      \
    X(IMPROPER, "improper dihedrals", 4, 2)                                                                  \
    X(IMPROPER_PERIODIC, "periodic improper dihedrals", 4, 3)                                                \
    X(RYCKAERT, "Ryckaert-Bellemans dihedrals", 4, 6)                                                        \
    X(CMAP, "CMAP dihedrals", 5, 1)                                                                          \
    X(PAIR14, "1-4 pairs", 2, 3)                                                                             \
    X(RESTRAINT, "position restraints", 1, 3)                                                                \
    X(CONSTRAINT, "constraints", 2, 1)                                                                       \
    X(SETTLE, "rigid waters", 3, 2)                                                                          \
    X(VSITE2, "virtual sites of 2", 3, 1)                                                                    \
    X(VSITE3, "virtual sites of 3", 4, 2)                                                                    \
    X(VSITE3FD, "virtual sites of 3, at a distance", 4, 2)                                                   \
    X(VSITE3FAD, "virtual sites of 3, at an angle", 4, 2)                                                    \
    X(VSITE3OUT, "virtual sites of 3, out of plane", 4, 3)

typedef enum al_term_kind {
#define AL_TERM_KIND(name, text, natoms, nparams) AL_TERM_##name,
    AL_TERMS(AL_TERM_KIND)
#undef AL_TERM_KIND
        AL_TERM_NKINDS
} al_term_kind;

/** What there is to know of a kind. */
typedef struct al_term_info {
    const char *name; /**< "bonds" */
    uint8_t natoms, nparams;
} al_term_info;

extern const al_term_info al_term_infos[AL_TERM_NKINDS];

/** One term of a molecule: its atoms, and where its numbers begin in the topology's params[]. */
typedef struct al_term {
    uint32_t atom[AL_TERM_ATOMS];
    uint32_t params;
} al_term;

/** What atoms of a type have in common. */
typedef struct al_atom_type {
    char name[AL_TOPOLOGY_NAME + 1];
    double sigma, epsilon; /**< of its like, for the types' own combination rule; both 0: no Lennard-Jones */
} al_atom_type;

typedef struct al_molecule_atom {
    char name[AL_TOPOLOGY_NAME + 1], residue_name[AL_TOPOLOGY_NAME + 1];
    int32_t residue;
    uint32_t type;
    double charge, mass; /**< mass 0: a virtual site */
    bool is_hydrogen;    /**< constraints = h-bonds holds its bonds */
} al_molecule_atom;

/** A kind of molecule. */
typedef struct al_molecule {
    char *name;
    uint32_t natoms;
    al_molecule_atom *atoms;
    al_term *terms[AL_TERM_NKINDS];
    uint32_t nterms[AL_TERM_NKINDS];
    uint32_t *excluded_first; /**< [natoms + 1]: where each atom's begin in excluded[] */
    uint32_t *excluded;       /**< atoms that it has no nonbonded pair with, sorted, both ways, not itself */
} al_molecule;

/** A row of equal molecules in the system. */
typedef struct al_molecule_row {
    uint32_t molecule; /**< in molecules[] */
    uint64_t count, first_atom;
} al_molecule_row;

/** Combination rules of .top files: c6 and c12 geometric; sigma arithmetic, epsilon geometric; both
 * geometric. They matter for how pairs are computed; c6[] and c12[] hold what came of it. */
typedef enum al_combination {
    AL_COMBINE_C6_C12 = 1,
    AL_COMBINE_LORENTZ,
    AL_COMBINE_GEOMETRIC
} al_combination;

/** Begin with zeros; owned by whoever made it, al_topology_fini(). */
typedef struct al_topology {
    char *name;
    uint64_t natoms;
    al_combination combination;
    bool has_special_pairs; /**< some c6[], c12[] are not what the rule would give */
    double coulomb;         /**< energy of two unit charges at a unit's distance, by the force field; 0: the
                                 constant of nature */
    al_atom_type *types;
    uint32_t ntypes;
    double *c6,
        *c12; /**< [ntypes * ntypes]: 4 eps sigma^6, 4 eps sigma^12, of types a and b at a ntypes + b */
    al_molecule *molecules;
    uint32_t nmolecules;
    al_molecule_row *rows;
    uint32_t nrows;
    double *params;
    uint32_t nparams;
    double **cmaps; /**< [ncmaps][cmap_side[k]^2]: kJ/mol, the first angle outermost, from -pi */
    uint32_t *cmap_side, ncmaps;
} al_topology;

void al_topology_fini(al_topology *topology);
void al_molecule_fini(al_molecule *molecule);

/** The atom with this number in the system: its molecule's row, and its number in the molecule. Pure.
 * @return the atom's description */
const al_molecule_atom *al_topology_atom(const al_topology *topology, uint64_t id, uint32_t *row,
                                         uint32_t *atom);

#endif
