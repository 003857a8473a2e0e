/* jobs.c - an agent's tasks, from their order to their end. See agent.h.
 *
 * Tasks start in the order in which they came, each as soon as there are processors and memory for it: the
 * first that does not fit is waited for, as the controller's scheduler takes for granted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"

extern char **environ;

job *agent_job(agent *a, uint64_t task, bool make)
{
    for (job *j = a->jobs; j != NULL; j = j->next)
        if (j->task == task)
            return j;
    job *j = make ? calloc(1, sizeof *j) : NULL;
    if (make && j == NULL)
        agent_fault(a, "out of memory");
    if (j == NULL)
        return NULL;
    j->task = task;
    j->spools[0] = j->spools[1] = -1;
    *(a->last != NULL ? &a->last->next : &a->jobs) = j;
    a->last = j;
    return j;
}

/** Take it out of the list of those that are here. */
static void unlink_job(agent *a, job *j)
{
    job *before = NULL;
    for (job *at = a->jobs; at != NULL && at != j; at = at->next)
        before = at;
    *(before != NULL ? &before->next : &a->jobs) = j->next;
    if (a->last == j)
        a->last = before;
    j->next = NULL;
}

void agent_destroy_job(agent *a, job *j)
{
    char path[PATH_MAX];
    agent_job_folder(a, j->task, path);
    if (j->has_folder)
        al_folder_remove(path);
    for (int k = 0; k < 2; k++)
        if (j->spools[k] >= 0)
            (void)close(j->spools[k]);
    for (uint32_t k = 0; k < j->nmade; k++) {
        free(j->made[k].path);
        free(j->made[k].target);
    }
    free(j->made);
    al_buffer_fini(&j->bytes);
    al_buffer_fini(&j->text);
    free(j->fault);
    free(j);
}

void agent_forget(agent *a, job *j)
{
    unlink_job(a, j);
    agent_destroy_job(a, j);
}

void agent_order(agent *a, const al_bytes *payload)
{
    al_message message;
    const al_task_order *order = &message.order;
    al_buffer bytes = {.at = NULL};
    if (!al_buffer_append(&bytes, payload->at, payload->nbytes))
        agent_fault(a, "out of memory");
    al_frame frame = {AL_MESSAGE_TASK, {bytes.at, bytes.nbytes}};
    (void)al_message_decode(&frame, &message); /* it was good a moment ago */
    job *j = agent_job(a, order->task, true);
    if (order->task == 0 || j->state != JOB_GATHERS || j->bytes.at != NULL)
        agent_fault(a, "the controller gave task %llu twice", (unsigned long long)order->task);
    j->bytes = bytes;
    j->order = *order;
    j->state = JOB_WAITS;
}

/** What was given back, not run. */
static void hand_back(agent *a, job *j)
{
    agent_send(a,
               &(al_message){.kind = AL_MESSAGE_RESULT,
                             .end = {.task = j->task, .attempt = j->order.attempt, .cause = AL_CAUSE_NONE}});
    agent_forget(a, j);
}

void agent_kill(agent *a, const al_kill *kill)
{
    job *j = agent_job(a, kill->task, false);
    if (j != NULL && j->state == JOB_WAITS) {
        hand_back(a, j);
    } else if (j != NULL && j->state == JOB_RUNS && kill->hard != AL_KILL_IF_WAITING) {
        j->was_killed = true;
        if (a->hello.is_dry != 0)
            agent_stop_pretending(a, j, kill->hard == AL_KILL_HARD);
        else
            al_crew_kill(&a->crew, j->slot, kill->hard == AL_KILL_HARD);
    }
}

/* ---- start ----------------------------------------------------------------------------------------------
 */

/** Texts one after the other as pointers, with room for extra more in front. NULL: out of memory, or there
 * are not so many. */
static char **pointers_to(al_bytes texts, uint32_t count, size_t extra)
{
    char **pointers = calloc(count + extra + 2, sizeof *pointers);
    char *at = (char *)(uintptr_t)texts.at, *past = at + texts.nbytes;
    for (uint32_t k = 0; pointers != NULL && k < count; k++) {
        char *end = at < past ? memchr(at, '\0', (size_t)(past - at)) : NULL;
        if (end == NULL) {
            free(pointers);
            return NULL;
        }
        pointers[extra + k] = at;
        at = end + 1;
    }
    return pointers;
}

/** The order's variables, ours about the slot, and those of this host that they leave. NULL: out of memory.
 */
static char **make_env(const job *j, char slots[2][40])
{
    char **given = pointers_to(j->order.env, j->order.nenv, 0);
    size_t count = 0, n = 0;
    while (environ[count] != NULL)
        count++;
    char **env = given != NULL ? calloc(count + j->order.nenv + 3, sizeof *env) : NULL;
    for (uint32_t k = 0; env != NULL && k < j->order.nenv; k++)
        env[n++] = given[k];
    (void)snprintf(slots[0], sizeof slots[0], "ALLOT_SLOT=%u", j->slot);
    (void)snprintf(slots[1], sizeof slots[1], "PARALLEL_JOBSLOT=%u", j->slot);
    for (int k = 0; env != NULL && k < 2; k++)
        env[n++] = slots[k];
    for (size_t k = 0; env != NULL && k < count; k++) {
        size_t length = strcspn(environ[k], "=") + 1;
        bool is_given = false;
        for (uint32_t at = 0; at < j->order.nenv && !is_given; at++)
            is_given = strncmp(given[at], environ[k], length) == 0;
        if (!is_given)
            env[n++] = environ[k];
    }
    free(given);
    return env;
}

/** Where it runs. */
static void find_cwd(const agent *a, const job *j, char cwd[PATH_MAX])
{
    char own[PATH_MAX];
    al_bytes below = j->order.cwd;
    bool is_absolute = below.nbytes > 0 && below.at[0] == '/';
    agent_job_folder(a, j->task, own);
    agent_join(cwd, is_absolute ? "" : a->shares ? a->cwd : own, below);
}

/** Standard input as a file that only we know of. */
static int hold_stdin(const agent *a, const job *j)
{
    if (j->order.has_stdin == 0)
        return fcntl(a->null, F_DUPFD_CLOEXEC, 3);
    int fd = memfd_create("stdin", MFD_CLOEXEC);
    size_t done = 0;
    while (fd >= 0 && done < j->order.in.nbytes) {
        ssize_t n = write(fd, j->order.in.at + done, j->order.in.nbytes - done);
        if (n < 0)
            break;
        done += (size_t)n;
    }
    if (fd >= 0)
        (void)lseek(fd, 0, SEEK_SET);
    return fd;
}

static void set_fault(job *j, const char *what, int fault)
{
    char text[PATH_MAX + 100];
    (void)snprintf(text, sizeof text, "%s: %s", what,
                   fault == ENOENT ? "command not found" : strerror(fault));
    if (j->fault == NULL)
        j->fault = strdup(text);
}

/** @return 0, or errno: j->fault has the sentence */
static int execute(agent *a, job *j)
{
    char slots[2][40], cwd[PATH_MAX];
    const char *failed = "start";
    char **argv = pointers_to(j->order.argv, j->order.argc, 0), **env = make_env(j, slots);
    const char *path = argv != NULL && j->order.argc > 0 ? al_program_path(argv[0]) : NULL;
    int in = hold_stdin(a, j), fault = path != NULL ? 0 : errno;
    if (argv == NULL || env == NULL || in < 0 || j->order.argc == 0)
        fault = argv == NULL ? ENOMEM : EINVAL;
    find_cwd(a, j, cwd);
    al_spawn spawn = {
        .path = path, .argv = argv, .envp = env, .cwd = cwd, .in_fd = in, .nice = (int)a->hello.nice};
    if (fault == 0)
        fault = al_crew_start(&a->crew, j->slot, &spawn, j->order.mem_most, "/bin/sh", &failed);
    else if (path == NULL && argv != NULL && j->order.argc > 0)
        failed = argv[0];
    if (fault != 0)
        set_fault(j, strcmp(failed, "chdir") == 0 ? cwd : failed, fault);
    if (in >= 0)
        (void)close(in);
    free(argv);
    free(env);
    return fault;
}

static uint32_t free_slot(const agent *a)
{
    for (uint32_t slot = 1; slot <= a->crew.opts.nslots; slot++)
        if (a->by_slot[slot] == NULL)
            return slot;
    return 0;
}

static bool has_room(const agent *a, const al_task_order *order)
{
    bool idle = a->used_cpus_milli == 0 && a->crew.nlive == 0; /* then it runs, whatever it asks for */
    return idle || (a->used_cpus_milli + order->cpus_milli <= (uint64_t)a->nslots * 1000 &&
                    (order->mem_bytes == 0 || a->used_mem + order->mem_bytes <= a->mem_bytes));
}

static void start(agent *a, job *j)
{
    int fault = 0;
    a->by_slot[j->slot] = j;
    a->used_cpus_milli += j->order.cpus_milli;
    a->used_mem += j->order.mem_bytes;
    j->state = JOB_RUNS;
    agent_send(a, &(al_message){.kind = AL_MESSAGE_STARTED, .started = j->task});
    if (a->hello.is_dry != 0) {
        agent_pretend(a, j);
        return;
    }
    bool ready = j->fault == NULL && (a->shares || agent_need_folder(a, j)) && agent_place_inputs(a, j);
    if (ready)
        fault = execute(a, j);
    if (!ready || fault != 0)
        al_crew_fail(&a->crew, j->slot, fault != 0 ? fault : EIO, j->fault != NULL ? j->fault : "start");
}

void agent_start(agent *a)
{
    for (job *j = a->jobs, *next; j != NULL; j = next) {
        next = j->next;
        if (j->state != JOB_WAITS)
            continue;
        uint32_t slot = has_room(a, &j->order) ? free_slot(a) : 0;
        if (slot == 0)
            return; /* its turn comes first */
        j->slot = slot;
        start(a, j);
    }
}

/* ---- its end --------------------------------------------------------------------------------------------
 */

/** A task that says it succeeded has made the files that it declared, or it did not. */
static void check_outputs(agent *a, job *j, al_child *child)
{
    char missing[PATH_MAX];
    if (child->result.cause != AL_CAUSE_EXIT || child->result.exit_status != 0 || a->shares ||
        agent_find_made(a, j, missing))
        return;
    al_result_lacks(&child->result, &child->captures[1], missing);
}

static void fill_end(job *j, const al_child *child)
{
    const al_result *result = &child->result;
    j->end = (al_task_end){.task = j->task,
                           .attempt = j->order.attempt,
                           .cause = (uint8_t)result->cause,
                           .exit_status = (uint32_t)result->exit_status,
                           .signal = (uint32_t)result->signal,
                           .slot = j->slot,
                           .wall_us = result->wall_us,
                           .user_us = result->user_us,
                           .sys_us = result->sys_us,
                           .mem_kb = result->mem_kb,
                           .nout = child->captures[0].nbytes,
                           .nerr = child->captures[1].nbytes};
}

/** Outputs: short ones go with the result, long ones lie in a spool file, live ones were sent. */
static void take_outputs(agent *a, job *j, al_child *child)
{
    size_t nshort[2] = {0, 0};
    char path[PATH_MAX];
    for (int k = 0; k < 2; k++) {
        const al_capture *capture = &child->captures[k];
        bool is_short = capture->nbytes <= AL_INLINE_MOST && a->hello.is_live == 0;
        if (is_short) {
            nshort[k] = (size_t)capture->nbytes;
            (void)al_buffer_append(&j->text, capture->text.at, nshort[k]);
        } else if (a->hello.is_live == 0) {
            a->crew.opts.path_of(a, j->slot, k == 1, path, sizeof path);
            j->spools[k] = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
            (void)unlink(path);
        }
        if (capture->fault != 0 && j->end.cause == AL_CAUSE_EXIT) {
            j->end.cause = AL_CAUSE_OUTPUT;
            j->end.exit_status = (uint32_t)capture->fault;
        }
    }
    j->end.out = (al_bytes){j->text.at, nshort[0]};
    j->end.err = (al_bytes){j->text.at + nshort[0], nshort[1]};
    if (j->text.at == NULL)
        j->end.out = j->end.err = (al_bytes){"", 0};
}

void agent_leave(agent *a, job *j)
{
    a->by_slot[j->slot] = NULL;
    a->used_cpus_milli -= j->order.cpus_milli;
    a->used_mem -= j->order.mem_bytes;
    unlink_job(a, j);
    agent_give(a, j);
}

void agent_ended(void *arg, uint32_t slot)
{
    agent *a = arg;
    job *j = a->by_slot[slot];
    al_child *child = &a->crew.children[slot];
    check_outputs(a, j, child);
    fill_end(j, child);
    take_outputs(a, j, child);
    agent_leave(a, j);
}
