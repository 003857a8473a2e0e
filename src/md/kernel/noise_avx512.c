/* noise_avx512.c - see noise.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define NAME al_noise_avx512
#include "md/kernel/noise_blocks.h"
