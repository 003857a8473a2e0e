/* cmd_control.c - `allot wait`, `cancel`, `add` and `forget`: what others may ask of a run.
 *
 * A run that somebody works on is asked by a request left in its file, which its controller finds within half
 * a second, also from another machine that sees the folder. One that nobody works on is changed at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "cli/commands.h"
#include "cli/run_job.h"
#include "farm/runs.h"
#include "farm/store.h"

typedef struct control_options {
    uint64_t timeout_ns;
    bool has_timeout, json;
} control_options;

#define JSON_ROW                                                                                             \
    {                                                                                                        \
        "json", 0, AL_OPTION_FLAG, offsetof(control_options, json), NULL, NULL, 0, 0, NULL,                  \
            "say what came of it as one JSON object on standard output", SIZE_MAX                            \
    }
static const al_option plain_table[] = {JSON_ROW};

static const al_option wait_table[] = {
    {"timeout", 0, AL_OPTION_DURATION, offsetof(control_options, timeout_ns), "TIME", NULL, 1, 0, NULL,
     "give up after this time, with status 124", offsetof(control_options, has_timeout)},
    JSON_ROW,
};

/** Print an object, which is freed, where --json asks for one. */
static void tell(const control_options *options, json_t *object)
{
    char *text = options->json && object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    if (text != NULL)
        printf("%s\n", text);
    free(text);
    json_decref(object);
}

/** Parse the command line and find the run. @return -1, or the exit status */
static int begin(const al_command *command, int argc, char **argv, control_options *options, int *noperands,
                 char path[PATH_MAX])
{
    int status;
    allot_error err;
    if (!al_option_parse(command, argc, argv, options, noperands, &status))
        return status;
    if (al_runs_find(*noperands > 0 ? argv[1] : NULL, path, PATH_MAX, &err) == ALLOT_OK)
        return -1;
    al_complain(command->name, "%s", err.text);
    return AL_EXIT_FAILED;
}

static int finish(const char *command, allot_err code, const allot_error *err)
{
    if (code != ALLOT_OK)
        al_complain(command, "%s", err->text);
    return code == ALLOT_OK ? AL_EXIT_OK : AL_EXIT_FAILED;
}

static bool is_owned(const char *path)
{
    al_store_owner owner;
    return al_store_owner_of(path, &owner);
}

/* ---- wait -----------------------------------------------------------------------------------------------
 */

#define ASK_NS UINT64_C(1000000000) /* between two questions to a batch system; doubled each time, */
#define ASK_MOST_NS UINT64_C(16000000000)

/** Nobody works on the run: whether a batch system's job will, or may. It is asked now and then. */
static bool is_to_go_on(const char *path, uint64_t *asked_ns, uint64_t *every_ns, bool *last)
{
    al_run_job job;
    uint64_t now_ns = al_clock_ns();
    if (*asked_ns != 0 && now_ns < *asked_ns + *every_ns)
        return *last;
    *every_ns = *asked_ns == 0 ? ASK_NS : *every_ns < ASK_MOST_NS ? 2 * *every_ns : ASK_MOST_NS;
    *asked_ns = now_ns;
    *last = !al_run_is_done(path) && al_run_job_of(path, &job, NULL) == ALLOT_OK && al_run_job_is_alive(&job);
    return *last;
}

/** Wait until nobody works on a run, or will. @return false: the time is up */
static bool wait_for_end(const char *path, uint64_t timeout_ns)
{
    uint64_t begin_ns = al_clock_ns(), asked_ns = 0, every_ns = 0;
    bool last = false;
    for (;;) {
        if (is_owned(path))
            asked_ns = 0;
        else if (!is_to_go_on(path, &asked_ns, &every_ns, &last) && !is_owned(path))
            return true;
        if (al_clock_ns() - begin_ns > timeout_ns)
            return false;
        (void)usleep(100000);
    }
}

static int run_wait(int argc, char **argv)
{
    control_options options = {0};
    al_store *store;
    al_store_counts counts;
    allot_error err;
    char path[PATH_MAX];
    int noperands, status = begin(&al_command_wait, argc, argv, &options, &noperands, path);
    if (status >= 0)
        return status;
    if (!wait_for_end(path, options.has_timeout ? options.timeout_ns : UINT64_MAX)) {
        al_complain("wait", "run %s is still being worked on", al_runs_word(path));
        return AL_EXIT_TIMEOUT;
    }
    allot_err code = al_store_open(path, AL_STORE_READ, &store, &err);
    if (code != ALLOT_OK)
        return finish("wait", code, &err);
    code = al_store_count(store, &counts, &err);
    (void)al_store_close(store, NULL);
    if (code != ALLOT_OK)
        return finish("wait", code, &err);
    uint64_t nbad = counts.nfailed + counts.nskipped;
    bool is_left = counts.ndone + nbad + counts.ncanceled < counts.ntasks;
    status = is_left ? 101 : nbad < 100 ? (int)nbad : 100;
    tell(&options, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:i}", "run", al_runs_name(path), "tasks",
                             (json_int_t)counts.ntasks, "succeeded", (json_int_t)counts.ndone, "failed",
                             (json_int_t)counts.nfailed, "skipped", (json_int_t)counts.nskipped, "canceled",
                             (json_int_t)counts.ncanceled, "exit_status", status));
    if (is_left)
        al_complain("wait", "run %s was stopped: some tasks are left; go on with: allot resume %s",
                    al_runs_word(path), al_runs_word(path));
    return status;
}

const al_command al_command_wait = {
    .name = "wait",
    .summary = "wait until nobody works on a run any more",
    .usage = "[RUN]",
    .description =
        "Returns once a run that goes on elsewhere (--detach, another terminal, Slurm's queue) has "
        "ended, with the status that "
        "allot farm would have had.",
    .examples = "allot wait gzip-3 && mail -s done me < /dev/null  # when all succeeded\n",
    .options = wait_table,
    .noptions = 2,
    .statuses = "0  all tasks succeeded\n1-100  so many failed or were skipped\n101  the run was stopped "
                "with tasks left\n"
                "124  the time of --timeout was up\n",
    .run = run_wait,
};

/* ---- cancel ---------------------------------------------------------------------------------------------
 */

/** Nobody works on it: what is left becomes canceled here and now. */
static void cancel_one(void *arg, al_task_id task, al_task_state state, uint32_t attempts, bool interrupted,
                       uint64_t wall_us)
{
    uint8_t *is_final = arg;
    (void)attempts, (void)interrupted, (void)wall_us;
    is_final[task] = al_task_is_final(state);
}

static allot_err cancel_left(al_store *store, allot_error *err)
{
    uint64_t ntasks = al_store_ntasks_committed(store);
    uint8_t *is_final = calloc(ntasks + 1, 1);
    if (is_final == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    allot_err code = al_store_each_state(store, cancel_one, is_final, err);
    for (uint64_t task = 1; task <= ntasks && code == ALLOT_OK; task++) {
        al_result result = {.task = task, .state = AL_TASK_CANCELED, .cause = AL_CAUSE_CANCELED};
        while (!is_final[task] && code == ALLOT_OK &&
               !al_store_ended(store, &result, (al_args){NULL, 0}, (al_args){NULL, 0}))
            code = al_store_sync(store, err);
    }
    free(is_final);
    return code;
}

/** Take the run's job out of the queue. One that runs is asked as any controller is: it ends its tasks in
 * order. @param[out] is_asked  somebody works on the run, or is about to, and has to be asked */
static allot_err cancel_job(const char *path, bool *is_asked, allot_error *err)
{
    al_run_job job;
    *is_asked = is_owned(path);
    if (*is_asked)
        return ALLOT_OK;
    allot_err code = al_run_job_of(path, &job, err);
    if (code != ALLOT_OK || !al_run_job_is_alive(&job))
        return code;
    if (!job.is_asked)
        return al_fail(err, ALLOT_EPERM, 0, "run %s is job %s of Slurm's: %s; try again later",
                       al_runs_word(path), job.id, job.fault);
    *is_asked = job.job.state == AL_SLURM_RUNS;
    if (!*is_asked)
        code = al_slurm_cancel(job.id, err);
    for (int tries = 0; tries < 300 && code == ALLOT_OK && is_owned(path); tries++)
        (void)usleep(100000); /* it had begun the moment before, and ends */
    return code;
}

/** Ask whoever works on a run, or will, to cancel these tasks; none: all. */
static allot_err ask_to_cancel(const char *path, char *const *tasks, int ntasks, allot_error *err)
{
    allot_err code = ALLOT_OK;
    for (int k = 0; k < ntasks && code == ALLOT_OK; k++)
        code = al_store_ask(path, "cancel", tasks[k], strlen(tasks[k]), err);
    return ntasks > 0 ? code : al_store_ask(path, "cancel", "", 0, err);
}

static int run_cancel(int argc, char **argv)
{
    control_options options = {0};
    al_store *store = NULL;
    allot_error err;
    al_run_job job;
    bool is_asked = false;
    char path[PATH_MAX];
    int noperands, status = begin(&al_command_cancel, argc, argv, &options, &noperands, path);
    if (status >= 0)
        return status;
    allot_err code = noperands < 2 ? cancel_job(path, &is_asked, &err) : al_run_job_of(path, &job, &err);
    if (code == ALLOT_OK && noperands > 1)
        is_asked = is_owned(path) || al_run_job_is_alive(&job);
    if (code == ALLOT_OK && is_asked) {
        code = ask_to_cancel(path, argv + 2, noperands - 1, &err);
        if (code == ALLOT_OK)
            tell(&options, json_pack("{s:s, s:b}", "run", al_runs_name(path), "asked", true));
        return finish("cancel", code, &err);
    }
    if (code == ALLOT_OK && noperands > 1)
        code = al_fail(&err, ALLOT_EINVAL, 0, "nobody works on run %s: it can be canceled as a whole only",
                       al_runs_word(path));
    if (code == ALLOT_OK)
        code = al_store_open(path, AL_STORE_CONTROL, &store, &err);
    if (code == ALLOT_OK)
        code = cancel_left(store, &err);
    allot_err closed = al_store_close(store, code == ALLOT_OK ? &err : NULL);
    if (code == ALLOT_OK && closed == ALLOT_OK)
        tell(&options, json_pack("{s:s, s:b}", "run", al_runs_name(path), "asked", false));
    return finish("cancel", code == ALLOT_OK ? closed : code, &err);
}

const al_command al_command_cancel = {
    .name = "cancel",
    .summary = "end a run, or some of its tasks",
    .usage = "[RUN [TASK ...]]",
    .description =
        "Ends what runs (TERM, then KILL) and cancels what waits. Without TASK all of the run; if it "
        "waits in Slurm's queue, it is taken out of it. "
        "What has finished "
        "stays; `allot retry` takes canceled tasks up again.",
    .examples = "allot cancel gzip-3  # all of it\nallot cancel gzip-3 17 18  # two tasks\n",
    .options = plain_table,
    .noptions = 1,
    .statuses = "0  success: the run was asked\n1  there is no such run, or it cannot be changed\n",
    .run = run_cancel,
};

/* ---- add ------------------------------------------------------------------------------------------------
 */

static bool append_line(al_buffer *text, const char *line, size_t nbytes)
{
    return al_buffer_append(text, line, nbytes) && al_buffer_byte(text, '\n');
}

/** Arguments of the command line after :::, or the lines of standard input. */
static allot_err gather(int noperands, char **argv, al_buffer *text, allot_error *err)
{
    if (noperands > 1) {
        for (int k = strcmp(argv[2], ":::") == 0 ? 3 : 2; k <= noperands; k++)
            if (strchr(argv[k], '\n') != NULL || !append_line(text, argv[k], strlen(argv[k])))
                return al_fail(err, ALLOT_EINVAL, 0,
                               "'%.80s' cannot be added: an argument of one line is wanted", argv[k]);
        return ALLOT_OK;
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    while ((n = getline(&line, &room, stdin)) > 0)
        if (!append_line(text, line, (size_t)n - (line[n - 1] == '\n')))
            break;
    free(line);
    return text->failed ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory") : ALLOT_OK;
}

static allot_err put_lines(al_store *store, const al_buffer *text, allot_error *err)
{
    allot_err code = ALLOT_OK;
    for (size_t at = 0; at < text->nbytes && code == ALLOT_OK;) {
        const char *end = memchr(text->at + at, '\n', text->nbytes - at);
        size_t length = (size_t)(end - text->at) - at;
        code = al_store_add(store, (al_args){text->at + at, length}, NULL, err);
        at += length + 1;
    }
    return code;
}

/** Nobody works on the run. Tasks with specs are left for who does next: all others have to be known to check
 * them. */
static allot_err add_now(const char *path, const al_buffer *text, allot_error *err)
{
    al_store *store;
    char *has_specs = NULL;
    allot_err code = al_store_open(path, AL_STORE_CONTROL, &store, err);
    if (code != ALLOT_OK)
        return code;
    code = al_store_get(store, "specs", &has_specs, err);
    if (code == ALLOT_OK && has_specs == NULL)
        code = put_lines(store, text, err);
    allot_err closed = al_store_close(store, code == ALLOT_OK ? err : NULL);
    if (code == ALLOT_OK && closed == ALLOT_OK && has_specs != NULL)
        closed = al_store_ask(path, "add", text->at, text->nbytes, err);
    free(has_specs);
    return code == ALLOT_OK ? closed : code;
}

/** Wait until whoever works on the run has taken what it was asked; a run may end the moment before.
 * @return whether that is so */
static bool is_taken(const char *path)
{
    al_store_owner owner;
    for (int tries = 0; tries < 200; tries++) {
        bool is_owned = al_store_owner_of(path, &owner); /* first: it looks at its requests until the end */
        if (!al_store_is_asked(path))
            return true;
        if (!is_owned)
            return false;
        (void)usleep(50000);
    }
    return false;
}

/** Add tasks: by asking whoever works on the run, or is about to; otherwise at once. */
static allot_err add(const char *path, const al_buffer *text, const al_run_job *job, bool *is_live,
                     allot_error *err)
{
    bool is_waiting = job->is_asked && job->job.state == AL_SLURM_QUEUED;
    if (!is_owned(path) && (is_waiting || !al_run_job_is_alive(job)))
        return add_now(path, text, err);
    allot_err code = al_store_ask(path, "add", text->at, text->nbytes, err);
    *is_live = code == ALLOT_OK && is_owned(path) && is_taken(path);
    return code;
}

static size_t count_lines(const al_buffer *text)
{
    size_t n = 0;
    for (size_t k = 0; k < text->nbytes; k++)
        n += text->at[k] == '\n';
    return n;
}

static int run_add(int argc, char **argv)
{
    control_options options = {0};
    allot_error err;
    al_buffer text = {.at = NULL};
    char path[PATH_MAX];
    bool is_live = false;
    al_run_job job = {.is_asked = false};
    int noperands, status = begin(&al_command_add, argc, argv, &options, &noperands, path);
    if (status >= 0)
        return status;
    allot_err code = gather(noperands, argv, &text, &err);
    if (code == ALLOT_OK && !is_owned(path))
        code = al_run_job_of(path, &job, &err);
    if (code == ALLOT_OK && text.nbytes > 0)
        code = add(path, &text, &job, &is_live, &err);
    if (code == ALLOT_OK)
        tell(&options, json_pack("{s:s, s:I, s:b}", "run", al_runs_name(path), "added",
                                 (json_int_t)count_lines(&text), "running", is_live));
    if (code == ALLOT_OK && !is_live && text.nbytes > 0 && !al_run_job_is_alive(&job))
        fprintf(stderr, "allot add: nobody works on run %s at present: allot resume %s\n", al_runs_word(path),
                al_runs_word(path));
    al_buffer_fini(&text);
    return finish("add", code, &err);
}

const al_command al_command_add = {
    .name = "add",
    .summary = "more tasks for a run",
    .usage = "RUN ::: ARG ...\nRUN < ARGS\nRUN < TASKS",
    .description =
        "Adds tasks to a run, one for each argument, with the run's own template; also to a run "
        "that goes on at this moment. A run made with --tasks takes lines of JSON as that file has; one "
        "that is wrong is left out, and the run says so.",
    .examples = "allot add gzip-3 ::: late.log later.log  # two more\n",
    .options = plain_table,
    .noptions = 1,
    .statuses = "0  success\n1  there is no such run, or it cannot be changed\n",
    .run = run_add,
};

/* ---- forget ---------------------------------------------------------------------------------------------
 */

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static allot_err forget(const char *path, allot_error *err)
{
    al_store_owner owner;
    if (al_store_owner_of(path, &owner))
        return al_fail(err, ALLOT_EPERM, 0,
                       "run %s is being worked on by process %" PRId64 " on %s: allot cancel %s first",
                       al_runs_word(path), owner.pid, owner.host, al_runs_word(path));
    al_run_job job;
    if (al_run_job_of(path, &job, NULL) == ALLOT_OK && al_run_job_is_alive(&job))
        return al_fail(err, ALLOT_EPERM, 0, "run %s is job %s of Slurm's: allot cancel %s first",
                       al_runs_word(path), job.id, al_runs_word(path));
    if (nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
        return al_fail(err, ALLOT_EIO, errno, "run %s cannot be removed", path);
    return ALLOT_OK;
}

static int run_forget(int argc, char **argv)
{
    control_options options = {0};
    allot_error err;
    char path[PATH_MAX];
    int noperands, status;
    if (!al_option_parse(&al_command_forget, argc, argv, &options, &noperands, &status))
        return status;
    if (noperands == 0) {
        al_complain("forget", "which run? allot runs lists them");
        return AL_EXIT_USAGE;
    }
    for (int k = 1; k <= noperands; k++) {
        allot_err code = al_runs_find(argv[k], path, sizeof path, &err);
        if (code == ALLOT_OK)
            code = forget(path, &err);
        if (code != ALLOT_OK)
            return finish("forget", code, &err);
        tell(&options, json_pack("{s:s, s:b}", "run", al_runs_name(path), "forgotten", true));
    }
    return AL_EXIT_OK;
}

const al_command al_command_forget = {
    .name = "forget",
    .summary = "remove a run and all that is kept of it",
    .usage = "RUN ...",
    .description = "Removes the run's folder: its tasks, their results and the output that was kept. Files "
                   "that the tasks "
                   "themselves wrote are not touched.",
    .examples = "allot forget gzip-3\n",
    .options = plain_table,
    .noptions = 1,
    .statuses =
        "0  success\n1  there is no such run, or somebody works on it\n2  the command line is wrong\n",
    .run = run_forget,
};
