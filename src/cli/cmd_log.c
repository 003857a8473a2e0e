/* cmd_log.c - `allot log`: what tasks wrote, and how they ended.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "farm/runs.h"
#include "farm/store.h"

typedef struct log_options {
    bool json, failed, only_stderr, only_stdout;
} log_options;

#define AT(member) offsetof(log_options, member)

static const al_option log_table[] = {
    {"failed", 0, AL_OPTION_FLAG, AT(failed), NULL, NULL, 0, 0, NULL, "only tasks that failed", SIZE_MAX},
    {"stdout", 0, AL_OPTION_FLAG, AT(only_stdout), NULL, NULL, 0, 0, NULL,
     "only what TASK wrote to standard output", SIZE_MAX},
    {"stderr", 0, AL_OPTION_FLAG, AT(only_stderr), NULL, NULL, 0, 0, NULL,
     "only what TASK wrote to standard error", SIZE_MAX},
    {"json", 0, AL_OPTION_FLAG, AT(json), NULL, NULL, 0, 0, NULL,
     "print a JSON object a line, one for each task", SIZE_MAX},
};

typedef struct log_run {
    al_store *store;
    const log_options *options;
    allot_error err;
    bool failed;
} log_run;

/** A task's arguments, or its specification, for people: NUL as a blank. */
static void task_text(al_store *store, al_task_id task, al_buffer *text)
{
    al_args args, spec;
    al_buffer_clear(text);
    if (al_store_task(store, task, &args, &spec, NULL) == ALLOT_OK) {
        al_args shown = spec.at != NULL ? spec : args;
        (void)al_buffer_append(text, shown.at, shown.nbytes);
        for (size_t k = 0; k < text->nbytes; k++)
            if ((unsigned char)text->at[k] < ' ')
                text->at[k] = ' ';
    }
    (void)al_buffer_byte(text, '\0');
}

static bool print_json_line(log_run *l, const al_result *r)
{
    al_buffer text = {.at = NULL};
    task_text(l->store, r->task, &text);
    json_t *o = json_pack("{s:I, s:s, s:s, s:I, s:i, s:i, s:I, s:f, s:f, s:f, s:I, s:I, s:I}", "task",
                          (json_int_t)r->task, "state", al_task_state_word(r->state), "cause",
                          al_cause_word(r->cause), "attempt", (json_int_t)r->attempt, "exit_status",
                          r->exit_status, "signal", r->signal, "start_us", (json_int_t)r->start_us, "wall_s",
                          (double)r->wall_us * 1e-6, "user_s", (double)r->user_us * 1e-6, "sys_s",
                          (double)r->sys_us * 1e-6, "peak_memory_kb", (json_int_t)r->mem_kb, "stdout_bytes",
                          (json_int_t)r->nout, "stderr_bytes", (json_int_t)r->nerr);
    if (o != NULL && !text.failed)
        (void)json_object_set_new(o, "arguments", json_string(text.at));
    char *line = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    if (line != NULL)
        printf("%s\n", line);
    free(line);
    json_decref(o);
    al_buffer_fini(&text);
    return line != NULL;
}

static bool print_line(void *arg, const al_result *r)
{
    log_run *l = arg;
    if (l->options->json)
        return print_json_line(l, r);
    al_buffer text = {.at = NULL};
    char how[32];
    task_text(l->store, r->task, &text);
    if (r->cause == AL_CAUSE_EXIT)
        (void)snprintf(how, sizeof how, "exit %d", r->exit_status);
    else if (r->cause == AL_CAUSE_SIGNAL)
        (void)snprintf(how, sizeof how, "SIG%s",
                       sigabbrev_np(r->signal) != NULL ? sigabbrev_np(r->signal) : "?");
    else
        (void)snprintf(how, sizeof how, "%s", al_cause_word(r->cause));
    printf("%8" PRIu64 " %-9s %-12s %9.3f s %8" PRIu64 " kB  %s\n", r->task, al_task_state_word(r->state),
           how, (double)r->wall_us * 1e-6, r->mem_kb, text.failed ? "" : text.at);
    al_buffer_fini(&text);
    return true;
}

/** What a task wrote, to one of ours. */
static allot_err copy_output(al_store *store, al_task_id task, bool is_err, FILE *to, allot_error *err)
{
    al_buffer text = {.at = NULL};
    char part[65536];
    int fd = -1;
    ssize_t n;
    allot_err code = al_store_output(store, task, is_err, &text, &fd, err);
    if (code == ALLOT_OK && text.nbytes > 0)
        (void)fwrite(text.at, 1, text.nbytes, to);
    while (fd >= 0 && (n = read(fd, part, sizeof part)) > 0)
        if (fwrite(part, 1, (size_t)n, to) != (size_t)n)
            break;
    if (fd >= 0)
        (void)close(fd);
    al_buffer_fini(&text);
    return code;
}

static allot_err print_task(log_run *l, al_task_id task, allot_error *err)
{
    al_result result;
    allot_err code = al_store_result(l->store, task, &result, err);
    if (code != ALLOT_OK)
        return code;
    if (l->options->json)
        return print_json_line(l, &result) ? ALLOT_OK : ALLOT_ENOMEM;
    if (!l->options->only_stderr)
        code = copy_output(l->store, task, false, stdout, err);
    if (code == ALLOT_OK && !l->options->only_stdout)
        code = copy_output(l->store, task, true, l->options->only_stderr ? stdout : stderr, err);
    return code;
}

static int run_log(int argc, char **argv)
{
    log_options options = {false};
    int noperands, status;
    char path[PATH_MAX];
    log_run l = {.options = &options};
    allot_error err;
    if (!al_option_parse(&al_command_log, argc, argv, &options, &noperands, &status))
        return status;
    allot_err code = al_runs_find(noperands > 0 ? argv[1] : NULL, path, sizeof path, &err);
    if (code == ALLOT_OK)
        code = al_store_open(path, AL_STORE_READ, &l.store, &err);
    uint32_t states = options.failed ? 1u << AL_TASK_FAILED : 0;
    if (code == ALLOT_OK && noperands < 2)
        code = al_store_each_result(l.store, states, print_line, &l, &err);
    for (int k = 2; k <= noperands && code == ALLOT_OK; k++) {
        char *end;
        al_task_id task = strtoull(argv[k], &end, 10);
        if (*end != '\0' || task == 0) {
            al_complain("log", "'%s' is no task: they are numbered from 1", argv[k]);
            (void)al_store_close(l.store, NULL);
            return AL_EXIT_USAGE;
        }
        code = print_task(&l, task, &err);
    }
    if (code != ALLOT_OK)
        al_complain("log", "%s", err.text);
    (void)al_store_close(l.store, NULL);
    return code == ALLOT_OK ? AL_EXIT_OK : AL_EXIT_FAILED;
}

const al_command al_command_log = {
    .name = "log",
    .summary = "what a run's tasks wrote, and how they ended",
    .usage = "[RUN]\nRUN TASK ...",
    .description =
        "Without TASK: a line for each task that was tried, with how it ended, its time and memory. With "
        "TASK, "
        "which is a task's number: what it wrote, to standard output and standard error as it did itself.",
    .examples = "allot log  # the latest run, task by task\n"
                "allot log --failed gzip-3  # those that failed\n"
                "allot log gzip-3 17  # what task 17 wrote\n",
    .options = log_table,
    .noptions = sizeof log_table / sizeof log_table[0],
    .statuses = "0  success\n1  there is no such run or task, or it has no result yet\n2  the command line "
                "is wrong\n",
    .run = run_log,
};
