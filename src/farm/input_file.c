/* input_file.c - see input_file.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

#define READ_MOST 65536u

static const char *name_of(const al_input_file *file)
{
    return strcmp(file->path, "-") == 0 ? "standard input" : file->path;
}

allot_err al_input_file_open(al_input_file *file, const char *path, char end, allot_error *err)
{
    struct stat st;
    *file = (al_input_file){.path = path, .fd = -1, .end = end};
    /* A copy of standard input's descriptor: closing ours must not close it. */
    file->fd =
        strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0)
        return al_fail(err, errno == ENOENT ? ALLOT_ENOTFOUND : ALLOT_EIO, errno, "%s", name_of(file));
    if (fstat(file->fd, &st) == 0 && S_ISDIR(st.st_mode))
        return al_fail(err, ALLOT_EIO, EISDIR, "%s", name_of(file));
    return ALLOT_OK;
}

void al_input_file_close(al_input_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    al_buffer_fini(&file->text);
}

allot_err al_input_file_next(al_input_file *file, al_value_state *state, al_args *value, allot_error *err)
{
    const char *from = file->text.at != NULL ? file->text.at + file->at : "";
    size_t left = file->text.nbytes - file->at, known = file->seen - file->at;
    const char *end = left > known ? memchr(from + known, file->end, left - known) : NULL;
    file->seen = file->text.nbytes;
    if (end == NULL && (file->fd >= 0 || left == 0)) {
        *state = file->fd >= 0 ? AL_VALUE_WAIT : AL_VALUE_END;
        return ALLOT_OK;
    }
    *value = (al_args){from, end != NULL ? (size_t)(end - from) : left};
    file->at += value->nbytes + (end != NULL);
    file->seen = file->at;
    file->line++;
    *state = AL_VALUE_HERE;
    if (file->end != '\0' && value->nbytes > 0 && memchr(from, '\0', value->nbytes) != NULL)
        return al_fail(
            err, ALLOT_EFORMAT, 0,
            "%s:%llu: there is a NUL in this line, which no argument can hold; do the values end in NUL? "
            "then: -0",
            name_of(file), (unsigned long long)file->line);
    return ALLOT_OK;
}

allot_err al_input_file_fill(al_input_file *file, allot_error *err)
{
    if (file->fd < 0)
        return ALLOT_OK;
    if (file->at > 0) {
        file->text.nbytes -= file->at;
        memmove(file->text.at, file->text.at + file->at, file->text.nbytes);
        file->seen -= file->at;
        file->at = 0;
    }
    char *end = al_buffer_reserve(&file->text, READ_MOST);
    if (end == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "%s:%llu: out of memory for this line", name_of(file),
                       (unsigned long long)file->line + 1);
    ssize_t n = read(file->fd, end, READ_MOST);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return ALLOT_OK;
    if (n < 0)
        return al_fail(err, ALLOT_EIO, errno, "%s", name_of(file));
    file->text.nbytes += (size_t)n;
    if (n == 0) {
        (void)close(file->fd);
        file->fd = -1;
    }
    return ALLOT_OK;
}
