/* far_sim.c - the scheduler with engines that are some way off, in simulated time.
 *
 *     bench-far [TASKS [ENGINES [LEAST]]]
 *
 * TASKS of one second, give or take a tenth, on ENGINES of one slot. Each engine has a round trip of its own
 * (log-normal about 45 ms, 20 to 100), each message takes half of it give or take a twentieth, one in a
 * hundred 200 ms more, as where a packet is lost; messages of one direction stay in order. The controller
 * takes 20 us of its one processor for each message in and each out. What may wait at an engine is planned
 * after each result, as in src/farm/farm_engine.c.
 *
 * Prints, with tasks waiting at engines as planned, and with none: utilisation (time of the tasks over that
 * of all slots, until the last result is here), the scheduler's events a second of real time and bytes a
 * task. Then, with one engine in a hundred ten times as slow, what --speculate does. Exits with 1 if the
 * first utilisation is below LEAST percent, or if waiting tasks or --speculate do not help. The same numbers
 * of tasks and engines always give the same simulated times.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "events.h"
#include "farm/sched.h"
#include "plan/prefetch.h"

#define MS UINT64_C(1000000)
#define TASK_NS (1000 * MS)
#define HANDLING_NS UINT64_C(20000)
#define LATE_NS (200 * MS)
#define SLOW_FACTOR 10u

enum { /* what happens: at the controller, then at an engine */
       UP,
       STARTED,
       ENDED,
       KILLED,
       RETURNED,
       LOOK,
       GIVEN,
       KILL,
       TASK_OVER
};

typedef struct engine {
    uint64_t rtt_ns;
    uint64_t arrived_ns[2]; /* the last message there, and here */
    uint64_t task;          /* that runs; 0: none */
    uint64_t *waiting;
    uint32_t nwaiting, room;
    bool is_slow;
} engine;

typedef struct plan {
    const char *name;
    bool queues, has_slow, speculates;
} plan;

typedef struct simulation {
    plan plan;
    al_sched *sched;
    engine *engines;
    events events;
    uint64_t random, ntasks;
    uint64_t now_ns;  /* of the controller, which does one thing at a time */
    uint64_t look_ns; /* when it looks by itself */
    uint64_t busy_ns, ncalls;
    size_t most_bytes;
} simulation;

/** In (0, 1). */
static double random_unit(simulation *s)
{
    return (events_random(&s->random) + 0.5) / 2147483648.0;
}

/** A task lasts as long wherever and whenever it runs. */
static uint64_t duration_ns(const engine *e, uint64_t task)
{
    uint64_t state = task;
    (void)events_random(&state);
    return (TASK_NS * 9 / 10 + events_random(&state) % (TASK_NS / 5)) * (e->is_slow ? SLOW_FACTOR : 1);
}

/** A message leaves. @param way  0: to the engine, 1: to the controller */
static void send(simulation *s, uint32_t number, int way, uint64_t from_ns, uint32_t kind, uint64_t task)
{
    engine *e = &s->engines[number];
    uint64_t at_ns = from_ns + (uint64_t)((double)e->rtt_ns * (0.475 + 0.05 * random_unit(s)));
    if (events_random(&s->random) % 100 == 0)
        at_ns += LATE_NS;
    if (at_ns < e->arrived_ns[way])
        at_ns = e->arrived_ns[way];
    e->arrived_ns[way] = at_ns;
    events_push(&s->events, (event){at_ns, task, number, kind});
}

/* ---- an engine ------------------------------------------------------------------------------------------
 */

static void run_task(simulation *s, uint32_t number, uint64_t task, uint64_t at_ns)
{
    engine *e = &s->engines[number];
    e->task = task;
    send(s, number, 1, at_ns, STARTED, task);
    events_push(&s->events, (event){at_ns + duration_ns(e, task), task, number, TASK_OVER});
}

static uint64_t take_waiting(engine *e, uint32_t at)
{
    uint64_t task = e->waiting[at];
    memmove(e->waiting + at, e->waiting + at + 1, (--e->nwaiting - at) * sizeof *e->waiting);
    return task;
}

static void be_given(simulation *s, const event *what)
{
    engine *e = &s->engines[what->engine];
    if (e->task == 0) {
        run_task(s, what->engine, what->task, what->due_ns);
        return;
    }
    if (e->nwaiting == e->room) {
        e->room = e->room > 0 ? 2 * e->room : 4;
        e->waiting = realloc(e->waiting, e->room * sizeof *e->waiting);
        if (e->waiting == NULL)
            abort();
    }
    e->waiting[e->nwaiting++] = what->task;
}

/** A task is over: by itself, or because it was killed. */
static void end_task(simulation *s, const event *what)
{
    engine *e = &s->engines[what->engine];
    if (what->task != e->task) { /* it was killed before, or waits */
        for (uint32_t k = 0; what->kind == KILL && k < e->nwaiting; k++)
            if (e->waiting[k] == what->task)
                send(s, what->engine, 1, what->due_ns, RETURNED, take_waiting(e, k));
        return;
    }
    e->task = 0;
    send(s, what->engine, 1, what->due_ns, what->kind == KILL ? KILLED : ENDED, what->task);
    if (e->nwaiting > 0)
        run_task(s, what->engine, take_waiting(e, 0), what->due_ns);
}

/* ---- the controller -------------------------------------------------------------------------------------
 */

static void set_queue(simulation *s, uint32_t number)
{
    if (s->plan.queues)
        al_sched_engine_queue(
            s->sched, number,
            al_plan_prefetch((double)s->engines[number].rtt_ns, al_sched_median_ns(s->sched), 1));
}

static void hear(simulation *s, const event *what)
{
    const al_need has = {.cpus_milli = 1000};
    al_result result = {.task = what->task,
                        .cause = what->kind == ENDED ? AL_CAUSE_EXIT : AL_CAUSE_SIGNAL,
                        .wall_us = duration_ns(&s->engines[what->engine], what->task) / 1000};
    s->ncalls++;
    if (what->kind == UP)
        al_sched_engine_back(s->sched, what->engine, &has, 1, true);
    else if (what->kind == STARTED)
        al_sched_started(s->sched, what->task, what->engine, s->now_ns);
    else if (what->kind == RETURNED)
        al_sched_returned(s->sched, what->task, what->engine);
    else if (what->kind != LOOK && al_sched_ended(s->sched, what->engine, &result, s->now_ns))
        s->busy_ns += duration_ns(&s->engines[what->engine], what->task);
    if (what->kind == UP || what->kind == ENDED)
        set_queue(s, what->engine);
}

static void act(simulation *s)
{
    al_action action;
    for (;;) {
        al_sched_next(s->sched, s->now_ns, &action);
        if (action.kind == AL_ACTION_NONE)
            break;
        s->ncalls++;
        s->now_ns += HANDLING_NS;
        send(s, action.engine, 0, s->now_ns, action.kind == AL_ACTION_START ? GIVEN : KILL, action.task);
    }
    uint64_t look_ns = al_sched_wake_at(s->sched);
    if (look_ns < s->look_ns) {
        s->look_ns = look_ns;
        events_push(&s->events, (event){look_ns, 0, 0, LOOK});
    }
}

static void happen(simulation *s, const event *what)
{
    if (what->kind == GIVEN) {
        be_given(s, what);
    } else if (what->kind >= KILL) {
        end_task(s, what);
    } else {
        if (what->kind == LOOK)
            s->look_ns = UINT64_MAX;
        s->now_ns = (what->due_ns > s->now_ns ? what->due_ns : s->now_ns) + HANDLING_NS;
        hear(s, what);
        act(s);
        if (s->ncalls % 4096 == 0 && al_sched_nbytes(s->sched) > s->most_bytes)
            s->most_bytes = al_sched_nbytes(s->sched);
    }
}

/* ---- one after the other --------------------------------------------------------------------------------
 */

static bool make(simulation *s, const plan *p, uint64_t ntasks, uint32_t nengines)
{
    const al_sched_opts opts = {.speculate = p->speculates ? 1.5 : 0, .kill_after_ns = 10000 * MS};
    const al_task_kind kind = {.need = {.cpus_milli = 1000}};
    uint32_t number;
    *s = (simulation){.plan = *p, .random = 1, .ntasks = ntasks, .look_ns = UINT64_MAX};
    s->sched = al_sched_create(&opts);
    s->engines = calloc(nengines, sizeof *s->engines);
    if (s->sched == NULL || s->engines == NULL || al_sched_kind(s->sched, &kind, &number) != ALLOT_OK)
        return false;
    for (uint32_t k = 0; k < nengines; k++) {
        double normal = sqrt(-2 * log(random_unit(s))) * cos(6.283185307179586 * random_unit(s));
        double rtt_ms = fmin(fmax(45 * exp(0.4 * normal), 20), 100);
        s->engines[k] = (engine){.rtt_ns = (uint64_t)(rtt_ms * 1e6), .is_slow = p->has_slow && k % 100 == 7};
        if (al_sched_engine_add(s->sched, &number) != ALLOT_OK)
            return false;
        send(s, k, 1, 0, UP, 0);
    }
    if (al_sched_add(s->sched, ntasks, 0, false) != ALLOT_OK)
        return false;
    al_sched_input_ended(s->sched);
    return true;
}

/** @return utilisation, percent; negative: something was forgotten */
static double simulate(const plan *p, uint64_t ntasks, uint32_t nengines)
{
    simulation s;
    al_sched_counts counts;
    uint64_t begin_ns = al_clock_ns();
    if (!make(&s, p, ntasks, nengines))
        return -1;
    while (!al_sched_is_over(s.sched) && s.events.count > 0) {
        event what = events_pop(&s.events);
        happen(&s, &what);
    }
    double seconds = (double)(al_clock_ns() - begin_ns) * 1e-9;
    double makespan_s = (double)s.now_ns * 1e-9;
    double utilisation = 1e-7 * (double)s.busy_ns / (makespan_s * nengines);
    al_sched_count(s.sched, &counts);
    printf("  %-44s %6.2f %%, makespan %7.2f s; %.1f million events a second, %.1f bytes a task", p->name,
           utilisation, makespan_s, 1e-6 * (double)s.ncalls / seconds, (double)s.most_bytes / (double)ntasks);
    if (p->speculates)
        printf("; %" PRIu64 " copies, %" PRIu64 " won", counts.ncopies, counts.ncopies_won);
    printf("\n");
    for (uint32_t k = 0; k < nengines; k++)
        free(s.engines[k].waiting);
    free(s.engines);
    events_fini(&s.events);
    al_sched_destroy(s.sched);
    return counts.ndone == ntasks ? utilisation : -1;
}

int main(int argc, char **argv)
{
    static const plan plans[] = {
        {"tasks wait at engines as planned", true, false, false},
        {"none waits", false, false, false},
        {"as planned, 1 % of the engines slow", true, true, false},
        {"the same with --speculate", true, true, true},
    };
    uint64_t ntasks = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint32_t nengines = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10000;
    double least = argc > 3 ? strtod(argv[3], NULL) : 0;
    double percent[sizeof plans / sizeof plans[0]];
    printf("%" PRIu64 " tasks of 1 s on %u engines, 20 to 100 ms off:\n", ntasks, nengines);
    for (size_t k = 0; k < sizeof plans / sizeof plans[0]; k++)
        if ((percent[k] = simulate(&plans[k], ntasks, nengines)) < 0)
            return 1;
    return percent[0] >= least && percent[1] <= percent[0] && percent[3] >= percent[2] ? 0 : 1;
}
