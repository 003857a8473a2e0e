/* nearest.h - what somebody may have meant by a word that is not known.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_NEAREST_H
#define AL_BASE_NEAREST_H

#include <stddef.h>

/** A search: set word, try every name there is, read name. */
typedef struct al_nearest {
    const char *word;
    char name[64];     /* the closest one so far, "" while none is close enough to be worth saying */
    unsigned distance; /* of that one */
} al_nearest;

/** See whether a name (of length bytes) is closer than what was tried before. */
void al_nearest_try(al_nearest *nearest, const char *name, size_t length);

#endif
