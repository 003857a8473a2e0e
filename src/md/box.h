/* box.h - the periodic box of a file as three edges and three tilts, which is what md simulates in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_BOX_H
#define AL_MD_BOX_H

#include <allot/error.h>

#include <stdbool.h>

/** Vectors (ax 0 0), (bx by 0), (cx cy cz): see lattice.h. */
typedef struct al_box {
    double edge[3]; /**< ax, by, cz */
    double tilt[3]; /**< bx, cx, cy */
} al_box;

/** The box whose vectors are the rows of `vectors`. One that leans by more than half an edge, which GROMACS
 * refuses, becomes one of the same crystal that does not.
 * @param name  of the file, for the sentence
 * @param[out] was_reduced  whether it leaned too much
 * @return ALLOT_OK; ALLOT_EFORMAT: it has no volume, or lies otherwise in space; what to do */
allot_err al_box_take(const double vectors[3][3], const char *name, al_box *box, bool *was_reduced,
                      allot_error *err);
/** Its vectors, a row each. */
void al_box_vectors(const al_box *box, double vectors[3][3]);
/** How far apart opposite faces are. */
void al_box_widths(const al_box *box, double widths[3]);

#endif
