/* cpu_share.h - how much of the processor this thread gets when it wants one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_CPU_SHARE_H
#define AL_ENGINE_CPU_SHARE_H

#include <stdint.h>

/** Zero-initialise. */
typedef struct al_cpu_share {
    uint64_t ran_ns, waited_ns; /**< in all, when it was last looked at, */
    uint64_t looked_ns;         /**< and when that was */
    double share;
} al_cpu_share;

/** Of the time lately in which the calling thread could have run: what part it did. 1 where the system does
 * not tell. Cheap: it asks the system a few times a second at most. */
double al_cpu_share_now(al_cpu_share *share);

#endif
