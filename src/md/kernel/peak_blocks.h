/* peak_blocks.h - the text of peak.h's functions, compiled for several processors by peak_*.c, which includes
 * it: NAME, and NBYTES of a vector.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/kernel/peak.h"

typedef float vector __attribute__((vector_size(NBYTES)));

enum { CHAINS = 12 };

double NAME(uint64_t rounds)
{
    const vector by = (vector){0} + 0.999F, more = (vector){0} + 0.001F;
    vector sums[CHAINS];
    for (int k = 0; k < CHAINS; k++) {
        sums[k] = (vector){0} + (float)k;
        __asm__ volatile("" : "+m"(sums[k])); /* who knew it would leave out the chain of 1, which stays 1 */
    }
    for (uint64_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int k = 0; k < CHAINS; k++)
            sums[k] = sums[k] * by + more;
    for (int k = 0; k < CHAINS; k++) /* that nothing is left out */
        __asm__ volatile("" : : "m"(sums[k]));
    return 2.0 * CHAINS * (NBYTES / sizeof(float)) * (double)rounds;
}
