/* md_progress.h - the line that says how far a simulation is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_PROGRESS_H
#define AL_CLI_MD_PROGRESS_H

#include "cli/md_simulation.h"
#include "monitor/progress.h"

/** @return NULL where none is wanted */
al_progress *al_md_progress_start(al_simulation *s);

#endif
