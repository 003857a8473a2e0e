/* map_progress.h - the progress line of `allot map`, of expressions and of programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_PROGRESS_H
#define AL_CLI_MAP_PROGRESS_H

#include "cli/map_options.h"
#include "monitor/progress.h"

/** Start it, if the options and where output goes want one; otherwise *progress stays as it is.
 * @param unit  "items". @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_map_progress_start(const al_map_options *options,
                                void (*read)(void *arg, al_progress_state *state), void *arg,
                                const char *unit, al_progress **progress, allot_error *err);

#endif
