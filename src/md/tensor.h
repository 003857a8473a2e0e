/* tensor.h - sums over atoms of one vector times another, which pressure is made of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_TENSOR_H
#define AL_MD_TENSOR_H

#include "md/space.h"

/** Add `by` times the sum of x f over all places of this rank, those of copies too, before forces on copies
 * went home. What pairs and terms of a rank exert on each other adds up to nothing, so it is all the same
 * where x counts from: sums of this over ranks are the virial. */
void al_tensor_virial(const al_space *space, double by, double sum[9]);
/** Add `by` times the sum of m v v over atoms at home. With a mass for each place alone. */
void al_tensor_kinetic(const al_space *space, double by, double sum[9]);

#endif
