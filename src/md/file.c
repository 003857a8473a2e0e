/* file.c - see file.h.
 *
 * A write that fails may have written a part. The file is cut back to its last whole piece then, so that who
 * reads it, or goes on with it, never finds a torn one unless the machine itself went down.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "md/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

/** What is written at once: large enough that a call costs nothing beside it. */
#define WRITE_NBYTES ((size_t)1 << 20)

/** @return 0 or errno */
static int read_all(int fd, al_buffer *bytes)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    size_t room = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size + 1 : WRITE_NBYTES;
    for (;;) {
        char *at = al_buffer_reserve(bytes, room);
        if (at == NULL)
            return ENOMEM;
        ssize_t n = read(fd, at, bytes->room - bytes->nbytes);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n == 0)
            return 0;
        bytes->nbytes += n > 0 ? (size_t)n : 0;
        if (bytes->nbytes < bytes->room)
            room = 1;
    }
}

allot_err al_file_read(const char *path, al_buffer *bytes, allot_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return al_fail(err, errno == ENOENT ? ALLOT_ENOTFOUND : ALLOT_EIO, errno, "%s", path);
    int fault = read_all(fd, bytes);
    (void)close(fd);
    if (fault == ENOMEM)
        return al_fail(err, ALLOT_ENOMEM, 0, "%s: out of memory", path);
    return fault == 0 ? ALLOT_OK : al_fail(err, ALLOT_EIO, fault, "%s", path);
}

int al_file_write(int fd, const void *bytes, size_t nbytes)
{
    const char *at = bytes;
    while (nbytes > 0) {
        ssize_t n = write(fd, at, nbytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        at += n;
        nbytes -= (size_t)n;
    }
    return 0;
}

/** What a folder says of its files, on the disk too. Some file systems cannot, and then need not. */
static void sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        slash[slash == path] = '\0';
    int fd = open(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

/** @return 0 or errno; the draft is gone unless 0 */
static int write_draft(const char *draft, const void *bytes, size_t nbytes)
{
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    int fault = al_file_write(fd, bytes, nbytes);
    if (fault == 0 && fsync(fd) != 0)
        fault = errno;
    if (close(fd) != 0 && fault == 0)
        fault = errno;
    if (fault != 0)
        (void)unlink(draft);
    return fault;
}

/** @return 0 or errno; nothing has changed unless 0 */
static int rename_draft(const char *draft, const char *path, const char *before)
{
    bool has_before = before != NULL && rename(path, before) == 0;
    if (before != NULL && !has_before && errno != ENOENT)
        return errno;
    if (rename(draft, path) == 0)
        return 0;
    int fault = errno;
    if (has_before)
        (void)rename(before, path);
    return fault;
}

allot_err al_file_replace(const char *path, const char *before, const void *bytes, size_t nbytes,
                          allot_error *err)
{
    char *draft = NULL;
    if (asprintf(&draft, "%s.new", path) < 0)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    int fault = write_draft(draft, bytes, nbytes);
    if (fault == 0 && (fault = rename_draft(draft, path, before)) != 0)
        (void)unlink(draft);
    if (fault == 0)
        sync_folder(draft);
    free(draft);
    return fault == 0
               ? ALLOT_OK
               : al_fail(err, ALLOT_EIO, fault, "%s: cannot be written; what was there is as before", path);
}

allot_err al_growth_open(al_growth *growth, const char *path, bool keep, allot_error *err)
{
    *growth = (al_growth){.path = strdup(path), .fd = -1};
    if (growth->path == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    growth->fd = open(path, (keep ? O_RDWR : O_WRONLY | O_TRUNC) | O_CREAT | O_CLOEXEC, 0666);
    off_t end = growth->fd >= 0 && keep ? lseek(growth->fd, 0, SEEK_END) : 0;
    if (growth->fd >= 0 && end >= 0) {
        growth->nbytes = (uint64_t)end;
        return ALLOT_OK;
    }
    allot_err code = al_fail(err, ALLOT_EIO, errno, "%s", path);
    (void)al_growth_close(growth, NULL);
    return code;
}

allot_err al_growth_cut(al_growth *growth, uint64_t nbytes, allot_error *err)
{
    if (ftruncate(growth->fd, (off_t)nbytes) != 0 || lseek(growth->fd, (off_t)nbytes, SEEK_SET) < 0)
        return al_fail(err, ALLOT_EIO, errno, "%s: what comes after the checkpoint could not be cut off",
                       growth->path);
    growth->nbytes = nbytes;
    return ALLOT_OK;
}

void al_growth_abandon(al_growth *growth)
{
    growth->pending.nbytes = growth->settled;
    growth->pending.failed = false;
}

allot_err al_growth_settle(al_growth *growth, allot_error *err)
{
    if (growth->pending.failed) {
        al_growth_abandon(growth);
        return al_fail(err, ALLOT_ENOMEM, 0, "%s: out of memory", growth->path);
    }
    growth->settled = growth->pending.nbytes;
    return growth->settled < WRITE_NBYTES ? ALLOT_OK : al_growth_flush(growth, err);
}

allot_err al_growth_flush(al_growth *growth, allot_error *err)
{
    al_growth_abandon(growth);
    int fault = al_file_write(growth->fd, growth->pending.at, growth->settled);
    if (fault != 0) {
        (void)al_growth_cut(growth, growth->nbytes, NULL);
        return al_fail(err, ALLOT_EIO, fault,
                       "%s: cannot be written; it ends after its last whole frame or line", growth->path);
    }
    growth->nbytes += growth->settled;
    growth->settled = 0;
    al_buffer_clear(&growth->pending);
    return ALLOT_OK;
}

allot_err al_growth_sync(al_growth *growth, allot_error *err)
{
    allot_err code = al_growth_flush(growth, err);
    if (code == ALLOT_OK && fdatasync(growth->fd) != 0 && errno != EINVAL &&
        errno != EROFS) /* as of a pipe */
        code = al_fail(err, ALLOT_EIO, errno, "%s: cannot be written to the disk", growth->path);
    return code;
}

allot_err al_growth_close(al_growth *growth, allot_error *err)
{
    allot_err code = ALLOT_OK;
    if (growth->fd >= 0) {
        code = al_growth_flush(growth, err);
        if (close(growth->fd) != 0 && code == ALLOT_OK) /* where some network file systems first say it */
            code = al_fail(err, ALLOT_EIO, errno, "%s: cannot be written", growth->path);
    }
    al_buffer_fini(&growth->pending);
    free(growth->path);
    *growth = (al_growth){.fd = -1};
    return code;
}
