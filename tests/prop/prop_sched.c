/* prop_sched.c - the scheduler against a plain model, over random tasks, engines and misfortunes.
 *
 *  - a task starts once all it comes after is done, with the next attempt, in the lowest free slot of an
 * engine that is up, never beyond processors, memory, slots or tokens, nor while starts are held, stopped,
 * halted or delayed;
 *  - it is killed only while it runs, by KILL only after the time that TERM gives, or for memory;
 *  - it ends in exactly one final state, for a cause that allows it, after no more attempts than are allowed;
 *  - counts are the model's after every event;
 *  - nothing is forgotten: left alone, the run comes to its end, or says which task fits nowhere.
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

typedef struct model_task {
    al_task_state state;
    uint32_t kind, attempts, engine, slot;
    uint64_t after[2]; /* 0: none */
    uint64_t mem_bytes, soft_ns, ready_ns;
    uint64_t joined; /* number in the order of those that wait at engines */
    uint32_t nlost;
    bool was_lost, is_waiting, is_begun;
} model_task;

typedef struct model_engine {
    al_need has, used;
    uint32_t nslots, nrunning; /* nrunning: without those that wait */
    uint32_t nqueue, nwaiting;
    uint64_t taken; /* bits, from slot 1 on */
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
    bool is_held, is_stopped, is_cancelled, has_faults;
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
    for (uint64_t t = first; t <= m->ntasks; t++) {
        model_task *task = &m->tasks[t];
        *task =
            (model_task){.state = AL_TASK_READY, .kind = kind, .mem_bytes = m->kinds[kind].need.mem_bytes};
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

static void make(model *m)
{
    *m = (model){.has_faults = true};
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

static void reserve(model *m, const model_task *task)
{
    model_engine *e = &m->engines[task->engine];
    const al_task_kind *kind = &m->kinds[task->kind];
    e->nrunning++;
    e->used.cpus_milli += kind->need.cpus_milli;
    e->used.gpus += kind->need.gpus;
    e->used.mem_bytes += task->mem_bytes;
    prop_require(e->nslots == 0 || e->nrunning <= e->nslots);
    prop_require(e->used.cpus_milli <= e->has.cpus_milli && e->used.gpus <= e->has.gpus);
    prop_require(e->has.mem_bytes == 0 || task->mem_bytes == 0 || e->used.mem_bytes <= e->has.mem_bytes);
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
        model_task *first = NULL;
        for (uint64_t t = 1; t <= m->ntasks; t++) {
            model_task *task = &m->tasks[t];
            if (task->state == AL_TASK_RUNNING && task->engine == number && task->is_waiting &&
                (first == NULL || task->joined < first->joined))
                first = task;
        }
        prop_require(first != NULL);
        first->is_waiting = false;
        reserve(m, first);
    }
}

static void take(model *m, const al_action *a)
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
    task->is_waiting = nwaiting > e->nwaiting;
    if (!task->is_waiting) {
        reserve(m, task);
        return;
    }
    task->joined = ++m->njoined;
    prop_require(++e->nwaiting <= e->nqueue);
    prop_require(kind->need.cpus_milli <= e->has.cpus_milli && kind->need.gpus <= e->has.gpus);
    for (int k = 0; k < AL_TOKENS_MAX; k++)
        prop_require(kind->tokens[k] == 0);
}

/** A task is no longer at its engine. To be called before the scheduler is told. */
static void release(model *m, uint64_t t)
{
    model_task *task = &m->tasks[t];
    model_engine *e = &m->engines[task->engine];
    const al_task_kind *kind = &m->kinds[task->kind];
    e->taken &= ~(UINT64_C(1) << (task->slot - 1));
    if (task->is_waiting) {
        task->is_waiting = false;
        e->nwaiting--;
        return;
    }
    e->nrunning--;
    e->used.cpus_milli -= kind->need.cpus_milli;
    e->used.gpus -= kind->need.gpus;
    e->used.mem_bytes -= task->mem_bytes;
    for (int k = 0; k < AL_TOKENS_MAX; k++)
        m->tokens_used[k] -= kind->tokens[k];
}

static void on_start(model *m, const al_action *a)
{
    bool doomed;
    prop_require(a->task >= 1 && a->task <= m->ntasks && a->engine < m->nengines);
    model_task *task = &m->tasks[a->task];
    const al_task_kind *kind = &m->kinds[task->kind];
    prop_require(task->state == AL_TASK_READY || task->state == AL_TASK_DELAYED);
    prop_require(task->state == AL_TASK_READY || m->now_ns >= task->ready_ns);
    prop_require(is_free(m, a->task, &doomed));
    prop_require(!m->is_held && !m->is_stopped && !al_sched_is_halted(m->sched));
    prop_require(m->now_ns >= m->next_start_ns);
    prop_require(m->engines[a->engine].is_up);
    prop_require(a->attempt == task->attempts + 1);
    prop_require(a->attempt <= kind->retries + 1 + task->nlost && task->nlost < LOST_MOST);
    task->was_lost = false;
    task->is_begun = !m->engines[a->engine].tells;
    prop_require((a->mem_bytes > 0) == (kind->need.mem_bytes > 0) && a->mem_bytes >= kind->need.mem_bytes);
    task->mem_bytes = a->mem_bytes;
    task->state = AL_TASK_RUNNING;
    task->attempts++;
    task->engine = a->engine;
    task->slot = a->slot;
    task->soft_ns = 0;
    take(m, a);
    m->next_start_ns = m->now_ns + m->opts.delay_ns;
}

static void on_kill(model *m, const al_action *a)
{
    model_task *task = &m->tasks[a->task];
    prop_require(task->state == AL_TASK_RUNNING && a->engine == task->engine && a->slot == task->slot);
    prop_require(a->cause != AL_CAUSE_TIMEOUT || task->is_begun);
    if (!a->hard) {
        prop_require(task->soft_ns == 0);
        task->soft_ns = m->now_ns;
    } else {
        prop_require(a->cause == AL_CAUSE_MEMORY || m->now_ns >= task->soft_ns + m->opts.kill_after_ns);
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
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

static uint64_t some_running(const model *m)
{
    uint64_t first = 1 + prop_below(m->ntasks > 0 ? m->ntasks : 1);
    for (uint64_t k = 0; k < m->ntasks; k++) {
        uint64_t t = 1 + (first + k) % m->ntasks;
        if (m->tasks[t].state == AL_TASK_RUNNING)
            return t;
    }
    return 0;
}

static void end_task(model *m, uint64_t t, bool well)
{
    model_task *task = &m->tasks[t];
    al_result result = {.task = t,
                        .attempt = task->attempts,
                        .cause = AL_CAUSE_EXIT,
                        .slot = task->slot,
                        .wall_us = 1 + prop_below(20000),
                        .mem_kb = prop_below(3)};
    if (!well) {
        static const al_cause causes[] = {AL_CAUSE_EXIT, AL_CAUSE_SIGNAL, AL_CAUSE_NOT_STARTED,
                                          AL_CAUSE_OUTPUT};
        result.cause = causes[prop_below(4)];
        result.exit_status = result.cause == AL_CAUSE_EXIT ? (int32_t)(1 + prop_below(255)) : 2;
        result.signal = result.cause == AL_CAUSE_SIGNAL ? (int32_t)(1 + prop_below(31)) : 0;
    }
    release(m, t);
    al_sched_ended(m->sched, &result, m->now_ns);
    task->state = result.state;
    follow_queue(m, task->engine);
    prop_require(!well || result.state == AL_TASK_DONE);
    prop_require(well || result.state == AL_TASK_FAILED || result.state == AL_TASK_DELAYED ||
                 result.state == AL_TASK_READY || (result.state == AL_TASK_CANCELED && task->soft_ns != 0) ||
                 (result.state == AL_TASK_CANCELED && al_sched_is_halted(m->sched)) ||
                 (result.state == AL_TASK_CANCELED && m->is_cancelled));
    task->ready_ns =
        m->now_ns +
        (uint64_t)(0.9 * (double)(m->opts.backoff_most_ns != 0 && m->opts.backoff_most_ns < m->opts.backoff_ns
                                      ? m->opts.backoff_most_ns
                                      : m->opts.backoff_ns));
}

/** A task at an engine comes back untouched. */
static void return_task(model *m, uint64_t t)
{
    model_task *task = &m->tasks[t];
    release(m, t);
    al_sched_returned(m->sched, t);
    task->attempts--;
    task->was_lost = task->soft_ns != 0; /* it may be canceled by that: an action says it */
    task->state = AL_TASK_READY;
    follow_queue(m, task->engine);
}

/** Its tasks are lost: what became of each only the scheduler knows, but not all may be. */
static void engine_down(model *m, uint32_t number)
{
    bool waited[TASKS_MOST + 1] = {false};
    if (!m->engines[number].is_up)
        return;
    m->engines[number].is_up = false;
    for (uint64_t t = 1; t <= m->ntasks; t++)
        if (m->tasks[t].state == AL_TASK_RUNNING && m->tasks[t].engine == number) {
            waited[t] = m->tasks[t].is_waiting;
            release(m, t);
        }
    al_sched_engine_down(m->sched, number, m->now_ns);
    for (uint64_t t = 1; t <= m->ntasks; t++) {
        model_task *task = &m->tasks[t];
        if (task->state != AL_TASK_RUNNING || task->engine != number)
            continue;
        al_task_state state = al_sched_state(m->sched, t);
        prop_require(state != AL_TASK_RUNNING && state != AL_TASK_DONE && state != AL_TASK_SKIPPED);
        prop_require(!waited[t] || state == AL_TASK_READY || state == AL_TASK_CANCELED);
        task->attempts -= waited[t];
        task->nlost += !waited[t] && state != AL_TASK_READY;
        task->state = state == AL_TASK_DELAYED ? AL_TASK_DELAYED : AL_TASK_READY;
        task->ready_ns = m->now_ns;
        task->was_lost = true; /* a final state is said by an action */
    }
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
        al_sched_input_ended(m->sched);
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
    uint64_t t = some_running(m);
    switch (prop_below(12)) {
    case 0:
    case 1:
    case 2:
        if (t != 0 && !m->tasks[t].is_waiting)
            end_task(m, t, prop_chance(2));
        break;
    case 3:
        m->is_held = prop_chance(2);
        al_sched_hold(m->sched, m->is_held);
        break;
    case 4:
        more_tasks(m);
        break;
    case 5:
        if (t != 0 && m->tasks[t].mem_bytes > 0)
            al_sched_over_memory(m->sched, t);
        break;
    case 6:
        if (prop_chance(4))
            rare_event(m);
        break;
    case 7:
        if (t != 0 && !m->tasks[t].is_waiting && !m->tasks[t].is_begun) {
            m->tasks[t].is_begun = true;
            al_sched_started(m->sched, t, m->now_ns);
        } else if (t != 0 && m->tasks[t].is_waiting && prop_chance(3)) {
            return_task(m, t);
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
    m->is_held = false;
    al_sched_hold(m->sched, false);
    al_sched_input_ended(m->sched);
    for (int rounds = 0;; rounds++) {
        prop_require(rounds < 2000);
        act(m);
        uint64_t t = some_running(m), wake_ns = al_sched_wake_at(m->sched);
        if (al_sched_is_over(m->sched))
            break;
        if (t != 0 && prop_chance(2)) {
            end_task(m, t, true);
        } else if (wake_ns != UINT64_MAX) {
            prop_require(wake_ns > m->now_ns); /* it had its chance just now */
            m->now_ns = wake_ns;
        } else if (t != 0) {
            end_task(m, t, true);
        } else {
            prop_require(al_sched_find_unfit(m->sched) != 0); /* or something was forgotten */
            return;
        }
    }
    bool is_cut_short = m->is_stopped || al_sched_is_halted(m->sched);
    for (uint64_t k = 1; k <= m->ntasks; k++)
        prop_require(is_cut_short || al_task_is_final(m->tasks[k].state));
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
