/* prop_sched.c - the scheduler against a plain model, over random tasks, engines and misfortunes.
 *
 *  - a task starts once all it comes after is done, with the next attempt, in the lowest free slot of an
 * engine that is up, never beyond processors, memory, slots or tokens, nor while starts are held, stopped,
 * halted or delayed;
 *  - it is killed only while it runs, by KILL only after the time that TERM gives, or for memory;
 *  - it ends in exactly one final state, for a cause that allows it, after no more attempts than are allowed;
 *  - a second time it starts only while it runs and is late, once an attempt, on another engine, where
 * nothing is ready; one of the two decides, the other is killed and decides nothing;
 *  - counts are the model's after every event;
 *  - nothing is forgotten: left alone, the run comes to its end, or says which task fits nowhere; who is late
 * and would fit elsewhere runs there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "farm/sched.h"

#include "support/prop.h"

#define ROUNDS 10000
#define TASKS_MOST 60
#define ENGINES_MOST 5
#define KINDS_MOST 6
#define SLOTS_MOST 64
#define MS UINT64_C(1000000)
#define LOST_MOST 3

/** A task at an engine: it may be at two. */
typedef struct model_copy {
    uint32_t attempt, engine, slot;
    uint64_t mem_bytes, start_ns, soft_ns;
    uint64_t joined; /* number in the order of those that wait at engines */
    bool is_live, is_waiting, is_begun, is_beaten;
} model_copy;

typedef struct model_task {
    al_task_state state;
    uint32_t kind, attempts;
    uint64_t after[2]; /* 0: none */
    uint64_t ready_ns;
    uint32_t nlost, nuncounted;
    bool was_lost, is_doubled;
    model_copy copies[2];
} model_task;

typedef struct model_engine {
    al_need has, used;
    uint32_t nslots, nrunning; /* nrunning: without those that wait */
    uint32_t nqueue, nwaiting;
    uint64_t taken; /* bits, from slot 1 on */
    double wall_ns; /* of its last success; for ever: one is late since */
    bool is_up, tells;
} model_engine;

typedef struct model {
    al_sched *sched;
    al_sched_opts opts;
    al_task_kind kinds[KINDS_MOST];
    uint32_t nkinds, nengines;
    model_task tasks[TASKS_MOST + 1];
    uint64_t ntasks, now_ns, next_start_ns, njoined;
    model_engine engines[ENGINES_MOST];
    uint32_t tokens_used[AL_TOKENS_MAX];
    bool is_held, is_stopped, is_cancelled, has_faults, is_input_ended;
    uint64_t walls_us[2000], nwalls; /* of tasks done, in order */
} model;

/* ---- making one ------------------------------------------------------------------------------------------
 */

static void random_opts(al_sched_opts *o)
{
    *o = (al_sched_opts){
        .kill_after_ns = (1 + prop_below(50)) * MS, .seed = prop_u64(), .mem_grow = 1 + prop_unit()};
    o->tokens[0] = (uint32_t)prop_below(4);
    o->tokens[1] = (uint32_t)prop_below(4);
    if (prop_chance(4)) {
        o->halt_when = prop_chance(2) ? AL_HALT_SOON : AL_HALT_NOW;
        o->halt_what = (al_halt_what)prop_below(3);
        o->halt_count = prop_chance(2) ? 1 + prop_below(10) : 0;
        o->halt_percent = 1 + 99 * prop_unit();
    }
    if (prop_chance(4))
        o->delay_ns = prop_below(20) * MS;
    if (prop_chance(4))
        o->timeout_median = 1 + 3 * prop_unit();
    o->backoff_ns = prop_below(20) * MS;
    o->backoff_most_ns = prop_chance(2) ? 0 : 100 * MS;
    for (size_t k = 0; k < sizeof o->retry_exits; k++)
        o->retry_exits[k] = (uint8_t)prop_u64();
    o->retry_signals = prop_u64();
    o->retry_timeouts = prop_chance(2);
    o->retry_memory = prop_chance(2);
    o->retry_lost = prop_chance(2);
    o->retry_not_started = prop_chance(2);
    o->guess_mem = prop_chance(2);
    if (prop_chance(2))
        o->speculate = 1 + prop_unit();
    o->speculate_least_ns = prop_chance(2) ? 0 : prop_below(40) * MS;
}

static void random_kind(al_task_kind *kind)
{
    *kind = (al_task_kind){.need = {.cpus_milli = (uint32_t)prop_below(5) * 500},
                           .retries = (uint32_t)prop_below(4),
                           .priority = (int32_t)prop_below(3) - 1};
    if (prop_chance(3))
        kind->need.mem_bytes = 1 + prop_below(4000);
    if (prop_chance(6))
        kind->need.gpus = (uint32_t)prop_below(3);
    if (prop_chance(3))
        kind->tokens[prop_below(2)] = (uint32_t)prop_below(3);
    if (prop_chance(3))
        kind->timeout_ns = (1 + prop_below(40)) * MS;
}

/** An engine comes, or one that was down comes back with something else to offer. */
static void engine_up(model *m, uint32_t number)
{
    uint32_t given;
    model_engine *e = &m->engines[number];
    *e = (model_engine){.has = {.cpus_milli = (uint32_t)(1 + prop_below(8)) * 500,
                                .gpus = (uint32_t)prop_below(3),
                                .mem_bytes = prop_chance(4) ? 0 : 1000 + prop_below(8000)},
                        .nslots = prop_chance(3) ? 0 : (uint32_t)(1 + prop_below(6)),
                        .nqueue = e->nqueue,
                        .is_up = true,
                        .tells = prop_chance(2)};
    if (number == m->nengines) {
        prop_require(al_sched_engine_add(m->sched, &given) == ALLOT_OK && given == number);
        m->nengines++;
    }
    al_sched_engine_back(m->sched, number, &e->has, e->nslots, e->tells);
}

static void more_tasks(model *m)
{
    uint64_t first = m->ntasks + 1, n = 1 + prop_below(12);
    bool blocked = prop_chance(2);
    uint32_t kind = (uint32_t)prop_below(m->nkinds);
    if (m->ntasks + n > TASKS_MOST)
        return;
    prop_require(al_sched_add(m->sched, n, kind, blocked) == ALLOT_OK);
    m->ntasks += n;
    m->is_input_ended = false;
    for (uint64_t t = first; t <= m->ntasks; t++) {
        model_task *task = &m->tasks[t];
        *task = (model_task){.state = AL_TASK_READY, .kind = kind};
        for (size_t k = 0; k < 2 && blocked && t > 1; k++)
            if (prop_chance(2)) {
                task->after[k] = 1 + prop_below(t - 1);
                prop_require(al_sched_after(m->sched, t, task->after[k]) == ALLOT_OK);
            }
    }
    size_t npath = 0;
    if (blocked)
        prop_require(al_sched_find_cycle(m->sched, NULL, &npath) == 0);
    for (uint64_t t = first; t <= m->ntasks && blocked; t++)
        prop_require(al_sched_unblock(m->sched, t) == ALLOT_OK);
}

static void end_input(model *m)
{
    m->is_input_ended = true;
    al_sched_input_ended(m->sched);
}

static void make(model *m)
{
    *m = (model){.has_faults = true, .now_ns = MS}; /* 0: no time */
    random_opts(&m->opts);
    m->sched = al_sched_create(&m->opts);
    m->nkinds = 1 + (uint32_t)prop_below(KINDS_MOST);
    for (uint32_t k = 0; k < m->nkinds; k++) {
        uint32_t number;
        do
            random_kind(&m->kinds[k]);
        while (al_sched_kind(m->sched, &m->kinds[k], &number) == ALLOT_OK && number != k);
    }
    engine_up(m, 0);
    while (m->opts.speculate > 0 && m->nengines < ENGINES_MOST && !prop_chance(4))
        engine_up(m, m->nengines);
    more_tasks(m);
}

/* ---- what may be true of a task --------------------------------------------------------------------------
 */

/** Whether what it waits for is done; *doomed: one of those will never be. */
static bool is_free(const model *m, uint64_t t, bool *doomed)
{
    bool all = true;
    *doomed = false;
    for (size_t k = 0; k < 2; k++) {
        if (m->tasks[t].after[k] == 0)
            continue;
        al_task_state other = m->tasks[m->tasks[t].after[k]].state;
        if (!al_task_is_final(other)) /* its verdict may come after that of those it dooms */
            other = al_sched_state(m->sched, m->tasks[t].after[k]);
        all = all && other == AL_TASK_DONE;
        *doomed = *doomed || (al_task_is_final(other) && other != AL_TASK_DONE);
    }
    return all;
}

static void check_state(const model *m, uint64_t t)
{
    al_task_state state = al_sched_state(m->sched, t);
    if (m->tasks[t].was_lost && al_task_is_final(state))
        return;
    bool doomed, free = is_free(m, t, &doomed);
    if (m->tasks[t].state == AL_TASK_DELAYED)
        prop_require(state == AL_TASK_DELAYED ||
                     (state == AL_TASK_READY && m->now_ns >= m->tasks[t].ready_ns) ||
                     (m->is_cancelled && state == AL_TASK_CANCELED));
    else if (m->tasks[t].state != AL_TASK_READY)
        prop_require(state == m->tasks[t].state);
    else if (!free)
        prop_require(state == AL_TASK_BLOCKED || (doomed && state == AL_TASK_SKIPPED) ||
                     (m->is_cancelled && state == AL_TASK_CANCELED));
    else
        prop_require(state == AL_TASK_READY || (m->is_cancelled && state == AL_TASK_CANCELED) ||
                     state ==
                         AL_TASK_BLOCKED); /* its verdict, or that of what it waited for, is on its way */
    prop_require(al_sched_attempts(m->sched, t) == m->tasks[t].attempts);
}

static void check_counts(const model *m)
{
    al_sched_counts c;
    uint64_t n[8] = {0};
    al_sched_count(m->sched, &c);
    for (uint64_t t = 1; t <= m->ntasks; t++) {
        check_state(m, t);
        n[al_sched_state(m->sched, t)]++;
    }
    prop_require(c.ntasks == m->ntasks && c.nblocked == n[0] && c.nready == n[1] && c.nrunning == n[2]);
    prop_require(c.ndelayed == n[3] && c.ndone == n[4] && c.nfailed == n[5]);
    prop_require(c.nskipped == n[6] && c.ncanceled == n[7]);
}

/* ---- actions ---------------------------------------------------------------------------------------------
 */

static void reserve(model *m, const model_task *task, const model_copy *copy)
{
    model_engine *e = &m->engines[copy->engine];
    const al_task_kind *kind = &m->kinds[task->kind];
    e->nrunning++;
    e->used.cpus_milli += kind->need.cpus_milli;
    e->used.gpus += kind->need.gpus;
    e->used.mem_bytes += copy->mem_bytes;
    prop_require(e->nslots == 0 || e->nrunning <= e->nslots);
    prop_require(e->used.cpus_milli <= e->has.cpus_milli && e->used.gpus <= e->has.gpus);
    prop_require(e->has.mem_bytes == 0 || copy->mem_bytes == 0 || e->used.mem_bytes <= e->has.mem_bytes);
    for (int k = 0; k < AL_TOKENS_MAX; k++) {
        m->tokens_used[k] += kind->tokens[k];
        prop_require(m->tokens_used[k] <= m->opts.tokens[k]);
    }
}

/** Those that have waited longest at an engine run, as many as the scheduler says. */
static void follow_queue(model *m, uint32_t number)
{
    model_engine *e = &m->engines[number];
    uint32_t nwaiting;
    (void)al_sched_engine_load(m->sched, number, &nwaiting);
    prop_require(nwaiting <= e->nwaiting);
    for (; e->nwaiting > nwaiting; e->nwaiting--) {
        model_copy *first = NULL;
        const model_task *whose = NULL;
        for (uint64_t k = 2; k < 2 * m->ntasks + 2; k++) {
            model_copy *copy = &m->tasks[k / 2].copies[k % 2];
            if (!copy->is_live || copy->engine != number || !copy->is_waiting ||
                (first != NULL && copy->joined >= first->joined))
                continue;
            first = copy;
            whose = &m->tasks[k / 2];
        }
        prop_require(first != NULL);
        first->is_waiting = false;
        reserve(m, whose, first);
    }
}

static void take(model *m, const al_action *a, model_copy *copy)
{
    model_task *task = &m->tasks[a->task];
    model_engine *e = &m->engines[a->engine];
    const al_task_kind *kind = &m->kinds[task->kind];
    uint64_t bit = UINT64_C(1) << (a->slot - 1);
    uint32_t nwaiting;
    prop_require(a->slot >= 1 && a->slot <= SLOTS_MOST && (e->taken & bit) == 0);
    prop_require((e->taken & (bit - 1)) == bit - 1); /* the lowest free one */
    e->taken |= bit;
    (void)al_sched_engine_load(m->sched, a->engine, &nwaiting);
    copy->is_waiting = nwaiting > e->nwaiting;
    if (!copy->is_waiting) {
        reserve(m, task, copy);
        return;
    }
    prop_require(!task->is_doubled); /* a copy starts at once or not at all */
    copy->joined = ++m->njoined;
    prop_require(++e->nwaiting <= e->nqueue);
    prop_require(kind->need.cpus_milli <= e->has.cpus_milli && kind->need.gpus <= e->has.gpus);
    for (int k = 0; k < AL_TOKENS_MAX; k++)
        prop_require(kind->tokens[k] == 0);
}

/** A task is no longer at its engine. To be called before the scheduler is told. */
static void release(model *m, uint64_t t, model_copy *copy)
{
    model_engine *e = &m->engines[copy->engine];
    const al_task_kind *kind = &m->kinds[m->tasks[t].kind];
    e->taken &= ~(UINT64_C(1) << (copy->slot - 1));
    copy->is_live = false;
    if (copy->is_waiting) {
        e->nwaiting--;
        return;
    }
    e->nrunning--;
    e->used.cpus_milli -= kind->need.cpus_milli;
    e->used.gpus -= kind->need.gpus;
    e->used.mem_bytes -= copy->mem_bytes;
    for (int k = 0; k < AL_TOKENS_MAX; k++)
        m->tokens_used[k] -= kind->tokens[k];
}

static model_copy *copy_at(model *m, uint64_t t, uint32_t engine)
{
    for (int k = 0; k < 2; k++)
        if (m->tasks[t].copies[k].is_live && m->tasks[t].copies[k].engine == engine)
            return &m->tasks[t].copies[k];
    return NULL;
}

/** What nine of ten tasks took at most, ns; 0: too few are done. */
static double usual_ns(const model *m)
{
    uint64_t rank = (9 * m->nwalls + 9) / 10;
    return m->nwalls >= 3 ? 1e3 * (double)m->walls_us[rank - 1] : 0;
}

/** When a copy that has begun is late, ns; 0: nobody knows. */
static double limit_ns(const model *m)
{
    double limit = m->opts.speculate * usual_ns(m);
    if (limit > 0 && limit < (double)m->opts.speculate_least_ns)
        limit = (double)m->opts.speculate_least_ns;
    return limit > 0 && limit < 1e6 ? 1e6 : limit;
}

/** Whether a second copy may be. */
static void check_late(model *m, const al_action *a)
{
    const model_task *task = &m->tasks[a->task];
    const model_copy *first = &task->copies[!task->copies[0].is_live];
    al_sched_counts c;
    al_sched_count(m->sched, &c);
    prop_require(c.nready == 0 && m->is_input_ended && m->opts.speculate > 0);
    prop_require(first->is_live && !first->is_beaten && first->soft_ns == 0);
    prop_require(!task->is_doubled && a->engine != first->engine);
    double took_ns = (double)(m->now_ns - first->start_ns);
    prop_require(m->engines[a->engine].wall_ns <= 1.02 * limit_ns(m));
    m->engines[first->engine].wall_ns = INFINITY;
    prop_require(limit_ns(m) > 0 && 1.02 * took_ns >= (first->is_begun ? 1 : 2) * limit_ns(m));
}

/** Whether the model is sure that a task would fit on an engine. */
static bool has_room(const model *m, const model_task *task, const model_copy *first, uint32_t number)
{
    const model_engine *e = &m->engines[number];
    const al_need *need = &m->kinds[task->kind].need;
    if (!e->is_up || number == first->engine || e->wall_ns > 0.98 * limit_ns(m) ||
        (e->nslots > 0 && e->nrunning >= e->nslots) ||
        e->has.cpus_milli - e->used.cpus_milli < need->cpus_milli || e->has.gpus - e->used.gpus < need->gpus)
        return false;
    for (int k = 0; k < AL_TOKENS_MAX; k++)
        if (m->opts.tokens[k] - m->tokens_used[k] < m->kinds[task->kind].tokens[k])
            return false;
    return e->has.mem_bytes == 0 || /* what is taken by guesses the model does not know */
           (!m->opts.guess_mem &&
            (first->mem_bytes == 0 || e->used.mem_bytes + first->mem_bytes <= e->has.mem_bytes));
}

/** After all actions: nobody who is late and would fit elsewhere was forgotten, nor will be; the beaten were
 * told. */
static void check_copies(const model *m)
{
    al_sched_counts c;
    al_sched_count(m->sched, &c);
    bool looks = m->opts.speculate > 0 && m->is_input_ended && c.nready == 0 && !m->is_held &&
                 !m->is_stopped && !al_sched_is_halted(m->sched) && limit_ns(m) > 0;
    for (uint64_t t = 1; t <= m->ntasks; t++) {
        const model_task *task = &m->tasks[t];
        const model_copy *first = &task->copies[!task->copies[0].is_live];
        bool is_twice = task->copies[0].is_live && task->copies[1].is_live;
        prop_require(al_sched_runs_twice(m->sched, t) == is_twice);
        prop_require(!first->is_live || !first->is_beaten || first->soft_ns != 0);
        if (!looks || !first->is_live || task->is_doubled || first->soft_ns != 0 || !first->is_begun)
            continue;
        double due_ns = (double)first->start_ns + 1.02 * limit_ns(m) + 1;
        if (due_ns < (double)m->next_start_ns)
            due_ns = (double)m->next_start_ns;
        for (uint32_t k = 0; k < m->nengines; k++)
            prop_require(!has_room(m, task, first, k) ||
                         ((double)m->now_ns < due_ns && (double)al_sched_wake_at(m->sched) <= due_ns));
    }
}

static void on_start(model *m, const al_action *a)
{
    bool doomed;
    prop_require(a->task >= 1 && a->task <= m->ntasks && a->engine < m->nengines);
    model_task *task = &m->tasks[a->task];
    const al_task_kind *kind = &m->kinds[task->kind];
    model_copy *copy = &task->copies[task->copies[0].is_live];
    bool is_second = task->state == AL_TASK_RUNNING;
    if (is_second)
        check_late(m, a);
    task->is_doubled = is_second;
    task->nuncounted += is_second;
    prop_require(is_second || task->state == AL_TASK_READY || task->state == AL_TASK_DELAYED);
    prop_require(task->state != AL_TASK_DELAYED || m->now_ns >= task->ready_ns);
    prop_require(is_free(m, a->task, &doomed));
    prop_require(!m->is_held && !m->is_stopped && !al_sched_is_halted(m->sched));
    prop_require(m->now_ns >= m->next_start_ns);
    prop_require(m->engines[a->engine].is_up);
    prop_require(a->attempt == task->attempts + 1);
    prop_require(a->attempt <= kind->retries + 1 + task->nlost + task->nuncounted);
    prop_require(is_second || task->nlost < LOST_MOST);
    task->was_lost = false;
    prop_require(!copy->is_live);
    *copy = (model_copy){.attempt = a->attempt,
                         .engine = a->engine,
                         .slot = a->slot,
                         .mem_bytes = a->mem_bytes,
                         .start_ns = m->now_ns,
                         .is_live = true,
                         .is_begun = !m->engines[a->engine].tells};
    prop_require((a->mem_bytes > 0) == (kind->need.mem_bytes > 0) && a->mem_bytes >= kind->need.mem_bytes);
    task->state = AL_TASK_RUNNING;
    task->attempts++;
    take(m, a, copy);
    m->next_start_ns = m->now_ns + m->opts.delay_ns;
}

static void on_kill(model *m, const al_action *a)
{
    const model_task *task = &m->tasks[a->task];
    model_copy *copy = copy_at(m, a->task, a->engine);
    prop_require(copy != NULL && (task->state == AL_TASK_RUNNING || copy->is_beaten));
    prop_require(a->slot == copy->slot && a->attempt == copy->attempt);
    prop_require(a->cause != AL_CAUSE_TIMEOUT || copy->is_begun);
    if (!a->hard) {
        prop_require(copy->soft_ns == 0);
        copy->soft_ns = m->now_ns;
    } else {
        prop_require(a->cause == AL_CAUSE_MEMORY || m->now_ns >= copy->soft_ns + m->opts.kill_after_ns);
        copy->soft_ns = copy->soft_ns != 0 ? copy->soft_ns : m->now_ns;
    }
}

static void on_final(model *m, const al_action *a)
{
    bool doomed;
    model_task *task = &m->tasks[a->task];
    (void)is_free(m, a->task, &doomed);
    prop_require(!al_task_is_final(task->state) && task->state != AL_TASK_RUNNING);
    prop_require(al_task_is_final(a->state) && a->state != AL_TASK_DONE);
    prop_require(a->state != AL_TASK_SKIPPED || doomed);
    prop_require(a->state != AL_TASK_CANCELED || m->is_cancelled || task->was_lost);
    prop_require(a->state != AL_TASK_FAILED || task->was_lost);
    task->state = a->state;
}

static void act(model *m)
{
    al_action a;
    for (int k = 0;; k++) {
        prop_require(k < 1000);
        al_sched_next(m->sched, m->now_ns, &a);
        if (a.kind == AL_ACTION_NONE)
            break;
        if (a.kind == AL_ACTION_START)
            on_start(m, &a);
        else if (a.kind == AL_ACTION_KILL)
            on_kill(m, &a);
        else
            on_final(m, &a);
    }
    check_counts(m);
    check_copies(m);
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

/** Some task that is at an engine, and where. @return 0: there is none */
static uint64_t some_running(model *m, model_copy **copy)
{
    uint64_t first = prop_below(2 * m->ntasks);
    for (uint64_t k = 0; k < 2 * m->ntasks; k++) {
        uint64_t at = 2 + (first + k) % (2 * m->ntasks);
        *copy = &m->tasks[at / 2].copies[at % 2];
        if ((*copy)->is_live)
            return at / 2;
    }
    return 0;
}

static void note_wall(model *m, uint64_t wall_us)
{
    uint64_t at = m->nwalls++;
    prop_require(m->nwalls <= sizeof m->walls_us / sizeof m->walls_us[0]);
    for (; at > 0 && m->walls_us[at - 1] > wall_us; at--)
        m->walls_us[at] = m->walls_us[at - 1];
    m->walls_us[at] = wall_us;
}

/** The end of a copy that decides nothing. */
static void end_in_vain(model *m, uint64_t t, const model_copy *copy, al_result *result)
{
    prop_require(!al_sched_ended(m->sched, copy->engine, result, m->now_ns));
    prop_require(result->state == (copy->is_beaten ? AL_TASK_DONE : AL_TASK_RUNNING));
    prop_require(al_sched_state(m->sched, t) == m->tasks[t].state);
    follow_queue(m, copy->engine);
}

static void end_task(model *m, uint64_t t, model_copy *copy, bool well)
{
    model_task *task = &m->tasks[t];
    model_copy *other = &task->copies[copy == task->copies];
    al_result result = {.task = t,
                        .attempt = copy->attempt,
                        .cause = AL_CAUSE_EXIT,
                        .slot = copy->slot,
                        .wall_us = 1 + prop_below(20000),
                        .mem_kb = prop_below(3)};
    if (!well) {
        static const al_cause causes[] = {AL_CAUSE_EXIT, AL_CAUSE_SIGNAL, AL_CAUSE_NOT_STARTED,
                                          AL_CAUSE_OUTPUT};
        result.cause = causes[prop_below(4)];
        result.exit_status = result.cause == AL_CAUSE_EXIT ? (int32_t)(1 + prop_below(255)) : 2;
        result.signal = result.cause == AL_CAUSE_SIGNAL ? (int32_t)(1 + prop_below(31)) : 0;
    }
    release(m, t, copy);
    if (copy->is_beaten || (!well && other->is_live)) {
        end_in_vain(m, t, copy, &result);
        return;
    }
    prop_require(task->state == AL_TASK_RUNNING);
    prop_require(al_sched_ended(m->sched, copy->engine, &result, m->now_ns));
    task->state = result.state;
    task->is_doubled = false;
    other->is_beaten = other->is_live;
    if (well) {
        note_wall(m, result.wall_us);
        m->engines[copy->engine].wall_ns = 1e3 * (double)result.wall_us;
    }
    follow_queue(m, copy->engine);
    prop_require(!well || result.state == AL_TASK_DONE);
    prop_require(well || result.state == AL_TASK_FAILED || result.state == AL_TASK_DELAYED ||
                 result.state == AL_TASK_READY || (result.state == AL_TASK_CANCELED && copy->soft_ns != 0) ||
                 (result.state == AL_TASK_CANCELED && al_sched_is_halted(m->sched)) ||
                 (result.state == AL_TASK_CANCELED && m->is_cancelled));
    task->ready_ns =
        m->now_ns +
        (uint64_t)(0.9 * (double)(m->opts.backoff_most_ns != 0 && m->opts.backoff_most_ns < m->opts.backoff_ns
                                      ? m->opts.backoff_most_ns
                                      : m->opts.backoff_ns));
}

/** An attempt was none; its number stays used where there is a later one. */
static void not_run(model_task *task, const model_copy *copy)
{
    if (copy->attempt == task->attempts)
        task->attempts--;
    else
        task->nuncounted++;
}

/** A task at an engine comes back untouched. */
static void return_task(model *m, uint64_t t, model_copy *copy)
{
    model_task *task = &m->tasks[t];
    const model_copy *other = &task->copies[copy == task->copies];
    release(m, t, copy);
    al_sched_returned(m->sched, t, copy->engine);
    follow_queue(m, copy->engine);
    if (copy->is_beaten)
        return;
    not_run(task, copy);
    task->is_doubled = false;
    if (other->is_live)
        return;
    task->was_lost = copy->soft_ns != 0; /* it may be canceled by that: an action says it */
    task->state = AL_TASK_READY;
}

/** A copy of a task was lost: what became of it only the scheduler knows, but not all may be. */
static void lose_copy(model *m, uint64_t t, const model_copy *copy)
{
    model_task *task = &m->tasks[t];
    const model_copy *other = &task->copies[copy == task->copies];
    al_task_state state = al_sched_state(m->sched, t);
    if (copy->is_beaten) {
        prop_require(state == AL_TASK_DONE);
        return;
    }
    if (copy->is_waiting)
        not_run(task, copy);
    task->nlost += !copy->is_waiting && copy->soft_ns == 0;
    if (copy->is_waiting || !other->is_live)
        task->is_doubled = false;
    if (other->is_live) {
        prop_require(state == AL_TASK_RUNNING);
        return;
    }
    prop_require(state != AL_TASK_RUNNING && state != AL_TASK_DONE && state != AL_TASK_SKIPPED);
    prop_require(!copy->is_waiting || state == AL_TASK_READY || state == AL_TASK_CANCELED);
    task->state = state == AL_TASK_DELAYED ? AL_TASK_DELAYED : AL_TASK_READY;
    task->ready_ns = m->now_ns;
    task->was_lost = true; /* a final state is said by an action */
}

static void engine_down(model *m, uint32_t number)
{
    model_copy *there[TASKS_MOST + 1] = {NULL};
    if (!m->engines[number].is_up)
        return;
    m->engines[number].is_up = false;
    for (uint64_t t = 1; t <= m->ntasks; t++)
        if ((there[t] = copy_at(m, t, number)) != NULL)
            release(m, t, there[t]);
    al_sched_engine_down(m->sched, number, m->now_ns);
    for (uint64_t t = 1; t <= m->ntasks; t++)
        if (there[t] != NULL)
            lose_copy(m, t, there[t]);
}

static void rare_event(model *m)
{
    switch (prop_below(10)) {
    case 0:
        m->is_stopped = true;
        al_sched_stop(m->sched);
        break;
    case 1:
        m->is_stopped = true;
        al_sched_kill_running(m->sched, m->now_ns);
        break;
    case 2:
        m->is_stopped = m->is_cancelled = true;
        al_sched_cancel(m->sched, m->now_ns);
        break;
    case 3:
        m->is_cancelled = true;
        al_sched_cancel_task(m->sched, prop_below(m->ntasks + 3), m->now_ns);
        break;
    case 4:
        engine_down(m, (uint32_t)prop_below(m->nengines));
        break;
    case 5:
        end_input(m);
        break;
    case 6:
        if (m->engines[0].is_up)
            break;
        engine_up(m, 0);
        follow_queue(m, 0);
        break;
    case 7: {
        uint32_t number = (uint32_t)prop_below(m->nengines), n = 1 + (uint32_t)prop_below(6);
        if (m->engines[number].is_up && n >= m->engines[number].nrunning) {
            m->engines[number].nslots = n;
            al_sched_engine_slots(m->sched, number, n);
            follow_queue(m, number);
        }
        break;
    }
    default:
        if (m->nengines < ENGINES_MOST)
            engine_up(m, m->nengines);
    }
}

static void event(model *m)
{
    model_copy *copy = NULL;
    uint64_t t = some_running(m, &copy);
    switch (prop_below(12)) {
    case 0:
    case 1:
    case 2:
        if (t != 0 && !copy->is_waiting)
            end_task(m, t, copy, prop_chance(2));
        break;
    case 3:
        m->is_held = prop_chance(2);
        al_sched_hold(m->sched, m->is_held);
        break;
    case 4:
        if (m->opts.speculate == 0 || prop_chance(4))
            more_tasks(m);
        else
            end_input(m); /* it is at the end that tasks run twice */
        break;
    case 5:
        if (t != 0 && copy->mem_bytes > 0)
            al_sched_over_memory(m->sched, t, copy->engine);
        break;
    case 6:
        if (prop_chance(4))
            rare_event(m);
        break;
    case 7:
        if (t != 0 && !copy->is_waiting && !copy->is_begun) {
            copy->is_begun = true;
            copy->start_ns = m->now_ns;
            al_sched_started(m->sched, t, copy->engine, m->now_ns);
        } else if (t != 0 && (copy->is_waiting || !copy->is_begun) && prop_chance(3)) {
            return_task(m, t, copy);
        }
        break;
    case 8: {
        uint32_t number = (uint32_t)prop_below(m->nengines);
        m->engines[number].nqueue = (uint32_t)prop_below(8);
        if (m->engines[number].nqueue < m->engines[number].nwaiting)
            m->engines[number].nqueue = m->engines[number].nwaiting;
        al_sched_engine_queue(m->sched, number, m->engines[number].nqueue);
        break;
    }
    default:
        m->now_ns += prop_below(30) * MS;
    }
}

/** Nothing goes wrong any more: all must come to its end by itself. */
static void drain(model *m)
{
    model_copy *copy;
    m->is_held = false;
    al_sched_hold(m->sched, false);
    end_input(m);
    for (int rounds = 0;; rounds++) {
        prop_require(rounds < 2000);
        act(m);
        uint64_t t = some_running(m, &copy), wake_ns = al_sched_wake_at(m->sched);
        if (al_sched_is_over(m->sched))
            break;
        if (t != 0 && prop_chance(2)) {
            end_task(m, t, copy, true);
        } else if (wake_ns != UINT64_MAX) {
            prop_require(wake_ns > m->now_ns); /* it had its chance just now */
            m->now_ns = wake_ns;
        } else if (t != 0) {
            end_task(m, t, copy, true);
        } else {
            prop_require(al_sched_find_unfit(m->sched) != 0); /* or something was forgotten */
            return;
        }
    }
    bool is_cut_short = m->is_stopped || al_sched_is_halted(m->sched);
    for (uint64_t k = 1; k <= m->ntasks; k++)
        prop_require(is_cut_short || al_task_is_final(m->tasks[k].state));
    for (uint64_t t; (t = some_running(m, &copy)) != 0;) {
        prop_require(copy->is_beaten); /* the others were waited for */
        end_task(m, t, copy, prop_chance(2));
    }
}

static void test_random_runs(void **state)
{
    (void)state;
    static model m;
    uint64_t rounds = prop_rounds(ROUNDS);
    for (uint64_t k = 0; k < rounds; k++) {
        prop_begin(k);
        make(&m);
        for (uint64_t n = 20 + prop_below(200); n > 0; n--) {
            act(&m);
            event(&m);
        }
        drain(&m);
        al_sched_destroy(m.sched);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
