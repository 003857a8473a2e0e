/* spawn.h - starting a task's process.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_SPAWN_H
#define AL_ENGINE_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct al_spawn {
    const char *path;  /**< of the program, as al_program_path() found it */
    char **argv;       /**< ends in NULL, with room for another */
    char *const *envp; /**< ends in NULL */
    const char *cwd;   /**< NULL: as we are */
    int in_fd, out_fd, err_fd;
    int group_fd;     /**< the folder of the control group (version 2) that it begins in; -1: ours */
    int nice;         /**< added to ours */
    bool new_session; /**< in a session of its own, without a terminal; otherwise in a process group of its
                         own */
} al_spawn;

/** Start it, so that it ends with the calling thread, with signals as a new login has them
 * and no descriptor but these three. Returns once the program is being executed. Call from a thread that has
 * all signals blocked which the process handles.
 * @param[out] pid  its number, that of its process group and, if that is new, of its session
 * @return 0, or errno of what failed: *failed says which ("chdir", "execute") */
int al_spawn_start(const al_spawn *spawn, pid_t *pid, const char **failed);

/** The program that a shell would execute for name: with a slash itself, else the first in $PATH.
 * The last answers are kept.
 * @return borrowed until the next call; NULL: there is none, errno is set */
const char *al_program_path(const char *name);

#endif
