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

static bool was_in_flight(const al_store_inflight *tasks, uint32_t count, pid_t session)
{
    for (uint32_t k = 0; k < count; k++)
        if (tasks[k].pid == session && session > 0)
            return true;
    return false;
}

/** Whether a process was started by a controller of this run: see make_env() in farm.c. */
static bool is_of_run(long pid, const char *folder)
{
    char path[64], text[4096];
    size_t length = strlen(folder) + 1;
    (void)snprintf(path, sizeof path, "/proc/%ld/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    /* Ours come first. */
    for (const char *at = text; at < text + (n > 0 ? n : 0); at += strlen(at) + 1)
        if (strncmp(at, "ALLOT_RUN=", 10) == 0)
            return strncmp(at + 10, folder, length) == 0;
    return false;
}

uint32_t al_leftovers_end(const al_store *store)
{
    uint32_t count, nended = 0;
    const al_store_inflight *tasks = al_store_interrupted(store, &count);
    DIR *entries = count > 0 ? opendir("/proc") : NULL;
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid <= 1 || *end != '\0' || pid == (long)getpid())
            continue;
        if (was_in_flight(tasks, count, getsid((pid_t)pid)) && is_of_run(pid, al_store_folder(store)))
            nended += kill((pid_t)pid, SIGKILL) == 0;
    }
    if (entries != NULL)
        (void)closedir(entries);
    return nended;
}
