/* map_progress.c - see map_progress.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_progress.h"

#include <unistd.h>

allot_err al_map_progress_start(const al_map_options *options,
                                void (*read)(void *arg, al_progress_state *state), void *arg,
                                const char *unit, al_progress **progress, allot_error *err)
{
    bool is_terminal = isatty(STDERR_FILENO) != 0;
    /* Results that scroll by on the same terminal are progress enough. */
    bool automatic = is_terminal && !(options->output == NULL && isatty(STDOUT_FILENO));
    if (options->quiet || options->progress == AL_MAP_PROGRESS_NEVER ||
        (options->progress == AL_MAP_PROGRESS_AUTO && !automatic))
        return ALLOT_OK;
    al_progress_opts opts = {.unit = unit,
                             .read = read,
                             .arg = arg,
                             .fd = STDERR_FILENO,
                             .is_terminal = is_terminal,
                             .delay_ms = 2000,
                             .every_ms = is_terminal ? 100 : 2000};
    return al_progress_start(&opts, progress, err);
}
