/* job.c - loops that run by themselves: start, look, wait, cancel.
 *
 * A job is a loop without an owner: workers take all of it, and the last to leave it fills in the result. A
 * thread that waits sleeps, except where that could be for ever: a worker of the same pool helps while it
 * waits (all workers might be waiting), and whoever waits for a job that is to stop sees it to its end
 * (all workers might be busy elsewhere).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <allot/map.h>

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "map/run.h"
#include "pool/control.h"
#include "pool/loop.h"
#include "pool/pool.h"
#include "pool/procs.h"

/** A worker that waits looks for something to help with again after this long. */
#define HELP_AGAIN_NS 1000000u

struct allot_job {
    _Atomic uint32_t ended; /* futex */
    allot_pool *pool;
    _Atomic(al_loop *) loop;
    uint64_t n, start, deadline;
    allot_control *control; /* the caller's or own */
    allot_control own;
    allot_stats *stats;
    al_loop_result result;
    allot_plan plan;
};

static void fill_stats(const allot_job *job)
{
    double wall_ns = al_ticks_to_ns(al_ticks() - job->start);
    *job->stats = (allot_stats){.nitems = job->result.nitems,
                                .nchunks = job->result.nchunks,
                                .nsteals = job->result.nsteals,
                                .nwakes = job->result.nwakes,
                                .nengines = job->result.nengines,
                                .wall_ns = wall_ns,
                                .busy_ns = al_ticks_to_ns(job->result.busy_ticks),
                                .plan = {.reason = job->n > 0 ? ALLOT_REASON_SHARE : ALLOT_REASON_NOTHING,
                                         .share = job->n > 0,
                                         .wake = job->n > 0,
                                         .nengines = job->result.nengines,
                                         .serial_ns = al_ticks_to_ns(job->result.busy_ticks),
                                         .parallel_ns = wall_ns}};
}

static void end_job(void *arg, const al_loop_result *result)
{
    allot_job *job = arg;
    job->result = *result;
    if (job->stats != NULL)
        fill_stats(job);
    atomic_store_explicit(&job->ended, 1, memory_order_release);
    /* From here on the job may be gone; its address is only a name to the kernel. */
    (void)syscall(SYS_futex, &job->ended, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static allot_err start_loop(allot_job *job, allot_for_fn fn, void *arg, const allot_map_opts *opts,
                            allot_error *err)
{
    if (al_pool_is_orphan(job->pool))
        return al_fail(
            err, ALLOT_EUNSUPPORTED, 0,
            "the pool was made before fork() and its threads stayed with the parent; make one here");
    al_pool_spawn(job->pool, job->pool->nworkers_max);
    if (atomic_load_explicit(&job->pool->nworkers, memory_order_acquire) == 0)
        return al_fail(err, ALLOT_ENOMEM, EAGAIN, "no thread could be started for a job");
    al_loop_spec spec = {.end = job->n,
                         .fn = fn,
                         .arg = arg,
                         .chunk_items = opts->chunk_items,
                         .max_threads = opts->max_threads,
                         .deadline = job->deadline,
                         .control = job->control,
                         .scale = 1};
    al_loop *loop = al_loop_start(job->pool, &spec, end_job, job);
    if (loop == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "more than %d loops and jobs are under way on this pool",
                       AL_POOL_LOOPS_MAX);
    atomic_store_explicit(&job->loop, loop, memory_order_release);
    return ALLOT_OK;
}

allot_err allot_job_start(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
                          const allot_map_opts *opts, allot_job **out, allot_error *err)
{
    static const allot_map_opts defaults = ALLOT_MAP_OPTS_INIT;
    if (out == NULL || fn == NULL)
        return al_fail(err, ALLOT_EINVAL, 0,
                       "allot_job_start: the function or the place for the job is NULL");
    *out = NULL;
    if (al_run_check("allot_job_start", opts, err) != ALLOT_OK)
        return ALLOT_EINVAL;
    if (al_procs_of(pool) != NULL)
        return al_fail(err, ALLOT_EUNSUPPORTED, 0,
                       "allot_job_start: engines need a caller that waits for them; use a pool of threads");
    opts = opts != NULL ? opts : &defaults;
    pool = pool != NULL ? pool : al_pool_default();
    allot_job *job = calloc(1, sizeof *job);
    if (pool == NULL || job == NULL) {
        free(job);
        return al_fail(err, ALLOT_ENOMEM, 0, "allot_job_start: out of memory");
    }
    job->pool = pool;
    job->n = n;
    job->start = al_ticks();
    job->deadline = UINT64_MAX;
    if (opts->timeout_ns != 0)
        job->deadline = al_run_deadline(job->start, opts->timeout_ns);
    job->control = opts->control != NULL ? opts->control : &job->own;
    job->stats = opts->stats;
    al_control_begin(job->control, n);
    if (n == 0) {
        al_loop_result nothing = {0};
        end_job(job, &nothing);
    } else {
        allot_err code = start_loop(job, fn, arg, opts, err);
        if (code != ALLOT_OK) {
            free(job);
            return code;
        }
    }
    *out = job;
    return ALLOT_OK;
}

static bool has_ended(const allot_job *job)
{
    return atomic_load_explicit(&job->ended, memory_order_acquire) != 0;
}

/** Help the job if it is this thread's place to. */
static void help(allot_job *job)
{
    bool is_worker = al_worker_self != NULL && al_worker_self->pool == job->pool;
    al_loop *loop = atomic_load_explicit(&job->loop, memory_order_acquire);
    if (loop != NULL && (is_worker || al_control_is_canceled(job->control) || al_ticks() >= job->deadline))
        al_loop_help(loop, job->pool, job);
}

/** Sleep until the job ended or `until` (ticks), or for a while when this thread is to help again. */
static void sleep_until(allot_job *job, uint64_t until)
{
    until = until < job->deadline ? until : job->deadline;
    uint64_t now = al_ticks();
    double left_ns = until == UINT64_MAX ? 1e15 : until > now ? al_ticks_to_ns(until - now) : 0.0;
    if (al_worker_self != NULL || now >= job->deadline || al_control_is_canceled(job->control))
        left_ns = left_ns < HELP_AGAIN_NS && now < job->deadline ? left_ns : HELP_AGAIN_NS;
    uint64_t ns = (uint64_t)left_ns;
    struct timespec timeout = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    (void)syscall(SYS_futex, &job->ended, FUTEX_WAIT_PRIVATE, 0, &timeout, NULL, 0);
}

static allot_err outcome(const allot_job *job, allot_error *err)
{
    const al_loop_result *result = &job->result;
    if (result->canceled || result->timed_out)
        return al_run_stopped(err, result->timed_out, result->nitems, job->n);
    if (result->failed)
        return al_run_user_error(err, result->index, result->user);
    return ALLOT_OK;
}

allot_err allot_job_wait(allot_job *job, uint64_t timeout_ns, bool *done, allot_error *err)
{
    uint64_t until = timeout_ns == UINT64_MAX ? UINT64_MAX : al_run_deadline(al_ticks(), timeout_ns);
    while (!has_ended(job)) {
        if (timeout_ns > 0)
            help(job);
        if (has_ended(job))
            break;
        if (al_ticks() >= until) {
            if (done != NULL)
                *done = false;
            return ALLOT_OK;
        }
        sleep_until(job, until);
    }
    if (done != NULL)
        *done = true;
    return outcome(job, err);
}

void allot_job_cancel(allot_job *job)
{
    allot_control_cancel(job->control);
    /* Whoever sleeps until the job's end may have to end it. */
    (void)syscall(SYS_futex, &job->ended, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

void allot_job_progress(const allot_job *job, uint64_t *done, uint64_t *total)
{
    allot_control_progress(job->control, done, total);
}

void allot_job_destroy(allot_job *job)
{
    if (job == NULL)
        return;
    if (!has_ended(job)) {
        allot_job_cancel(job);
        allot_err ignored = allot_job_wait(job, UINT64_MAX, NULL, NULL);
        (void)ignored;
    }
    free(job);
}
