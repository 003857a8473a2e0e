/* farm_task.c - one task, from its start to its result.
 *
 * Here it is a process of the crew's (engine/crew.h); elsewhere an engine's, see farm_engine.c. Either way it
 * has a place from its start on, and ends in al_farm_finish().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "farm/farm_parts.h"

int64_t al_farm_unix_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- live output ----------------------------------------------------------------------------------------
 */

/** What a task writes, passed on by whole lines. */
void al_farm_wrote(void *arg, uint32_t slot, bool is_err, const char *at, size_t nbytes)
{
    const al_farm *farm = arg;
    al_place *place = &farm->places[slot];
    al_buffer *line = &place->lines[is_err];
    if (farm->opts.is_raw) {
        al_print_live(farm->opts.print, place->task, is_err, at, nbytes);
        return;
    }
    const char *last = memrchr(at, '\n', nbytes);
    size_t whole = last != NULL ? (size_t)(last - at) + 1 : 0;
    (void)al_buffer_append(line, at, whole);
    if (whole > 0) {
        al_print_live(farm->opts.print, place->task, is_err, line->at, line->nbytes);
        al_buffer_clear(line);
    }
    (void)al_buffer_append(line, at + whole, nbytes - whole);
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

void al_farm_path_of(void *arg, uint32_t slot, bool is_err, char *path, size_t nbytes)
{
    const al_farm *farm = arg;
    const al_place *place = &farm->places[slot];
    al_store_output_path(farm->opts.store, place->task, place->attempt, is_err, path, nbytes);
}

/* ---- start ----------------------------------------------------------------------------------------------
 */

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
static int execute(al_farm *farm, uint32_t slot, const al_action *action, uint32_t argc,
                   const al_farm_own *own, const char **failed)
{
    *failed = "start";
    char **argv = pointers_to(farm, argc);
    const char *path = argv != NULL && argc > 0 ? al_program_path(argv[0]) : NULL;
    if (path == NULL) {
        *failed = argc > 0 ? argv != NULL ? argv[0] : "start" : "an empty command";
        return argv == NULL ? ENOMEM : argc == 0 ? EINVAL : errno;
    }
    tell_env(farm, action->task, slot);
    al_spawn spawn = {.path = path,
                      .argv = argv,
                      .envp = own->envp != NULL ? own->envp : farm->envp,
                      .cwd = own->cwd[0] != '\0' ? own->cwd : farm->opts.cwd,
                      .in_fd = own->in_fd >= 0 ? own->in_fd : farm->null,
                      .nice = farm->opts.nice,
                      .new_session = farm->has_terminal};
    return al_crew_start(&farm->crew, slot, &spawn, action->mem_bytes, farm->opts.shell, failed);
}

allot_err al_farm_render(al_farm *farm, al_task_id task, uint32_t slot, al_farm_own *own, uint32_t *argc,
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

/** A place is in use from now on. */
static void occupy(al_farm *farm, uint32_t slot, const al_action *action, uint64_t now_ns)
{
    al_place *place = &farm->places[slot];
    place->task = action->task;
    place->attempt = action->attempt;
    place->engine = action->engine;
    place->start_ns = now_ns;
    place->result = (al_result){.task = action->task,
                                .attempt = action->attempt,
                                .slot = slot,
                                .engine = farm->engines[action->engine].id,
                                .start_us = al_farm_unix_us()};
    al_store_started(farm->opts.store, slot, action->task, action->attempt, place->result.start_us);
    farm->nlive++;
}

void al_farm_count_running(al_farm *farm)
{
    uint32_t nrunning = farm->nlive - farm->nwaiting;
    if (nrunning > farm->facts.nrunning_most)
        farm->facts.nrunning_most = nrunning;
}

static void start_here(al_farm *farm, const al_action *action)
{
    uint32_t argc = 0, slot = action->slot;
    allot_error err;
    const char *failed;
    char text[600];
    al_place *place = &farm->places[slot];
    al_farm_count_running(farm);
    place->captures = farm->crew.children[slot].captures;
    al_farm_own own = {.in_fd = -1};
    if (al_farm_render(farm, action->task, slot, &own, &argc, &err) != ALLOT_OK) {
        al_farm_own_fini(&own);
        al_crew_fail(&farm->crew, slot, EINVAL, err.text);
        return;
    }
    uint64_t begin_ns = al_clock_ns();
    int fault = execute(farm, slot, action, argc, &own, &failed);
    al_farm_own_fini(&own);
    farm->facts.spawn_ns += al_clock_ns() - begin_ns;
    farm->facts.nattempts++;
    if (fault != 0) {
        (void)snprintf(text, sizeof text, "%s: %s", failed,
                       fault == ENOENT ? "command not found" : strerror(fault));
        al_crew_fail(&farm->crew, slot, fault, text);
        return;
    }
    al_store_pid(farm->opts.store, slot, farm->crew.children[slot].pid);
    place->start_ns = begin_ns;
}

void al_farm_start(al_farm *farm, const al_action *action, uint64_t now_ns)
{
    uint32_t slot = farm->engines[action->engine].first_slot + action->slot - 1;
    occupy(farm, slot, action, now_ns);
    if (farm->engines[action->engine].spec != NULL)
        al_farm_order(farm, slot, action);
    else
        start_here(farm, action);
}

/* ---- its end --------------------------------------------------------------------------------------------
 */

bool al_farm_has_room(void *arg)
{
    const al_farm *farm = arg;
    return al_store_has_room(farm->opts.store);
}

void al_farm_over_memory(void *arg, uint32_t slot)
{
    const al_farm *farm = arg;
    al_sched_over_memory(farm->opts.sched, farm->places[slot].task, farm->places[slot].engine);
}

/** @param is_kept  it is its task's result, not that of a copy that decided nothing */
static void add_facts(al_farm *farm, const al_result *result, bool is_kept)
{
    al_farm_facts *facts = &farm->facts;
    double wall_s = (double)result->wall_us * 1e-6;
    facts->busy_s += wall_s;
    facts->user_s += (double)result->user_us * 1e-6;
    facts->sys_s += (double)result->sys_us * 1e-6;
    facts->longest_s = is_kept && wall_s > facts->longest_s ? wall_s : facts->longest_s;
    facts->most_mem_kb = result->mem_kb > facts->most_mem_kb ? result->mem_kb : facts->most_mem_kb;
    facts->nnew += is_kept && al_task_is_final(result->state);
    facts->nfailed += is_kept && result->state == AL_TASK_FAILED;
}

/** A task that says it succeeded has made the files that it declared, or it did not. */
static void check_outputs(al_farm *farm, al_place *place)
{
    char missing[PATH_MAX];
    bool declares = farm->opts.names != NULL || (farm->opts.stage != NULL && farm->opts.stage->nfetch > 0);
    const al_engine_spec *spec = farm->engines[place->engine].spec;
    if (spec != NULL && spec->launcher->is_dry)
        return; /* nothing was made */
    if (!declares || place->result.cause != AL_CAUSE_EXIT || place->result.exit_status != 0 ||
        al_farm_has_outputs(farm, place, missing))
        return;
    al_result_lacks(&place->result, &place->captures[1], missing);
}

bool al_farm_is_beaten(const al_farm *farm, const al_place *place)
{
    return al_task_is_final(al_sched_state(farm->opts.sched, place->task));
}

/** Files that were held back while the task ran twice get their names if this copy is the one. */
static void name_files(al_farm *farm, al_place *place)
{
    allot_error err;
    bool is_done = place->result.cause == AL_CAUSE_EXIT && place->result.exit_status == 0;
    if (place->held.count > 0 && is_done && !al_farm_is_beaten(farm, place) &&
        al_held_name(&place->held, al_stage_cwd(farm->engines[place->engine].stage), &err) != ALLOT_OK)
        al_farm_spoil(place, err.text);
}

void al_farm_drop_results(al_farm *farm, al_place *place)
{
    char path[PATH_MAX];
    for (int k = 0; k < 2; k++) {
        if (place->captures == NULL || place->captures[k].nbytes <= AL_INLINE_MOST)
            continue;
        al_capture_close(&place->captures[k]);
        al_farm_path_of(farm, place->result.slot, k == 1, path, sizeof path);
        (void)unlink(path);
    }
    if (place->held.count > 0)
        al_held_drop(&place->held, al_stage_cwd(farm->engines[place->engine].stage));
}

void al_farm_finish(al_farm *farm, uint32_t slot, uint64_t now_ns)
{
    al_place *place = &farm->places[slot];
    al_result *result = &place->result;
    al_args texts[2];
    name_files(farm, place);
    check_outputs(farm, place);
    if (farm->opts.is_live)
        show_rest(place);
    for (int k = 0; k < 2; k++) {
        al_capture *capture = &place->captures[k];
        al_capture_close(capture);
        bool is_short = capture->nbytes <= AL_INLINE_MOST;
        texts[k] = (al_args){is_short ? capture->text.at : NULL, is_short ? (size_t)capture->nbytes : 0};
        if (capture->fault != 0 && result->cause == AL_CAUSE_EXIT) {
            result->cause = AL_CAUSE_OUTPUT;
            result->exit_status = capture->fault;
        }
    }
    result->nout = place->captures[0].nbytes;
    result->nerr = place->captures[1].nbytes;
    bool is_kept = al_sched_ended(farm->opts.sched, place->engine, result, now_ns);
    add_facts(farm, result, is_kept);
    if (is_kept) {
        al_farm_measure_bundle(farm, result);
        (void)al_store_ended(farm->opts.store, result, texts[0],
                             texts[1]); /* there was room when its end was taken */
    } else {
        al_store_started(farm->opts.store, slot, 0, 0, 0);
        al_farm_drop_results(farm, place);
    }
    farm->engines[place->engine].nended++;
    place->task = 0;
    farm->nlive--;
}

void al_farm_child_ended(void *arg, uint32_t slot)
{
    al_farm *farm = arg;
    const al_child *child = &farm->crew.children[slot];
    const al_result *end = &child->result;
    al_result *result = &farm->places[slot].result;
    result->cause = end->cause;
    result->exit_status = end->exit_status;
    result->signal = end->signal;
    result->wall_us = end->wall_us;
    result->user_us = end->user_us;
    result->sys_us = end->sys_us;
    result->mem_kb = end->mem_kb;
    al_farm_finish(farm, slot, al_clock_ns());
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
