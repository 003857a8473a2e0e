/* bootstrap.h - getting an agent to run on a host that has nothing but a shell.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_BOOTSTRAP_H
#define AL_ENGINE_BOOTSTRAP_H

#include <allot/error.h>

#include "engine/message.h"

/** What is to be executed by `sh -c` at the engine: one line without single quotes, so that any login shell
 * passes it on. It speaks first:
 *
 *     @allot Linux x86_64        (after whatever a login shell printed)
 *     < NAME NBYTES keep|new     (from us: the agent's file, and whether one that is there will do)
 *     @send                      (it is not there: NBYTES bytes follow from us)
 *     @run                       (from here on frames)
 *
 * or, instead of @send or @run, "@none" (no folder where programs may be kept and run) or "@full FOLDER". */
extern const char al_bootstrap_script[];

/** An agent's program. */
typedef struct al_agent_image {
    char name[64]; /**< of its file there: its sum is in it */
    al_bytes bytes;
    al_sum sum;
} al_agent_image;

/** The agent for a kind of machine as `uname -s` and `uname -m` tell. Loaded once, and kept.
 * They are looked for in $ALLOT_AGENTS, beside the command, and in ../libexec/allot from it.
 * @param[out] image  borrowed
 * @return ALLOT_OK; ALLOT_ENOTFOUND: there is none for it (text says which there should be); ALLOT_EIO */
allot_err al_agent_image_for(const char *system, const char *machine, const al_agent_image **image,
                             allot_error *err);
/** Path of the agent for this machine. @return false: there is none */
bool al_agent_path(char *path, size_t room);

#endif
