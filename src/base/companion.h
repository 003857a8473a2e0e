/* companion.h - programs of ours that come along with this one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_COMPANION_H
#define AL_BASE_COMPANION_H

#include <stdbool.h>
#include <stddef.h>

/** Where a program of ours is: beside this one, or in ../libexec/allot from it.
 * @param mode  what it must allow: R_OK, X_OK
 * @param[out] path  room for `room` bytes; the last place that was tried when it is in none
 * @return whether it is there */
bool al_companion_find(const char *name, int mode, char *path, size_t room);

#endif
