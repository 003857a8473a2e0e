/* peak_avx2.c - see peak.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define NAME al_peak_avx2
#define NBYTES 32
#include "md/kernel/peak_blocks.h"
