/* shared.h - memory that this process and its engines share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_POOL_SHARED_H
#define AL_POOL_SHARED_H

#include <stdbool.h>
#include <stddef.h>

#include <allot/pool.h>

/** Have the arena now, so that engines forked from here on share it. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_shared_open(allot_error *err);

/** Whether all of [memory, memory + nbytes) lies in one piece of this process's shared memory. */
bool al_shared_covers(const void *memory, size_t nbytes);

#endif
