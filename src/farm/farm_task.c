/* farm_task.c - one task's process, from its start to its result.
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
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "farm/farm_parts.h"
#include "farm/spawn.h"

#define YOUNG_NS UINT64_C(5000000)
#define AFTER_KILL_NS UINT64_C(200000000)

static int64_t unix_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- live output ----------------------------------------------------------------------------------------
 */

/** What a task writes, passed on by whole lines. */
static void show_live(al_place *place, int which, const char *at, size_t nbytes)
{
    al_buffer *line = &place->lines[which];
    if (place->farm->opts.is_raw) {
        al_print_live(place->farm->opts.print, place->task, which == 1, at, nbytes);
        return;
    }
    const char *last = memrchr(at, '\n', nbytes);
    size_t whole = last != NULL ? (size_t)(last - at) + 1 : 0;
    (void)al_buffer_append(line, at, whole);
    if (whole > 0) {
        al_print_live(place->farm->opts.print, place->task, which == 1, line->at, line->nbytes);
        al_buffer_clear(line);
    }
    (void)al_buffer_append(line, at + whole, nbytes - whole);
}

static void show_out(void *place, const char *at, size_t nbytes)
{
    show_live(place, 0, at, nbytes);
}

static void show_err(void *place, const char *at, size_t nbytes)
{
    show_live(place, 1, at, nbytes);
}

static void show_rest(al_place *place)
{
    for (int k = 0; k < 2; k++) {
        if (place->lines[k].nbytes > 0)
            al_print_live(place->farm->opts.print, place->task, k == 1, place->lines[k].at,
                          place->lines[k].nbytes);
        al_buffer_clear(&place->lines[k]);
    }
}

/* ---- start ----------------------------------------------------------------------------------------------
 */

static void forget_pipes(al_place *place)
{
    for (int k = 0; k < 2; k++)
        al_capture_close(&place->captures[k]);
}

/** @param[out] ends  the task's, to be closed here once it runs. @return 0 or errno */
static int open_pipes(al_place *place, int ends[2])
{
    bool live = place->farm->opts.is_live;
    ends[0] = ends[1] = -1;
    int fault = al_capture_open(&place->captures[0], live ? show_out : NULL, place, &ends[0]);
    if (fault == 0) {
        fault = al_capture_open(&place->captures[1], live ? show_err : NULL, place, &ends[1]);
        if (fault != 0)
            (void)close(ends[0]);
    }
    return fault;
}

/** argv as execve() wants it, from argc texts one after the other. NULL: out of memory */
static char **pointers_to(al_farm *farm, uint32_t argc)
{
    al_buffer_clear(&farm->pointers);
    char **argv = (char **)(void *)al_buffer_reserve(&farm->pointers, (argc + 2) * sizeof *argv);
    if (argv == NULL)
        return NULL;
    char *text = farm->argv.at;
    for (uint32_t k = 0; k < argc; k++) {
        argv[k] = text;
        text += strlen(text) + 1;
    }
    argv[argc] = NULL;
    return argv;
}

/** The variables that tell a task who it is, under the names that GNU parallel's users know, too. */
static void tell_env(al_farm *farm, al_task_id task, uint32_t slot)
{
    static const char *const names[] = {"ALLOT_TASK=", "ALLOT_SLOT=", "PARALLEL_SEQ=", "PARALLEL_JOBSLOT="};
    for (size_t k = 1; k < AL_FARM_TOLD; k++) { /* by hand: printf() would take a microsecond */
        char digits[24], *at = digits + sizeof digits;
        uint64_t number = k % 2 == 1 ? task : slot;
        *--at = '\0';
        do
            *--at = (char)('0' + number % 10);
        while ((number /= 10) > 0);
        (void)stpcpy(stpcpy(farm->env_texts[k], names[k - 1]), at);
    }
}

/** Execute what farm->argv holds. @return 0, or errno with what failed */
static int execute(al_farm *farm, al_place *place, const al_action *action, uint32_t argc,
                   const al_farm_own *own, const char **failed)
{
    int ends[2];
    *failed = "start";
    char **argv = pointers_to(farm, argc);
    const char *path = argv != NULL && argc > 0 ? al_program_path(argv[0]) : NULL;
    if (path == NULL) {
        *failed = argc > 0 ? argv != NULL ? argv[0] : "start" : "an empty command";
        return argv == NULL ? ENOMEM : argc == 0 ? EINVAL : errno;
    }
    int fault = open_pipes(place, ends);
    if (fault != 0)
        return fault;
    tell_env(farm, place->task, action->slot);
    al_spawn spawn = {.path = path,
                      .argv = argv,
                      .envp = own->envp != NULL ? own->envp : farm->envp,
                      .cwd = own->cwd[0] != '\0' ? own->cwd : farm->opts.cwd,
                      .in_fd = own->in_fd >= 0 ? own->in_fd : farm->null,
                      .out_fd = ends[0],
                      .err_fd = ends[1],
                      .nice = farm->opts.nice,
                      .new_session = farm->has_terminal};
    fault = al_spawn_start(&spawn, &place->pid, failed);
    if (fault == ENOEXEC) { /* a script without #!, which shells give to sh */
        memmove(argv + 1, argv, (argc + 1) * sizeof *argv);
        argv[0] = (char *)(uintptr_t)farm->opts.shell;
        argv[1] = (char *)(uintptr_t)path;
        spawn.path = farm->opts.shell;
        fault = al_spawn_start(&spawn, &place->pid, failed);
    }
    if (fault != 0 && strcmp(*failed, "execute") == 0)
        *failed = argv[0];
    (void)close(ends[0]);
    (void)close(ends[1]);
    return fault;
}

/** The command of a task into farm->argv, and what else it has of its own. */
static allot_err render(al_farm *farm, al_task_id task, uint32_t slot, al_farm_own *own, uint32_t *argc,
                        allot_error *err)
{
    al_args args, spec;
    al_buffer_clear(&farm->argv);
    allot_err code = al_store_task(farm->opts.store, task, &args, &spec, err);
    if (code == ALLOT_OK && spec.at != NULL)
        return al_farm_own_read(farm, spec, own, argc, err);
    if (code == ALLOT_OK)
        code = al_template_render(farm->opts.command, args, task, slot, &farm->argv, argc, err);
    return code;
}

static void finish(al_farm *farm, uint32_t slot, uint64_t now_ns);

/** A task that could not be started: it ends at once, and says why on its standard error. */
static void fail_to_start(al_farm *farm, uint32_t slot, int fault, const char *text, uint64_t now_ns)
{
    al_place *place = &farm->places[slot];
    forget_pipes(place);
    al_buffer *err_out = &place->captures[1].text;
    al_buffer_clear(&place->captures[0].text);
    al_buffer_clear(err_out);
    (void)al_buffer_text(err_out, "allot farm: ");
    (void)al_buffer_text(err_out, text);
    (void)al_buffer_byte(err_out, '\n');
    place->captures[0].nbytes = 0;
    place->captures[1].nbytes = err_out->nbytes;
    place->result.cause = AL_CAUSE_NOT_STARTED;
    place->result.exit_status = fault;
    if (farm->opts.is_live)
        show_err(place, err_out->at, err_out->nbytes);
    finish(farm, slot, now_ns);
}

static void remove_young(al_farm *farm, uint32_t slot)
{
    al_place *place = &farm->places[slot];
    if (!place->is_young)
        return;
    uint32_t before = place->previous_young, after = place->next_young;
    *(before != 0 ? &farm->places[before].next_young : &farm->first_young) = after;
    *(after != 0 ? &farm->places[after].previous_young : &farm->last_young) = before;
    place->is_young = false;
}

/** The youngest: also where the place's task before this one ended too soon to be taken out. */
static void add_young(al_farm *farm, uint32_t slot)
{
    al_place *place = &farm->places[slot];
    remove_young(farm, slot);
    place->is_young = true;
    place->next_young = 0;
    place->previous_young = farm->last_young;
    *(farm->last_young != 0 ? &farm->places[farm->last_young].next_young : &farm->first_young) = slot;
    farm->last_young = slot;
}

void al_farm_start(al_farm *farm, const al_action *action, uint64_t now_ns)
{
    al_place *place = &farm->places[action->slot];
    uint32_t argc = 0;
    allot_error err;
    const char *failed;
    char text[600];
    place->task = action->task;
    place->pid = 0;
    place->attempt = action->attempt;
    place->is_watched = false;
    place->nsignals = 0;
    place->linger_until_ns = 0;
    place->mem_bytes = action->mem_bytes;
    place->seen_kb = 0;
    farm->nlimited += action->mem_bytes > 0;
    place->result = (al_result){
        .task = action->task, .attempt = action->attempt, .slot = action->slot, .start_us = unix_us()};
    al_store_started(farm->opts.store, action->slot, action->task, action->attempt, place->result.start_us);
    farm->nlive++;
    place->start_ns = now_ns;
    al_farm_own own = {.in_fd = -1};
    if (render(farm, action->task, action->slot, &own, &argc, &err) != ALLOT_OK) {
        al_farm_own_fini(&own);
        fail_to_start(farm, action->slot, EINVAL, err.text, now_ns);
        return;
    }
    uint64_t begin_ns = al_clock_ns();
    int fault = execute(farm, place, action, argc, &own, &failed);
    al_farm_own_fini(&own);
    farm->facts.spawn_ns += al_clock_ns() - begin_ns;
    farm->facts.nattempts++;
    if (fault != 0) {
        (void)snprintf(text, sizeof text, "%s: %s", failed,
                       fault == ENOENT ? "command not found" : strerror(fault));
        fail_to_start(farm, action->slot, fault, text, now_ns);
        return;
    }
    al_store_pid(farm->opts.store, action->slot, place->pid);
    place->start_ns = begin_ns;
    add_young(farm, action->slot);
    if (farm->nlive > farm->facts.nrunning_most)
        farm->facts.nrunning_most = farm->nlive;
}

void al_farm_kill(al_farm *farm, uint32_t slot, bool hard)
{
    const al_place *place = &farm->places[slot];
    if (place->task == 0 || place->pid == 0)
        return;
    (void)kill(-place->pid, hard ? SIGKILL : SIGTERM);
    (void)kill(-place->pid, SIGCONT); /* a stopped one would not hear it */
}

/* ---- its output -----------------------------------------------------------------------------------------
 */

static void output_path(void *arg, const al_capture *capture, char *path, size_t nbytes)
{
    const al_place *place = arg;
    al_store_output_path(place->farm->opts.store, place->task, place->attempt, capture == &place->captures[1],
                         path, nbytes);
}

/** Read both outputs. @return whether both are at their end */
static bool drain(al_farm *farm, uint32_t slot)
{
    al_place *place = &farm->places[slot];
    bool ended = true;
    for (int k = 0; k < 2; k++) {
        al_capture *capture = &place->captures[k];
        if (capture->pipe < 0)
            continue;
        ended = al_capture_read(capture, output_path, place) == AL_CAPTURE_END && ended;
    }
    return ended;
}

void al_farm_hear(al_farm *farm, uint32_t slot)
{
    al_place *place = &farm->places[slot];
    if (place->task != 0 && drain(farm, slot) && place->linger_until_ns != 0 &&
        al_store_has_room(farm->opts.store)) {
        farm->nlingering--;
        finish(farm, slot, al_clock_ns());
    }
}

static void watch(al_farm *farm, uint32_t slot)
{
    al_place *place = &farm->places[slot];
    for (int k = 0; k < 2; k++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = slot};
        if (place->captures[k].pipe >= 0)
            (void)epoll_ctl(farm->epoll, EPOLL_CTL_ADD, place->captures[k].pipe, &event);
    }
    place->is_watched = true;
}

uint64_t al_farm_grow_up(al_farm *farm, uint64_t now_ns)
{
    while (farm->first_young != 0) {
        uint32_t slot = farm->first_young;
        al_place *place = &farm->places[slot];
        uint64_t due_ns = place->start_ns + (farm->opts.is_live ? 0 : YOUNG_NS);
        bool is_running = place->task != 0 && place->pid != 0 && !place->is_watched;
        if (is_running && now_ns < due_ns)
            return due_ns;
        remove_young(farm, slot);
        if (is_running)
            watch(farm, slot);
    }
    return UINT64_MAX;
}

/* ---- its end --------------------------------------------------------------------------------------------
 */

static uint64_t us_of(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static void add_facts(al_farm *farm, const al_result *result)
{
    al_farm_facts *facts = &farm->facts;
    double wall_s = (double)result->wall_us * 1e-6;
    facts->busy_s += wall_s;
    facts->user_s += (double)result->user_us * 1e-6;
    facts->sys_s += (double)result->sys_us * 1e-6;
    facts->longest_s = wall_s > facts->longest_s ? wall_s : facts->longest_s;
    facts->most_mem_kb = result->mem_kb > facts->most_mem_kb ? result->mem_kb : facts->most_mem_kb;
    facts->nnew += al_task_is_final(result->state);
    facts->nfailed += result->state == AL_TASK_FAILED;
}

/** A task that says it succeeded has made the files that it declared, or it did not. */
static void check_outputs(al_farm *farm, al_place *place)
{
    char missing[PATH_MAX], text[PATH_MAX + 80];
    if (farm->opts.names == NULL || place->result.cause != AL_CAUSE_EXIT || place->result.exit_status != 0 ||
        al_farm_has_outputs(farm, place->task, missing))
        return;
    place->result.cause = AL_CAUSE_OUTPUT;
    place->result.exit_status = ENOENT;
    (void)snprintf(text, sizeof text, "allot farm: %s: the task said that it makes this file, and did not\n",
                   missing);
    al_capture_add(&place->captures[1], text, strlen(text));
}

/** The task's result is complete: to the scheduler and the store with it, and the place is free. */
static void finish(al_farm *farm, uint32_t slot, uint64_t now_ns)
{
    al_place *place = &farm->places[slot];
    al_result *result = &place->result;
    al_args texts[2];
    check_outputs(farm, place);
    if (farm->opts.is_live)
        show_rest(place);
    forget_pipes(place);
    for (int k = 0; k < 2; k++) {
        const al_capture *capture = &place->captures[k];
        bool is_short = capture->nbytes <= AL_INLINE_MOST;
        texts[k] = (al_args){is_short ? capture->text.at : NULL, is_short ? (size_t)capture->nbytes : 0};
        if (capture->fault != 0 && result->cause == AL_CAUSE_EXIT) {
            result->cause = AL_CAUSE_OUTPUT;
            result->exit_status = capture->fault;
        }
    }
    result->nout = place->captures[0].nbytes;
    result->nerr = place->captures[1].nbytes;
    al_sched_ended(farm->opts.sched, result, now_ns);
    add_facts(farm, result);
    al_farm_measure_bundle(farm, result);
    (void)al_store_ended(farm->opts.store, result, texts[0],
                         texts[1]); /* there was room when it was reaped */
    place->task = 0;
    farm->nlive--;
    farm->nlimited -= place->mem_bytes > 0;
}

/** A task's first process has ended. */
static void note_end(al_farm *farm, uint32_t slot, int status, const struct rusage *usage, uint64_t now_ns)
{
    al_place *place = &farm->places[slot];
    al_result *result = &place->result;
    result->cause = WIFSIGNALED(status) ? AL_CAUSE_SIGNAL : AL_CAUSE_EXIT;
    result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result->wall_us = (now_ns - place->start_ns) / 1000;
    result->user_us = us_of(&usage->ru_utime);
    result->sys_us = us_of(&usage->ru_stime);
    result->mem_kb =
        place->seen_kb > (uint64_t)usage->ru_maxrss ? place->seen_kb : (uint64_t)usage->ru_maxrss;
    if (result->signal == SIGKILL && al_farm_kernel_killed(farm))
        result->cause = AL_CAUSE_MEMORY;
    al_capture_end_silent(place->captures);
    if (drain(farm, slot)) {
        finish(farm, slot, now_ns);
        return;
    }
    if (!place->is_watched)
        watch(farm, slot);
    place->linger_until_ns = now_ns + farm->opts.linger_ns;
    farm->nlingering++;
}

static uint32_t slot_of(const al_farm *farm, pid_t pid)
{
    for (uint32_t slot = 1; slot <= farm->opts.nslots; slot++)
        if (farm->places[slot].task != 0 && farm->places[slot].pid == pid)
            return slot;
    return 0; /* a stray that we were given as its nearest subreaper */
}

void al_farm_reap(al_farm *farm, uint64_t now_ns)
{
    struct rusage usage;
    int status;
    pid_t pid;
    while (al_store_has_room(farm->opts.store) && (pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        uint32_t slot = slot_of(farm, pid);
        if (slot != 0)
            note_end(farm, slot, status, &usage, now_ns);
    }
}

/** Processes that hold on to the output of a task that is over: after a while TERM, then KILL; who has left
 * the group by then is not waited for. */
static void press(al_farm *farm, uint32_t slot, uint64_t now_ns)
{
    al_place *place = &farm->places[slot];
    if (place->nsignals == 2) {
        farm->nlingering--;
        finish(farm, slot, now_ns);
        return;
    }
    (void)kill(-place->pid, place->nsignals == 0 ? SIGTERM : SIGKILL);
    (void)kill(-place->pid, SIGCONT);
    place->linger_until_ns = now_ns + (place->nsignals == 0 ? farm->opts.kill_after_ns : AFTER_KILL_NS);
    place->nsignals++;
}

uint64_t al_farm_linger(al_farm *farm, uint64_t now_ns)
{
    uint64_t due_ns = UINT64_MAX;
    for (uint32_t slot = 1; slot <= farm->opts.nslots && farm->nlingering > 0; slot++) {
        const al_place *place = &farm->places[slot];
        if (place->task == 0 || place->linger_until_ns == 0)
            continue;
        if (now_ns >= place->linger_until_ns && al_store_has_room(farm->opts.store))
            press(farm, slot, now_ns);
        if (place->task != 0 && place->linger_until_ns < due_ns)
            due_ns = place->linger_until_ns;
    }
    return due_ns;
}

void al_farm_note(al_farm *farm, const al_action *action)
{
    al_result result = {
        .task = action->task, .attempt = action->attempt, .state = action->state, .cause = action->cause};
    al_args nothing = {NULL, 0};
    while (!al_store_ended(farm->opts.store, &result, nothing, nothing))
        if (al_store_sync(farm->opts.store, NULL) != ALLOT_OK)
            return;
    farm->facts.nnew++;
}
