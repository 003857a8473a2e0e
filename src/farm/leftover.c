/* leftover.c - see leftover.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/leftover.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool was_in_flight(const al_task_id *tasks, size_t count, al_task_id task)
{
    for (size_t k = 0; k < count; k++)
        if (tasks[k] == task)
            return true;
    return false;
}

/** The task of this run that a process belongs to, by what every task is told (tell_env() in farm_task.c). 0:
 * none */
static al_task_id task_of(long pid, const char *folder)
{
    char path[64], text[4096];
    al_task_id task = 0;
    bool is_ours = false;
    (void)snprintf(path, sizeof path, "/proc/%ld/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    for (const char *at = text; n > 0 && at < text + n; at += strlen(at) + 1) { /* ours come first */
        if (strncmp(at, "ALLOT_RUN=", 10) == 0)
            is_ours = strcmp(at + 10, folder) == 0;
        else if (strncmp(at, "ALLOT_TASK=", 11) == 0)
            task = strtoull(at + 11, NULL, 10);
    }
    return is_ours ? task : 0;
}

uint32_t al_leftovers_end(const al_store *store)
{
    size_t count;
    uint32_t nended = 0;
    const al_task_id *tasks = al_store_interrupted(store, &count);
    DIR *entries = count > 0 ? opendir("/proc") : NULL;
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid <= 1 || *end != '\0' || pid == (long)getpid())
            continue;
        if (was_in_flight(tasks, count, task_of(pid, al_store_folder(store))))
            nended += kill((pid_t)pid, SIGKILL) == 0;
    }
    if (entries != NULL)
        (void)closedir(entries);
    return nended;
}
