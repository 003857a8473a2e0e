/* user_folder.h - where a user's cache and state are, by the XDG base directory specification.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_USER_FOLDER_H
#define AL_BASE_USER_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

typedef enum al_user_folder_kind {
    AL_USER_CACHE, /**< may be lost: $XDG_CACHE_HOME/allot, or ~/.cache/allot */
    AL_USER_STATE, /**< must stay: $XDG_STATE_HOME/allot, or ~/.local/state/allot */
} al_user_folder_kind;

/** The folder's path, whether it is there or not.
 * A relative XDG_..._HOME is ignored, as its specification asks.
 * @param path  room for nbytes
 * @return false when the environment names no place (a HOME that is not there is none), or it does not fit */
bool al_user_folder_path(al_user_folder_kind kind, char *path, size_t nbytes);

/** Make a folder and those above it that are missing, mode 0700. Whether it worked shows when the folder is
 * opened. path is changed meanwhile. */
void al_folder_make(char *path);

#endif
