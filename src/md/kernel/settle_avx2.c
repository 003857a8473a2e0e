/* settle_avx2.c - see settle.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/kernel/settle.h"

#define POSITIONS al_settle_positions_avx2
#define VELOCITIES al_settle_velocities_avx2
#include "md/kernel/settle_blocks.h"
