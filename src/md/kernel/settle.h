/* settle.h - rigid waters, eight at a time: SETTLE. (Miyamoto and Kollman, J. Comput. Chem. 13, 952, 1992.)
 *
 * Atoms of a water are an oxygen and two hydrogens of one mass; they may lie on different sides of a periodic
 * box.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_KERNEL_SETTLE_H
#define AL_MD_KERNEL_SETTLE_H

#include <stdbool.h>

#include "md/block.h"

/** A kind of water. */
typedef struct al_settle {
    double mass_o, mass_h;
    double length_oh, length_hh;
} al_settle;

/** What waters move in, and what is kept of it. */
typedef struct al_settle_step {
    double box[3][3]; /**< lower triangular */
    double dt;
    bool has_velocities; /**< they get what positions get, over dt */
} al_settle_step;

/** Of waters [begin, end): put the atoms where they would have gone had they been rigid.
 * @param places  3 a water: oxygen, hydrogens
 * @param x       in blocks: after a free flight of dt with v from where they were rigid
 * @param v       of that flight
 * @param[in,out] virial  [9]: the sum over atoms of x . (force of the constraints), added to */
#define AL_SETTLE_POSITIONS_ARGS                                                                             \
    const al_settle *water, const al_settle_step *step, uint64_t begin, uint64_t end,                        \
        const uint32_t *places, double *x, double *v, double *virial
/** Of waters [begin, end): take from velocities what would change lengths.
 * @param x  rigid */
#define AL_SETTLE_VELOCITIES_ARGS                                                                            \
    const al_settle *water, const al_settle_step *step, uint64_t begin, uint64_t end,                        \
        const uint32_t *places, const double *x, double *v, double *virial

typedef void al_settle_positions(AL_SETTLE_POSITIONS_ARGS);
typedef void al_settle_velocities(AL_SETTLE_VELOCITIES_ARGS);

/** One way to do it all. */
typedef struct al_settle_kernels {
    al_settle_positions *positions;
    al_settle_velocities *velocities;
} al_settle_kernels;

al_settle_positions al_settle_positions_ref, al_settle_positions_avx2, al_settle_positions_avx512;
al_settle_velocities al_settle_velocities_ref, al_settle_velocities_avx2, al_settle_velocities_avx512;

#endif
