/* dry.c - tasks that are not run: a controller that wants to see how its run would be cut has them taken,
 * queued and ended as all others, but nothing is started, and no file is looked at. See agent.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>

#include "agent/agent.h"
#include "base/clock.h"

static void end(agent *a, job *j, al_cause cause, uint32_t signal, uint64_t now_ns)
{
    uint64_t begin_ns = j->dry_until_ns - a->hello.dry_ns;
    j->end = (al_task_end){.task = j->task,
                           .attempt = j->order.attempt,
                           .cause = (uint8_t)cause,
                           .signal = signal,
                           .slot = j->slot,
                           .wall_us = (now_ns - begin_ns) / 1000,
                           .out = {"", 0},
                           .err = {"", 0}};
    agent_leave(a, j);
}

void agent_pretend(agent *a, job *j)
{
    uint64_t now_ns = al_clock_ns();
    j->dry_until_ns = now_ns + a->hello.dry_ns;
    if (a->hello.dry_ns == 0)
        end(a, j, AL_CAUSE_EXIT, 0, now_ns);
}

void agent_stop_pretending(agent *a, job *j, bool hard)
{
    end(a, j, AL_CAUSE_SIGNAL, hard ? SIGKILL : SIGTERM, al_clock_ns());
}

uint64_t agent_end_pretended(agent *a, uint64_t now_ns)
{
    uint64_t due_ns = UINT64_MAX;
    for (job *j = a->jobs, *next; a->hello.is_dry != 0 && j != NULL; j = next) {
        next = j->next;
        if (j->state != JOB_RUNS)
            continue;
        if (now_ns >= j->dry_until_ns)
            end(a, j, AL_CAUSE_EXIT, 0, j->dry_until_ns);
        else if (j->dry_until_ns < due_ns)
            due_ns = j->dry_until_ns;
    }
    return due_ns;
}
