/* token.h - a file in our folder by which engines find out whether they see the same one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_TOKEN_H
#define AL_FARM_TOKEN_H

#include <limits.h>

/** Where it is and what it says; "": there is none. */
typedef struct al_token {
    char path[PATH_MAX];
    char text[40];
} al_token;

/** Make one; a folder that cannot be written has none. */
void al_token_create(al_token *token, const char *folder);
void al_token_remove(al_token *token);

#endif
