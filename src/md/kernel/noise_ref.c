/* noise_ref.c - see noise.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define NAME al_noise_ref
#include "md/kernel/noise_blocks.h"
