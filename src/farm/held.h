/* held.h - results that came, but do not have their names yet.
 *
 * A task that runs on two engines at a time makes its files twice. What comes of either stays under another
 * name, in the folder where it belongs, until one has succeeded: then all of that one's get their names, and
 * the other's are removed. So no result is ever made up of both.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_HELD_H
#define AL_FARM_HELD_H

#include <stdbool.h>
#include <stddef.h>

#include <allot/error.h>

#include "engine/message.h"

struct al_held_file;

/** Zero-initialise. */
typedef struct al_held {
    struct al_held_file *files; /**< in the order in which they came */
    size_t count, room;
} al_held;

/** A file begins to come, or a link has come: the one that `name`, which the task declared, leads to, or what
 * is below it. All is copied.
 * @param part  what the file is called until it has its name. @return false: out of memory */
bool al_held_add(al_held *held, const char *name, const al_file_head *file, const char *part);
/** The file that was added last came whole. */
void al_held_whole(al_held *held);
/** Give all that came whole its name, and forget it.
 * @return ALLOT_OK; ALLOT_EIO: something cannot be kept here, what was not named yet is removed */
allot_err al_held_name(al_held *held, const char *cwd, allot_error *err);
/** Remove all that came. */
void al_held_drop(al_held *held, const char *cwd);
void al_held_fini(al_held *held); /**< frees memory */

#endif
