/* farm_batch.c - a run's controller as a job of the batch system's. See farm_session.h and
 * docs/decisions/0019.
 *
 * `allot farm --detach --on slurm:...` makes the run where it is typed, so that what is wrong is said there,
 * reads its list to the end, lets go of it and submits a job whose script is `allot resume RUN`. That
 * controller finds itself in the allocation, whose nodes are its engines. Shortly before the job's time is up
 * it hears USR1, stops, and has the job begin again; the next start resumes as after any interruption.
 *
 * Who works on a run is said by its lock alone, which goes with the process. What is kept of the job is only
 * what others need to look at it: batch.job (the number) and batch.begun (of the job in which a controller
 * last took the run up).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "cli/farm_session.h"
#include "engine/slurm.h"
#include "farm/runs.h"
#include "farm/template.h"
#include "farm/words.h"

/** Tells the controller in a job which run the job is for. */
#define MARK "ALLOT_BATCH_RUN"
#define MARGIN_S 20    /* after the last task was killed: to commit, and to ask for the next turn */
#define IDLE_MOST 3    /* jobs in a row in which no task ended */
#define LOCK_TRIES 180 /* s: as long as a file server may keep the lock of a node that died */

/* ---- the job's time -------------------------------------------------------------------------------------
 */

/** What running tasks get when the time is nearly up: a tenth of a limit that is known, 5 s to 5 min. */
static uint32_t drain_s(const al_farm_options *o)
{
    double limit_s = al_slurm_limit_s(o->engines[0].target);
    double value = limit_s > 0 ? limit_s / 10 : 60;
    return value < 5 ? 5 : value > 300 ? 300 : (uint32_t)value;
}

uint64_t al_session_drain_ns(const al_session *session)
{
    bool has_end = session->is_in_job && session->options.nengines > 0;
    return has_end ? drain_s(&session->options) * UINT64_C(1000000000) : 0;
}

/* ---- submitting -----------------------------------------------------------------------------------------
 */

bool al_session_write_batch_words(const al_session *session, al_buffer *text)
{
    char *const *words = session->options.batch_words;
    size_t nwords = 0;
    while (words != NULL && words[nwords] != NULL)
        nwords++;
    return al_words_write(text, words, nwords);
}

/** The whole list goes into the run: whoever has typed it may be gone when the job begins. A list that is cut
 * by what is measured is read there. */
static allot_err read_list(al_session *session, allot_error *err)
{
    al_input_state state = AL_INPUT_TASK;
    al_args args;
    allot_err code = ALLOT_OK;
    if (session->inputs == NULL || session->known != NULL)
        return ALLOT_OK;
    for (uint32_t k = 0; session->options.is_bundling && k < session->options.nsources; k++)
        if (session->options.sources[k].path != NULL && strcmp(session->options.sources[k].path, "-") == 0)
            return al_fail(
                err, ALLOT_EINVAL, 0,
                "--bundle auto reads its list while it works, and a job has no standard input: put "
                "the list into a file (:::: FILE), or say --bundle N");
    while (!session->options.is_bundling) {
        code = al_session_next_task(session, &state, &args, err);
        if (code != ALLOT_OK || state != AL_INPUT_TASK)
            break;
        code = al_store_add(session->store, args, NULL, err);
        if (code == ALLOT_OK && al_store_is_behind(session->store))
            code = al_store_sync(session->store, err);
        if (code != ALLOT_OK)
            break;
    }
    if (code == ALLOT_OK && !session->options.is_bundling)
        code = al_store_set(session->store, "list", "", err);
    if (code == ALLOT_OK && !session->options.is_bundling)
        code = al_store_set(session->store, "input_complete", "1", err);
    return code;
}

static void add_quoted(al_buffer *text, const char *before, const char *word)
{
    (void)al_buffer_text(text, before);
    (void)al_shell_quote(text, word, strlen(word));
}

/** What the job is: a look whether we are there, and the controller in the shell's place. */
static bool write_script(const al_session *session, al_buffer *text)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0)
        return false;
    program[n] = '\0';
    add_quoted(text, "#!/bin/sh\nallot=", program);
    (void)al_buffer_text(text,
                         "\ntest -x \"$allot\" || {\n"
                         "    echo \"allot: $allot is not on $(uname -n): install it on all nodes, or in a "
                         "folder that they share\" >&2\n"
                         "    exit 127\n"
                         "}\n");
    add_quoted(text, MARK "=", session->path);
    add_quoted(text, " exec \"$allot\" resume ", session->path);
    (void)al_buffer_text(text, "\n");
    return al_buffer_byte(text, '\0');
}

/** Put a job for the run into the queue, and note its number. */
static allot_err submit(const al_session *session, char id[AL_SLURM_ID_BYTES], allot_error *err)
{
    const al_farm_options *o = &session->options;
    char name[300], output[PATH_MAX + 16];
    al_buffer script = {.at = NULL};
    (void)snprintf(name, sizeof name, "allot-%.200s", al_runs_name(session->path));
    (void)snprintf(output, sizeof output, "%s/job.out", session->path);
    al_slurm_order order = {.target = o->engines[0].target,
                            .nnodes = o->nengines,
                            .name = name,
                            .output = output,
                            .notice_s = drain_s(o) + (uint32_t)(o->kill_after_ns / 1000000000) + MARGIN_S,
                            .batch_words = o->batch_words};
    allot_err code =
        write_script(session, &script) ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    order.script = script.at;
    if (code == ALLOT_OK)
        code = al_slurm_submit(&order, id, err);
    al_buffer_fini(&script);
    return code == ALLOT_OK ? al_store_note(session->path, "batch.job", id, err) : code;
}

int al_session_submit(al_session *session)
{
    char id[AL_SLURM_ID_BYTES] = "";
    const char *name = al_runs_word(session->path);
    allot_error err, late = {.code = ALLOT_OK};
    allot_err code = read_list(session, &err);
    if (code == ALLOT_OK)
        code =
            al_store_set(session->store, "batch.options", session->typed != NULL ? session->typed : "", &err);
    if (code == ALLOT_OK)
        code = al_store_set(session->store, "batch.idle", "", &err);
    if (code == ALLOT_OK)
        code = al_store_set(session->store, "batch.new", session->is_resumed ? "" : "1", &err);
    allot_err closed = al_store_close(session->store, &late); /* the job's controller wants the lock */
    session->store = NULL;
    if (code == ALLOT_OK && closed != ALLOT_OK) {
        code = closed;
        err = late;
    }
    if (code != ALLOT_OK)
        return al_session_fail(session, code, &err);
    if (submit(session, id, &err) != ALLOT_OK) {
        al_complain(session->command, "%s", err.text);
        fprintf(stderr,
                "  the run is kept; try again with other options: allot resume --detach --on slurm:... %s\n"
                "  or remove it: allot forget %s\n",
                name, name);
        return AL_FARM_EXIT_BROKEN;
    }
    printf("%s\n", name);
    if (!session->options.quiet)
        fprintf(stderr, "allot %s: the run %s is job %s of Slurm's: allot status %s, allot wait %s\n",
                session->command, name, id, name, name);
    return AL_EXIT_OK;
}

/* ---- in the job -----------------------------------------------------------------------------------------
 */

void al_session_enter_job(al_session *session)
{
    const char *marked = getenv(MARK);
    char *run = marked != NULL && getenv("SLURM_JOB_ID") != NULL ? realpath(marked, NULL) : NULL;
    sigset_t notice;
    session->is_in_job = run != NULL && strcmp(run, session->path) == 0;
    free(run);
    (void)unsetenv(MARK); /* tasks may run other farms */
    if (!session->is_in_job)
        return;
    (void)sigemptyset(&notice);
    (void)sigaddset(&notice, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &notice, NULL); /* it may come before the farm listens */
}

allot_err al_session_open_in_job(al_session *session, allot_error *err)
{
    const char *job = getenv("SLURM_JOB_ID");
    char *is_new = NULL;
    al_store_owner owner;
    allot_err code;
    for (int tries = 0;; tries++) {
        code = al_store_open(session->path, AL_STORE_CONTROL, &session->store, err);
        if (code != ALLOT_EPERM || tries == LOCK_TRIES || !al_store_owner_of(session->path, &owner))
            break;
        (void)sleep(1);
    }
    if (code == ALLOT_OK)
        code = al_store_get(session->store, "batch.new", &is_new, err);
    session->is_first = is_new != NULL;
    free(is_new);
    if (code == ALLOT_OK)
        code = al_store_set(session->store, "batch.new", "", err);
    if (code == ALLOT_OK)
        code =
            al_store_set(session->store, "batch.job", job, err); /* its submitter may not have come to it */
    if (code == ALLOT_OK)
        code = al_store_set(session->store, "batch.begun", job, err);
    return code == ALLOT_OK ? al_store_sync(session->store, err) : code;
}

/** Jobs in a row in which no task ended, this one among them. */
static unsigned count_idle(const al_session *session)
{
    allot_error err;
    al_store *store;
    char *text = NULL, digits[16];
    if (session->nended == 0 && al_store_open(session->path, AL_STORE_READ, &store, &err) == ALLOT_OK) {
        (void)al_store_get(store, "batch.idle", &text, &err);
        (void)al_store_close(store, NULL);
    }
    unsigned count = session->nended > 0 ? 0 : 1 + (text != NULL ? (unsigned)strtoul(text, NULL, 10) : 0);
    free(text);
    (void)snprintf(digits, sizeof digits, "%u", count);
    (void)al_store_note(session->path, "batch.idle", digits, &err);
    return count;
}

int al_session_leave_job(al_session *session, int status)
{
    const char *job = getenv("SLURM_JOB_ID"), *name = al_runs_word(session->path);
    char id[AL_SLURM_ID_BYTES];
    allot_error err, refused;
    if (!session->is_in_job || status != AL_EXIT_SIGNAL + SIGUSR1 || !session->has_more)
        return status;
    if (count_idle(session) >= IDLE_MOST) {
        al_complain(
            session->command,
            "no task ended in %d jobs in a row: they need more time than a job has; ask for more: allot "
            "resume --detach --on slurm:time=... %s",
            IDLE_MOST, name);
        return status;
    }
    al_complain(session->command, "job %s begins again, and goes on with the run", job);
    allot_err code;
    while ((code = al_slurm_requeue(job, &refused)) != ALLOT_OK && al_slurm_is_passing(refused.text))
        (void)sleep(2); /* as long as the job has time */
    if (code == ALLOT_OK)
        return status;
    if (submit(session, id, &err) == ALLOT_OK)
        al_complain(session->command, "it may not (%s): job %s goes on instead", refused.text, id);
    else
        al_complain(session->command,
                    "it may not (%s), nor is there another one (%s): allot resume --detach %s", refused.text,
                    err.text, name);
    return status;
}
