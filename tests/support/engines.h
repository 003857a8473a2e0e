/* engines.h - what tests of isolated engines need again and again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SUPPORT_ENGINES_H
#define TESTS_SUPPORT_ENGINES_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <allot/allot.h>

static inline allot_pool *engines_of(const char *spec)
{
    allot_pool *pool = NULL;
    allot_error err;
    if (allot_pool_open(&pool, spec, &err) != ALLOT_OK)
        fail_msg("a pool of \"%s\": %s", spec, err.text);
    return pool;
}

static inline void *shared_of(size_t nbytes)
{
    allot_error err;
    void *memory = allot_shared_alloc(nbytes, &err);
    if (memory == NULL)
        fail_msg("%s", err.text);
    return memory;
}

/** Whether a process is gone, or dead and waiting for a parent that does not care. */
static inline bool is_gone(pid_t pid)
{
    char path[64], text[256] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return true;
    size_t n = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    const char *end = n > 0 ? strrchr(text, ')') : NULL;
    return end == NULL || end[2] == 'Z' || end[2] == 'X';
}

/** The same, within ten seconds. */
static inline bool is_soon_gone(pid_t pid)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    for (int k = 0; k < 10000 && !is_gone(pid); k++)
        (void)nanosleep(&nap, NULL);
    return is_gone(pid);
}

/** No child is left, neither running nor a zombie. */
static inline bool has_no_children(void)
{
    return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

#endif
