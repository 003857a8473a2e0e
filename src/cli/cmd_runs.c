/* cmd_runs.c - `allot runs`, which runs there are, and `allot status`, how one of them is.
 *
 * Both only look: a run that is being worked on is not disturbed.
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
#include <time.h>

#include "cli/commands.h"
#include "cli/run_job.h"
#include "farm/runs.h"
#include "farm/store.h"
#include "farm/words.h"

typedef struct look_options {
    bool json;
} look_options;

static const al_option look_table[] = {
    {"json", 0, AL_OPTION_FLAG, offsetof(look_options, json), NULL, NULL, 0, 0, NULL, "print JSON", SIZE_MAX},
};

/* ---- what is known of a run ------------------------------------------------------------------------------
 */

typedef struct summary {
    al_store_counts counts;
    al_store_owner owner;
    bool is_owned, is_complete;
    uint64_t nleft;
    char *created_us, *command, *cwd, *host;
    al_run_job job; /* Slurm is asked if nobody works on the run though some of it is left */
} summary;

static void forget_summary(summary *s)
{
    free(s->created_us);
    free(s->command);
    free(s->cwd);
    free(s->host);
}

static allot_err look_at(al_store *store, summary *s, allot_error *err)
{
    char *complete = NULL;
    *s = (summary){.is_owned = al_store_owner_of(al_store_folder(store), &s->owner)};
    s->is_owned = al_store_owner_of(al_store_folder(store), &s->owner);
    allot_err code = al_store_count(store, &s->counts, err);
    if (code == ALLOT_OK)
        code = al_store_get(store, "created_us", &s->created_us, err);
    if (code == ALLOT_OK)
        code = al_store_get(store, "command", &s->command, err);
    if (code == ALLOT_OK)
        code = al_store_get(store, "cwd", &s->cwd, err);
    if (code == ALLOT_OK)
        code = al_store_get(store, "host", &s->host, err);
    if (code == ALLOT_OK)
        code = al_store_get(store, "input_complete", &complete, err);
    s->is_complete = complete != NULL && strcmp(complete, "1") == 0;
    free(complete);
    s->nleft =
        s->counts.ntasks - s->counts.ndone - s->counts.nfailed - s->counts.nskipped - s->counts.ncanceled;
    bool is_over = s->is_owned || (s->nleft == 0 && s->is_complete);
    if (code == ALLOT_OK)
        code = is_over ? al_run_job_read(store, &s->job, err) : al_run_job_look(store, &s->job, err);
    return code;
}

static const char *state_of(const summary *s)
{
    if (s->is_owned)
        return "running";
    if ((s->nleft > 0 || !s->is_complete) && al_run_job_is_alive(&s->job))
        return !s->job.is_asked ? "unknown" : s->job.job.state == AL_SLURM_QUEUED ? "queued" : "running";
    if (s->nleft > 0 || !s->is_complete)
        return "stopped";
    return s->counts.nfailed + s->counts.nskipped > 0 ? "failed"
           : s->counts.ncanceled > 0                  ? "canceled"
                                                      : "succeeded";
}

/** The command line on one line, without the name of the command. */
static void command_text(const summary *s, char *text, size_t nbytes)
{
    const char *command = s->command != NULL ? s->command : "";
    const char *blank = strchr(command, ' ');
    (void)snprintf(text, nbytes, "%s", blank != NULL ? blank + 1 : "");
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

/** The words, as far as JSON can hold them. */
static json_t *command_json(const summary *s)
{
    int count = 0;
    char **words = s->command != NULL ? al_words_read(s->command, &count) : NULL;
    json_t *array = words != NULL ? json_array() : NULL;
    for (int k = 0; k < count && array != NULL; k++)
        (void)json_array_append_new(array, json_string(words[k])); /* one that is no UTF-8 is left out */
    free(words);
    return array;
}

static void time_text(const char *us, char *text, size_t nbytes)
{
    time_t seconds = us != NULL ? (time_t)(strtoll(us, NULL, 10) / 1000000) : 0;
    struct tm parts;
    if (seconds == 0 || localtime_r(&seconds, &parts) == NULL ||
        strftime(text, nbytes, "%Y-%m-%d %H:%M", &parts) == 0)
        (void)snprintf(text, nbytes, "-");
}

static json_t *json_of(const char *path, const summary *s)
{
    const al_store_counts *c = &s->counts;
    json_t *words = command_json(s);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:s*, s:s*, s:o*}", "run",
                  al_runs_name(path), "folder", path, "state", state_of(s), "tasks", (json_int_t)c->ntasks,
                  "succeeded", (json_int_t)c->ndone, "failed", (json_int_t)c->nfailed, "skipped",
                  (json_int_t)c->nskipped, "canceled", (json_int_t)c->ncanceled, "left", (json_int_t)s->nleft,
                  "attempts", (json_int_t)c->nattempts, "input_complete", s->is_complete, "created_us",
                  (json_int_t)(s->created_us != NULL ? strtoll(s->created_us, NULL, 10) : 0), "host", s->host,
                  "cwd", s->cwd, "command", words);
    if (s->is_owned && o != NULL)
        (void)json_object_set_new(o, "controller",
                                  json_pack("{s:s, s:I, s:I}", "host", s->owner.host, "pid",
                                            (json_int_t)s->owner.pid, "since_us",
                                            (json_int_t)s->owner.since_us));
    if (s->job.id[0] != '\0' && o != NULL)
        (void)json_object_set_new(o, "job",
                                  json_pack("{s:s, s:s, s:s, s:s, s:s}", "system", "slurm", "id", s->job.id,
                                            "state", s->job.job.word, "reason", s->job.job.reason, "nodes",
                                            s->job.job.nodes));
    return o;
}

static int print_json(json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_INDENT(2)) : NULL;
    if (text != NULL)
        printf("%s\n", text);
    free(text);
    json_decref(value);
    return text != NULL ? AL_EXIT_OK : AL_EXIT_FAILED;
}

/* ---- allot runs -----------------------------------------------------------------------------------------
 */

typedef struct list {
    json_t *array; /* or NULL: print lines */
    bool is_first, any_bad;
} list;

static bool list_run(void *arg, const char *path)
{
    list *l = arg;
    al_store *store;
    allot_error err;
    summary s;
    if (al_store_open(path, AL_STORE_READ, &store, &err) != ALLOT_OK) {
        al_complain("runs", "%s", err.text);
        l->any_bad = true;
        return true;
    }
    if (look_at(store, &s, &err) != ALLOT_OK) {
        al_complain("runs", "%s", err.text);
        l->any_bad = true;
    } else if (l->array != NULL) {
        (void)json_array_append_new(l->array, json_of(path, &s));
    } else {
        char command[256], created[32];
        command_text(&s, command, sizeof command);
        time_text(s.created_us, created, sizeof created);
        if (l->is_first)
            printf("%-16s %-9s %10s %10s %8s %8s  %-16s  %s\n", "RUN", "STATE", "TASKS", "SUCCEEDED",
                   "FAILED", "LEFT", "CREATED", "COMMAND");
        l->is_first = false;
        printf("%-16s %-9s %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64 "  %-16s  %.60s\n",
               al_runs_name(path), state_of(&s), s.counts.ntasks, s.counts.ndone,
               s.counts.nfailed + s.counts.nskipped, s.nleft, created, command);
    }
    forget_summary(&s);
    (void)al_store_close(store, NULL);
    return true;
}

static int run_runs(int argc, char **argv)
{
    look_options options = {false};
    int noperands, status;
    allot_error err;
    if (!al_option_parse(&al_command_runs, argc, argv, &options, &noperands, &status))
        return status;
    list l = {.array = options.json ? json_array() : NULL, .is_first = true};
    allot_err code = al_runs_each(list_run, &l, &err);
    if (code != ALLOT_OK) {
        al_complain("runs", "%s", err.text);
        return AL_EXIT_FAILED;
    }
    if (options.json)
        return print_json(l.array);
    if (l.is_first && !l.any_bad)
        fprintf(stderr, "allot runs: there is no run yet; allot farm makes one\n");
    return l.any_bad ? AL_EXIT_FAILED : AL_EXIT_OK;
}

const al_command al_command_runs = {
    .name = "runs",
    .summary = "which runs there are",
    .usage = "",
    .description =
        "Lists the runs that `allot farm` made and that are still kept: running, stopped (some tasks are "
        "left: "
        "`allot resume` goes on), failed (all were tried, some failed: `allot retry`), canceled, succeeded.",
    .examples =
        "allot runs  # all of them\nallot runs --json | jq '.[] | select(.state == \"failed\") | .run'\n",
    .options = look_table,
    .noptions = 1,
    .statuses = "0  success\n1  a run could not be read\n2  the command line is wrong\n",
    .run = run_runs,
};

/* ---- allot status ---------------------------------------------------------------------------------------
 */

static void print_job(const char *path, const al_run_job *job)
{
    char text[PATH_MAX + 1000];
    if (job->id[0] == '\0')
        return;
    if (!job->is_asked)
        (void)snprintf(text, sizeof text, "%s of Slurm's: %s", job->id, job->fault);
    else if (job->job.state == AL_SLURM_QUEUED)
        (void)snprintf(text, sizeof text, "queued in Slurm as job %s (%s)", job->id, job->job.reason);
    else if (job->job.state == AL_SLURM_RUNS)
        (void)snprintf(text, sizeof text,
                       "%s of Slurm's is there, on %s (%s): it has not begun, or just ended", job->id,
                       job->job.nodes, job->job.word);
    else
        al_run_job_end(path, job, text, sizeof text);
    printf("job        %s\n", text);
}

static void print_status(const char *path, const summary *s)
{
    char command[2048], created[32];
    command_text(s, command, sizeof command);
    time_text(s->created_us, created, sizeof created);
    printf("run        %s (%s)\nstate      %s%s\ncommand    %s\nin         %s\ncreated    %s on %s\n",
           al_runs_name(path), path, state_of(s), s->is_complete ? "" : ", not all of its input was read",
           command, s->cwd != NULL ? s->cwd : "-", created, s->host != NULL ? s->host : "-");
    bool in_job = s->is_owned && s->job.has_begun;
    if (s->is_owned)
        printf("controller process %" PRId64 " on %s%s%s\n", s->owner.pid, s->owner.host,
               in_job ? ", in Slurm as job " : "", in_job ? s->job.id : "");
    else if (s->nleft > 0 || !s->is_complete)
        print_job(path, &s->job);
    const al_store_counts *c = &s->counts;
    printf("tasks      %" PRIu64 ": %" PRIu64 " succeeded, %" PRIu64 " failed, %" PRIu64 " skipped, %" PRIu64
           " canceled, %" PRIu64 " left\n",
           c->ntasks, c->ndone, c->nfailed, c->nskipped, c->ncanceled, s->nleft);
}

static int run_status(int argc, char **argv)
{
    look_options options = {false};
    int noperands, status;
    char path[PATH_MAX];
    al_store *store = NULL;
    summary s = {.is_owned = false};
    allot_error err;
    if (!al_option_parse(&al_command_status, argc, argv, &options, &noperands, &status))
        return status;
    allot_err code = al_runs_find(noperands > 0 ? argv[1] : NULL, path, sizeof path, &err);
    if (code == ALLOT_OK)
        code = al_store_open(path, AL_STORE_READ, &store, &err);
    if (code == ALLOT_OK)
        code = look_at(store, &s, &err);
    if (code == ALLOT_OK && options.json)
        status = print_json(json_of(path, &s));
    else if (code == ALLOT_OK)
        print_status(path, &s);
    else
        al_complain("status", "%s", err.text);
    forget_summary(&s);
    (void)al_store_close(store, NULL);
    return code == ALLOT_OK ? AL_EXIT_OK : AL_EXIT_FAILED;
}

const al_command al_command_status = {
    .name = "status",
    .summary = "how far a run is",
    .usage = "[RUN]",
    .description = "Says what became of a run's tasks so far, and who works on it. Without RUN, the one that "
                   "was worked on "
                   "last. RUN is a name that `allot runs` lists, or the path of a run's folder.",
    .examples = "allot status  # the latest\nallot status gzip-3 --json  # for a program\n",
    .options = look_table,
    .noptions = 1,
    .statuses = "0  success\n1  there is no such run, or it cannot be read\n2  the command line is wrong\n",
    .run = run_status,
};
