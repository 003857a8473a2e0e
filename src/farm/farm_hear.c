/* farm_hear.c - what engines elsewhere say about the tasks that they were given. See farm_parts.h.
 *
 * Nothing an engine says is taken for granted: a message about a task that it does not have is passed over,
 * and a file that nobody asked for is the end of its connection.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>

#include "base/fail.h"
#include "farm/farm_parts.h"

/** The place of a task at an engine; NULL: it is not there. */
static al_place *place_of(al_farm *farm, uint32_t number, uint64_t task, uint32_t *slot)
{
    uint32_t own;
    if (task == 0 || !al_sched_where(farm->opts.sched, task, number, &own))
        return NULL;
    *slot = farm->engines[number].first_slot + own - 1;
    return &farm->places[*slot];
}

static void capture_path(void *arg, const al_capture *capture, char *path, size_t nbytes)
{
    const al_place *place = arg;
    al_farm_path_of(place->farm, place->result.slot, capture == &place->own[1], path, nbytes);
}

static void feed(al_farm *farm, al_place *place, bool is_err, al_bytes bytes)
{
    if (bytes.nbytes == 0 || al_farm_is_beaten(farm, place))
        return;
    al_capture_feed(&place->own[is_err], bytes.at, bytes.nbytes, capture_path, place);
    if (farm->opts.is_live)
        al_farm_wrote(farm, place->result.slot, is_err, bytes.at, bytes.nbytes);
}

void al_farm_note_started(al_farm *farm, al_place *place, uint64_t now_ns)
{
    if (place->start_ns != UINT64_MAX)
        return;
    place->start_ns = now_ns;
    farm->nwaiting--;
    al_farm_count_running(farm);
    place->result.start_us = al_farm_unix_us();
    al_sched_started(farm->opts.sched, place->task, place->engine, now_ns);
}

static void note_result(al_farm *farm, uint32_t number, const al_task_end *end, uint64_t now_ns)
{
    uint32_t slot;
    al_place *place = place_of(farm, number, end->task, &slot);
    if (place == NULL)
        return;
    if (end->cause == AL_CAUSE_NONE) {
        al_farm_return(farm, slot);
        return;
    }
    al_farm_note_started(farm, place, now_ns);
    feed(farm, place, false, end->out);
    feed(farm, place, true, end->err);
    al_result *result = &place->result;
    if (result->cause == AL_CAUSE_NONE) { /* or its files could not be kept */
        result->cause = (al_cause)end->cause;
        result->exit_status = (int32_t)end->exit_status;
        result->signal = (int32_t)end->signal;
    }
    result->wall_us = end->wall_us;
    result->user_us = end->user_us;
    result->sys_us = end->sys_us;
    result->mem_kb = end->mem_kb;
    al_farm_finish(farm, slot, now_ns);
    al_farm_set_queue(farm, number);
}

void al_farm_spoil(al_place *place, const char *text)
{
    char line[600];
    place->result.cause = AL_CAUSE_OUTPUT;
    place->result.exit_status = EIO;
    (void)snprintf(line, sizeof line, "allot farm: %s\n", text);
    al_capture_add(&place->own[1], line, strlen(line));
}

/** @return ALLOT_OK, or why the engine is not to be trusted */
static allot_err take_file(al_farm *farm, uint32_t number, const al_message *m, allot_error *err)
{
    al_farm_engine *engine = &farm->engines[number];
    uint32_t slot;
    allot_err code = ALLOT_OK;
    if (m->kind == AL_MESSAGE_FILE)
        engine->receiving = m->file.task;
    al_place *place = place_of(farm, number, engine->receiving, &slot);
    if (place == NULL || engine->shares)
        return al_fail(err, ALLOT_EFORMAT, 0, "it sent a file of a task that it does not have");
    if (al_farm_is_beaten(farm, place))
        return ALLOT_OK;
    al_held *held = al_sched_runs_twice(farm->opts.sched, place->task) ? &place->held : NULL;
    if (m->kind == AL_MESSAGE_FILE)
        code =
            al_stage_file(engine->stage, &m->file, (al_bytes){place->made.at, place->made.nbytes}, held, err);
    else if (m->kind == AL_MESSAGE_DATA)
        code = al_stage_data(engine->stage, &m->data, err);
    else
        code = al_stage_file_end(engine->stage, &m->tail, err);
    if (code != ALLOT_EIO)
        return code;
    al_farm_spoil(place, err->text);
    return ALLOT_OK;
}

allot_err al_farm_hear(al_farm *farm, uint32_t number, const al_message *m, uint64_t now_ns, allot_error *err)
{
    uint32_t slot;
    al_place *place;
    switch (m->kind) {
    case AL_MESSAGE_WELCOME:
        al_farm_come_up(farm, number, &m->welcome);
        return ALLOT_OK;
    case AL_MESSAGE_STARTED:
        if ((place = place_of(farm, number, m->started, &slot)) != NULL)
            al_farm_note_started(farm, place, now_ns);
        return ALLOT_OK;
    case AL_MESSAGE_OUTPUT:
        if ((place = place_of(farm, number, m->piece.task, &slot)) != NULL)
            feed(farm, place, m->piece.is_err != 0, m->piece.bytes);
        return ALLOT_OK;
    case AL_MESSAGE_RESULT:
        note_result(farm, number, &m->end, now_ns);
        return ALLOT_OK;
    case AL_MESSAGE_FILE:
    case AL_MESSAGE_DATA:
    case AL_MESSAGE_FILE_END:
        return take_file(farm, number, m, err);
    default:
        return al_fail(err, ALLOT_EFORMAT, 0, "it sent a message that is not for us");
    }
}
