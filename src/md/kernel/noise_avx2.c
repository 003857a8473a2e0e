/* noise_avx2.c - see noise.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define NAME al_noise_avx2
#include "md/kernel/noise_blocks.h"
