/* dispersion.h - what attraction beyond the cut-off would add to energy and pressure, were it not left out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_DISPERSION_H
#define AL_MD_DISPERSION_H

#include "md/kernel/pair.h"

typedef struct al_dispersion_tail {
    double energy, virial; /**< to be added to sums over pairs; the pressure's part is as of any virial */
} al_dispersion_tail;

/** Of natoms atoms that are spread evenly over a volume. Pure.
 * @param params  prepared
 * @param mean_c6  over all pairs of atoms that are not excluded */
al_dispersion_tail al_dispersion_tail_of(const al_pair_params *params, double mean_c6, double natoms,
                                         double volume);

#endif
