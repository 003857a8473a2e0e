/* results.c - see results.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/results.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/buffer.h"
#include "base/fail.h"

#define COPY_MOST (1u << 30)

struct al_results {
    char *folder;
    char **names; /* borrowed */
    uint32_t nnames;
    al_buffer path;
};

allot_err al_results_open(const char *folder, char **names, uint32_t nnames, al_results **made,
                          allot_error *err)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return al_fail(err, ALLOT_EIO, errno, "--results %s", folder);
    al_results *results = calloc(1, sizeof *results);
    if (results != NULL)
        *results = (al_results){.folder = realpath(folder, NULL), .names = names, .nnames = nnames};
    if (results == NULL || results->folder == NULL) {
        al_results_close(results);
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    *made = results;
    return ALLOT_OK;
}

void al_results_close(al_results *results)
{
    if (results == NULL)
        return;
    free(results->folder);
    al_buffer_fini(&results->path);
    free(results);
}

/* ---- names of folders
 * -------------------------------------------------------------------------------------- */

/** Append a text as a file may be called. */
static void put_name(al_buffer *path, const char *at, size_t nbytes)
{
    size_t begin = path->nbytes;
    bool is_odd = nbytes == 0 || (nbytes == 1 && at[0] == '.') || (nbytes == 2 && memcmp(at, "..", 2) == 0);
    if (is_odd)
        (void)al_buffer_byte(path, '\\');
    for (size_t k = 0; k < nbytes; k++) {
        static const char from[] = "\\/\t\n", to[] = "\\_tn";
        const char *which = at[k] != '\0' ? strchr(from, at[k]) : NULL;
        if (which != NULL)
            (void)al_buffer_byte(path, '\\');
        (void)al_buffer_byte(path, which != NULL ? to[which - from] : at[k]);
    }
    if (path->nbytes - begin > NAME_MAX && !path->failed) {
        char sum[18];
        (void)snprintf(sum, sizeof sum, "-%016llx", (unsigned long long)XXH3_64bits(at, nbytes));
        path->nbytes = begin + NAME_MAX - 17;
        (void)al_buffer_append(path, sum, 17);
    }
}

/** Make the folder that ends where path does at present. */
static int make_folder(al_buffer *path)
{
    if (!al_buffer_byte(path, '\0'))
        return ENOMEM;
    path->nbytes--;
    return mkdir(path->at, 0777) == 0 || errno == EEXIST ? 0 : errno;
}

/** The task's folder into results->path. @return 0 or errno */
static int find_folder(al_results *results, al_args args)
{
    al_args arg;
    int fault = 0;
    al_buffer *path = &results->path;
    al_buffer_clear(path);
    (void)al_buffer_text(path, results->folder);
    for (uint32_t k = 0; fault == 0 && al_args_next(&args, &arg); k++) {
        char number[16];
        (void)snprintf(number, sizeof number, "%u", k + 1);
        const char *name = k < results->nnames ? results->names[k] : number;
        (void)al_buffer_byte(path, '/');
        put_name(path, name, strlen(name));
        fault = make_folder(path);
        (void)al_buffer_byte(path, '/');
        put_name(path, arg.at, arg.nbytes);
        if (fault == 0)
            fault = make_folder(path);
    }
    return path->failed ? ENOMEM : fault;
}

/* ---- files
 * --------------------------------------------------------------------------------------------------- */

static int write_all(int fd, al_args bytes)
{
    while (bytes.nbytes > 0) {
        ssize_t n = write(fd, bytes.at, bytes.nbytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        bytes = (al_args){bytes.at + n, bytes.nbytes - (size_t)n};
    }
    return 0;
}

static int copy_all(int fd, const char *path)
{
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0)
        return errno;
    ssize_t n;
    do
        n = copy_file_range(from, NULL, fd, NULL, COPY_MOST, 0);
    while (n > 0 || (n < 0 && errno == EINTR));
    char bytes[65536];
    int fault = n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS ? errno : 0;
    if (n < 0 && fault == 0)
        while ((n = read(from, bytes, sizeof bytes)) > 0 && fault == 0)
            fault = write_all(fd, (al_args){bytes, (size_t)n});
    (void)close(from);
    return fault;
}

/** A file of the task's folder, complete from the moment that it has its name. @return 0 or errno */
static int put_file(al_results *results, const char *name, al_args bytes, const char *path)
{
    size_t folder = results->path.nbytes;
    char final[PATH_MAX], temporary[PATH_MAX + 8];
    int n = snprintf(final, sizeof final, "%.*s/%s", (int)folder, results->path.at, name);
    if (n < 0 || (size_t)n >= sizeof final)
        return ENAMETOOLONG;
    (void)snprintf(temporary, sizeof temporary, "%s.allot", final);
    (void)unlink(temporary);
    if (path != NULL && link(path, temporary) == 0)
        return rename(temporary, final) == 0 ? 0 : errno;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    int fault = path != NULL ? copy_all(fd, path) : write_all(fd, bytes);
    if (close(fd) != 0 && fault == 0)
        fault = errno;
    if (fault == 0 && rename(temporary, final) != 0)
        fault = errno;
    if (fault != 0)
        (void)unlink(temporary);
    return fault;
}

allot_err al_results_write(al_results *results, al_args args, const al_result *result, al_args out,
                           al_args err_out, const char *out_path, const char *err_path, allot_error *err)
{
    char seq[32];
    int n = snprintf(seq, sizeof seq, "%llu", (unsigned long long)result->task);
    int fault = find_folder(results, args);
    if (fault == 0)
        fault = put_file(results, "stdout", out, out_path);
    if (fault == 0)
        fault = put_file(results, "stderr", err_out, err_path);
    if (fault == 0)
        fault = put_file(results, "seq", (al_args){seq, (size_t)n}, NULL);
    if (fault == 0)
        return ALLOT_OK;
    return al_fail(err, fault == ENOMEM ? ALLOT_ENOMEM : ALLOT_EIO, fault,
                   "--results: %.*s: task %llu's output", (int)results->path.nbytes, results->path.at,
                   (unsigned long long)result->task);
}
