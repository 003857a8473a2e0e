/* pme_choice.h - what is chosen of smooth particle-mesh Ewald before it begins: how far pairs go, how wide
 * the Gaussian is, how many points the mesh has. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_PME_CHOICE_H
#define AL_MD_PME_CHOICE_H

/** How electrostatics are split between pairs and a mesh. */
typedef struct al_split {
    int mesh[3];   /**< points along each vector of the box */
    double cutoff; /**< of pairs; 0: there is no such split */
} al_split;

/** The beta for which erfc(beta cutoff) is the tolerance, by bisection. */
double al_pme_beta(double cutoff, double tolerance);
/** Mesh points along a vector of a box for a spacing of at most so much: a number that transforms fast,
 * the same that GROMACS takes. */
int al_pme_points(double length, double spacing);

#endif
