/* orders.c - who is told to work during a call. See caller.h.
 *
 * An engine that spins is given a few microseconds alone, since a short call is done by then; after that
 * everybody is ordered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pool/caller.h"

void al_caller_order(al_caller *c, uint32_t id)
{
    al_seat *seat = &c->board->seats[id];
    atomic_store_explicit(&seat->call, c->team->ncalls, memory_order_relaxed);
    atomic_store_explicit(&seat->order, AL_SEAT_ORDERED, memory_order_seq_cst);
    c->nordered++;
    if (atomic_load_explicit(&seat->asleep, memory_order_seq_cst) == 0)
        return;
    (void)syscall(SYS_futex, &seat->order, FUTEX_WAKE, 1, NULL, NULL, 0);
    c->result->nwakes++;
}

/** Left to itself, the kernel likes to put engines that wake each other on one processor, and leaves them
 * there while something unimportant runs on another. So each is forbidden the processors that those ordered
 * before it were on, if it has others. */
static void keep_apart(al_caller *c, uint32_t id, cpu_set_t *taken)
{
    al_process *process = &c->team->processes[id];
    cpu_set_t both, rest;
    CPU_AND(&both, &c->team->allowed, taken);
    CPU_XOR(&rest, &c->team->allowed, &both);
    if (CPU_COUNT(&rest) > 0 && !CPU_EQUAL(&rest, &process->allowed) &&
        sched_setaffinity(process->pid, sizeof rest, &rest) == 0)
        process->allowed = rest;
}

static void note_processor(const al_caller *c, uint32_t id, cpu_set_t *taken)
{
    int cpu = atomic_load_explicit(&c->board->seats[id].cpu, memory_order_relaxed);
    if (cpu >= 0 && cpu < CPU_SETSIZE)
        CPU_SET((size_t)cpu, taken);
}

void al_caller_keep_off(al_caller *c, uint32_t id)
{
    int cpu = sched_getcpu();
    cpu_set_t taken;
    if (c->nengines >= c->team->nprocessors || cpu < 0 || cpu >= CPU_SETSIZE ||
        cpu != atomic_load_explicit(&c->board->seats[id].cpu, memory_order_relaxed))
        return;
    CPU_ZERO(&taken);
    CPU_SET((size_t)cpu, &taken);
    keep_apart(c, id, &taken);
}

void al_caller_order_others(al_caller *c)
{
    cpu_set_t taken;
    CPU_ZERO(&taken);
    if (c->task->only != ALLOT_ENGINES_ANY || c->nordered >= c->nengines)
        return;
    for (uint32_t k = 0; k < c->team->nseats; k++)
        if (al_seat_order(&c->board->seats[k]) != AL_SEAT_IDLE)
            note_processor(c, k, &taken);
    for (uint32_t k = 0; k < c->team->nseats && c->nordered < c->nengines; k++) {
        if (c->team->processes[k].pid == 0 || al_seat_order(&c->board->seats[k]) != AL_SEAT_IDLE ||
            (c->board->call.pinned && !al_seat_has_work(&c->board->seats[k])))
            continue;
        keep_apart(c, k, &taken);
        al_caller_order(c, k);
        note_processor(c, k, &taken);
    }
}

bool al_caller_is_over(al_caller *c)
{
    for (uint32_t k = 0; k < c->team->nseats; k++)
        if (al_seat_has_work(&c->board->seats[k]))
            return false;
    for (uint32_t k = 0; k < c->team->nseats; k++) {
        uint32_t ordered = al_seat_order(&c->board->seats[k]);
        if (ordered == AL_SEAT_WORKING)
            return false;
        if (ordered == AL_SEAT_ORDERED &&
            !atomic_compare_exchange_strong_explicit(&c->board->seats[k].order, &ordered, AL_SEAT_IDLE,
                                                     memory_order_seq_cst, memory_order_seq_cst) &&
            ordered == AL_SEAT_WORKING)
            return false;
    }
    return true;
}
