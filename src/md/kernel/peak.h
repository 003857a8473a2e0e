/* peak.h - how many floating-point operations this processor does at most, measured in a few milliseconds:
 * what kernels' speed is a share of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_KERNEL_PEAK_H
#define AL_MD_KERNEL_PEAK_H

#include <stdint.h>

/** Multiply and add single-precision numbers in vectors of a kernel's width, `rounds` times: no round waits
 * for another but every twelfth. @return operations done: an addition and a multiplication are two */
typedef double al_peak_fn(uint64_t rounds);

al_peak_fn al_peak_ref, al_peak_avx2, al_peak_avx512;

#endif
