/* drift.h - motion of the whole, which rounding brings in and nothing takes away.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_DRIFT_H
#define AL_MD_DRIFT_H

#include "md/space.h"

/** Take from all atoms that forces move the velocity of their centre of mass, over all ranks. Collective. */
void al_drift_remove(al_space *space);

#endif
