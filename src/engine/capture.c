/* capture.c - see capture.h.
 *
 * Most tasks write little: it stays in memory and goes into the run with the result. What is longer is moved
 * from the pipe to a file by splice(), which never comes through our memory; its pipe is made larger then,
 * since each system call moves at most what the pipe holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "engine/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#define READ_MOST 65536u              /* what a pipe holds, unless told otherwise */
#define PIPE_LONG (1 << 20)           /* for those that write much */
#define TURN_MOST (UINT64_C(8) << 20) /* before others get their turn */

int al_capture_open(al_capture *capture, al_capture_sink *sink, void *sink_arg, int *write_end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    al_buffer_clear(&capture->text);
    *capture =
        (al_capture){.pipe = ends[0], .file = -1, .text = capture->text, .sink = sink, .sink_arg = sink_arg};
    *write_end = ends[1];
    return 0;
}

void al_capture_end_silent(al_capture captures[2])
{
    struct pollfd fds[2] = {{.fd = captures[0].pipe, .events = POLLIN},
                            {.fd = captures[1].pipe, .events = POLLIN}};
    if (poll(fds, 2, 0) <= 0)
        return;
    for (int k = 0; k < 2; k++)
        if (captures[k].pipe >= 0 && fds[k].revents == POLLHUP) {
            (void)close(captures[k].pipe);
            captures[k].pipe = -1;
        }
}

void al_capture_close(al_capture *capture)
{
    if (capture->pipe >= 0)
        (void)close(capture->pipe);
    if (capture->file >= 0 && close(capture->file) != 0 && capture->fault == 0)
        capture->fault = errno;
    capture->pipe = capture->file = -1;
}

static void write_all(al_capture *capture, const char *at, size_t nbytes)
{
    while (nbytes > 0 && capture->fault == 0) {
        ssize_t n = write(capture->file, at, nbytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            capture->fault = errno;
            return;
        }
        at += n;
        nbytes -= (size_t)n;
    }
}

void al_capture_add(al_capture *capture, const char *at, size_t nbytes)
{
    if (capture->file >= 0)
        write_all(capture, at, nbytes);
    else if (capture->nbytes + nbytes > AL_INLINE_MOST || !al_buffer_append(&capture->text, at, nbytes))
        return; /* it is said by the cause, too */
    capture->nbytes += nbytes;
}

/** It became long: what there is of it goes into a file, the rest follows. */
static void move_to_file(al_capture *capture, al_capture_path_fn *path_of, void *arg)
{
    char path[PATH_MAX];
    path_of(arg, capture, path, sizeof path);
    capture->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (capture->file < 0) {
        capture->fault = errno;
        return;
    }
    (void)fcntl(capture->pipe, F_SETPIPE_SZ, PIPE_LONG);
    write_all(capture, capture->text.at, capture->text.nbytes);
}

void al_capture_feed(al_capture *capture, const char *at, size_t nbytes, al_capture_path_fn *path_of,
                     void *arg)
{
    capture->nbytes += nbytes;
    if (capture->sink != NULL)
        capture->sink(capture->sink_arg, at, nbytes);
    if (capture->file >= 0) {
        write_all(capture, at, nbytes);
    } else if (capture->fault == 0) {
        if (!al_buffer_append(&capture->text, at, nbytes))
            capture->fault = ENOMEM;
        else if (capture->text.nbytes > AL_INLINE_MOST)
            move_to_file(capture, path_of, arg);
    }
}

static char scratch[READ_MOST];

/** What cannot be kept is read all the same, so that the task does not wait for ever. */
static ssize_t drop(al_capture *capture)
{
    return read(capture->pipe, scratch, sizeof scratch);
}

static ssize_t read_short(al_capture *capture, al_capture_path_fn *path_of, void *arg)
{
    char *end = al_buffer_reserve(&capture->text, READ_MOST);
    if (end == NULL) {
        capture->fault = ENOMEM;
        return drop(capture);
    }
    ssize_t n = read(capture->pipe, end, READ_MOST);
    if (n > 0) {
        capture->text.nbytes += (size_t)n;
        if (capture->sink != NULL)
            capture->sink(capture->sink_arg, end, (size_t)n);
    }
    if (capture->text.nbytes > AL_INLINE_MOST && path_of == NULL)
        al_buffer_clear(&capture->text);
    else if (capture->text.nbytes > AL_INLINE_MOST)
        move_to_file(capture, path_of, arg);
    return n;
}

static ssize_t read_long(al_capture *capture)
{
    if (capture->sink != NULL) {
        ssize_t nread = read(capture->pipe, scratch, sizeof scratch);
        if (nread > 0) {
            capture->sink(capture->sink_arg, scratch, (size_t)nread);
            write_all(capture, scratch, (size_t)nread);
        }
        return nread;
    }
    ssize_t n =
        splice(capture->pipe, NULL, capture->file, NULL, PIPE_LONG, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n >= 0 || errno == EAGAIN || errno == EINTR)
        return n;
    capture->fault = errno;
    return drop(capture);
}

al_capture_state al_capture_read(al_capture *capture, al_capture_path_fn *path_of, void *arg)
{
    uint64_t turn_end = capture->nbytes + TURN_MOST;
    if (capture->pipe >= 0 && !capture->is_nonblocking) {
        (void)fcntl(capture->pipe, F_SETFL, O_NONBLOCK); /* the task's end blocks, as programs expect */
        capture->is_nonblocking = true;
    }
    while (capture->pipe >= 0) {
        ssize_t n = capture->fault != 0  ? drop(capture)
                    : capture->file >= 0 ? read_long(capture)
                                         : read_short(capture, path_of, arg);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return AL_CAPTURE_MORE;
        if (n <= 0) {
            (void)close(capture->pipe);
            capture->pipe = -1;
            break;
        }
        capture->nbytes += (uint64_t)n;
        if (capture->nbytes >= turn_end)
            return AL_CAPTURE_BUSY;
    }
    return AL_CAPTURE_END;
}
