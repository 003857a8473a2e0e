/* philox.h - random numbers by number: the same for the same key and counter, wherever and whenever asked.
 *
 * Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC11).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_PHILOX_H
#define AL_BASE_PHILOX_H

#include <stdint.h>

/** Four random numbers for a counter of four under a key of two. */
void al_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/** 53 bits of two random numbers: uniform in (0, 1]. */
double al_philox_unit(uint32_t high, uint32_t low);

/** Three independent numbers of the normal distribution, for what happens to atom `id` at `step` under
 * `seed`.
 * @param what  tells uses of one seed apart */
void al_philox_normal3(uint64_t seed, uint32_t what, uint64_t id, uint64_t step, double normal[3]);

#endif
