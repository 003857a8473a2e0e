/* peak_ref.c - see peak.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define NAME al_peak_ref
#define NBYTES 16
#include "md/kernel/peak_blocks.h"
