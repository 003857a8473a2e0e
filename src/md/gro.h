/* gro.h - structures in .gro files, as GROMACS has them: names, positions, velocities and the box, in columns
 * of fixed width. docs/formats/gro.md says what is read and what is written.
 *
 * Lengths are nm and velocities nm/ps; md in reduced units takes the numbers as they are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_GRO_H
#define AL_MD_GRO_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"

enum {
    AL_GRO_NAME = 5,      /**< bytes that a name has at most */
    AL_GRO_WRAP = 100000, /**< numbers of residues and atoms are written modulo this */
    AL_GRO_DECIMALS_MOST = 15,
};

/** What an atom is called. Its own number is its place in the file, from 1, whatever stands there. */
typedef struct al_gro_label {
    int32_t residue; /**< modulo AL_GRO_WRAP: a change begins a residue, the number itself says little */
    char residue_name[AL_GRO_NAME + 1], name[AL_GRO_NAME + 1];
} al_gro_label;

typedef struct al_gro {
    char *title;
    uint64_t natoms;
    unsigned decimals;    /**< of positions; velocities have one more */
    al_gro_label *labels; /**< [natoms] */
    double *x, *v;        /**< [3 natoms]; v NULL: there are none */
    double box[3][3];     /**< a row is a vector; rectangular ones have zeros off the diagonal */
    bool is_triclinic;    /**< the box was given by nine numbers, not all of the last six 0 */
} al_gro;

/** Read the text of a file. Nothing is guessed: numbers must be where their columns are.
 * @param name      of the file, for the sentence
 * @param[out] gro  owned by caller, al_gro_fini(); written only with ALLOT_OK
 * @return ALLOT_OK; ALLOT_EFORMAT: name:line:column, what is wrong and what to do; ALLOT_ENOMEM */
allot_err al_gro_parse(const char *text, size_t nbytes, const char *name, al_gro *gro, allot_error *err);
/** Read a file. @return as al_gro_parse(); ALLOT_ENOTFOUND; ALLOT_EIO */
allot_err al_gro_read(const char *path, al_gro *gro, allot_error *err);
/** Append the text of a file. Atom numbers are made, labels' residues taken.
 * @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE: a number has no room in its columns; which */
allot_err al_gro_format(const al_gro *gro, al_buffer *text, allot_error *err);
/** Write a file; what was there before stays unless all of it could be written.
 * @return as al_gro_format(); ALLOT_EIO */
allot_err al_gro_write(const char *path, const al_gro *gro, allot_error *err);
void al_gro_fini(al_gro *gro);

/** One atom more at the end, of which nothing is known yet; for readers of other formats. Without velocities.
 * @return false: out of memory */
bool al_gro_add(al_gro *gro);

#endif
