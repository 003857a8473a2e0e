/* power.h - a disk that may lose power: a layer below SQLite that knows what was synced.
 *
 * Every write goes to the real file, and is remembered until its file is synced. power_cut() makes a copy of
 * a folder as it might be found after power came back: what was synced is there; of what was written since,
 * some writes are missing, some are torn at a sector, in no order. (A write does not damage what lies beside
 * it: SQLite relies on that, too.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SUPPORT_POWER_H
#define TESTS_SUPPORT_POWER_H

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prop.h"

#define POWER_FILES 32
#define POWER_SECTOR 512

typedef struct power_write {
    sqlite3_int64 at;
    int nbytes; /* -1: truncate to `at` */
    unsigned char *bytes;
} power_write;

/** A file: what is on the disk for sure, and what was done to it since. */
typedef struct power_file {
    char path[512];
    unsigned char *disk;
    sqlite3_int64 nbytes, room;
    power_write *pending;
    size_t npending, room_pending;
} power_file;

typedef struct power_handle {
    sqlite3_file base;
    power_file *file; /* NULL: not watched */
    sqlite3_file *real;
} power_handle;

static power_file power_files[POWER_FILES];
static int power_nfiles;
static sqlite3_vfs *power_below;
static pthread_mutex_t power_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t power_nsyncs;

static void power_apply(power_file *f, const power_write *w, int nbytes)
{
    sqlite3_int64 end = w->nbytes < 0 ? w->at : w->at + nbytes;
    if (w->nbytes < 0) {
        if (end < f->nbytes)
            f->nbytes = end;
        return;
    }
    if (end > f->room) {
        f->room = 2 * end;
        f->disk = realloc(f->disk, (size_t)f->room);
    }
    if (end > f->nbytes) {
        memset(f->disk + f->nbytes, 0, (size_t)(end - f->nbytes));
        f->nbytes = end;
    }
    if (nbytes > 0)
        memcpy(f->disk + w->at, w->bytes, (size_t)nbytes);
}

static void power_forget(power_file *f)
{
    for (size_t k = 0; k < f->npending; k++)
        free(f->pending[k].bytes);
    f->npending = 0;
}

/** The file of a path, with what is there when it is opened first. */
static power_file *power_find(const char *path)
{
    for (int k = 0; k < power_nfiles; k++)
        if (strcmp(power_files[k].path, path) == 0)
            return &power_files[k];
    if (power_nfiles == POWER_FILES)
        abort();
    power_file *f = &power_files[power_nfiles++];
    *f = (power_file){.disk = NULL};
    (void)snprintf(f->path, sizeof f->path, "%s", path);
    FILE *real = fopen(path, "rb");
    for (int c; real != NULL && (c = fgetc(real)) != EOF;) {
        unsigned char byte = (unsigned char)c;
        power_apply(f, &(power_write){.at = f->nbytes, .nbytes = 1, .bytes = &byte}, 1);
    }
    if (real != NULL)
        (void)fclose(real);
    return f;
}

static void power_note(power_file *f, sqlite3_int64 at, const void *bytes, int nbytes)
{
    if (f->npending == f->room_pending) {
        f->room_pending = f->room_pending > 0 ? 2 * f->room_pending : 64;
        f->pending = realloc(f->pending, f->room_pending * sizeof *f->pending);
    }
    unsigned char *copy = malloc(nbytes > 0 ? (size_t)nbytes : 1);
    if (nbytes > 0)
        memcpy(copy, bytes, (size_t)nbytes);
    f->pending[f->npending++] = (power_write){at, nbytes, copy};
}

/* ---- the layer -------------------------------------------------------------------------------------------
 */

#define POWER_REAL(handle) (((power_handle *)(void *)(handle))->real)

static int power_close(sqlite3_file *h)
{
    sqlite3_file *real = POWER_REAL(h);
    int code = real->pMethods->xClose(real);
    free(real);
    return code;
}

static int power_read(sqlite3_file *h, void *to, int n, sqlite3_int64 at)
{
    return POWER_REAL(h)->pMethods->xRead(POWER_REAL(h), to, n, at);
}

static int power_write_file(sqlite3_file *h, const void *from, int n, sqlite3_int64 at)
{
    (void)pthread_mutex_lock(&power_lock);
    int code = POWER_REAL(h)->pMethods->xWrite(POWER_REAL(h), from, n, at);
    if (code == SQLITE_OK)
        power_note(((power_handle *)(void *)h)->file, at, from, n);
    (void)pthread_mutex_unlock(&power_lock);
    return code;
}

static int power_truncate(sqlite3_file *h, sqlite3_int64 n)
{
    (void)pthread_mutex_lock(&power_lock);
    int code = POWER_REAL(h)->pMethods->xTruncate(POWER_REAL(h), n);
    if (code == SQLITE_OK)
        power_note(((power_handle *)(void *)h)->file, n, NULL, -1);
    (void)pthread_mutex_unlock(&power_lock);
    return code;
}

/** The sync itself is left out: it would only be slow. */
static int power_sync(sqlite3_file *h, int flags)
{
    (void)flags;
    power_file *f = ((power_handle *)(void *)h)->file;
    (void)pthread_mutex_lock(&power_lock);
    for (size_t k = 0; k < f->npending; k++)
        power_apply(f, &f->pending[k], f->pending[k].nbytes);
    power_forget(f);
    power_nsyncs++;
    (void)pthread_mutex_unlock(&power_lock);
    return SQLITE_OK;
}

static int power_size(sqlite3_file *h, sqlite3_int64 *n)
{
    return POWER_REAL(h)->pMethods->xFileSize(POWER_REAL(h), n);
}

static int power_lock_file(sqlite3_file *h, int level)
{
    return POWER_REAL(h)->pMethods->xLock(POWER_REAL(h), level);
}

static int power_unlock_file(sqlite3_file *h, int level)
{
    return POWER_REAL(h)->pMethods->xUnlock(POWER_REAL(h), level);
}

static int power_check_lock(sqlite3_file *h, int *held)
{
    return POWER_REAL(h)->pMethods->xCheckReservedLock(POWER_REAL(h), held);
}

static int power_control(sqlite3_file *h, int what, void *arg)
{
    return POWER_REAL(h)->pMethods->xFileControl(POWER_REAL(h), what, arg);
}

static int power_sector(sqlite3_file *h)
{
    (void)h;
    return POWER_SECTOR;
}

static int power_traits(sqlite3_file *h)
{
    (void)h;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int power_shm_map(sqlite3_file *h, int page, int n, int extend, void volatile **at)
{
    return POWER_REAL(h)->pMethods->xShmMap(POWER_REAL(h), page, n, extend, at);
}

static int power_shm_lock(sqlite3_file *h, int first, int n, int flags)
{
    return POWER_REAL(h)->pMethods->xShmLock(POWER_REAL(h), first, n, flags);
}

static void power_shm_barrier(sqlite3_file *h)
{
    POWER_REAL(h)->pMethods->xShmBarrier(POWER_REAL(h));
}

static int power_shm_unmap(sqlite3_file *h, int remove)
{
    return POWER_REAL(h)->pMethods->xShmUnmap(POWER_REAL(h), remove);
}

static const sqlite3_io_methods power_methods = {.iVersion = 2,
                                                 .xClose = power_close,
                                                 .xRead = power_read,
                                                 .xWrite = power_write_file,
                                                 .xTruncate = power_truncate,
                                                 .xSync = power_sync,
                                                 .xFileSize = power_size,
                                                 .xLock = power_lock_file,
                                                 .xUnlock = power_unlock_file,
                                                 .xCheckReservedLock = power_check_lock,
                                                 .xFileControl = power_control,
                                                 .xSectorSize = power_sector,
                                                 .xDeviceCharacteristics = power_traits,
                                                 .xShmMap = power_shm_map,
                                                 .xShmLock = power_shm_lock,
                                                 .xShmBarrier = power_shm_barrier,
                                                 .xShmUnmap = power_shm_unmap};

static int power_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *h, int flags, int *got)
{
    (void)vfs;
    power_handle *handle = (power_handle *)(void *)h;
    *handle = (power_handle){.real = calloc(1, (size_t)power_below->szOsFile)};
    int code = power_below->xOpen(power_below, path, handle->real, flags, got);
    if (code != SQLITE_OK) {
        free(handle->real);
        return code;
    }
    (void)pthread_mutex_lock(&power_lock);
    handle->file = power_find(path != NULL ? path : "");
    (void)pthread_mutex_unlock(&power_lock);
    handle->base.pMethods = &power_methods;
    return SQLITE_OK;
}

/** A removal may or may not have reached the disk: the file is empty, or as it was. */
static int power_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    int code = power_below->xDelete(power_below, path, 0);
    (void)pthread_mutex_lock(&power_lock);
    power_file *f = power_find(path);
    power_note(f, 0, NULL, -1);
    if (sync) {
        power_forget(f);
        f->nbytes = 0;
    }
    (void)pthread_mutex_unlock(&power_lock);
    return code;
}

/** From now on SQLite writes through the layer. */
static void power_install(void)
{
    static sqlite3_vfs vfs;
    power_below = sqlite3_vfs_find(NULL);
    vfs = *power_below;
    vfs.szOsFile = (int)sizeof(power_handle);
    vfs.zName = "power";
    vfs.xOpen = power_open;
    vfs.xDelete = power_delete;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}

/** Forget all files: a new disk. */
static void power_new_disk(void)
{
    for (int k = 0; k < power_nfiles; k++) {
        power_forget(&power_files[k]);
        free(power_files[k].pending);
        free(power_files[k].disk);
    }
    power_nfiles = 0;
}

/* ---- the cut ---------------------------------------------------------------------------------------------
 */

static void power_write_copy(const power_file *f, const char *to)
{
    power_file copy = {.nbytes = 0};
    if (f->nbytes > 0)
        power_apply(&copy, &(power_write){.nbytes = (int)f->nbytes, .bytes = f->disk}, (int)f->nbytes);
    uint64_t keep_one_in = 1 + prop_below(4);
    for (size_t k = 0; k < f->npending; k++) {
        const power_write *w = &f->pending[k];
        if (!prop_chance(keep_one_in))
            continue;
        int n = w->nbytes > POWER_SECTOR && prop_chance(4)
                    ? (int)prop_below((uint64_t)w->nbytes / POWER_SECTOR) * POWER_SECTOR
                    : w->nbytes;
        power_apply(&copy, w, n);
    }
    FILE *out = fopen(to, "wb");
    if (out == NULL ||
        (copy.nbytes > 0 && fwrite(copy.disk, 1, (size_t)copy.nbytes, out) != (size_t)copy.nbytes) ||
        fclose(out) != 0)
        abort();
    free(copy.disk);
}

/** What is found of the files below `from` after a cut at this moment, in the folder `to`. Shared memory is
 * gone. */
static void power_cut(const char *from, const char *to)
{
    size_t length = strlen(from);
    char path[1024];
    (void)pthread_mutex_lock(&power_lock);
    for (int k = 0; k < power_nfiles; k++) {
        const power_file *f = &power_files[k];
        if (strncmp(f->path, from, length) != 0 || f->path[length] != '/')
            continue;
        (void)snprintf(path, sizeof path, "%s%s", to, f->path + length);
        if (f->nbytes > 0 || f->npending > 0)
            power_write_copy(f, path);
    }
    (void)pthread_mutex_unlock(&power_lock);
}

#endif
