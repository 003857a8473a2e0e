/* md_open.h - a simulation opened, as files and options say, up to the forces of its first step; and closed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_OPEN_H
#define AL_CLI_MD_OPEN_H

#include "cli/md_simulation.h"

/** After al_md_input_read(). Where s->is_idle is set by it, this rank has nothing to do. Collective.
 * @return ALLOT_OK; whatever may be wrong with what was asked for */
allot_err al_simulation_open(al_simulation *s, allot_error *err);
void al_simulation_close(al_simulation *s); /**< opened half, or not at all, too */

#endif
