/* md_loop.h - a simulation step after step: what is due is told and written, until the last or until somebody
 * asks for an end. Or a minimisation.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_LOOP_H
#define AL_CLI_MD_LOOP_H

#include "cli/md_simulation.h"

/** Collective. @return ALLOT_OK, s->timed_out where time ran out; else what became of it, perhaps here alone
 */
allot_err al_md_loop(al_simulation *s, allot_error *err);

#endif
