/* sched_graph.c - who waits for whom. See sched_parts.h.
 *
 * Each task has the number of those it still waits for, and a list of those that wait for it. Nothing here
 * calls itself: a chain of a million tasks that are skipped is a queue of verdicts, worked off one by one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "farm/sched_parts.h"

#define UNTOLD 0x80000000u /* al_sched_unblock() was not called yet */
#define DOOMED 0x40000000u /* one that it waits for did not succeed */
#define COUNT 0x3fffffffu

bool al_graph_make_room(al_sched *sched)
{
    size_t needed = sched->counts.ntasks;
    if (needed <= sched->room_graph)
        return true;
    size_t room = sched->room_graph > 0 ? sched->room_graph : 1024;
    while (room < needed)
        room *= 2;
    uint32_t *waits_for = realloc(sched->waits_for, room * sizeof *waits_for);
    if (waits_for == NULL)
        return false;
    sched->waits_for = waits_for;
    uint32_t *dependents = realloc(sched->dependents, room * sizeof *dependents);
    if (dependents == NULL)
        return false;
    sched->dependents = dependents;
    for (size_t k = sched->room_graph; k < room; k++) {
        waits_for[k] = UNTOLD;
        dependents[k] = AL_NONE;
    }
    sched->room_graph = room;
    return true;
}

static bool add_edge(al_sched *sched, al_task_id from, al_task_id to)
{
    if (sched->nedges == sched->room_edges) {
        uint32_t room = sched->room_edges > 0 ? 2 * sched->room_edges : 1024;
        al_edge *edges = room > sched->room_edges ? realloc(sched->edges, room * sizeof *edges) : NULL;
        if (edges == NULL)
            return false;
        sched->edges = edges;
        sched->room_edges = room;
    }
    sched->edges[sched->nedges] = (al_edge){.task = (uint32_t)to, .next = sched->dependents[from - 1]};
    sched->dependents[from - 1] = sched->nedges++;
    return true;
}

allot_err al_sched_after(al_sched *sched, al_task_id task, al_task_id other)
{
    if (sched->counts.ntasks >= UINT32_MAX || !al_graph_make_room(sched) || !add_edge(sched, other, task))
        return ALLOT_ENOMEM;
    al_task_state state = al_task_state_of(sched, other);
    if (!al_task_is_final(state))
        sched->waits_for[task - 1]++;
    else if (state != AL_TASK_DONE)
        sched->waits_for[task - 1] |= DOOMED;
    return ALLOT_OK;
}

/** A blocked task whose dependencies are all told: it is ready, or will never be, or waits on. */
static void decide(al_sched *sched, al_task_id task)
{
    uint32_t waits_for = sched->waits_for[task - 1];
    if (al_task_state_of(sched, task) != AL_TASK_BLOCKED || waits_for & UNTOLD)
        return;
    if (waits_for & DOOMED) {
        al_end_verdict(sched, task, AL_TASK_SKIPPED, AL_CAUSE_DEPENDENCY);
    } else if ((waits_for & COUNT) == 0) {
        al_task_set_state(sched, task, AL_TASK_READY);
        al_queue_push(sched, task, 1, false);
    }
}

allot_err al_sched_unblock(al_sched *sched, al_task_id task)
{
    if (!al_graph_make_room(sched))
        return ALLOT_ENOMEM;
    sched->waits_for[task - 1] &= ~UNTOLD;
    decide(sched, task);
    return ALLOT_OK;
}

void al_graph_settle(al_sched *sched, al_task_id task, al_task_state state)
{
    if (task > sched->room_graph)
        return;
    for (uint32_t k = sched->dependents[task - 1]; k != AL_NONE; k = sched->edges[k].next) {
        al_task_id other = sched->edges[k].task;
        if (state == AL_TASK_DONE)
            sched->waits_for[other - 1]--;
        else
            sched->waits_for[other - 1] |= DOOMED;
        decide(sched, other);
    }
}

/* ---- cycles ----------------------------------------------------------------------------------------------
 */

/** Take away, again and again, tasks that wait for none of the others: what is left is on cycles, or behind
 * one.
 * @return for each task how many of the others that are left it waits for */
static uint32_t *peel(const al_sched *sched)
{
    size_t n = (size_t)sched->counts.ntasks, first = 0, count = 0;
    uint32_t *left = calloc(n + 1, sizeof *left), *queue = malloc((n + 1) * sizeof *queue);
    for (size_t k = 0; left != NULL && k < n; k++)
        for (uint32_t e = sched->dependents[k]; e != AL_NONE; e = sched->edges[e].next)
            left[sched->edges[e].task - 1]++;
    for (size_t k = 0; queue != NULL && left != NULL && k < n; k++)
        if (left[k] == 0)
            queue[count++] = (uint32_t)k;
    while (queue != NULL && left != NULL && first < count)
        for (uint32_t e = sched->dependents[queue[first++]]; e != AL_NONE; e = sched->edges[e].next)
            if (--left[sched->edges[e].task - 1] == 0)
                queue[count++] = sched->edges[e].task - 1;
    free(queue);
    return left;
}

/** For each task that is left some other one that it waits for and that is left, plus one; 0: none. */
static uint32_t *find_reasons(const al_sched *sched, const uint32_t *left)
{
    size_t n = (size_t)sched->counts.ntasks;
    uint32_t *reason = calloc(n + 1, sizeof *reason);
    for (size_t k = 0; reason != NULL && k < n; k++)
        for (uint32_t e = left[k] > 0 ? sched->dependents[k] : AL_NONE; e != AL_NONE;
             e = sched->edges[e].next)
            reason[sched->edges[e].task - 1] = (uint32_t)k + 1;
    return reason;
}

al_task_id al_sched_find_cycle(al_sched *sched, al_task_id *path, size_t *npath)
{
    size_t n = (size_t)sched->counts.ntasks, room = *npath;
    *npath = 0;
    if (sched->nedges == 0 || !al_graph_make_room(sched))
        return 0;
    uint32_t *left = peel(sched), *reason = left != NULL ? find_reasons(sched, left) : NULL;
    al_task_id found = 0;
    for (size_t k = 0; reason != NULL && k < n && found == 0; k++)
        if (left[k] > 0)
            found = k + 1;
    for (size_t k = 0; k < n && found != 0; k++) /* so far back that it is on a cycle, not behind one */
        found = reason[found - 1];
    for (al_task_id at = found; found != 0 && *npath < room;) {
        path[(*npath)++] = at;
        at = reason[at - 1];
        if (at == found)
            break;
    }
    free(left);
    free(reason);
    return found;
}
