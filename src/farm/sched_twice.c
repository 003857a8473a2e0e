/* sched_twice.c - tasks that run on two engines at a time. See sched_parts.h.
 *
 * A run is as long as its last task. So where nothing is left to be started and an engine has room, a task
 * that takes much longer than the others did is started there, too: its engine may be slow, or frozen. How
 * long is much is told by the tasks done: nine of ten took no longer than this, and a part more. An engine
 * whose own last task took so long is no help.
 *
 * Two copies are each other's twins. One success decides, and beats the other, which is killed; a copy that
 * ends otherwise while its twin runs decides nothing. Of the two attempts one counts against the task's
 * retries.
 *
 * Invariant: by_task has one of the two, never a beaten one beside one that is not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/sched_parts.h"

#define MOST_TASKS 0.9 /* of tasks done: what they took is nothing out of the way */

bool al_sched_runs_twice(const al_sched *sched, al_task_id task)
{
    uint32_t number = (uint32_t)al_sched_map_get(&sched->by_task, task, AL_NONE);
    return number != AL_NONE && sched->running[number].twin != AL_NONE;
}

void al_twice_join(al_sched *sched, uint32_t first, uint32_t copy)
{
    sched->running[first].twin = copy;
    sched->running[copy].twin = first;
    sched->running[first].is_doubled = sched->running[copy].is_doubled = true;
    sched->running[copy].is_copy = true;
    sched->engines[sched->running[first].engine].wall_us = UINT64_MAX;
    sched->counts.ncopies++;
    al_twice_count(sched, sched->running[first].task, 1);
}

void al_twice_part(al_sched *sched, uint32_t number)
{
    uint32_t twin = sched->running[number].twin;
    sched->running[twin].twin = AL_NONE;
    (void)al_sched_map_set(&sched->by_task, sched->running[number].task, twin); /* it has a place there */
}

void al_twice_beat(al_sched *sched, uint32_t number)
{
    sched->running[number].is_beaten = true;
    sched->nbeaten++;
    al_end_running(sched, number, AL_CAUSE_CANCELED);
}

void al_twice_count(al_sched *sched, al_task_id task, int more)
{
    uint64_t count = al_sched_map_get(&sched->uncounted, task, 0) + (uint64_t)more;
    if (!al_sched_map_set(&sched->uncounted, task, count))
        sched->is_out_of_memory = true;
}

/* ---- who is late ----------------------------------------------------------------------------------------
 */

/** Whether it is the end: nothing waits to be started, and some engine has nothing to do. */
static bool is_the_end(const al_sched *sched)
{
    return sched->opts.speculate > 0 && sched->is_input_ended && sched->counts.nready == 0 &&
           sched->nopen > 0 && sched->nrunning > sched->nbeaten;
}

/** What a task may take without being late; 0: not known yet. */
static uint64_t limit_ns(const al_sched *sched)
{
    double most_ns = sched->opts.speculate * al_time_most_ns(sched, MOST_TASKS);
    if (most_ns > 0 && most_ns < (double)sched->opts.speculate_least_ns)
        return sched->opts.speculate_least_ns;
    return most_ns > 0 && most_ns < 1e6 ? 1000000 : (uint64_t)most_ns; /* our clock is no finer than that */
}

/** From when on it is late. One that has not begun waits for those before it at its engine, or is on its way.
 */
static uint64_t late_ns(const al_sched *sched, const al_running *running, uint64_t limit)
{
    const al_engine *engine = &sched->engines[running->engine];
    uint32_t nbusy = engine->nrunning - engine->nwaiting;
    uint64_t rounds = running->is_begun ? 1 : 2 + engine->nrunning / (nbusy > 0 ? nbusy : 1);
    return running->start_ns + rounds * limit;
}

bool al_twice_next(al_sched *sched, uint64_t now_ns, al_action *action)
{
    if (!is_the_end(sched) || (now_ns < sched->late_at_ns && sched->late_nfreed == sched->nfreed))
        return false;
    uint64_t limit = limit_ns(sched), due_ns = UINT64_MAX;
    for (uint32_t k = sched->oldest; limit > 0 && k != AL_NONE; k = sched->running[k].newer) {
        const al_running *running = &sched->running[k];
        if (running->is_doubled || running->why != AL_CAUSE_NONE)
            continue;
        uint64_t from_ns = late_ns(sched, running, limit);
        if (now_ns < from_ns) {
            due_ns = from_ns < due_ns ? from_ns : due_ns;
            if (running->is_begun)
                break; /* those after it started later */
            continue;
        }
        al_need need = al_need_of(sched, running->task, &sched->classes[running->kind]);
        uint32_t engine = al_engine_find_other(sched, running, &need, limit / 1000);
        if (engine != AL_NONE &&
            al_running_start(sched, running->task, k, engine, &need, false, now_ns, action))
            return true;
        sched->is_out_of_memory |= engine != AL_NONE;
    }
    sched->late_at_ns = due_ns;
    sched->late_nfreed = sched->nfreed;
    return false;
}

uint64_t al_twice_wake_at(const al_sched *sched)
{
    if (!is_the_end(sched))
        return UINT64_MAX;
    return sched->late_nfreed == sched->nfreed ? sched->late_at_ns : 0;
}
