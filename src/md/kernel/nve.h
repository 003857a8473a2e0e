/* nve.h - the step of blocks of atoms, in one pass over memory: the end of one step and the beginning of the
 * next. Two ways of stepping differ in nothing but for how long forces act on either side of a step's time:
 *
 *   velocity Verlet   dt/2 and dt/2: v is that of x's time (Swope, Andersen, Berens and Wilson, J. Chem.
 * Phys. 76, 637, 1982) leap-frog         0 and dt: v is that of half a step before (Hockney and Eastwood,
 * Computer Simulation Using Particles, 1981)
 *
 * A pass leaves x - dt v where x was: what keeps lengths (constrain.h) counts on it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_KERNEL_NVE_H
#define AL_MD_KERNEL_NVE_H

#include <stdbool.h>

#include "md/block.h"

/** What is to be done to blocks. */
typedef struct al_nve {
    double end_kick, begin_kick; /**< how long forces act at a step's end, and at the next one's beginning */
    double dt;
    double middle[3]; /**< what xr counts from */
    /** Of places, in blocks of eight; or of one block, with stride 0, which then holds for all. Where
     * inverse_mass is 0 no force acts; where mass is 0, too, nothing counts as kinetic energy. */
    const double *mass, *inverse_mass;
    size_t stride;     /**< from a block's masses to the next one's: AL_BLOCK or 0 */
    bool ends, begins; /**< the end of the step that is; the beginning of the next, and the drift */
    bool is_summed;    /**< mv2 is wanted */
} al_nve;

/** What a pass finds. */
typedef struct al_nve_sums {
    double mv2;    /**< sum of m v.v, when is_summed: of velocities that end_kick has ended; in leap-frog the
                      mean of    those half a step before and half a step after */
    double moved2; /**< the square of the farthest that an atom is from x_listed, when it begins one */
    double speed2; /**< the greatest v.v, of the drift, when it begins one */
} al_nve_sums;

/** Do blocks [begin, end): x, v, x_listed of home blocks, f and xr in the precision of forces. */
#define AL_NVE_ARGS(REAL)                                                                                    \
    const al_nve *nve, size_t begin, size_t end, double *x, double *v, const double *x_listed,               \
        const REAL *f, REAL *xr, al_nve_sums *sums

typedef void al_nve_f(AL_NVE_ARGS(float));
typedef void al_nve_d(AL_NVE_ARGS(double));

al_nve_f al_nve_ref_f, al_nve_avx2_f, al_nve_avx512_f;
al_nve_d al_nve_ref_d, al_nve_avx2_d, al_nve_avx512_d;

#endif
