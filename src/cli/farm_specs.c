/* farm_specs.c - runs whose tasks are told one JSON object a line: read from --tasks, or from the run itself.
 *
 * All of them are read and checked before a run is made of them, cycles and files that are missing among what
 * is checked: a mistake in the last line costs nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "cli/farm_session.h"

/* ---- the file -------------------------------------------------------------------------------------------
 */

static allot_err read_all(const char *path, al_buffer *text, allot_error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return al_fail(err, ALLOT_ENOTFOUND, errno, "--tasks %s", path);
    ssize_t n;
    do {
        char *end = al_buffer_reserve(text, 1 << 16);
        n = end != NULL ? read(fd, end, 1 << 16) : -1;
        if (n > 0)
            text->nbytes += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    int fault = n < 0 ? errno : 0;
    if (!is_stdin)
        (void)close(fd);
    if (text->failed)
        return al_fail(err, ALLOT_ENOMEM, 0, "--tasks %s: out of memory", path);
    return fault == 0 ? ALLOT_OK : al_fail(err, ALLOT_EIO, fault, "--tasks %s", path);
}

/** The next line that is not empty, without its newline. *at and *number count on. @return false: no more */
static bool next_line(const al_buffer *text, size_t *at, uint64_t *number, al_args *line)
{
    while (*at < text->nbytes) {
        const char *from = text->at + *at, *newline = memchr(from, '\n', text->nbytes - *at);
        size_t length = newline != NULL ? (size_t)(newline - from) : text->nbytes - *at;
        *at += length + 1;
        ++*number;
        while (length > 0 &&
               (from[length - 1] == ' ' || from[length - 1] == '\r' || from[length - 1] == '\t'))
            length--;
        *line = (al_args){from, length};
        if (length > 0)
            return true;
    }
    return false;
}

/* ---- what a line says ------------------------------------------------------------------------------------
 */

static allot_err begin(al_session *session, allot_error *err)
{
    uint32_t kind;
    session->names = al_names_create(session->cwd);
    session->sched = al_sched_create(&session->options.sched);
    if (session->names == NULL || session->sched == NULL ||
        al_sched_kind(session->sched, &session->options.kind, &kind) != ALLOT_OK)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    return ALLOT_OK;
}

/** One more task: number `task` of the run. */
static allot_err take(al_session *session, al_args line, al_task_id task, const char *where, allot_error *err)
{
    const al_farm_options *o = &session->options;
    al_spec spec;
    uint32_t kind;
    allot_err code =
        al_spec_parse(line.at, line.nbytes, where, &o->kind, o->token_names, o->ntokens, &spec, err);
    if (code != ALLOT_OK)
        return code;
    code = al_sched_kind(session->sched, &spec.kind, &kind);
    if (code == ALLOT_OK)
        code = al_sched_add(session->sched, 1, kind, true);
    if (code != ALLOT_OK)
        (void)al_fail(err, code, 0, "%s: out of memory, or over 65535 kinds of tasks", where);
    else
        code = al_names_add(session->names, &spec, task, where, err);
    al_spec_fini(&spec);
    return code;
}

allot_err al_session_read_specs(al_session *session, allot_error *err)
{
    const char *path = session->options.tasks;
    char where[4200];
    al_args line;
    size_t at = 0;
    uint64_t number = 0;
    al_task_id task = 0;
    allot_err code = begin(session, err);
    if (code == ALLOT_OK)
        code = read_all(path, &session->specs, err);
    while (code == ALLOT_OK && next_line(&session->specs, &at, &number, &line)) {
        (void)snprintf(where, sizeof where, "%s:%" PRIu64, strcmp(path, "-") == 0 ? "standard input" : path,
                       number);
        code = take(session, line, ++task, where, err);
    }
    return code == ALLOT_OK ? al_names_link(session->names, session->sched, true, err) : code;
}

bool al_session_next_spec(void *arg, al_args *spec)
{
    al_spec_walk *walk = arg;
    return next_line(walk->specs, &walk->at, &walk->number, spec);
}

allot_err al_session_recall_specs(al_session *session, allot_error *err)
{
    char where[64];
    uint64_t ntasks = al_store_ntasks_committed(session->store);
    allot_err code = begin(session, err);
    for (al_task_id task = 1; task <= ntasks && code == ALLOT_OK; task++) {
        al_args args, spec;
        code = al_store_task(session->store, task, &args, &spec, err);
        (void)snprintf(where, sizeof where, "task %" PRIu64, task);
        if (code == ALLOT_OK && spec.at == NULL)
            code = al_fail(err, ALLOT_EFORMAT, 0, "%s of run %s has no spec", where, session->path);
        if (code == ALLOT_OK)
            code = take(session, spec, task, where, err);
    }
    return code; /* they are linked once it is known which are done: see prepare() in farm_session.c */
}

/* ---- --dry-run -------------------------------------------------------------------------------------------
 */

allot_err al_session_print_specs(al_session *session, allot_error *err)
{
    const al_farm_options *o = &session->options;
    al_buffer text = {.at = NULL};
    al_args line;
    size_t at = 0;
    uint64_t number = 0;
    allot_err code = ALLOT_OK;
    while (code == ALLOT_OK && next_line(&session->specs, &at, &number, &line)) {
        al_spec spec;
        code =
            al_spec_parse(line.at, line.nbytes, "--tasks", &o->kind, o->token_names, o->ntokens, &spec, err);
        if (code != ALLOT_OK)
            break;
        al_buffer_clear(&text);
        (void)al_spec_display(&spec, &text);
        (void)al_buffer_byte(&text, '\n');
        (void)fwrite(text.at, 1, text.nbytes, stdout);
        al_spec_fini(&spec);
    }
    al_buffer_fini(&text);
    return code;
}
