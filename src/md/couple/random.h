/* random.h - random numbers for a thermostat or barostat: as many as a draw takes, the same for the same
 * seed, use, number and step whichever rank asks, and after a restart.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_COUPLE_RANDOM_H
#define AL_MD_COUPLE_RANDOM_H

#include <stdint.h>

/** Numbers in a row. Begin with {.seed = ..., .use = ..., .of = ..., .step = ...}. */
typedef struct al_random {
    uint64_t seed;
    uint32_t use; /**< tells uses of one seed apart, as `what` of al_philox_normal3() */
    uint32_t of;  /**< which group */
    uint64_t step;
    uint32_t ndrawn; /**< of Philox's numbers, so far: 0 */
} al_random;

/** Of the normal distribution. */
double al_random_normal(al_random *random);
/** The sum of the squares of n independent numbers of the normal distribution, n >= 0, which need not be
 * whole: twice a number of the gamma distribution of shape n/2. (Marsaglia and Tsang, ACM Trans. Math. Softw.
 * 26, 363, 2000; below shape 1 their remark in section 6.) */
double al_random_squares(al_random *random, double n);

#endif
