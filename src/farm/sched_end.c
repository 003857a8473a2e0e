/* sched_end.c - what becomes of tasks: ended, tried again, given up, canceled. See sched.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "farm/sched_parts.h"

/** Engines that may be lost with a task before the task is suspected: it is not tried again then. */
#define LOST_MOST 3u

/* ---- verdicts --------------------------------------------------------------------------------------------
 */

static bool has_reached(const al_sched *sched, uint64_t count)
{
    const al_sched_opts *o = &sched->opts;
    if (o->halt_count > 0)
        return count >= o->halt_count;
    return sched->is_input_ended && count >= 3 &&
           (double)count * 100 >= o->halt_percent * (double)sched->counts.ntasks;
}

static void end_all(al_sched *sched, al_cause why)
{
    for (uint32_t k = sched->oldest; k != AL_NONE; k = sched->running[k].newer)
        al_end_running(sched, k, why);
}

static void look_at_halt(al_sched *sched)
{
    const al_sched_opts *o = &sched->opts;
    const uint64_t counts[] = {[AL_HALT_FAIL] = sched->nfailed_here,
                               [AL_HALT_SUCCESS] = sched->ndone_here,
                               [AL_HALT_DONE] = sched->ndone_here + sched->nfailed_here};
    if (o->halt_when == AL_HALT_NEVER || sched->is_halted || !has_reached(sched, counts[o->halt_what]))
        return;
    sched->is_halted = true;
    if (o->halt_when == AL_HALT_NOW)
        end_all(sched, AL_CAUSE_CANCELED);
}

void al_end_verdict(al_sched *sched, al_task_id task, al_task_state state, al_cause cause)
{
    if (sched->nverdicts == sched->room_verdicts) {
        size_t room = sched->room_verdicts > 0 ? 2 * sched->room_verdicts : 16;
        al_verdict *at = malloc(room * sizeof *at);
        if (at == NULL) {
            sched->is_out_of_memory = true;
            return;
        }
        for (size_t k = 0; k < sched->nverdicts; k++)
            at[k] = sched->verdicts[(sched->first_verdict + k) & (sched->room_verdicts - 1)];
        free(sched->verdicts);
        sched->verdicts = at;
        sched->first_verdict = 0;
        sched->room_verdicts = room;
    }
    size_t at = (sched->first_verdict + sched->nverdicts++) & (sched->room_verdicts - 1);
    bool ran = al_task_is_final(al_task_state_of(sched, task));
    sched->verdicts[at] = (al_verdict){task, state, cause, ran};
    if (!ran)
        al_task_set_state(sched, task, state);
    /* Those that wait for it hear of it when the verdict is given (al_sched_next()): a long chain is no deep
     * one. */
}

void al_end_running(al_sched *sched, uint32_t number, al_cause why)
{
    al_running *running = &sched->running[number];
    if (running->why != AL_CAUSE_NONE && !running->is_hard_due)
        return; /* it has been told */
    running->why = why;
    if (!running->is_hard_due)
        running->is_soft_due = true;
    if (sched->nkills == sched->room_kills) {
        size_t room = sched->room_kills > 0 ? 2 * sched->room_kills : 16;
        uint32_t *kills = realloc(sched->kills, room * sizeof *kills);
        if (kills == NULL) {
            sched->is_out_of_memory = true;
            return;
        }
        sched->kills = kills;
        sched->room_kills = room;
    }
    sched->kills[sched->nkills++] = number;
}

/* ---- an attempt ended ------------------------------------------------------------------------------------
 */

/** Whether such an end is one that is tried again. */
static bool is_retried(const al_sched *sched, const al_result *result)
{
    const al_sched_opts *o = &sched->opts;
    switch (result->cause) {
    case AL_CAUSE_EXIT: {
        unsigned status = (unsigned)result->exit_status & 0xff;
        return o->retry_exits[status / 8] >> status % 8 & 1;
    }
    case AL_CAUSE_OUTPUT:
        return o->retry_exits[0] >> 1 & 1; /* as exit status 1 */
    case AL_CAUSE_SIGNAL:
        return result->signal >= 0 && result->signal < 64 && o->retry_signals >> result->signal & 1;
    case AL_CAUSE_TIMEOUT:
        return o->retry_timeouts;
    case AL_CAUSE_MEMORY:
        return o->retry_memory;
    case AL_CAUSE_LOST:
        return o->retry_lost;
    case AL_CAUSE_NOT_STARTED:
        return o->retry_not_started;
    default:
        return false;
    }
}

/** A task ended for memory comes back with more. @return false: there is no more */
static bool grow_memory(al_sched *sched, al_task_id task, const al_class *class)
{
    uint64_t had = al_need_of(sched, task, class).mem_bytes, most = 0;
    if (sched->opts.mem_grow <= 1 || class->kind.need.mem_bytes == 0)
        return true;
    for (uint32_t k = 0; k < sched->nengines; k++)
        if (sched->engines[k].is_up && sched->engines[k].has.mem_bytes > most)
            most = sched->engines[k].has.mem_bytes;
    if (most > 0 && had >= most)
        return false;
    double wanted = (double)had * sched->opts.mem_grow;
    uint64_t grown = most > 0 && wanted > (double)most ? most : (uint64_t)wanted;
    if (!al_sched_map_set(&sched->grown, task, grown))
        sched->is_out_of_memory = true;
    return true;
}

/** A task was lost with its engine once more. @return how often by now */
static uint64_t count_loss(al_sched *sched, al_task_id task)
{
    uint64_t nlost = al_sched_map_get(&sched->lost, task, 0) + 1;
    if (!al_sched_map_set(&sched->lost, task, nlost))
        sched->is_out_of_memory = true;
    return nlost;
}

/** What becomes of a task after an attempt that did not succeed. */
static al_task_state judge(al_sched *sched, const al_running *running, const al_result *result)
{
    const al_class *class = &sched->classes[running->kind];
    if (running->why == AL_CAUSE_INTERRUPTED)
        return AL_TASK_READY;
    if (running->why == AL_CAUSE_CANCELED)
        return AL_TASK_CANCELED;
    if (result->cause == AL_CAUSE_LOST) { /* its engine's fault, not its own */
        al_twice_count(sched, result->task, 1);
        return count_loss(sched, result->task) < LOST_MOST && sched->opts.retry_lost ? AL_TASK_DELAYED
                                                                                     : AL_TASK_FAILED;
    }
    uint64_t allowed = class->kind.retries + 1 + al_sched_map_get(&sched->uncounted, result->task, 0);
    if (al_task_attempts_of(sched, result->task) >= allowed || !is_retried(sched, result) ||
        (result->cause == AL_CAUSE_MEMORY && !grow_memory(sched, result->task, class)))
        return AL_TASK_FAILED;
    return AL_TASK_DELAYED;
}

/** It runs no more. */
static void release(al_sched *sched, uint32_t number)
{
    al_running *running = &sched->running[number];
    al_running_remove(sched, number);
    if (running->twin == AL_NONE)
        al_sched_map_remove(&sched->by_task, running->task);
    else
        al_twice_part(sched, number);
    al_engine_give_back(sched, number);
    sched->nbeaten -= running->is_beaten;
    running->task = 0;
    sched->free_running[sched->nfree_running++] = number;
    sched->nrunning--;
}

static void try_again(al_sched *sched, al_task_id task, al_cause cause, uint64_t now_ns)
{
    uint64_t wait_ns = cause == AL_CAUSE_LOST ? 0 : al_time_backoff(sched, al_task_attempts_of(sched, task));
    if (!al_heap_push(&sched->delayed, now_ns + wait_ns, task))
        sched->is_out_of_memory = true;
    sched->counts.nretries++;
}

/** An end that decides nothing: of a task that its twin decided, or decides yet. */
static bool drop(al_sched *sched, uint32_t number, al_result *result)
{
    if (result->cause == AL_CAUSE_LOST)
        (void)count_loss(sched, result->task);
    result->state = al_task_state_of(sched, result->task);
    release(sched, number);
    return false;
}

bool al_end_attempt(al_sched *sched, uint32_t number, al_result *result, uint64_t now_ns)
{
    const al_running *running = &sched->running[number];
    uint32_t twin = running->twin, engine = running->engine;
    bool is_copy = running->is_copy, is_done = result->cause == AL_CAUSE_EXIT && result->exit_status == 0;
    if (!is_done && running->why != AL_CAUSE_NONE)
        result->cause = running->why;
    if (result->mem_kb * 1024 > sched->most_mem_bytes)
        sched->most_mem_bytes = result->mem_kb * 1024;
    if (running->is_beaten || (!is_done && twin != AL_NONE))
        return drop(sched, number, result);
    result->state = is_done ? AL_TASK_DONE : judge(sched, running, result);
    al_task_set_state(sched, result->task, result->state);
    release(sched, number);
    if (twin != AL_NONE)
        al_twice_beat(sched, twin);
    sched->counts.ncopies_won += is_done && is_copy;
    if (is_done)
        sched->engines[engine].wall_us = result->wall_us;
    if (is_done && !al_time_measure(sched, result->wall_us))
        sched->is_out_of_memory = true;
    sched->ndone_here += is_done;
    sched->nfailed_here += result->state == AL_TASK_FAILED;
    if (result->state == AL_TASK_DELAYED)
        try_again(sched, result->task, result->cause, now_ns);
    else if (result->state == AL_TASK_READY)
        al_queue_push(sched, result->task, 1, false);
    else
        al_graph_settle(sched, result->task, result->state);
    look_at_halt(sched);
    return true;
}

bool al_sched_ended(al_sched *sched, uint32_t engine, al_result *result, uint64_t now_ns)
{
    uint32_t number = al_twice_at(sched, result->task, engine);
    return number != AL_NONE && al_end_attempt(sched, number, result, now_ns);
}

/** A task's attempt was none. @param is_alone  its twin does not run */
static void uncount(al_sched *sched, const al_running *running, bool is_alone)
{
    bool is_latest = running->attempt == al_task_attempts_of(sched, running->task);
    if (is_latest)
        al_task_set_attempts(sched, running->task, running->attempt - 1);
    if (is_latest != is_alone) /* of two copies one counts; a number that was used stays used */
        al_twice_count(sched, running->task, is_alone ? 1 : -1);
}

void al_end_returned(al_sched *sched, uint32_t number)
{
    al_running running = sched->running[number];
    bool is_alone = running.twin == AL_NONE;
    if (!running.is_beaten)
        uncount(sched, &running, is_alone);
    release(sched, number);
    if (running.is_beaten)
        return;
    if (!is_alone) {
        sched->running[running.twin].is_doubled = false;
        return;
    }
    al_task_set_state(sched, running.task, AL_TASK_READY);
    if (running.why == AL_CAUSE_CANCELED)
        al_end_verdict(sched, running.task, AL_TASK_CANCELED, running.why);
    else
        al_queue_push(sched, running.task, 1, false);
}

void al_sched_returned(al_sched *sched, al_task_id task, uint32_t engine)
{
    uint32_t number = al_twice_at(sched, task, engine);
    if (number != AL_NONE)
        al_end_returned(sched, number);
}

void al_sched_over_memory(al_sched *sched, al_task_id task, uint32_t engine)
{
    uint32_t number = al_twice_at(sched, task, engine);
    if (number == AL_NONE || sched->running[number].why != AL_CAUSE_NONE)
        return;
    sched->running[number].hard_ns = UINT64_MAX; /* no time for TERM: it goes on taking memory meanwhile */
    sched->running[number].is_hard_due = true;
    al_end_running(sched, number, AL_CAUSE_MEMORY);
}

/* ---- on the user's wish ----------------------------------------------------------------------------------
 */

void al_sched_stop(al_sched *sched)
{
    sched->is_stopped = true;
}

void al_sched_kill_running(al_sched *sched, uint64_t now_ns)
{
    (void)now_ns;
    sched->is_stopped = true;
    end_all(sched, AL_CAUSE_INTERRUPTED);
}

void al_sched_cancel(al_sched *sched, uint64_t now_ns)
{
    (void)now_ns;
    sched->is_stopped = true;
    sched->cancel_at = 1;
    end_all(sched, AL_CAUSE_CANCELED);
}

void al_sched_cancel_task(al_sched *sched, al_task_id task, uint64_t now_ns)
{
    (void)now_ns;
    if (task < 1 || task > sched->counts.ntasks)
        return;
    al_task_state state = al_task_state_of(sched, task);
    if (state == AL_TASK_RUNNING) {
        uint32_t number = (uint32_t)al_sched_map_get(&sched->by_task, task, AL_NONE);
        al_end_running(sched, number, AL_CAUSE_CANCELED);
        if (sched->running[number].twin != AL_NONE)
            al_end_running(sched, sched->running[number].twin, AL_CAUSE_CANCELED);
    } else if (!al_task_is_final(state)) {
        al_end_verdict(sched, task, AL_TASK_CANCELED, AL_CAUSE_CANCELED);
    }
}

void al_end_cancel_more(al_sched *sched)
{
    while (sched->cancel_at != 0 && sched->nverdicts == 0) {
        if (sched->cancel_at > sched->counts.ntasks) {
            sched->cancel_at = 0;
            return;
        }
        al_task_id task = sched->cancel_at++;
        al_task_state state = al_task_state_of(sched, task);
        if (!al_task_is_final(state) && state != AL_TASK_RUNNING)
            al_end_verdict(sched, task, AL_TASK_CANCELED, AL_CAUSE_CANCELED);
    }
}
