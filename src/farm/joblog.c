/* joblog.c - see joblog.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/joblog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fail.h"

static const char columns[] = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

struct al_joblog {
    int fd;
    char *path;
    al_buffer lines;
    allot_error fault;
};

allot_err al_joblog_open(const char *path, bool append, al_joblog **made, allot_error *err)
{
    struct stat st;
    al_joblog *log = calloc(1, sizeof *log);
    if (log == NULL || (log->path = strdup(path)) == NULL) {
        free(log);
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (append ? 0 : O_TRUNC), 0666);
    if (log->fd < 0) {
        int fault = errno;
        al_joblog_close(log);
        return al_fail(err, ALLOT_EIO, fault, "--joblog %s", path);
    }
    if (fstat(log->fd, &st) != 0 || st.st_size == 0)
        (void)al_buffer_text(&log->lines, columns);
    *made = log;
    return ALLOT_OK;
}

static int exit_value(const al_result *result)
{
    switch (result->cause) {
    case AL_CAUSE_EXIT:
        return result->exit_status;
    case AL_CAUSE_SIGNAL:
        return 0;
    case AL_CAUSE_NOT_STARTED:
        return result->exit_status == ENOENT ? 127 : 126;
    default:
        return -1;
    }
}

void al_joblog_write(al_joblog *log, const al_result *result, const char *host, const char *command)
{
    char text[200];
    (void)snprintf(text, sizeof text, "%llu\t%s\t%.3f\t%10.3f\t0\t%llu\t%d\t%d\t",
                   (unsigned long long)result->task, host, (double)result->start_us * 1e-6,
                   (double)result->wall_us * 1e-6, (unsigned long long)result->nout, exit_value(result),
                   result->signal);
    (void)al_buffer_text(&log->lines, text);
    for (; *command != '\0'; command++)
        (void)al_buffer_byte(&log->lines, *command == '\n' ? ' ' : *command); /* a line is a task */
    (void)al_buffer_byte(&log->lines, '\n');
}

allot_err al_joblog_flush(al_joblog *log, allot_error *err)
{
    const char *at = log->lines.at;
    size_t left = log->lines.nbytes;
    if (log->lines.failed && log->fault.code == ALLOT_OK)
        (void)al_fail(&log->fault, ALLOT_ENOMEM, 0, "--joblog %s: out of memory", log->path);
    while (left > 0 && log->fault.code == ALLOT_OK) {
        ssize_t n = write(log->fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            (void)al_fail(&log->fault, ALLOT_EIO, errno, "--joblog %s", log->path);
            break;
        }
        at += n;
        left -= (size_t)n;
    }
    al_buffer_clear(&log->lines);
    if (log->fault.code != ALLOT_OK && err != NULL)
        *err = log->fault;
    return log->fault.code;
}

void al_joblog_close(al_joblog *log)
{
    if (log == NULL)
        return;
    if (log->fd >= 0) {
        (void)al_joblog_flush(log, NULL);
        (void)close(log->fd);
    }
    al_buffer_fini(&log->lines);
    free(log->path);
    free(log);
}
