/* target.h - what stands behind an engine's name: "fake:count=3,die=2s". Pure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_TARGET_H
#define AL_ENGINE_TARGET_H

#include <stdint.h>

#include <allot/error.h>

typedef enum al_target_kind {
    AL_TARGET_COUNT, /**< a whole number */
    AL_TARGET_TIME,  /**< 90, 1.5s, 20ms; ns */
    AL_TARGET_SIZE,  /**< 4096, 2G; bytes */
} al_target_kind;

/** A key that a launcher knows. */
typedef struct al_target_key {
    const char *name;
    al_target_kind kind;
    uint64_t most; /**< of a count */
} al_target_key;

/** Read "name:key=value,...".
 * @param[in,out] values  one a key, in their order; those that are not there stay
 * @return ALLOT_OK; ALLOT_EINVAL: what is wrong, and which keys there are */
allot_err al_target_read(const char *target, const al_target_key *keys, uint32_t nkeys, uint64_t *values,
                         allot_error *err);
/** What al_launcher.expand() gives for `count` engines that are called "prefix1", "prefix2", ...
 * @return ALLOT_OK; ALLOT_EINVAL: none; ALLOT_ENOMEM */
allot_err al_target_name(const char *prefix, uint64_t count, uint32_t number, uint32_t *nengines,
                         char **named, allot_error *err);

#endif
