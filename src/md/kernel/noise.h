/* noise.h - normal numbers for the atoms of a block, eight at a time: by atom and step, whichever block it
 * lies in, and the same bits on all processors.
 *
 * One Philox call (base/philox.h) an atom gives four numbers of 32 bits, and these two pairs for Box and
 * Muller (1958): none is farther out than 6.8, where one in 10^11 would be.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_KERNEL_NOISE_H
#define AL_MD_KERNEL_NOISE_H

#include "md/block.h"

/** @param what    tells uses of one seed apart, as of al_philox_normal3()
 *  @param id      [AL_BLOCK]
 *  @param[out] normal  [AL_BLOCK_REALS] as in a block: three independent numbers an atom */
#define AL_NOISE_ARGS uint64_t seed, uint32_t what, uint64_t step, const uint64_t *id, double *normal

typedef void al_noise_fn(AL_NOISE_ARGS);

al_noise_fn al_noise_ref, al_noise_avx2, al_noise_avx512;

#endif
