/* nve_ref.c - see nve.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/kernel/nve.h"

#define REAL float
#define NAME al_nve_ref_f
#include "md/kernel/nve_blocks.h"
#undef REAL
#undef NAME

#define REAL double
#define NAME al_nve_ref_d
#include "md/kernel/nve_blocks.h"
