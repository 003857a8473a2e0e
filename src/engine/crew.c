/* crew.c - see crew.h.
 *
 * A task is over when its first process has ended and its output is closed. Processes that it left behind and
 * that hold on to the output get a while, then TERM, then KILL; those that do not are nobody's business until
 * the run ends.
 *
 * A young task's pipes are not watched: most tasks end within milliseconds, having written less than a pipe
 * holds, and are read once, at their end. That saves waking up for each of their writes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "engine/crew.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define YOUNG_NS UINT64_C(5000000)
#define AFTER_KILL_NS UINT64_C(200000000)

bool al_crew_init(al_crew *crew, const al_crew_opts *opts)
{
    *crew = (al_crew){.opts = *opts, .children = calloc(opts->nslots + 1, sizeof(al_child))};
    for (uint32_t slot = 0; crew->children != NULL && slot <= opts->nslots; slot++) {
        al_child *child = &crew->children[slot];
        child->crew = crew;
        child->slot = slot;
        for (int k = 0; k < 2; k++)
            child->captures[k].pipe = child->captures[k].file = -1;
    }
    (void)al_crew_kernel_killed(crew); /* from now on */
    return crew->children != NULL;
}

static void forget_pipes(al_child *child)
{
    for (int k = 0; k < 2; k++)
        al_capture_close(&child->captures[k]);
}

void al_crew_fini(al_crew *crew)
{
    for (uint32_t slot = 0; crew->children != NULL && slot <= crew->opts.nslots; slot++) {
        forget_pipes(&crew->children[slot]);
        for (int k = 0; k < 2; k++)
            al_buffer_fini(&crew->children[slot].captures[k].text);
    }
    free(crew->children);
    crew->children = NULL;
    if (crew->has_groups)
        al_memory_groups_close(&crew->groups);
}

/* ---- start ----------------------------------------------------------------------------------------------
 */

static void wrote_out(void *arg, const char *at, size_t nbytes)
{
    const al_child *child = arg;
    child->crew->opts.wrote(child->crew->opts.arg, child->slot, false, at, nbytes);
}

static void wrote_err(void *arg, const char *at, size_t nbytes)
{
    const al_child *child = arg;
    child->crew->opts.wrote(child->crew->opts.arg, child->slot, true, at, nbytes);
}

static int open_pipes(al_child *child, al_spawn *spawn)
{
    bool live = child->crew->opts.is_live;
    int fault = al_capture_open(&child->captures[0], live ? wrote_out : NULL, child, &spawn->out_fd);
    if (fault == 0) {
        fault = al_capture_open(&child->captures[1], live ? wrote_err : NULL, child, &spawn->err_fd);
        if (fault != 0)
            (void)close(spawn->out_fd);
    }
    return fault;
}

static void remove_young(al_crew *crew, uint32_t slot)
{
    al_child *child = &crew->children[slot];
    if (!child->is_young)
        return;
    uint32_t before = child->previous_young, after = child->next_young;
    *(before != 0 ? &crew->children[before].next_young : &crew->first_young) = after;
    *(after != 0 ? &crew->children[after].previous_young : &crew->last_young) = before;
    child->is_young = false;
}

/** The youngest: also where the slot's task before this one ended too soon to be taken out. */
static void add_young(al_crew *crew, uint32_t slot)
{
    al_child *child = &crew->children[slot];
    remove_young(crew, slot);
    child->is_young = true;
    child->next_young = 0;
    child->previous_young = crew->last_young;
    *(crew->last_young != 0 ? &crew->children[crew->last_young].next_young : &crew->first_young) = slot;
    crew->last_young = slot;
}

/** The slot is in use from now on. */
static void occupy(al_crew *crew, uint32_t slot, uint64_t mem_bytes)
{
    al_child *child = &crew->children[slot];
    child->is_used = true;
    child->pid = 0;
    child->is_watched = child->is_over_memory = child->is_grouped = false;
    child->nsignals = 0;
    child->linger_until_ns = 0;
    child->mem_bytes = mem_bytes;
    child->seen_kb = 0;
    child->start_ns = al_clock_ns();
    child->result = (al_result){.cause = AL_CAUSE_NONE};
    crew->nlimited += mem_bytes > 0;
    crew->nlive++;
}

/** A control group for a task that may take so much. -1: the kernel gives none */
static int enter_group(al_crew *crew, uint32_t slot, uint64_t mem_bytes)
{
    if (mem_bytes == 0)
        return -1;
    if (!crew->has_groups)
        (void)al_memory_groups_open(&crew->groups, "", crew->opts.nslots);
    crew->has_groups = true;
    return al_memory_groups_enter(&crew->groups, slot, mem_bytes);
}

/** Start it in the slot's control group; without one where the system does not do it (before Linux 5.7, or in
 * a container that forbids the call). */
static int start_process(al_crew *crew, uint32_t slot, al_spawn *spawn, const char **failed)
{
    al_child *child = &crew->children[slot];
    int fault = al_spawn_start(spawn, &child->pid, failed);
    if (fault != 0 && spawn->group_fd >= 0 && strcmp(*failed, "start") == 0) {
        spawn->group_fd = -1;
        fault = al_spawn_start(spawn, &child->pid, failed);
        if (fault == 0 || strcmp(*failed, "start") != 0) /* so it was the group */
            crew->groups.is_off = true;
    }
    child->is_grouped = spawn->group_fd >= 0;
    return fault;
}

int al_crew_start(al_crew *crew, uint32_t slot, al_spawn *spawn, uint64_t mem_bytes, const char *script,
                  const char **failed)
{
    al_child *child = &crew->children[slot];
    occupy(crew, slot, mem_bytes);
    *failed = "start";
    int fault = open_pipes(child, spawn);
    if (fault != 0)
        return fault;
    spawn->group_fd = enter_group(crew, slot, mem_bytes);
    fault = start_process(crew, slot, spawn, failed);
    if (fault == ENOEXEC && script != NULL) { /* which shells give to sh */
        size_t argc = 0;
        while (spawn->argv[argc] != NULL)
            argc++;
        memmove(spawn->argv + 1, spawn->argv, (argc + 1) * sizeof *spawn->argv);
        spawn->argv[0] = (char *)(uintptr_t)script;
        spawn->argv[1] = (char *)(uintptr_t)spawn->path;
        spawn->path = script;
        fault = start_process(crew, slot, spawn, failed);
    }
    (void)close(spawn->out_fd);
    (void)close(spawn->err_fd);
    if (fault != 0 && strcmp(*failed, "execute") == 0)
        *failed = spawn->argv[0];
    if (fault != 0)
        child->pid = 0;
    else
        add_young(crew, slot);
    return fault;
}

/** It is over. */
static void finish(al_crew *crew, uint32_t slot)
{
    al_child *child = &crew->children[slot];
    forget_pipes(child);
    crew->opts.ended(crew->opts.arg, slot);
    child->is_used = false;
    crew->nlive--;
    crew->nlimited -= child->mem_bytes > 0;
}

void al_crew_fail(al_crew *crew, uint32_t slot, int fault, const char *text)
{
    al_child *child = &crew->children[slot];
    if (!child->is_used)
        occupy(crew, slot, 0);
    forget_pipes(child);
    al_buffer_clear(&child->captures[0].text);
    child->captures[0].nbytes = 0;
    al_buffer *err_out = &child->captures[1].text;
    al_buffer_clear(err_out);
    (void)al_buffer_text(err_out, "allot farm: ");
    (void)al_buffer_text(err_out, text);
    (void)al_buffer_byte(err_out, '\n');
    child->captures[1].nbytes = err_out->nbytes;
    child->result.cause = AL_CAUSE_NOT_STARTED;
    child->result.exit_status = fault;
    if (crew->opts.is_live)
        wrote_err(child, err_out->at, err_out->nbytes);
    finish(crew, slot);
}

void al_result_lacks(al_result *result, al_capture *err_out, const char *name)
{
    char text[PATH_MAX + 80];
    result->cause = AL_CAUSE_OUTPUT;
    result->exit_status = ENOENT;
    (void)snprintf(text, sizeof text, "allot farm: %s: the task said that it makes this file, and did not\n",
                   name);
    al_capture_add(err_out, text, strlen(text));
}

void al_crew_kill(al_crew *crew, uint32_t slot, bool hard)
{
    const al_child *child = &crew->children[slot];
    if (!child->is_used || child->pid == 0)
        return;
    (void)kill(-child->pid, hard ? SIGKILL : SIGTERM);
    (void)kill(-child->pid, SIGCONT); /* a stopped one would not hear it */
}

/* ---- its output -----------------------------------------------------------------------------------------
 */

static void output_path(void *arg, const al_capture *capture, char *path, size_t nbytes)
{
    const al_child *child = arg;
    const al_crew_opts *opts = &child->crew->opts;
    opts->path_of(opts->arg, child->slot, capture == &child->captures[1], path, nbytes);
}

/** Read both outputs. @return whether both are at their end */
static bool drain(al_crew *crew, uint32_t slot)
{
    al_child *child = &crew->children[slot];
    bool ended = true;
    for (int k = 0; k < 2; k++) {
        al_capture *capture = &child->captures[k];
        if (capture->pipe < 0)
            continue;
        ended = al_capture_read(capture, crew->opts.path_of != NULL ? output_path : NULL, child) ==
                    AL_CAPTURE_END &&
                ended;
    }
    return ended;
}

static bool has_room(const al_crew *crew)
{
    return crew->opts.has_room == NULL || crew->opts.has_room(crew->opts.arg);
}

void al_crew_hear(al_crew *crew, uint32_t slot)
{
    const al_child *child = &crew->children[slot];
    if (child->is_used && drain(crew, slot) && child->linger_until_ns != 0 && has_room(crew)) {
        crew->nlingering--;
        finish(crew, slot);
    }
}

static void watch(al_crew *crew, uint32_t slot)
{
    al_child *child = &crew->children[slot];
    for (int k = 0; k < 2; k++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = slot};
        if (child->captures[k].pipe >= 0)
            (void)epoll_ctl(crew->opts.epoll, EPOLL_CTL_ADD, child->captures[k].pipe, &event);
    }
    child->is_watched = true;
}

uint64_t al_crew_grow_up(al_crew *crew, uint64_t now_ns)
{
    while (crew->first_young != 0) {
        uint32_t slot = crew->first_young;
        const al_child *child = &crew->children[slot];
        uint64_t due_ns = child->start_ns + (crew->opts.is_live ? 0 : YOUNG_NS);
        bool is_running = child->is_used && child->pid != 0 && !child->is_watched;
        if (is_running && now_ns < due_ns)
            return due_ns;
        remove_young(crew, slot);
        if (is_running)
            watch(crew, slot);
    }
    return UINT64_MAX;
}

/* ---- its end --------------------------------------------------------------------------------------------
 */

static uint64_t us_of(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

/** Whether it was ended, by us or by the kernel, since it took too much memory. */
static bool was_over_memory(al_crew *crew, const al_child *child)
{
    bool any_killed = al_crew_kernel_killed(crew);
    return child->is_over_memory ||
           (child->is_grouped ? al_memory_groups_killed(&crew->groups, child->slot) : any_killed);
}

/** A task's first process has ended. */
static void note_end(al_crew *crew, uint32_t slot, int status, const struct rusage *usage, uint64_t now_ns)
{
    al_child *child = &crew->children[slot];
    al_result *result = &child->result;
    result->cause = WIFSIGNALED(status) ? AL_CAUSE_SIGNAL : AL_CAUSE_EXIT;
    result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result->wall_us = (now_ns - child->start_ns) / 1000;
    result->user_us = us_of(&usage->ru_utime);
    result->sys_us = us_of(&usage->ru_stime);
    result->mem_kb =
        child->seen_kb > (uint64_t)usage->ru_maxrss ? child->seen_kb : (uint64_t)usage->ru_maxrss;
    if (result->signal == SIGKILL && was_over_memory(crew, child)) {
        result->cause = AL_CAUSE_MEMORY;
        if (child->is_grouped && result->mem_kb < child->mem_bytes / 1024)
            result->mem_kb = child->mem_bytes / 1024; /* it had that much, though nobody saw it */
    }
    al_capture_end_silent(child->captures);
    if (drain(crew, slot)) {
        finish(crew, slot);
        return;
    }
    if (!child->is_watched)
        watch(crew, slot);
    child->linger_until_ns = now_ns + crew->opts.linger_ns;
    crew->nlingering++;
}

static uint32_t slot_of(const al_crew *crew, pid_t pid)
{
    for (uint32_t slot = 1; slot <= crew->opts.nslots; slot++)
        if (crew->children[slot].is_used && crew->children[slot].pid == pid)
            return slot;
    return 0; /* a stray that we were given as its nearest subreaper */
}

void al_crew_reap(al_crew *crew, uint64_t now_ns)
{
    struct rusage usage;
    int status;
    pid_t pid;
    while (has_room(crew) && (pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        uint32_t slot = slot_of(crew, pid);
        if (slot != 0)
            note_end(crew, slot, status, &usage, now_ns);
    }
}

/** Processes that hold on to the output of a task that is over: after a while TERM, then KILL; who has left
 * the group by then is not waited for. */
static void press(al_crew *crew, uint32_t slot, uint64_t now_ns)
{
    al_child *child = &crew->children[slot];
    if (child->nsignals == 2) {
        crew->nlingering--;
        finish(crew, slot);
        return;
    }
    al_crew_kill(crew, slot, child->nsignals > 0);
    child->linger_until_ns = now_ns + (child->nsignals == 0 ? crew->opts.kill_after_ns : AFTER_KILL_NS);
    child->nsignals++;
}

uint64_t al_crew_linger(al_crew *crew, uint64_t now_ns)
{
    uint64_t due_ns = UINT64_MAX;
    for (uint32_t slot = 1; slot <= crew->opts.nslots && crew->nlingering > 0; slot++) {
        const al_child *child = &crew->children[slot];
        if (!child->is_used || child->linger_until_ns == 0)
            continue;
        if (now_ns >= child->linger_until_ns && has_room(crew))
            press(crew, slot, now_ns);
        if (child->is_used && child->linger_until_ns < due_ns)
            due_ns = child->linger_until_ns;
    }
    return due_ns;
}

void al_crew_end_strays(void)
{
    char path[64], line[4096];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    for (int round = 0; round < 2; round++) {
        FILE *file = fopen(path, "re");
        bool any = file != NULL && fgets(line, sizeof line, file) != NULL && line[0] != '\0';
        if (file != NULL)
            (void)fclose(file);
        for (char *at = any ? line : NULL, *end; at != NULL; at = end) {
            long pid = strtol(at, &end, 10);
            if (end == at)
                break;
            (void)kill((pid_t)pid, round == 0 ? SIGTERM : SIGKILL);
        }
        for (int tries = 0; any && tries < 20 && waitpid(-1, NULL, WNOHANG) >= 0; tries++)
            (void)usleep(10000);
    }
}
