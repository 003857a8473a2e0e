/* print.c - see print.h.
 *
 * Results come on the store's thread, after they are on disk; live output comes from the run's. Both write
 * under one lock, and the progress line is drawn and removed under it too, so that a terminal never shows
 * half of each.
 *
 * With keep_order a result that comes before its turn is only noted, in a bit: when its turn comes it is read
 * back from the run. So order costs no memory, however far the tasks run ahead of the slowest one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/print.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/fail.h"
#include "farm/tasks.h"

#define COPY_MOST (1u << 20)
#define PIPE_LONG (1 << 20)
#define GATHERED_MOST (1u << 16)

struct al_print {
    al_print_opts opts;
    al_store *reader; /* the store's thread's own; NULL where nothing needs to be looked up */
    pthread_mutex_t lock;
    al_buffer gathered[2]; /* not yet written, by descriptor: many short results are one write */
    al_buffer scratch;
    char *host; /* name of engine number host_engine */
    uint32_t host_engine;

    uint64_t next;     /* keep_order: the task whose turn it is */
    al_buffer waiting; /* a byte for each task from 1 on: WAITING, KNOWN */

    char status[512]; /* the line on the terminal */
    bool is_drawn;
    bool is_terminal;
    atomic_bool gone;
    _Atomic uint64_t nresults;
    allot_error fault; /* the first */
};

enum { NOTHING, WAITING, KNOWN };

/* ---- writing ------------------------------------------------------------------------------------------- */

static void note_fault(al_print *print, int os_errno, const char *where)
{
    if (os_errno == EPIPE && strcmp(where, "standard output") == 0)
        atomic_store(&print->gone, true);
    else if (print->fault.code == ALLOT_OK)
        (void)al_fail(&print->fault, ALLOT_EIO, os_errno, "%s", where);
}

static bool write_all(al_print *print, int fd, const char *at, size_t nbytes)
{
    while (nbytes > 0) {
        ssize_t n = write(fd, at, nbytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            note_fault(print, errno, fd == STDOUT_FILENO ? "standard output" : "standard error");
            return false;
        }
        at += n;
        nbytes -= (size_t)n;
    }
    return true;
}

static void erase_status(al_print *print)
{
    if (print->is_drawn)
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
    print->is_drawn = false;
}

static void draw_status(al_print *print)
{
    if (!print->is_terminal || print->status[0] == '\0')
        return;
    char line[sizeof print->status + 8];
    size_t n = strlen(print->status);
    line[0] = '\r';
    memcpy(line + 1, print->status, n);
    memcpy(line + 1 + n, "\033[K", 3);
    (void)!write(STDERR_FILENO, line, n + 4);
    print->is_drawn = true;
}

/** Write what was gathered. Under the lock. */
static void flush(al_print *print)
{
    if (print->gathered[0].nbytes + print->gathered[1].nbytes == 0)
        return;
    bool was_drawn = print->is_drawn;
    erase_status(print);
    for (int k = 0; k < 2; k++) {
        int fd = k == 0 ? STDOUT_FILENO : STDERR_FILENO;
        if (!atomic_load(&print->gone) || k == 1)
            (void)write_all(print, fd, print->gathered[k].at, print->gathered[k].nbytes);
        al_buffer_clear(&print->gathered[k]);
    }
    if (was_drawn)
        draw_status(print);
}

/** Add bytes for standard output (0) or error (1), in an order that a terminal shows as they came. */
static void gather(al_print *print, int which, const char *at, size_t nbytes)
{
    if (nbytes == 0)
        return;
    if (print->gathered[!which].nbytes > 0 || print->gathered[which].nbytes + nbytes > GATHERED_MOST)
        flush(print);
    if (nbytes > GATHERED_MOST || !al_buffer_append(&print->gathered[which], at, nbytes)) {
        erase_status(print);
        (void)write_all(print, which == 0 ? STDOUT_FILENO : STDERR_FILENO, at, nbytes);
        draw_status(print);
    }
}

/** Each line with the tag before it. A last line without its end gets none. */
static void gather_tagged(al_print *print, int which, const al_buffer *tag, const char *at, size_t nbytes)
{
    while (nbytes > 0) {
        const char *newline = memchr(at, '\n', nbytes);
        size_t length = newline != NULL ? (size_t)(newline - at) + 1 : nbytes;
        gather(print, which, tag->at, tag->nbytes);
        gather(print, which, at, length);
        at += length;
        nbytes -= length;
    }
}

/* ---- one result ---------------------------------------------------------------------------------------- */

/** A pipe that takes more at a time wakes its reader, and us, less often: a fifth of the time of long output.
 */
static void widen(int fd)
{
    int nbytes = fcntl(fd, F_GETPIPE_SZ);
    if (nbytes > 0 && nbytes < PIPE_LONG)
        (void)fcntl(fd, F_SETPIPE_SZ, PIPE_LONG);
}

/** A file's contents to standard output or error, without their coming through our memory where possible. */
static void send_file(al_print *print, int which, int fd)
{
    int to = which == 0 ? STDOUT_FILENO : STDERR_FILENO;
    flush(print);
    erase_status(print);
    widen(to);
    for (;;) {
        ssize_t n = sendfile(to, fd, NULL, COPY_MOST);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0 && errno == EINVAL) { /* a file opened for appending, for one */
            char *bytes = al_buffer_reserve(&print->scratch, COPY_MOST);
            n = bytes != NULL ? read(fd, bytes, COPY_MOST) : -1;
            if (n > 0 && !write_all(print, to, bytes, (size_t)n))
                break;
        }
        if (n < 0)
            note_fault(print, errno, which == 0 ? "standard output" : "standard error");
        if (n <= 0)
            break;
    }
    draw_status(print);
}

/** The same, by lines with a tag. */
static void send_file_tagged(al_print *print, int which, const al_buffer *tag, int fd)
{
    al_buffer line = {.at = NULL};
    char *room;
    ssize_t n;
    while ((room = al_buffer_reserve(&line, GATHERED_MOST)) != NULL &&
           (n = read(fd, room, GATHERED_MOST)) > 0) {
        line.nbytes += (size_t)n;
        const char *last = memrchr(line.at, '\n', line.nbytes);
        if (last == NULL)
            continue;
        size_t whole = (size_t)(last - line.at) + 1;
        gather_tagged(print, which, tag, line.at, whole);
        memmove(line.at, line.at + whole, line.nbytes - whole);
        line.nbytes -= whole;
    }
    gather_tagged(print, which, tag, line.at, line.nbytes);
    al_buffer_fini(&line);
}

/** What the task's lines begin with, into tag. */
static void make_tag(al_print *print, al_task_id task, uint32_t slot, al_store *reader, al_buffer *tag)
{
    al_args args = {"", 0}, spec;
    if (reader != NULL)
        (void)al_store_task(reader, task, &args, &spec, NULL);
    (void)al_template_render_text(print->opts.tag, args, task, slot, tag, NULL);
    (void)al_buffer_byte(tag, '\t');
}

static void show_output(al_print *print, const al_result *result, bool is_err, al_args text)
{
    uint64_t nbytes = is_err ? result->nerr : result->nout;
    if (nbytes == 0)
        return;
    int which = is_err ? 1 : 0, fd = -1;
    al_buffer tag = {.at = NULL};
    if (print->opts.tag != NULL)
        make_tag(print, result->task, result->slot, print->reader, &tag);
    if (nbytes > AL_INLINE_MOST) {
        char path[4096];
        al_store_output_path(print->reader, result->task, result->attempt, is_err, path, sizeof path);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            note_fault(print, errno, path);
    }
    if (fd >= 0 && print->opts.tag != NULL)
        send_file_tagged(print, which, &tag, fd);
    else if (fd >= 0)
        send_file(print, which, fd);
    else if (print->opts.tag != NULL)
        gather_tagged(print, which, &tag, text.at, text.nbytes);
    else
        gather(print, which, text.at, text.nbytes);
    if (fd >= 0)
        (void)close(fd);
    al_buffer_fini(&tag);
}

/** A spec's command; the spec itself should it not be understood (of a token that this session does not
 * have). */
static void display_spec(al_args text, al_buffer *scratch)
{
    static const al_task_kind plain;
    al_spec spec;
    if (al_spec_parse(text.at, text.nbytes, "task", &plain, NULL, 0, &spec, NULL) != ALLOT_OK) {
        (void)al_buffer_append(scratch, text.at, text.nbytes);
        return;
    }
    (void)al_spec_display(&spec, scratch);
    al_spec_fini(&spec);
}

/** The host of a job log's line: the engine's name, ":" for this process. */
static const char *host_of(al_print *print, uint32_t engine)
{
    char key[32];
    if (engine == 0)
        return ":";
    if (engine != print->host_engine) { /* results of one engine come in rows */
        free(print->host);
        print->host = NULL;
        (void)snprintf(key, sizeof key, "engine.%u", engine);
        (void)al_store_get(print->reader, key, &print->host, NULL);
        print->host_engine = engine;
    }
    return print->host != NULL ? print->host : "?";
}

static void write_joblog(al_print *print, const al_result *result)
{
    al_args args = {"", 0}, spec;
    al_buffer_clear(&print->scratch);
    if (al_store_task(print->reader, result->task, &args, &spec, NULL) == ALLOT_OK) {
        if (print->opts.command != NULL && spec.at == NULL)
            (void)al_template_display(print->opts.command, args, result->task, result->slot, &print->scratch,
                                      NULL);
        else if (spec.at != NULL)
            display_spec(spec, &print->scratch);
    }
    (void)al_buffer_byte(&print->scratch, '\0');
    if (!print->scratch.failed)
        al_joblog_write(print->opts.joblog, result, host_of(print, result->engine), print->scratch.at);
}

static void write_results(al_print *print, const al_result *result, al_args out, al_args err_out)
{
    char out_path[4096], err_path[4096];
    al_args args, spec;
    allot_error err;
    al_store_output_path(print->reader, result->task, result->attempt, false, out_path, sizeof out_path);
    al_store_output_path(print->reader, result->task, result->attempt, true, err_path, sizeof err_path);
    allot_err code = al_store_task(print->reader, result->task, &args, &spec, &err);
    if (code == ALLOT_OK)
        code = al_results_write(print->opts.results, args, result, out, err_out,
                                result->nout > AL_INLINE_MOST ? out_path : NULL,
                                result->nerr > AL_INLINE_MOST ? err_path : NULL, &err);
    if (code != ALLOT_OK && print->fault.code == ALLOT_OK)
        print->fault = err;
}

static void show(al_print *print, const al_result *result, al_args out, al_args err_out)
{
    if (result->attempt > 0) {
        if (!print->opts.is_live && !print->opts.is_quiet) {
            show_output(print, result, false, out);
            show_output(print, result, true, err_out);
        }
        if (print->opts.joblog != NULL)
            write_joblog(print, result);
        if (print->opts.results != NULL)
            write_results(print, result, out, err_out);
    }
    atomic_fetch_add_explicit(&print->nresults, 1, memory_order_relaxed);
}

/* ---- their order --------------------------------------------------------------------------------------- */

/** The mark of a task, with room made for it; NULL: out of memory. */
static char *mark_of(al_print *print, al_task_id task)
{
    if (task >= print->waiting.nbytes) {
        size_t more = task + 1 - print->waiting.nbytes;
        char *end = al_buffer_reserve(&print->waiting, more);
        if (end == NULL)
            return NULL;
        memset(end, NOTHING, more);
        print->waiting.nbytes += more;
    }
    return &print->waiting.at[task];
}

void al_print_known(al_print *print, al_task_id task)
{
    char *mark = print->opts.keep_order ? mark_of(print, task) : NULL;
    if (mark != NULL)
        *mark = KNOWN;
}

/** Show a task whose result came before its turn. */
static void show_later(al_print *print, al_task_id task)
{
    al_result result;
    al_buffer text[2] = {{.at = NULL}, {.at = NULL}};
    allot_err code = al_store_result(print->reader, task, &result, &print->fault);
    for (int k = 0; k < 2 && code == ALLOT_OK; k++) {
        int fd = -1;
        code = al_store_output(print->reader, task, k == 1, &text[k], &fd, &print->fault);
        if (fd >= 0)
            (void)close(fd); /* show() finds it by its name */
    }
    if (code == ALLOT_OK)
        show(print, &result, (al_args){text[0].at, text[0].nbytes}, (al_args){text[1].at, text[1].nbytes});
    al_buffer_fini(&text[0]);
    al_buffer_fini(&text[1]);
}

/** Go on to tasks whose turn has come. */
static void advance(al_print *print)
{
    while (print->next < print->waiting.nbytes && print->waiting.at[print->next] != NOTHING) {
        if (print->waiting.at[print->next] == WAITING)
            show_later(print, print->next);
        print->next++;
    }
}

static void show_in_order(al_print *print, const al_result *result, al_args out, al_args err_out)
{
    advance(print);
    if (result->task == print->next) {
        show(print, result, out, err_out);
        print->next++;
        advance(print);
        return;
    }
    char *mark = mark_of(print, result->task);
    if (mark != NULL)
        *mark = WAITING;
    else
        show(print, result, out, err_out);
}

void al_print_result(void *arg, const al_result *result, al_args out, al_args err_out)
{
    al_print *print = arg;
    if (!al_task_is_final(result->state))
        return;
    (void)pthread_mutex_lock(&print->lock);
    if (print->opts.keep_order)
        show_in_order(print, result, out, err_out);
    else
        show(print, result, out, err_out);
    (void)pthread_mutex_unlock(&print->lock);
}

void al_print_group(void *arg)
{
    al_print *print = arg;
    allot_error err;
    (void)pthread_mutex_lock(&print->lock);
    flush(print);
    if (print->opts.joblog != NULL && al_joblog_flush(print->opts.joblog, &err) != ALLOT_OK &&
        print->fault.code == ALLOT_OK)
        print->fault = err;
    (void)pthread_mutex_unlock(&print->lock);
}

void al_print_live(al_print *print, al_task_id task, bool is_err, const char *at, size_t nbytes)
{
    (void)pthread_mutex_lock(&print->lock);
    if (print->opts.tag != NULL) {
        al_buffer tag = {.at = NULL};
        make_tag(print, task, 0, NULL, &tag);
        gather_tagged(print, is_err ? 1 : 0, &tag, at, nbytes);
        al_buffer_fini(&tag);
    } else {
        gather(print, is_err ? 1 : 0, at, nbytes);
    }
    flush(print);
    (void)pthread_mutex_unlock(&print->lock);
}

void al_print_status(al_print *print, const char *line)
{
    (void)pthread_mutex_lock(&print->lock);
    (void)strncpy(print->status, line, sizeof print->status - 1);
    if (line[0] == '\0')
        erase_status(print);
    else
        draw_status(print);
    (void)pthread_mutex_unlock(&print->lock);
}

bool al_print_is_gone(const al_print *print)
{
    return atomic_load(&print->gone);
}

uint64_t al_print_nresults(const al_print *print)
{
    return atomic_load(&print->nresults);
}

/* ---- begin and end ------------------------------------------------------------------------------------- */

allot_err al_print_create(const al_print_opts *opts, al_print **made, allot_error *err)
{
    al_print *print = calloc(1, sizeof *print);
    if (print == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    allot_err code = al_store_open(opts->folder, AL_STORE_READ, &print->reader, err);
    if (code != ALLOT_OK) {
        free(print);
        return code;
    }
    print->opts = *opts;
    print->next = 1;
    print->is_terminal = isatty(STDERR_FILENO) == 1;
    (void)mark_of(print, 0);
    (void)pthread_mutex_init(&print->lock, NULL);
    *made = print;
    return ALLOT_OK;
}

allot_err al_print_destroy(al_print *print, allot_error *err)
{
    if (print == NULL)
        return ALLOT_OK;
    advance(print);
    al_print_group(print);
    erase_status(print);
    allot_err code = print->fault.code;
    if (code != ALLOT_OK && err != NULL)
        *err = print->fault;
    al_joblog_close(print->opts.joblog);
    al_results_close(print->opts.results);
    (void)al_store_close(print->reader, NULL);
    for (int k = 0; k < 2; k++)
        al_buffer_fini(&print->gathered[k]);
    al_buffer_fini(&print->scratch);
    al_buffer_fini(&print->waiting);
    (void)pthread_mutex_destroy(&print->lock);
    free(print->host);
    free(print);
    return code;
}
