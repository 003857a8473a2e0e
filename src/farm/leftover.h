/* leftover.h - processes of tasks whose controller was killed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_LEFTOVER_H
#define AL_FARM_LEFTOVER_H

#include "farm/store.h"

/** End (KILL) what is left on this machine of tasks that were in flight when the run's last controller was
 * killed, before they are run again. A process counts when its environment says that it belongs to such a
 * task of this run.
 * @return how many there were */
uint32_t al_leftovers_end(const al_store *store);

#endif
