/* scratch.h - a folder for a test's files, in memory where there is a file system for that: tests that write
 * small files thousands of times would otherwise wait for the disk.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char scratch[40];

/** @return 0, or -1: there is no place for it */
static inline int scratch_make(void **state)
{
    (void)state;
    static const char *const places[] = {"/dev/shm", "/tmp"};
    for (int k = 0; k < 2; k++) {
        (void)snprintf(scratch, sizeof scratch, "%s/allot-test-XXXXXX", places[k]);
        if (mkdtemp(scratch) != NULL)
            return 0;
    }
    return -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/** A file's name in it. @return static; four may be in use at a time */
static inline const char *scratch_path(const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

#endif
