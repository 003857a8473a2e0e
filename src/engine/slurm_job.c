/* slurm_job.c - jobs of Slurm's: submitted, looked at, ended, put back into the queue. See slurm.h.
 *
 * What a command reads and writes is in memory files, so that none can wait for us, nor we for a pipe.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "engine/launcher.h"
#include "engine/slurm.h"

#define TEXT_BYTES 4096

extern char **environ;

/* ---- running a command ----------------------------------------------------------------------------------
 */

/** What a command said. */
typedef struct answer {
    int status; /* its exit status; 128 and more: ended by a signal */
    char out[TEXT_BYTES], err[TEXT_BYTES];
} answer;

/** What is in a memory file, as one line: newlines become "; ". */
static void read_back(int fd, char text[TEXT_BYTES])
{
    char raw[TEXT_BYTES / 2];
    ssize_t n = pread(fd, raw, sizeof raw, 0);
    size_t length = 0;
    while (n > 0 && raw[n - 1] == '\n')
        n--;
    for (ssize_t k = 0; k < n; k++) {
        if (raw[k] == '\n')
            text[length++] = ';';
        text[length++] = (char)((unsigned char)raw[k] < ' ' ? ' ' : raw[k]);
    }
    text[length] = '\0';
}

/** Start argv with these as its standard streams and no signal blocked. @return 0 or errno */
static int start(char **argv, const int fds[3], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    (void)sigemptyset(&none);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int fault = posix_spawnattr_setsigmask(&attributes, &none);
    if (fault == 0)
        fault = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    for (int k = 0; k < 3 && fault == 0; k++)
        fault = posix_spawn_file_actions_adddup2(&actions, fds[k], k);
    if (fault == 0)
        fault = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return fault;
}

static allot_err run(char **argv, const char *input, answer *said, allot_error *err)
{
    int fds[3], status = 0, fault = 0;
    pid_t pid = 0;
    for (int k = 0; k < 3; k++)
        if ((fds[k] = memfd_create("allot", MFD_CLOEXEC)) < 0)
            fault = errno;
    size_t ninput = strlen(input);
    if (fault == 0 && pwrite(fds[0], input, ninput, 0) != (ssize_t)ninput)
        fault = EIO;
    if (fault == 0)
        fault = start(argv, fds, &pid);
    if (fault == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    if (fault == 0) {
        said->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        read_back(fds[1], said->out);
        read_back(fds[2], said->err);
    }
    for (int k = 0; k < 3; k++)
        if (fds[k] >= 0)
            (void)close(fds[k]);
    if (fault == ENOENT)
        return al_fail(err, ALLOT_ENOTFOUND, 0,
                       "%s: this command is not here: is this machine one of the cluster's?", argv[0]);
    return fault == 0 ? ALLOT_OK : al_fail(err, ALLOT_EIO, fault, "%s", argv[0]);
}

/** The same with Slurm's refusal as the fault. */
static allot_err run_well(char **argv, const char *input, answer *said, allot_error *err)
{
    allot_err code = run(argv, input, said, err);
    if (code != ALLOT_OK || said->status == 0)
        return code;
    return said->err[0] != '\0'
               ? al_fail(err, ALLOT_EPERM, 0, "%.600s", said->err)
               : al_fail(err, ALLOT_EPERM, 0, "%s ended with status %d", argv[0], said->status);
}

/* ---- jobs -----------------------------------------------------------------------------------------------
 */

static void add_format(al_buffer *argv, uint32_t *argc, const char *format, const char *value)
{
    char *text = NULL;
    if (asprintf(&text, format, value) < 0)
        argv->failed = true;
    else
        al_argv_add(argv, argc, text);
    free(text);
}

static void add_number(al_buffer *argv, uint32_t *argc, const char *format, uint32_t value)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%u", value);
    add_format(argv, argc, format, digits);
}

void al_slurm_add_room(const char *target, const al_slurm_room *room, al_buffer *argv, uint32_t *argc)
{
    uint32_t nnodes = al_slurm_nodes_of(target);
    al_argv_add(argv, argc, "salloc");
    add_format(argv, argc, "--job-name=%s", room->name);
    add_number(argv, argc, "--signal=USR1@%s", room->notice_s); /* the user may know better */
    if (!al_slurm_add_options(target, false, argv, argc)) {
        if (room->ncpus > 0)
            add_number(argv, argc, "--cpus-per-task=%s", room->ncpus);
        else
            al_argv_add(argv, argc, "--exclusive");
    }
    if (nnodes > 0)
        add_number(argv, argc, "--nodes=%s", nnodes);
    add_number(argv, argc, "--ntasks=%s", room->ntasks);
    if (room->is_quiet)
        al_argv_add(argv, argc, "--quiet");
}

/** The words of sbatch. What is ours to decide comes after the user's own, and so holds. */
static void add_words(const al_slurm_order *order, al_buffer *argv, uint32_t *argc)
{
    al_argv_add(argv, argc, "sbatch");
    add_format(argv, argc, "--job-name=%s", order->name);
    if (!al_slurm_add_options(order->target, false, argv, argc))
        al_argv_add(argv, argc, "--exclusive");
    for (char *const *word = order->batch_words; word != NULL && *word != NULL; word++)
        al_argv_add(argv, argc, *word);
    add_number(argv, argc, "--nodes=%s", order->nnodes);
    add_number(argv, argc, "--signal=B:USR1@%s", order->notice_s);
    add_format(argv, argc, "--output=%s", order->output);
    add_format(argv, argc, "--error=%s", order->output);
    static const char *const always[] = {"--ntasks-per-node=1", "--requeue", "--open-mode=append",
                                         "--parsable"};
    for (size_t k = 0; k < sizeof always / sizeof always[0]; k++)
        al_argv_add(argv, argc, always[k]);
}

allot_err al_slurm_submit(const al_slurm_order *order, char id[AL_SLURM_ID_BYTES], allot_error *err)
{
    al_buffer text = {.at = NULL};
    uint32_t argc = 0;
    static answer said;
    add_words(order, &text, &argc);
    char **argv = text.failed ? NULL : calloc(argc + 1, sizeof *argv);
    char *at = text.at;
    for (uint32_t k = 0; argv != NULL && k < argc; k++, at += strlen(at) + 1)
        argv[k] = at;
    allot_err code = argv != NULL ? run_well(argv, order->script, &said, err)
                                  : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    free(argv);
    al_buffer_fini(&text);
    if (code != ALLOT_OK)
        return code;
    size_t length = strspn(said.out, "0123456789"); /* ";CLUSTER" may follow */
    if (length == 0 || length >= AL_SLURM_ID_BYTES)
        return al_fail(err, ALLOT_EPERM, 0, "sbatch gave no number of a job but '%.100s'", said.out);
    (void)snprintf(id, AL_SLURM_ID_BYTES, "%.*s", (int)length, said.out);
    return ALLOT_OK;
}

static al_slurm_state state_of(const char *word)
{
    static const char *const running[] = {"RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "RESIZING",
                                          "STOPPED", "SIGNALING",   "STAGE_OUT",  NULL};
    static const char *const queued[] = {
        "PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD", NULL};
    for (size_t k = 0; running[k] != NULL; k++)
        if (strcmp(word, running[k]) == 0)
            return AL_SLURM_RUNS;
    for (size_t k = 0; queued[k] != NULL; k++)
        if (strcmp(word, queued[k]) == 0)
            return AL_SLURM_QUEUED;
    return AL_SLURM_ENDED;
}

allot_err al_slurm_look(const char *id, al_slurm_job *job, allot_error *err)
{
    static answer said;
    char jobs[AL_SLURM_ID_BYTES + 8];
    (void)snprintf(jobs, sizeof jobs, "--jobs=%s", id);
    char *argv[] = {(char[]){"squeue"},
                    (char[]){"--noheader"},
                    (char[]){"--states=all"},
                    jobs,
                    (char[]){"--format=%T|%r|%N"},
                    NULL};
    *job = (al_slurm_job){.state = AL_SLURM_ENDED};
    allot_err code = run(argv, "", &said, err);
    if (code != ALLOT_OK || (said.status != 0 && strstr(said.err, "nvalid job id") != NULL))
        return code; /* minutes after its end Slurm forgets a job */
    if (said.status != 0)
        return al_fail(err, ALLOT_EPERM, 0, "Slurm cannot be asked: %.500s", said.err);
    (void)sscanf(said.out, "%31[^|]|%99[^|]|%199[^;|]", job->word, job->reason, job->nodes);
    job->state = state_of(job->word);
    return ALLOT_OK;
}

allot_err al_slurm_cancel(const char *id, allot_error *err)
{
    static answer said;
    char number[AL_SLURM_ID_BYTES];
    (void)snprintf(number, sizeof number, "%s", id);
    char *argv[] = {(char[]){"scancel"}, number, NULL};
    allot_err code = run(argv, "", &said, err);
    if (code != ALLOT_OK || said.status == 0 || strstr(said.err, "nvalid job id") != NULL ||
        strstr(said.err, "already complet") != NULL)
        return code;
    return al_fail(err, ALLOT_EPERM, 0, "%.600s", said.err);
}

allot_err al_slurm_requeue(const char *id, allot_error *err)
{
    static answer said;
    char number[AL_SLURM_ID_BYTES];
    (void)snprintf(number, sizeof number, "%s", id);
    char *argv[] = {(char[]){"scontrol"}, (char[]){"requeue"}, number, NULL};
    return run_well(argv, "", &said, err);
}
