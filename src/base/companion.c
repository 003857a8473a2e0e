/* companion.c - see companion.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/companion.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool al_companion_find(const char *name, int mode, char *path, size_t room)
{
    static const char *const places[] = {"/", "/../libexec/allot/"};
    char folder[PATH_MAX / 2];
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    for (size_t k = 0; k < sizeof places / sizeof places[0]; k++) {
        (void)snprintf(path, room, "%s%s%s", folder, places[k], name);
        if (access(path, mode) == 0)
            return true;
    }
    return false;
}
