/* user_folder.c - see user_folder.h. Who may own such a folder, and what becomes of one that is not to be
 * trusted, is for those who keep something there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/user_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/** What the specification says of each kind. */
static const struct {
    const char *variable, *below_home;
} places[] = {
    [AL_USER_CACHE] = {"XDG_CACHE_HOME", ".cache"},
    [AL_USER_STATE] = {"XDG_STATE_HOME", ".local/state"},
};

bool al_user_folder_path(al_user_folder_kind kind, char *path, size_t nbytes)
{
    const char *base = getenv(places[kind].variable), *home = getenv("HOME");
    struct stat stat_of_home;
    int length = -1;
    if (base != NULL && base[0] == '/')
        length = snprintf(path, nbytes, "%s/allot", base);
    else if (home != NULL && home[0] == '/' && stat(home, &stat_of_home) == 0)
        length = snprintf(path, nbytes, "%s/%s/allot", home, places[kind].below_home);
    return length > 0 && (size_t)length < nbytes;
}

void al_folder_make(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    (void)mkdir(path, 0700);
}
