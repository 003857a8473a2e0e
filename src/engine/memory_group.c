/* memory_group.c - see memory_group.h.
 *
 *     HOME                    the group that we were started in
 *     HOME/allot-PID          the run's, locked by us (flock) while we live
 *     HOME/allot-PID/self     ourselves, see below
 *     HOME/allot-PID/3.0      of the tasks of slot 3
 *
 * We go no higher than home: limits that somebody has set there bind us, and what is above is somebody else's
 * (systemd's: "the single-writer rule"). A group that hands a controller to groups below it may hold no
 * processes of its own, except at the very top; so we step aside, and if others are in home as well, which
 * are not ours to move, there are no groups.
 *
 * A group is used again: one made for each task would live on in the kernel as long as a page of a file that
 * the task read. It is made anew where something is left in it that would count against the next task:
 * processes, or files in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "engine/memory_group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cgroup.h"

#define NAME "allot-"
#define LEFT_MOST                                                                                            \
    16 /* a group in which more is left than the 16th part of what a task may take is made anew */

/* ---- files of a group -----------------------------------------------------------------------------------
 */

static bool write_text(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        (void)close(fd);
    return done;
}

static bool write_number(const char *folder, const char *name, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return write_text(folder, name, text);
}

/** The number after a key, in a file of keys and numbers by lines; or the file's only number, for key "". */
static uint64_t read_number(const char *folder, const char *name, const char *key)
{
    char text[1024];
    size_t length = strlen(key);
    (void)al_cgroup_text(folder, name, text, sizeof text);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (length == 0 || (strncmp(line, key, length) == 0 && line[length] == ' '))
            return strtoull(line + length, NULL, 10);
    }
    return 0;
}

static bool has_memory(const char *folder, const char *name)
{
    char line[512];
    return al_cgroup_line(folder, name, line, sizeof line) && al_cgroup_has_word(line, ' ', "memory");
}

static bool may_write(const char *folder, const char *name)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, W_OK) == 0;
}

/** Whether nobody but us is in a group. */
static bool is_alone(const char *folder)
{
    char text[64], us[24];
    (void)snprintf(us, sizeof us, "%d\n", (int)getpid());
    return al_cgroup_text(folder, "cgroup.procs", text, sizeof text) && strcmp(text, us) == 0;
}

/* ---- where we are ---------------------------------------------------------------------------------------
 */

static void note_home(void *arg, al_cgroup_version version, char *folder, size_t top)
{
    al_memory_groups *groups = arg;
    (void)top;
    if (version == AL_CGROUP_V2 && groups->home[0] == '\0')
        (void)snprintf(groups->home, sizeof groups->home, "%s",
                       strlen(folder) < sizeof groups->home ? folder : "");
}

/** Whether home is at the very top, where groups may hold processes beside groups. */
static bool is_top(const char *home)
{
    char type[32];
    return !al_cgroup_line(home, "cgroup.type", type, sizeof type);
}

/** Whether groups with a limit of memory can be made in home. */
static bool is_delegated(const char *home)
{
    char type[32];
    bool may = home[0] != '\0' && may_write(home, ".") && may_write(home, "cgroup.procs") &&
               may_write(home, "cgroup.subtree_control") && has_memory(home, "cgroup.controllers");
    if (!may || is_top(home))
        return may;
    (void)al_cgroup_line(home, "cgroup.type", type, sizeof type);
    return strcmp(type, "domain") == 0 && is_alone(home);
}

/* ---- the run's group ------------------------------------------------------------------------------------
 */

static void run_path(const al_memory_groups *groups, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/" NAME "%d", groups->home, (int)getpid());
}

/** Remove the groups in a group, and itself: those where nobody is. */
static void remove_tree(const char *folder)
{
    char path[PATH_MAX];
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
            (size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < sizeof path)
            (void)rmdir(path);
    if (entries != NULL)
        (void)closedir(entries);
    (void)rmdir(folder);
}

static int open_locked(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/** Remove what controllers that are no more have left. */
static void sweep(const char *home)
{
    char path[PATH_MAX];
    DIR *entries = opendir(home);
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        if (entry->d_type != DT_DIR || strncmp(entry->d_name, NAME, strlen(NAME)) != 0 ||
            (size_t)snprintf(path, sizeof path, "%s/%s", home, entry->d_name) >= sizeof path)
            continue;
        int fd = open_locked(path);
        if (fd < 0)
            continue; /* its controller works */
        remove_tree(path);
        (void)close(fd);
    }
    if (entries != NULL)
        (void)closedir(entries);
}

/** Make the run's group in home, and have both hand the memory controller on. */
static bool make_run(al_memory_groups *groups)
{
    char run[PATH_MAX], self[PATH_MAX + 8];
    run_path(groups, run);
    (void)snprintf(self, sizeof self, "%s/self", run);
    for (int tries = 0; tries < 3 && groups->run_fd < 0; tries++) /* it may be swept before it is locked */
        if (mkdir(run, 0755) == 0 || errno == EEXIST)
            groups->run_fd = open_locked(run);
    if (groups->run_fd < 0)
        return false;
    if (!has_memory(groups->home, "cgroup.subtree_control")) {
        if (!is_top(groups->home))
            groups->has_moved =
                mkdir(self, 0755) == 0 && write_number(self, "cgroup.procs", (uint64_t)getpid());
        groups->has_enabled = write_text(groups->home, "cgroup.subtree_control", "+memory");
        if (!groups->has_enabled)
            return false;
    }
    return write_text(run, "cgroup.subtree_control", "+memory");
}

bool al_memory_groups_open(al_memory_groups *groups, const char *root, uint32_t nslots)
{
    *groups = (al_memory_groups){.run_fd = -1, .nslots = nslots};
    al_cgroup_find(root, "memory", note_home, groups);
    if (!is_delegated(groups->home)) {
        groups->home[0] = '\0';
        return false;
    }
    sweep(groups->home);
    groups->groups = calloc(nslots + 1, sizeof *groups->groups);
    for (uint32_t slot = 0; groups->groups != NULL && slot <= nslots; slot++)
        groups->groups[slot].fd = -1;
    if (groups->groups == NULL || !make_run(groups)) {
        al_memory_groups_close(groups);
        return false;
    }
    return true;
}

void al_memory_groups_close(al_memory_groups *groups)
{
    char run[PATH_MAX];
    run_path(groups, run);
    for (uint32_t slot = 0; groups->groups != NULL && slot <= groups->nslots; slot++)
        if (groups->groups[slot].fd >= 0)
            (void)close(groups->groups[slot].fd);
    free(groups->groups);
    if (groups->run_fd >= 0) {
        remove_tree(run); /* all but self, and what is not empty */
        (void)write_text(run, "cgroup.subtree_control", "-memory");
        if (groups->has_enabled) /* refused while other runs need it */
            (void)write_text(groups->home, "cgroup.subtree_control", "-memory");
        if (groups->has_moved)
            (void)write_number(groups->home, "cgroup.procs", (uint64_t)getpid());
        remove_tree(run);
        (void)close(groups->run_fd);
    }
    *groups = (al_memory_groups){.run_fd = -1};
}

/* ---- a task's group -------------------------------------------------------------------------------------
 */

static void group_path(const al_memory_groups *groups, uint32_t slot, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/" NAME "%d/%u.%u", groups->home, (int)getpid(), slot,
                   groups->groups[slot].generation);
}

/** Whether so much is left in a group that its next task had better get another. */
static bool is_littered(const char *path, uint64_t mem_bytes)
{
    return read_number(path, "cgroup.events", "populated") != 0 ||
           read_number(path, "memory.current", "") > mem_bytes / LEFT_MOST;
}

/** A new one, in place of the one that there may be. */
static bool make_group(al_memory_groups *groups, uint32_t slot)
{
    char path[PATH_MAX];
    al_memory_group *group = &groups->groups[slot];
    if (group->fd >= 0) {
        group_path(groups, slot, path);
        (void)close(group->fd);
        (void)rmdir(path); /* where somebody is, it stays until we close */
        group->generation++;
    }
    *group = (al_memory_group){.fd = -1, .generation = group->generation};
    group_path(groups, slot, path);
    if (mkdir(path, 0755) != 0)
        return false;
    (void)write_text(path, "memory.swap.max", "0"); /* not there without swap */
    if (write_text(path, "memory.oom.group", "1"))  /* all of a task, or nothing of it */
        group->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return group->fd >= 0;
}

int al_memory_groups_enter(al_memory_groups *groups, uint32_t slot, uint64_t mem_bytes)
{
    char path[PATH_MAX];
    if (groups->home[0] == '\0' || groups->is_off)
        return -1;
    al_memory_group *group = &groups->groups[slot];
    group_path(groups, slot, path);
    if (group->fd < 0 || is_littered(path, mem_bytes)) {
        if (!make_group(groups, slot))
            return -1;
        group_path(groups, slot, path);
    }
    if (group->limit != mem_bytes && !write_number(path, "memory.max", mem_bytes))
        return -1;
    group->limit = mem_bytes;
    group->nkilled = read_number(path, "memory.events", "oom_kill");
    return group->fd;
}

bool al_memory_groups_killed(al_memory_groups *groups, uint32_t slot)
{
    char path[PATH_MAX];
    group_path(groups, slot, path);
    return read_number(path, "memory.events", "oom_kill") > groups->groups[slot].nkilled;
}
