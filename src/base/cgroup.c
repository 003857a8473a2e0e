/* cgroup.c - finding the control groups that a process is in.
 *
 * Where a mount shows only part of the hierarchy (a container's usually does), its root is cut off the
 * process's path. A mount that shows the path of somebody else is left aside, unless there is no better one:
 * then its top is taken to be the process's own, as it is in a container whose /proc shows the host's paths.
 *
 * Invariants: nothing here fails. What cannot be read or understood is not there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "base/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** The search for one controller's groups. */
typedef struct search {
    const char *root;
    const char *controller;
    al_cgroup_found_fn *found;
    void *arg;
    struct {
        char *path;      /* the process's cgroup, "/a/b"; NULL: not in this version */
        char *elsewhere; /* first mount point whose root is not above path; NULL: none */
        bool was_found;  /* a mount whose root is above path was told of */
    } seen[AL_CGROUP_NVERSIONS];
} search;

bool al_cgroup_has_word(const char *list, char between, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at != NULL; at = strchr(at, between)) {
        at += *at == between;
        if (strncmp(at, word, length) == 0 && (at[length] == between || at[length] == '\0'))
            return true;
    }
    return false;
}

bool al_cgroup_text(const char *folder, const char *name, char *text, size_t nbytes)
{
    char path[PATH_MAX];
    text[0] = '\0';
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, nbytes - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

bool al_cgroup_line(const char *folder, const char *name, char *line, size_t nbytes)
{
    bool is_there = al_cgroup_text(folder, name, line, nbytes);
    line[strcspn(line, "\n")] = '\0';
    return is_there;
}

/** Tell of mount/below, or mount itself. */
static void tell(const search *find, al_cgroup_version version, const char *mount, const char *below)
{
    char folder[PATH_MAX];
    int top = snprintf(folder, sizeof folder, "%s%s", find->root, mount);
    if (top < 0 || (size_t)top >= sizeof folder ||
        (size_t)snprintf(folder + top, sizeof folder - (size_t)top, "%s", below) >=
            sizeof folder - (size_t)top)
        return;
    find->found(find->arg, version, folder, (size_t)top);
}

/** What of path lies below root ("" when they are the same); NULL when path is not under root. */
static const char *path_below(const char *path, const char *root)
{
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    const char *below = path + length;
    for (const char *up = strstr(below, "/.."); up != NULL; up = strstr(up + 1, "/.."))
        if (up[3] == '/' || up[3] == '\0') /* outside of this cgroup namespace: leads out of the mount */
            return NULL;
    return strcmp(below, "/") == 0 ? "" : below;
}

/** mountinfo writes blanks, tabs, newlines and backslashes as \ooo. In place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0';) {
        bool octal = at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' &&
                     at[3] >= '0' && at[3] <= '7';
        if (!octal) {
            *to++ = *at++;
            continue;
        }
        *to++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
        at += 4;
    }
    *to = '\0';
}

static void read_mount(search *find, al_cgroup_version version, char *root, char *mount)
{
    const char *path = find->seen[version].path;
    if (path == NULL)
        return;
    unescape(root);
    unescape(mount);
    const char *below = path_below(path, root);
    if (below != NULL) {
        find->seen[version].was_found = true;
        tell(find, version, mount, below);
    } else if (find->seen[version].elsewhere == NULL) {
        find->seen[version].elsewhere = strdup(mount);
    }
}

/** One line of /proc/self/mountinfo:
 * ID PARENT MAJOR:MINOR ROOT MOUNT OPTIONS [TAG ...] - FSTYPE SOURCE SUPEROPTIONS */
static void read_mountinfo_line(search *find, char *line)
{
    char *rest = strstr(line, " - ");
    if (rest == NULL)
        return;
    *rest = '\0';
    char *save, *root = NULL, *mount = NULL;
    char *word = strtok_r(line, " ", &save);
    for (int at = 0; word != NULL && at < 5; at++, word = strtok_r(NULL, " ", &save)) {
        root = at == 3 ? word : root;
        mount = at == 4 ? word : mount;
    }
    const char *type = strtok_r(rest + 3, " ", &save);
    if (mount == NULL || type == NULL)
        return;
    const char *options = type;
    while ((word = strtok_r(NULL, " \n", &save)) != NULL)
        options = word; /* the last word, also when the source is empty */
    if (strcmp(type, "cgroup2") == 0)
        read_mount(find, AL_CGROUP_V2, root, mount);
    else if (strcmp(type, "cgroup") == 0 && al_cgroup_has_word(options, ',', find->controller))
        read_mount(find, AL_CGROUP_V1, root, mount);
}

/** One line of /proc/self/cgroup: ID:CONTROLLERS:PATH, with ID 0 and no controllers for v2. */
static void read_cgroup_line(search *find, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL || path[1] != '/')
        return;
    *controllers++ = '\0';
    *path++ = '\0';
    bool is_v2 = strcmp(line, "0") == 0 && *controllers == '\0';
    if (!is_v2 && !al_cgroup_has_word(controllers, ',', find->controller))
        return;
    al_cgroup_version version = is_v2 ? AL_CGROUP_V2 : AL_CGROUP_V1;
    if (find->seen[version].path == NULL)
        find->seen[version].path = strdup(path);
}

static FILE *open_under(const char *root, const char *name)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s%s", root, name) >= sizeof path)
        return NULL;
    return fopen(path, "re");
}

static void read_all(search *find)
{
    char *line = NULL;
    size_t room = 0;
    FILE *file = open_under(find->root, "/proc/self/cgroup");
    if (file == NULL)
        return;
    while (getline(&line, &room, file) > 0)
        read_cgroup_line(find, line);
    (void)fclose(file);
    file = open_under(find->root, "/proc/self/mountinfo");
    while (file != NULL && getline(&line, &room, file) > 0)
        read_mountinfo_line(find, line);
    if (file != NULL)
        (void)fclose(file);
    free(line);
}

void al_cgroup_find(const char *root, const char *controller, al_cgroup_found_fn *found, void *arg)
{
    search find = {.root = root, .controller = controller, .found = found, .arg = arg};
    read_all(&find);
    for (int version = 0; version < AL_CGROUP_NVERSIONS; version++) {
        if (!find.seen[version].was_found && find.seen[version].elsewhere != NULL)
            tell(&find, (al_cgroup_version)version, find.seen[version].elsewhere, "");
        free(find.seen[version].path);
        free(find.seen[version].elsewhere);
    }
}
