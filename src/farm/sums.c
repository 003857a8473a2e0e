/* sums.c - see sums.h.
 *
 * A table of files by their paths, open addressing, at most half full; nothing is taken out. The lock is held
 * for the table, never while a file is read: who reads one marks it, and whoever else wants it waits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/sums.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/fail.h"
#include "engine/file_transfer.h"

#define ROOM_LEAST 64u

/** A file whose sum is known, or being found. */
typedef struct summed {
    char *path;     /* NULL: a free place; owned */
    struct stat st; /* of the file that the sum is of */
    al_sum sum;
    bool is_known, is_busy;
} summed;

struct al_sums {
    pthread_mutex_t lock;
    pthread_cond_t done; /* a busy one is not any more */
    summed *all;
    size_t room, count;
    pthread_t thread;
    bool has_thread;
    atomic_bool stop;
    al_buffer ahead; /* the thread's paths */
};

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* ---- the table: with the lock held ----------------------------------------------------------------------
 */

/** Where the path is, or the free place where it would be. */
static summed *place_of(summed *all, size_t room, const char *path)
{
    size_t at = (size_t)XXH3_64bits(path, strlen(path)) & (room - 1);
    while (all[at].path != NULL && strcmp(all[at].path, path) != 0)
        at = (at + 1) & (room - 1);
    return &all[at];
}

static bool grow(al_sums *sums)
{
    size_t room = sums->room > 0 ? 2 * sums->room : ROOM_LEAST;
    summed *all = calloc(room, sizeof *all);
    if (all == NULL)
        return false;
    for (size_t k = 0; k < sums->room; k++)
        if (sums->all[k].path != NULL)
            *place_of(all, room, sums->all[k].path) = sums->all[k];
    free(sums->all);
    sums->all = all;
    sums->room = room;
    return true;
}

/** The path's entry, until the lock is given up. NULL: out of memory */
static summed *entry_of(al_sums *sums, const char *path)
{
    if (2 * (sums->count + 1) > sums->room && !grow(sums))
        return NULL;
    summed *found = place_of(sums->all, sums->room, path);
    if (found->path != NULL)
        return found;
    found->path = strdup(path);
    if (found->path == NULL)
        return NULL;
    sums->count++;
    return found;
}

/* ---- one file -------------------------------------------------------------------------------------------
 */

/** stop: NULL: nothing stops it. @return 0 or errno */
static int read_sum(const char *path, const atomic_bool *stop, al_sum *sum)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int fault = fd >= 0 ? al_file_sum(fd, stop, sum) : errno;
    if (fd >= 0)
        (void)close(fd);
    return fault;
}

/** What al_sums_find() says, as an errno. */
static int find(al_sums *sums, const char *path, const struct stat *st, const atomic_bool *stop, al_sum *sum)
{
    int fault = 0;
    (void)pthread_mutex_lock(&sums->lock);
    summed *one = entry_of(sums, path);
    while (one != NULL && one->is_busy) {
        (void)pthread_cond_wait(&sums->done, &sums->lock);
        one = entry_of(sums, path); /* the table may have grown */
    }
    if (one == NULL) {
        fault = ENOMEM;
    } else if (one->is_known && is_same(&one->st, st)) {
        *sum = one->sum;
    } else {
        one->is_busy = true;
        (void)pthread_mutex_unlock(&sums->lock);
        fault = read_sum(path, stop, sum);
        (void)pthread_mutex_lock(&sums->lock);
        one = place_of(sums->all, sums->room, path);
        one->is_busy = false;
        one->is_known = fault == 0;
        if (fault == 0) {
            one->sum = *sum;
            one->st = *st;
        }
        (void)pthread_cond_broadcast(&sums->done);
    }
    (void)pthread_mutex_unlock(&sums->lock);
    return fault;
}

allot_err al_sums_find(al_sums *sums, const char *path, const struct stat *st, al_sum *sum, allot_error *err)
{
    int fault = find(sums, path, st, NULL, sum);
    if (fault == ENOMEM)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    return fault == 0 ? ALLOT_OK : al_fail(err, ALLOT_EIO, fault, "%s cannot be read", path);
}

/* ---- ahead ----------------------------------------------------------------------------------------------
 */

static void *run_ahead(void *arg)
{
    al_sums *sums = arg;
    struct stat st;
    al_sum sum;
    const char *past = sums->ahead.at + sums->ahead.nbytes;
    for (const char *path = sums->ahead.at; path < past && !atomic_load(&sums->stop);
         path += strlen(path) + 1)
        if (stat(path, &st) == 0 &&
            S_ISREG(st.st_mode)) /* folders are gone through when they are asked for */
            (void)find(sums, path, &st, &sums->stop, &sum);
    return NULL;
}

void al_sums_begin(al_sums *sums, al_bytes paths)
{
    if (sums->has_thread || paths.nbytes == 0 || !al_buffer_append(&sums->ahead, paths.at, paths.nbytes))
        return;
    sigset_t all, old; /* signals are for the thread that waits for them */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    sums->has_thread = pthread_create(&sums->thread, NULL, run_ahead, sums) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void al_sums_stop(al_sums *sums)
{
    atomic_store(&sums->stop, true);
}

al_sums *al_sums_create(void)
{
    al_sums *sums = calloc(1, sizeof *sums);
    if (sums == NULL)
        return NULL;
    (void)pthread_mutex_init(&sums->lock, NULL);
    (void)pthread_cond_init(&sums->done, NULL);
    atomic_init(&sums->stop, false);
    return sums;
}

void al_sums_destroy(al_sums *sums)
{
    if (sums == NULL)
        return;
    al_sums_stop(sums);
    if (sums->has_thread)
        (void)pthread_join(sums->thread, NULL);
    for (size_t k = 0; k < sums->room; k++)
        free(sums->all[k].path);
    free(sums->all);
    al_buffer_fini(&sums->ahead);
    (void)pthread_cond_destroy(&sums->done);
    (void)pthread_mutex_destroy(&sums->lock);
    free(sums);
}
