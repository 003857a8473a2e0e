/* procs.c - a pool of engines: which team does a call, and what the caller is told of it.
 *
 * Correct before fast: engines are forked for the call, so that they see memory as it is, unless the pool was
 * opened with "kept", all that the call is given lies in shared memory, and the engines that stay have the
 * function's code. Several calls may run at once on forked teams; the engines that stay do one at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "pool/procs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/table.h"
#include "pool/control.h"
#include "pool/pool.h"
#include "pool/shared.h"

/* The pool. */

/** Engines that stay. */
static allot_err keep_team(al_procs *procs, allot_error *err)
{
    if (!al_code_note(&procs->code))
        return al_fail(err, ALLOT_ENOMEM, 0, "%u engines: out of memory", procs->nengines);
    procs->team = al_team_create(procs->nengines, procs->variables, false, err);
    if (procs->team == NULL)
        return ALLOT_ENOMEM;
    for (uint32_t k = 0; k < procs->nengines; k++) {
        int failure = al_team_fork(procs->team, k);
        if (failure != 0)
            return al_fail(err, failure == ENOSYS ? ALLOT_EUNSUPPORTED : ALLOT_ENOMEM, failure,
                           "engine %u of %u could not be started; see `ulimit -u` and the cgroup's pids.max",
                           k, procs->nengines);
    }
    return ALLOT_OK;
}

allot_err al_procs_create(al_procs **out, uint32_t nengines, bool kept, allot_error *err)
{
    al_procs *procs = calloc(1, sizeof *procs);
    *out = NULL;
    if (procs == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "%u engines: out of memory", nengines);
    al_pool_watch_forks();
    procs->nengines = nengines;
    procs->kept = kept;
    procs->forks = al_pool_forks;
    (void)pthread_mutex_init(&procs->lock, NULL);
    (void)pthread_mutex_init(&procs->variables_lock, NULL);
    procs->variables = al_variables_create(nengines, err);
    allot_err code = procs->variables == NULL ? ALLOT_ENOMEM : kept ? keep_team(procs, err) : ALLOT_OK;
    if (code == ALLOT_OK)
        *out = procs;
    else
        al_procs_destroy(procs);
    return code;
}

void al_procs_destroy(al_procs *procs)
{
    if (procs == NULL)
        return;
    bool is_child = procs->forks != al_pool_forks;
    al_team_destroy(procs->team, is_child);
    if (!is_child)
        al_variables_destroy(procs->variables);
    al_code_free(&procs->code);
    (void)pthread_mutex_destroy(&procs->lock);
    (void)pthread_mutex_destroy(&procs->variables_lock);
    free(procs);
}

/* What the caller asks. */

allot_err al_procs_check(const char *call, const allot_map_opts *opts, allot_error *err)
{
    if (opts == NULL)
        return ALLOT_OK;
    for (size_t i = 0; i < sizeof opts->reserved / sizeof opts->reserved[0]; i++)
        if (opts->reserved[i] != 0)
            return al_fail(err, ALLOT_EINVAL, 0,
                           "%s: a reserved option is set; begin with ALLOT_MAP_OPTS_INIT", call);
    if (opts->faults != NULL && opts->faults->room > 0 && opts->faults->items == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "%s: faults has room for %zu, but items is NULL", call,
                       opts->faults->room);
    return ALLOT_OK;
}

static uint64_t ticks_of(uint64_t ns)
{
    uint64_t ticks = al_ticks_from_ns((double)ns);
    return ns != 0 && ticks == 0 ? 1 : ticks;
}

static al_team_task task_of(const al_procs_work *work, const allot_map_opts *opts)
{
    uint64_t now = al_ticks();
    al_team_task task = {.call = work->call,
                         .n = work->n,
                         .only = work->only,
                         .start = now,
                         .deadline = UINT64_MAX,
                         .scale = work->scale != 0 ? work->scale : 1,
                         .nitems = work->nitems != 0 ? work->nitems : work->n};
    if (opts == NULL)
        return task;
    task.call.chunk_items = work->call.kind != AL_CALL_ENGINE ? opts->chunk_items : 0;
    task.max_engines = work->call.kind != AL_CALL_ENGINE ? opts->max_threads : 0;
    if (__builtin_mul_overflow(ticks_of(opts->item_timeout_ns), task.scale, &task.item_ticks_max))
        task.item_ticks_max = 0;
    task.control = opts->control;
    task.call.go_on = opts->faults != NULL;
    if (opts->timeout_ns != 0 && ticks_of(opts->timeout_ns) < UINT64_MAX - now)
        task.deadline = now + ticks_of(opts->timeout_ns);
    return task;
}

/** Whether the engines that stay may do it. With their lock held. */
static bool may_use_kept(al_procs *procs, const al_procs_work *work)
{
    return work->keepable && procs->kept && procs->forks == al_pool_forks &&
           al_code_has(&procs->code, work->code);
}

static allot_err run_forked(const al_procs *procs, const al_team_task *task, al_team_result *result,
                            allot_error *err)
{
    al_team *team = al_team_create(procs->nengines, procs->variables, true, err);
    allot_err code = team != NULL ? al_team_run(team, task, result, err) : ALLOT_ENOMEM;
    al_team_destroy(team, false);
    return code;
}

static allot_err run_task(al_procs *procs, const al_procs_work *work, const al_team_task *task,
                          al_team_result *result, allot_error *err)
{
    if (!procs->kept || !work->keepable || procs->forks != al_pool_forks)
        return run_forked(procs, task, result, err);
    (void)pthread_mutex_lock(&procs->lock);
    bool kept = may_use_kept(procs, work);
    allot_err code = kept ? al_team_run(procs->team, task, result, err) : ALLOT_OK;
    (void)pthread_mutex_unlock(&procs->lock);
    return kept ? code : run_forked(procs, task, result, err);
}

/* What the caller is told. */

static int by_index(const void *a, const void *b)
{
    const allot_fault *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

/** Put the faults in order. A place that an engine took and died before it wrote there is empty, and an item
 * that was begun again because of that may be there twice. @return how many there are */
static uint64_t sort_faults(allot_fault *faults, uint64_t ntaken)
{
    uint64_t n = ntaken < AL_FAULTS_MAX ? ntaken : AL_FAULTS_MAX, nkept = 0;
    qsort(faults, n, sizeof *faults, by_index);
    for (uint64_t k = 0; k < n; k++)
        if (faults[k].kind != ALLOT_FAULT_NONE && (nkept == 0 || faults[nkept - 1].index != faults[k].index))
            faults[nkept++] = faults[k];
    return nkept;
}

void al_procs_outcome_fini(al_procs_outcome *outcome)
{
    allot_shared_free(outcome->faults);
}

const char *allot_fault_text(allot_fault_kind kind)
{
    static const char *const texts[] = {ALLOT_FAULTS(AL_TABLE_TEXT)};
    return al_table_at(texts, sizeof texts / sizeof texts[0], kind, "unknown");
}

static void say_fault(allot_error *err, const char *noun, unsigned long long index, const allot_fault *fault)
{
    if (fault->kind == ALLOT_FAULT_RETURNED)
        (void)al_fail(err, ALLOT_EUSER, 0, "%s %llu failed: its function returned %d", noun, index,
                      fault->value);
    else if (fault->kind == ALLOT_FAULT_SIGNAL)
        (void)al_fail(
            err, ALLOT_EUSER, 0, "%s %llu failed: %s, SIG%s (%s)", noun, index, allot_fault_text(fault->kind),
            sigabbrev_np(fault->value) != NULL ? sigabbrev_np(fault->value) : "?", strsignal(fault->value));
    else if (fault->kind == ALLOT_FAULT_EXIT)
        (void)al_fail(err, ALLOT_EUSER, 0, "%s %llu failed: it ended its engine by exit(%d)", noun, index,
                      fault->value);
    else
        (void)al_fail(err, ALLOT_EUSER, 0, "%s %llu failed: %s", noun, index, allot_fault_text(fault->kind));
}

allot_err al_procs_fault_error(allot_error *err, const char *noun, const allot_fault *fault)
{
    say_fault(err, noun, (unsigned long long)fault->index, fault);
    if (err != NULL) {
        err->index = fault->index;
        err->user = fault->kind == ALLOT_FAULT_RETURNED ? fault->value : 0;
    }
    return ALLOT_EUSER;
}

static void fill_stats(const al_team_task *task, const al_team_result *result, allot_stats *stats)
{
    double wall_ns = al_ticks_to_ns(al_ticks() - task->start), busy_ns = al_ticks_to_ns(result->busy_ticks);
    uint64_t nitems;
    if (__builtin_mul_overflow(result->nitems, task->scale, &nitems) || nitems > task->nitems)
        nitems = task->nitems;
    *stats = (allot_stats){.nitems = nitems,
                           .nchunks = result->nchunks,
                           .nsteals = result->nsteals,
                           .nwakes = result->nwakes,
                           .nengines = result->nengines,
                           .wall_ns = wall_ns,
                           .busy_ns = busy_ns,
                           .plan = {.reason = ALLOT_REASON_SHARE,
                                    .share = true,
                                    .wake = result->nwakes > 0,
                                    .nengines = result->nengines,
                                    .serial_ns = busy_ns,
                                    .parallel_ns = wall_ns}};
}

static void hand_out_faults(const al_procs_outcome *outcome, allot_faults *faults)
{
    faults->nfaults = outcome->nfaults;
    for (uint64_t k = 0; k < outcome->nfaults && k < faults->room; k++)
        faults->items[k] = outcome->faults[k];
}

static allot_err verdict(const al_procs_work *work, const al_team_task *task, const al_team_result *result,
                         allot_error *err)
{
    if (result->canceled || result->timed_out)
        return al_fail(err, result->timed_out ? ALLOT_ETIMEDOUT : ALLOT_ECANCELED, 0,
                       "%s after %llu of %llu %ss", result->timed_out ? "the time was over" : "canceled",
                       (unsigned long long)result->nitems, (unsigned long long)task->n, work->noun);
    if (result->gave_up && !result->failed)
        return al_fail(
            err, ALLOT_EIO, 0,
            "engines were ended from outside %llu times; is there too little memory? See the kernel's log",
            (unsigned long long)result->ndeaths);
    if (!result->failed)
        return ALLOT_OK;
    (void)al_procs_fault_error(err, work->noun, &result->fault);
    if (result->gave_up && err != NULL) {
        size_t length = strlen(err->text);
        (void)snprintf(err->text + length, sizeof err->text - length,
                       "; given up after %llu engines and %llu of %llu %ss",
                       (unsigned long long)result->ndeaths, (unsigned long long)result->nitems,
                       (unsigned long long)task->n, work->noun);
    }
    return ALLOT_EUSER;
}

allot_err al_procs_run(al_procs *procs, const al_procs_work *work, const allot_map_opts *opts,
                       al_procs_outcome *outcome, allot_error *err)
{
    al_team_task task = task_of(work, opts);
    al_team_result result = {0};
    *outcome = (al_procs_outcome){0};
    if (opts != NULL)
        al_control_begin(opts->control, task.nitems);
    if (task.call.go_on) {
        outcome->faults = allot_shared_alloc(AL_FAULTS_MAX * sizeof *outcome->faults, err);
        if (outcome->faults == NULL)
            return ALLOT_ENOMEM;
        task.call.faults = outcome->faults;
    }
    allot_err code = run_task(procs, work, &task, &result, err);
    if (work->only != ALLOT_ENGINES_ANY || work->call.kind == AL_CALL_ENGINE)
        result.fault.index = result.engine; /* indices are engines */
    outcome->failed = result.failed;
    outcome->fault = result.fault;
    outcome->gave_up = result.gave_up;
    if (task.call.go_on) {
        outcome->nfaults = sort_faults(outcome->faults, result.nfaults);
        if (work->call.kind == AL_CALL_ENGINE && !work->call.pinned && outcome->nfaults > 0)
            outcome->faults[0].index = result.engine;
        hand_out_faults(outcome, opts->faults);
    }
    if (opts != NULL && opts->stats != NULL)
        fill_stats(&task, &result, opts->stats);
    return code != ALLOT_OK ? code : verdict(work, &task, &result, err);
}
