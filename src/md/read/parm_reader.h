/* parm_reader.h - what the parts of AMBER's reader have in common: parm.c (atoms), parm_pairs.c (what is not
 * bonded), parm_terms.c and parm_charmm.c (what is), parm_water.c (what is rigid).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_PARM_READER_H
#define AL_MD_READ_PARM_READER_H

#include "md/read/parm_file.h"

/** Units of the file: kcal/mol and Angstrom. */
#define AL_PARM_KCAL 4.184 /* kJ */
#define AL_PARM_NM 10.0    /* Angstrom */

/** Numbers of POINTERS that are looked at, by their place. */
typedef enum al_parm_pointer {
    AL_PARM_NATOM = 0,
    AL_PARM_NTYPES = 1,
    AL_PARM_NBONH = 2,
    AL_PARM_MBONA = 3,
    AL_PARM_NTHETH = 4,
    AL_PARM_MTHETA = 5,
    AL_PARM_NPHIH = 6,
    AL_PARM_MPHIA = 7,
    AL_PARM_NNB = 10,
    AL_PARM_NRES = 11,
    AL_PARM_NBONA = 12,
    AL_PARM_NTHETA = 13,
    AL_PARM_NPHIA = 14,
    AL_PARM_NUMBND = 15,
    AL_PARM_NUMANG = 16,
    AL_PARM_NPTRA = 17,
    AL_PARM_NPHB = 19,
    AL_PARM_IFPERT = 20,
    AL_PARM_IFCAP = 29,
    AL_PARM_NLEAST = 30, /**< that every file has */
    AL_PARM_NCOPY = 31,
    AL_PARM_NMOST = 32
} al_parm_pointer;

typedef struct al_parm_reader {
    al_parm_file file;
    int64_t pointers[AL_PARM_NMOST];
    bool is_chamber; /**< a CHARMM force field: other constants, impropers and Urey-Bradley terms */
    al_topology top;
    al_molecule all; /**< the system as one molecule */
    uint32_t room[AL_TERM_NKINDS], params_room;
} al_parm_reader;

/** Lennard-Jones of all types, and which atoms exclude which. @return as al_parm_parse() */
allot_err al_parm_read_types(al_parm_reader *r);
allot_err al_parm_read_exclusions(al_parm_reader *r);
/** Lennard-Jones of two types, by sections' names.
 * @param[out] c6s, c12s  [ntypes^2], kJ/mol nm^6 and nm^12; free() */
allot_err al_parm_read_matrix(al_parm_reader *r, const char *repulsion, const char *attraction, double **c6s,
                              double **c12s);

/** Bonds, angles, dihedrals and their 1-4 pairs. */
allot_err al_parm_read_terms(al_parm_reader *r);
/** Urey-Bradley terms, harmonic impropers and CMAP, if there are any; after al_parm_read_terms(). */
allot_err al_parm_read_charmm(al_parm_reader *r);

/** Keep numbers. @param[out] at  where they are in params[] */
allot_err al_parm_add_params(al_parm_reader *r, const double *values, uint32_t n, uint32_t *at);
/** Keep a term. */
allot_err al_parm_add_term(al_parm_reader *r, al_term_kind kind, const uint32_t *atoms, uint32_t params);
/** A number from 1 to n, the k-th of a section, becomes one from 0. */
allot_err al_parm_index(al_parm_reader *r, const char *section, uint64_t k, int32_t value, uint64_t n,
                        uint32_t *index);
/** No two of a term's atoms are the same. @param k  where they begin in the section */
allot_err al_parm_check_atoms(al_parm_reader *r, const char *section, uint64_t k, const uint32_t *atoms,
                              uint32_t natoms);

/** Three-point water, and that of four points whose fourth is on the bisector, becomes rigid; other atoms
 * without mass are refused. Of the molecules of the topology.
 * @param[out] was_bent  some have an angle and no third bond
 * @return ALLOT_OK; ALLOT_EFORMAT; ALLOT_ENOMEM */
allot_err al_parm_find_waters(al_parm_reader *r, bool is_flexible, bool *was_bent);

#endif
