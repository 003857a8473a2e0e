/* map_output.c - writing results so that a good file is never left half overwritten.
 *
 * A file is written under a name of its own in the folder it belongs to (so that the rename stays within one
 * file system) and takes its name when all of it has been written and closed without an error. Whatever ends
 * the command before that, a signal included, the temporary file is removed and the old one is untouched. So
 * the output may also be one of the inputs. A symbolic link stays one: what it points to is replaced.
 *
 * The data is not forced to the disk: as with cp, what the machine lost to a power cut is lost.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fail.h"

/** What al_output_abandon() removes; a copy, since it may run at any moment. */
static char abandoned[PATH_MAX];
static atomic_bool has_temporary;

void al_output_abandon(void)
{
    if (atomic_exchange(&has_temporary, false))
        (void)unlink(abandoned);
}

static allot_err io_error(al_map_output *output, int number, allot_error *err)
{
    output->is_pipe_gone = number == EPIPE;
    const char *remedy =
        number == ENOSPC || number == EDQUOT ? " (make room, or write elsewhere with --output)" : "";
    return al_fail(err, ALLOT_EIO, number, "%s cannot be written%s", output->name, remedy);
}

/** Make the temporary file beside the one it replaces: "FOLDER/.allot-PID-N". */
static allot_err make_temporary(al_map_output *output, mode_t mode, allot_error *err)
{
    const char *slash = strrchr(output->path, '/');
    int folder = slash != NULL ? (int)(slash - output->path) + 1 : 0;
    for (unsigned n = 0; n < 1000; n++) {
        free(output->temporary);
        if (asprintf(&output->temporary, "%.*s.allot-%ld-%u", folder, output->path, (long)getpid(), n) < 0) {
            output->temporary = NULL;
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        }
        if (strlen(output->temporary) >= sizeof abandoned)
            return al_fail(err, ALLOT_EIO, ENAMETOOLONG, "%s", output->name);
        output->fd = open(output->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (output->fd >= 0) {
            strcpy(abandoned, output->temporary);
            atomic_store(&has_temporary, true);
            return ALLOT_OK;
        }
        if (errno != EEXIST)
            break;
    }
    int number = errno;
    if (number == EACCES || number == EROFS || number == EPERM)
        return al_fail(err, ALLOT_EPERM, number, "%s: no file can be made in its folder", output->name);
    return al_fail(err, ALLOT_EIO, number, "%s cannot be made", output->name);
}

/** Give the temporary file the owner, if we may, and the permissions of the file it replaces. */
static void take_after(int fd, const struct stat *old)
{
    struct stat own;
    if (fstat(fd, &own) == 0 && (own.st_uid != old->st_uid || own.st_gid != old->st_gid) &&
        fchown(fd, old->st_uid, old->st_gid) != 0)
        errno = 0; /* then it is ours, as it would be had we made it anew */
    (void)fchmod(fd, old->st_mode & 0777);
}

/** The descriptor that a path like /dev/stdout or /dev/fd/3 means; -1: none. What is behind it is written
 * where it stands, also when it is a file. */
static int descriptor_of(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t k = 0; k < sizeof folders / sizeof folders[0]; k++) {
        size_t n = strlen(folders[k]);
        int32_t fd;
        if (strncmp(path, folders[k], n) == 0 &&
            al_number_parse(AL_TYPE_i32, path + n, path + strlen(path), &fd) == AL_NUMBER_OK && fd >= 0)
            return fd;
    }
    return -1;
}

static allot_err open_file(al_map_output *output, const char *path, allot_error *err)
{
    struct stat old;
    int open_fd = descriptor_of(path);
    if (open_fd >= 0) {
        output->fd = fcntl(open_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        return output->fd >= 0 ? ALLOT_OK : al_fail(err, ALLOT_EIO, errno, "%s cannot be written", path);
    }
    bool exists = stat(path, &old) == 0;
    if (exists && S_ISDIR(old.st_mode))
        return al_fail(err, ALLOT_EIO, EISDIR, "%s cannot be written", path);
    if (exists && (!S_ISREG(old.st_mode) || access(path, W_OK) != 0)) {
        output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return output->fd >= 0 ? ALLOT_OK : al_fail(err, ALLOT_EPERM, errno, "%s cannot be written", path);
    }
    output->path = exists ? realpath(path, NULL) : strdup(path);
    if (output->path == NULL)
        return al_fail(err, ALLOT_EIO, errno, "%s", path);
    allot_err code = make_temporary(output, exists ? 0600 : 0666, err);
    if (code == ALLOT_OK && exists)
        take_after(output->fd, &old);
    return code;
}

/** Whether bytes already written can be written again. */
static bool can_rewind(const al_map_output *output)
{
    struct stat status;
    return fstat(output->fd, &status) == 0 && S_ISREG(status.st_mode) &&
           (fcntl(output->fd, F_GETFL) & O_APPEND) == 0;
}

static allot_err write_header(al_map_output *output, bool at_end, allot_error *err)
{
    static unsigned char header[AL_NPY_HEADER_MAX];
    size_t nbytes = sizeof header;
    al_npy npy = output->npy;
    if (npy.nitems == UINT64_MAX) {
        npy.nitems = at_end ? output->nitems : 0;
        npy.ndims = 1;
        npy.dims[0] = npy.nitems;
    }
    allot_err code = al_npy_format(&npy, header, &nbytes, err);
    if (code != ALLOT_OK)
        return code;
    if (!at_end)
        return al_output_write(output, header, nbytes, 0, err);
    ssize_t n = pwrite(output->fd, header, nbytes, (off_t)output->begin);
    return n == (ssize_t)nbytes ? ALLOT_OK : io_error(output, n < 0 ? errno : ENOSPC, err);
}

/** Claim the space at once: a disk too small is found before the work, not after it, and blocks that are
 * there already are cheaper to write to. In a file system that is memory that would be zeroing every page
 * twice over. */
static allot_err claim_space(al_map_output *output, allot_error *err)
{
    off_t at = lseek(output->fd, 0, SEEK_CUR);
    uint64_t nbytes = output->npy.nitems * al_type_nbytes(output->npy.type);
    struct statfs fs;
    if (at < 0 || nbytes == 0 || nbytes > (uint64_t)INT64_MAX - (uint64_t)at || fstatfs(output->fd, &fs) != 0)
        return ALLOT_OK;
    if (fs.f_type == TMPFS_MAGIC) {
        bool is_bounded = fs.f_blocks != 0;
        if (is_bounded && nbytes / (uint64_t)fs.f_bsize > (uint64_t)fs.f_bavail)
            return io_error(output, ENOSPC, err);
        return ALLOT_OK;
    }
    /* A file of our own takes its size as well, which is checked against the user's limit. */
    if (fallocate(output->fd, output->path != NULL ? 0 : FALLOC_FL_KEEP_SIZE, at, (off_t)nbytes) != 0 &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
        return io_error(output, errno, err);
    return ALLOT_OK;
}

static allot_err open_npy(al_map_output *output, const al_npy *npy, allot_error *err)
{
    output->npy = *npy;
    if (npy->type == AL_TYPE_i128)
        return al_fail(
            err, ALLOT_EUNSUPPORTED, 0,
            "the results are i128, which .npy has no type for; use --out-type f64, or --format text");
    if (isatty(output->fd))
        return al_fail(err, ALLOT_EUNSUPPORTED, 0,
                       "%s is a terminal and .npy is not text; name a file with --output, or redirect",
                       output->name);
    off_t at = lseek(output->fd, 0, SEEK_CUR);
    output->begin = at > 0 ? (uint64_t)at : 0;
    if (npy->nitems == UINT64_MAX && !can_rewind(output))
        return al_fail(
            err, ALLOT_EUNSUPPORTED, 0,
            "%s cannot be rewound, and a .npy file begins with how many items it has, which is not known "
            "before the input's end; name a file with --output, or use --format text",
            output->name);
    allot_err code = npy->nitems != UINT64_MAX ? claim_space(output, err) : ALLOT_OK;
    return code == ALLOT_OK ? write_header(output, false, err) : code;
}

allot_err al_output_open(al_map_output *output, const char *path, bool is_npy, const al_npy *npy,
                         allot_error *err)
{
    *output = (al_map_output){.name = path != NULL ? path : "standard output", .fd = -1, .is_npy = is_npy};
    if (path == NULL)
        output->fd = STDOUT_FILENO;
    allot_err code = path != NULL ? open_file(output, path, err) : ALLOT_OK;
    return code == ALLOT_OK && is_npy ? open_npy(output, npy, err) : code;
}

/** Write all parts, whatever a single call takes; the parts are used up. */
static allot_err write_parts(al_map_output *output, struct iovec *parts, size_t nparts, allot_error *err)
{
    while (nparts > 0) {
        ssize_t n = writev(output->fd, parts, (int)(nparts < IOV_MAX ? nparts : IOV_MAX));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_error(output, errno, err);
        size_t left = (size_t)n;
        while (nparts > 0 && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            nparts--;
        }
        if (nparts > 0) {
            parts->iov_base = (char *)parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
    return ALLOT_OK;
}

allot_err al_output_write_pieces(al_map_output *output, struct iovec *pieces, size_t npieces,
                                 allot_error *err)
{
    return write_parts(output, pieces, npieces, err);
}

allot_err al_output_write(al_map_output *output, const void *bytes, size_t nbytes, uint64_t nitems,
                          allot_error *err)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = nbytes};
    output->nitems += nitems;
    return write_parts(output, &part, nbytes > 0, err);
}

static allot_err write_texts(al_map_output *output, const al_map_block *block, allot_error *err)
{
    struct iovec parts[256];
    const size_t *nbytes = block->text_nbytes.bytes;
    size_t room = sizeof parts / sizeof parts[0];
    for (size_t k = 0; k < block->ntexts;) {
        size_t nparts = 0;
        for (; nparts < room && k < block->ntexts; k++)
            parts[nparts++] = (struct iovec){.iov_base = (char *)block->text.bytes + k * AL_PRINT_ROOM,
                                             .iov_len = nbytes[k]};
        allot_err code = write_parts(output, parts, nparts, err);
        if (code != ALLOT_OK)
            return code;
    }
    output->nitems += block->nitems;
    return ALLOT_OK;
}

allot_err al_output_write_block(al_map_output *output, const al_map_block *block, allot_error *err)
{
    if (!output->is_npy)
        return write_texts(output, block, err);
    return al_output_write(output, block->results.bytes, block->nitems * al_type_nbytes(output->npy.type),
                           block->nitems, err);
}

allot_err al_output_commit(al_map_output *output, allot_error *err)
{
    if (output->is_npy && output->npy.nitems == UINT64_MAX) {
        allot_err code = write_header(output, true, err);
        if (code != ALLOT_OK)
            return code;
    }
    /* The command's standard output is not ours to close, only to ask what closing says. */
    int fd = output->fd == STDOUT_FILENO ? dup(output->fd) : output->fd;
    output->fd = -1;
    /* Some file systems find out at the end that there is no room. */
    if (close(fd) != 0 && errno != EINTR)
        return io_error(output, errno, err);
    if (output->path == NULL)
        return ALLOT_OK;
    if (rename(output->temporary, output->path) != 0)
        return al_fail(err, ALLOT_EIO, errno, "%s cannot be given its name", output->name);
    atomic_store(&has_temporary, false);
    return ALLOT_OK;
}

void al_output_close(al_map_output *output)
{
    if (output->fd > STDERR_FILENO)
        (void)close(output->fd);
    al_output_abandon();
    free(output->path);
    free(output->temporary);
    output->path = output->temporary = NULL;
    output->fd = -1;
}
