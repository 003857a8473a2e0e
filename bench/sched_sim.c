/* sched_sim.c - the scheduler alone: N tasks on E engines, in simulated time.
 *
 *     bench-sched [TASKS [ENGINES]]
 *
 * Tasks are of four kinds and last between 1 and 100 ms, at random; each engine has two processors. Prints
 * events (starts and ends) a second of real time, and the scheduler's memory a task at its peak.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "events.h"
#include "farm/sched.h"

typedef struct simulation {
    al_sched *sched;
    events running; /* ends of tasks that run */
    uint64_t random, now_ns, nstarts, nends;
    size_t most_bytes;
} simulation;

static uint64_t duration_ns(simulation *s)
{
    return 1000000 + events_random(&s->random) % 99000000;
}

static void start_all(simulation *s)
{
    al_action action;
    for (;;) {
        al_sched_next(s->sched, s->now_ns, &action);
        if (action.kind != AL_ACTION_START)
            return;
        events_push(&s->running, (event){s->now_ns + duration_ns(s), action.task, action.engine, 0});
        s->nstarts++;
    }
}

static int make(simulation *s, uint64_t ntasks, uint32_t nengines)
{
    al_sched_opts opts = {.tokens = {0}};
    s->sched = al_sched_create(&opts);
    if (s->sched == NULL)
        return -1;
    for (uint32_t k = 0; k < 4; k++) {
        al_task_kind kind = {.need = {.cpus_milli = k == 3 ? 2000 : 1000, .mem_bytes = (k + 1) * 1000u}};
        uint32_t number;
        if (al_sched_kind(s->sched, &kind, &number) != ALLOT_OK ||
            al_sched_add(s->sched, ntasks / 4 + (k < ntasks % 4), number, false) != ALLOT_OK)
            return -1;
    }
    al_need has = {.cpus_milli = 2000, .mem_bytes = 6000};
    uint32_t engine;
    for (uint32_t k = 0; k < nengines; k++)
        if (al_sched_engine_up(s->sched, &has, 0, &engine) != ALLOT_OK)
            return -1;
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t ntasks = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint32_t nengines = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10000;
    simulation s = {.random = 1};
    if (make(&s, ntasks, nengines) != 0)
        return 1;
    uint64_t begin_ns = al_clock_ns();
    start_all(&s);
    while (s.running.count > 0) {
        event e = events_pop(&s.running);
        al_result result = {.task = e.task, .cause = AL_CAUSE_EXIT, .wall_us = 1000};
        s.now_ns = e.due_ns;
        (void)al_sched_ended(s.sched, e.engine, &result, s.now_ns);
        s.nends++;
        start_all(&s);
        if ((s.nends & 4095) == 0 && al_sched_nbytes(s.sched) > s.most_bytes)
            s.most_bytes = al_sched_nbytes(s.sched);
    }
    double seconds = (double)(al_clock_ns() - begin_ns) * 1e-9;
    printf("%llu tasks on %u engines: %.2f s, %.0f events a second, %.2f bytes a task; makespan %.1f s "
           "simulated\n",
           (unsigned long long)s.nends, nengines, seconds, (double)(s.nstarts + s.nends) / seconds,
           (double)s.most_bytes / (double)ntasks, (double)s.now_ns * 1e-9);
    int status = s.nends == ntasks ? 0 : 1;
    al_sched_destroy(s.sched);
    events_fini(&s.running);
    return status;
}
