/* settle_ref.c - see settle.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/kernel/settle.h"

#define POSITIONS al_settle_positions_ref
#define VELOCITIES al_settle_velocities_ref
#include "md/kernel/settle_blocks.h"
