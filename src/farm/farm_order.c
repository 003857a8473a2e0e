/* farm_order.c - tasks given to engines elsewhere, and taken back from them. See farm_parts.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "farm/farm_parts.h"

/** Where what comes of a task's output is kept. @return false: out of memory */
static bool open_captures(al_place *place)
{
    if (place->own == NULL)
        place->own = calloc(2, sizeof *place->own);
    for (int k = 0; k < 2 && place->own != NULL; k++) {
        al_buffer text = place->own[k].text;
        al_buffer_clear(&text);
        place->own[k] = (al_capture){.pipe = -1, .file = -1, .text = text};
    }
    place->captures = place->own;
    return place->own != NULL;
}

/** Variables that go along: who the task is, and what the user asked to be sent. */
static uint32_t put_env(al_farm *farm, const al_farm_own *own, al_task_id task, al_buffer *env)
{
    char text[64];
    uint32_t count = 3;
    (void)al_buffer_append(env, farm->env_texts[0], strlen(farm->env_texts[0]) + 1);
    (void)snprintf(text, sizeof text, "ALLOT_TASK=%llu", (unsigned long long)task);
    (void)al_buffer_append(env, text, strlen(text) + 1);
    (void)snprintf(text, sizeof text, "PARALLEL_SEQ=%llu", (unsigned long long)task);
    (void)al_buffer_append(env, text, strlen(text) + 1);
    for (uint32_t k = 0; own->is_read && k < own->spec.nenv; k++, count++)
        (void)al_buffer_append(env, own->spec.env[k], strlen(own->spec.env[k]) + 1);
    for (uint32_t k = 0; k < farm->opts.nenv; k++, count++)
        (void)al_buffer_append(env, farm->opts.env[k], strlen(farm->opts.env[k]) + 1);
    return count;
}

/** A task's files: those of all tasks, and those of its spec. */
static allot_err find_files(al_farm *farm, uint32_t slot, const al_farm_own *own, al_stage_files *files,
                            allot_error *err)
{
    al_place *place = &farm->places[slot];
    al_args args, text;
    allot_err code = al_store_task(farm->opts.store, place->task, &args, &text, err);
    if (code == ALLOT_OK)
        code = al_stage_files_of(farm->opts.stage, args, place->task, slot, files, err);
    for (uint32_t k = 0; code == ALLOT_OK && own->is_read && k < own->spec.nin; k++)
        (void)al_buffer_append(&files->shared, own->spec.in[k], strlen(own->spec.in[k]) + 1);
    for (uint32_t k = 0; code == ALLOT_OK && own->is_read && k < own->spec.nout; k++)
        (void)al_buffer_append(&files->made, own->spec.out[k], strlen(own->spec.out[k]) + 1);
    al_buffer_clear(&place->made);
    if (files->made.nbytes > 0)
        (void)al_buffer_append(&place->made, files->made.at, files->made.nbytes);
    return code;
}

static allot_err give(al_farm *farm, uint32_t slot, const al_action *action, uint32_t argc,
                      const al_farm_own *own, allot_error *err)
{
    static al_buffer env;
    static al_stage_files files;
    al_farm_engine *engine = &farm->engines[action->engine];
    allot_err code = find_files(farm, slot, own, &files, err);
    if (code != ALLOT_OK)
        return code;
    al_buffer_clear(&env);
    const char *cwd = own->is_read && own->spec.cwd != NULL ? own->spec.cwd : "";
    al_task_order order = {.task = action->task,
                           .attempt = action->attempt,
                           .cpus_milli = action->cpus_milli,
                           .gpus = action->gpus,
                           .mem_bytes = action->mem_bytes,
                           .mem_most = action->mem_bytes,
                           .argc = argc,
                           .argv = {farm->argv.at, farm->argv.nbytes},
                           .nenv = put_env(farm, own, action->task, &env),
                           .cwd = {cwd, strlen(cwd)},
                           .has_stdin = own->is_read && own->spec.stdin_text != NULL};
    order.env = (al_bytes){env.at, env.nbytes};
    if (order.has_stdin)
        order.in = (al_bytes){own->spec.stdin_text, own->spec.stdin_nbytes};
    if (order.argv.nbytes + order.env.nbytes + order.in.nbytes > AL_FRAME_MOST_TASK / 2)
        return al_fail(err, ALLOT_ERANGE, 0, "the command and its standard input are too long to be sent");
    if (engine->spec->launcher->is_dry && (code = al_stage_check(engine->stage, &files, err)) != ALLOT_OK)
        return code;
    return al_stage_give(engine->stage, &order, engine->shares ? NULL : &files, err);
}

void al_farm_order(al_farm *farm, uint32_t slot, const al_action *action)
{
    al_place *place = &farm->places[slot];
    al_farm_engine *engine = &farm->engines[action->engine];
    al_farm_own own = {.in_fd = -1};
    uint32_t argc = 0;
    allot_error err = {.text = "out of memory"};
    place->start_ns = UINT64_MAX;
    farm->nwaiting++;
    farm->facts.nattempts++;
    engine->is_touched = true;
    bool good = open_captures(place) &&
                al_farm_render(farm, action->task, action->slot, &own, &argc, &err) == ALLOT_OK &&
                give(farm, slot, action, argc, &own, &err) == ALLOT_OK;
    al_farm_own_fini(&own);
    if (good || place->own == NULL)
        return;
    char text[700];
    (void)snprintf(text, sizeof text, "allot farm: %s\n", err.text);
    al_farm_note_started(farm, place, al_clock_ns());
    al_capture_add(&place->own[1], text, strlen(text));
    place->result.cause = AL_CAUSE_NOT_STARTED;
    place->result.exit_status = ENOENT;
    al_farm_finish(farm, slot, al_clock_ns());
}

void al_farm_return(al_farm *farm, uint32_t slot)
{
    al_place *place = &farm->places[slot];
    al_store_started(farm->opts.store, slot, 0, 0, 0);
    al_farm_drop_results(farm, place);
    al_sched_returned(farm->opts.sched, place->task, place->engine);
    place->task = 0;
    farm->nlive--;
    farm->nwaiting -= place->start_ns == UINT64_MAX;
    farm->facts.nattempts--;
}

static void send_kill(al_farm *farm, uint32_t slot, uint8_t how)
{
    const al_place *place = &farm->places[slot];
    al_farm_engine *engine = &farm->engines[place->engine];
    if (engine->link == NULL || engine->is_losing)
        return;
    if (al_stage_take_back(engine->stage, place->task)) {
        al_farm_return(farm, slot);
        return;
    }
    al_link_send(engine->link,
                 &(al_message){.kind = AL_MESSAGE_KILL, .kill = {.task = place->task, .hard = how}});
    engine->is_touched = true;
}

void al_farm_engine_kill(al_farm *farm, uint32_t slot, bool hard)
{
    if (farm->places[slot].task != 0)
        send_kill(farm, slot, hard ? AL_KILL_HARD : AL_KILL_SOFT);
}

void al_farm_recall(al_farm *farm)
{
    farm->has_recalled = true;
    for (uint32_t slot = farm->opts.nslots + 1; slot <= farm->nplaces; slot++)
        if (farm->places[slot].task != 0 && farm->places[slot].start_ns == UINT64_MAX)
            send_kill(farm, slot, AL_KILL_IF_WAITING);
}
