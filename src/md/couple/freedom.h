/* freedom.h - how many degrees of freedom the atoms of each temperature group have, counted as GROMACS does.
 *
 * An atom has three, less those in which it is frozen. A constraint takes half of one from each of its two
 * atoms, or a whole one from one of them where the other has none left; a rigid water is three constraints.
 * What the motion of the whole would take is taken from the temperature groups by their shares (below).
 * (GROMACS 2022, grompp; compared with what `gmx dump` says of its files.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_COUPLE_FREEDOM_H
#define AL_MD_COUPLE_FREEDOM_H

#include <stdint.h>

/** Take a constraint between two atoms from what they have.
 * @param a, b  twice the degrees of freedom of each: 6 at first, 2 less for each frozen dimension; 0 for a
 * virtual site */
void al_freedom_hold(uint8_t *a, uint8_t *b);

/** Atoms of one temperature group whose motion as a whole is taken out with that of a given group of atoms.
 */
typedef struct al_freedom_part {
    double natoms;  /**< virtual sites among them; what is frozen along all directions is not */
    double freedom; /**< of its atoms, constraints taken off */
} al_freedom_part;

/** A temperature group's share g of each group of motion c is by numbers of atoms:
 *
 *     Nf(g) = own(g) * sum over c of  n(g,c)/n(g) * (whole(c) - removed(c)) / whole(c)
 *
 * where own(g) and whole(c) are sums of `freedom` over c and g, n(g) of natoms.
 * @param parts    [ntemperature * nmotion], the temperature group outermost
 * @param removed  [nmotion]: 3 for linear motion, 0 where nothing is removed
 * @param[out] freedom  [ntemperature] */
void al_freedom_share(const al_freedom_part *parts, uint32_t ntemperature, uint32_t nmotion,
                      const double *removed, double *freedom);

#endif
