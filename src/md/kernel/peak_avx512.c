/* peak_avx512.c - see peak.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define NAME al_peak_avx512
#define NBYTES 64
#include "md/kernel/peak_blocks.h"
