/* store_thread.c - how what is given to a store gets on disk.
 *
 * A thread of the store's own takes what was given since it last looked and commits all of it at once: a
 * group. While the disk is at it, the next group gathers. A group is begun at once when nothing was committed
 * lately, so that a single result waits for nothing, and GROUP_NS after the last one otherwise, so that a
 * thousand results a second cost four commits.
 *
 * Results are shown (al_store_on_commit) after their group is on disk and before their half of the tail is
 * used again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "farm/store_parts.h"

/** A commit takes 0.4 ms of a processor: a tenth of a second apart they took 0.25 % of two. */
#define GROUP_NS UINT64_C(250000000)
/** The same with tasks in it, which cannot be started before: somebody may be waiting for them. */
#define TASKS_NS UINT64_C(10000000)
/** Before a group is begun: when a task has ended, the next one is about to be started, and the kernel would
 * put it beside another if we kept a processor busy at that moment. */
#define SETTLE_NS UINT64_C(2000000)
/** Tasks on their way in: a tenth of a second's work, or so many bytes. */
#define BEHIND_TASKS 50000u
#define BEHIND_BYTES (UINT64_C(4) << 20)

/* ---- giving: the caller's side --------------------------------------------------------------------------
 */

static al_tail_half *half_filling(const al_store *store)
{
    return &store->tail->halves[atomic_load(&store->filling)];
}

/** Something was given, under the lock: the thread is to know, unless it is awake. */
static void tell(al_store *store)
{
    store->ngiven++;
    if (store->is_asleep)
        (void)pthread_cond_signal(&store->wake);
}

static void urge(al_store *store)
{
    store->hurry = true;
    (void)pthread_cond_signal(&store->wake);
}

allot_err al_store_add(al_store *store, al_args args, const char *spec, allot_error *err)
{
    size_t nspec = spec != NULL ? strlen(spec) : 0;
    if (args.nbytes > INT32_MAX || nspec > INT32_MAX)
        return al_fail(err, ALLOT_EINVAL, 0, "task %llu is too long", (unsigned long long)store->ntasks + 1);
    al_store_added head = {.nargs = (uint32_t)args.nbytes,
                           .nspec = spec != NULL ? (uint32_t)nspec : UINT32_MAX};
    (void)pthread_mutex_lock(&store->lock);
    al_buffer *tasks = &store->given.tasks;
    bool is_first = tasks->nbytes == 0; /* then a group is due sooner than it was */
    char *at = al_buffer_reserve(tasks, sizeof head + args.nbytes + nspec);
    if (at != NULL) {
        memcpy(at, &head, sizeof head);
        if (args.nbytes > 0)
            memcpy(at + sizeof head, args.at, args.nbytes);
        if (nspec > 0)
            memcpy(at + sizeof head + args.nbytes, spec, nspec);
        tasks->nbytes += sizeof head + args.nbytes + nspec;
        store->ntasks++;
        if (is_first)
            (void)pthread_cond_signal(&store->wake);
        atomic_store_explicit(&store->npending_bytes, tasks->nbytes, memory_order_relaxed);
        tell(store);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return at != NULL ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

void al_store_hurry(al_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    urge(store);
    (void)pthread_mutex_unlock(&store->lock);
}

bool al_store_is_behind(const al_store *store)
{
    return store->ntasks - atomic_load_explicit(&store->ntasks_committed, memory_order_relaxed) >
               BEHIND_TASKS ||
           atomic_load_explicit(&store->npending_bytes, memory_order_relaxed) > BEHIND_BYTES;
}

uint64_t al_store_ntasks(const al_store *store)
{
    return store->ntasks;
}

uint64_t al_store_ntasks_committed(const al_store *store)
{
    return atomic_load(&store->ntasks_committed);
}

allot_err al_store_set(al_store *store, const char *key, const char *value, allot_error *err)
{
    (void)pthread_mutex_lock(&store->lock);
    al_buffer *keys = &store->given.keys;
    bool kept =
        al_buffer_append(keys, key, strlen(key) + 1) && al_buffer_append(keys, value, strlen(value) + 1);
    tell(store);
    (void)pthread_mutex_unlock(&store->lock);
    return kept ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

void al_store_done_request(al_store *store, int64_t request)
{
    (void)pthread_mutex_lock(&store->lock);
    store->given.requests_done = request;
    tell(store);
    (void)pthread_mutex_unlock(&store->lock);
}

void al_store_started(al_store *store, uint32_t slot, al_task_id task, uint32_t attempt, int64_t start_us)
{
    al_tail_note(store->tail, slot, task, attempt, start_us);
}

void al_store_pid(al_store *store, uint32_t slot, int64_t pid)
{
    store->tail->slots[slot].pid = pid;
}

bool al_store_has_room(const al_store *store)
{
    return al_tail_has_room(half_filling(store)) || atomic_load(&store->is_broken);
}

bool al_store_ended(al_store *store, const al_result *result, al_args out, al_args err_out)
{
    (void)pthread_mutex_lock(&store->lock);
    al_tail_half *half = half_filling(store);
    bool taken = al_tail_append(half, result, out, err_out),
         is_lost = !taken && store->fault.code != ALLOT_OK;
    if (taken) {
        if (result->slot > 0)
            al_tail_note(store->tail, result->slot, 0, 0, 0); /* only now: it is in one place or the other */
        tell(store);
    } else if (!is_lost) {
        store->wants_room = true;
    }
    if (atomic_load_explicit(&half->nbytes, memory_order_relaxed) > sizeof half->records / 2)
        urge(store);
    (void)pthread_mutex_unlock(&store->lock);
    return taken || is_lost; /* lost: a resume finds it to have been in flight */
}

allot_err al_store_sync(al_store *store, allot_error *err)
{
    (void)pthread_mutex_lock(&store->lock);
    uint64_t given = store->ngiven;
    while (store->ndone < given && store->fault.code == ALLOT_OK) {
        urge(store);
        (void)pthread_cond_wait(&store->done, &store->lock);
    }
    allot_err code = store->fault.code;
    if (code != ALLOT_OK && err != NULL)
        *err = store->fault;
    (void)pthread_mutex_unlock(&store->lock);
    return code;
}

int al_store_fd(const al_store *store)
{
    return store->event_fd;
}

allot_err al_store_check(al_store *store, allot_error *err)
{
    uint64_t count;
    (void)!read(store->event_fd, &count, sizeof count);
    (void)pthread_mutex_lock(&store->lock);
    allot_err code = store->fault.code;
    if (code != ALLOT_OK && err != NULL)
        *err = store->fault;
    (void)pthread_mutex_unlock(&store->lock);
    return code;
}

void al_store_on_commit(al_store *store, al_store_committed_fn *fn, al_store_group_fn *group_fn, void *arg)
{
    (void)pthread_mutex_lock(&store->lock);
    store->listener = (al_store_listener){fn, group_fn, arg};
    (void)pthread_mutex_unlock(&store->lock);
}

/* ---- a group --------------------------------------------------------------------------------------------
 */

/** All of a group, or nothing of it. */
static allot_err commit(al_store *store, const al_tail_half *half, allot_error *err)
{
    const al_store_given *taken = &store->taken;
    uint64_t next_task = store->next_task;
    int code = sqlite3_exec(store->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = al_store_put_tasks(store, &taken->tasks, &next_task);
    if (code == SQLITE_OK)
        code = al_store_put_half(store, half);
    if (code == SQLITE_OK)
        code = al_store_put_keys(store, &taken->keys);
    if (code == SQLITE_OK)
        code = al_store_delete_requests(store, taken->requests_done);
    if (code == SQLITE_OK)
        code = sqlite3_exec(store->writer, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        allot_err fault = al_store_fault(store->folder, store->writer, code, err);
        (void)sqlite3_exec(store->writer, "ROLLBACK", NULL, NULL, NULL);
        return fault;
    }
    store->next_task = next_task;
    return ALLOT_OK;
}

/** Tell who wants to know of the results in a half. */
static void announce(const al_store_listener *listener, const al_tail_half *half)
{
    al_result result;
    al_args out, err_out;
    uint64_t at = 0;
    while (listener->committed_fn != NULL && al_tail_next(half, &at, &result, &out, &err_out))
        listener->committed_fn(listener->arg, &result, out, err_out);
    if (listener->group_fn != NULL)
        listener->group_fn(listener->arg);
}

static bool has_work(const al_store *store)
{
    return store->given.tasks.nbytes > 0 || store->given.keys.nbytes > 0 || store->given.requests_done != 0 ||
           atomic_load_explicit(&half_filling(store)->nbytes, memory_order_relaxed) > 0;
}

/** Wait, under the lock, for something to do and for the time to do it. @return false: there is nothing left
 */
static bool wait_for_group(al_store *store)
{
    store->is_asleep = true;
    while (!has_work(store) && !store->ending)
        (void)pthread_cond_wait(&store->wake, &store->lock);
    store->is_asleep = false;
    uint64_t settled_ns = al_clock_ns() + SETTLE_NS;
    for (;;) {
        uint64_t due_ns = store->last_commit_ns + (store->given.tasks.nbytes > 0 ? TASKS_NS : GROUP_NS);
        if (due_ns < settled_ns)
            due_ns = settled_ns;
        if (store->hurry || store->ending || al_clock_ns() >= due_ns)
            break;
        struct timespec due = {(time_t)(due_ns / 1000000000), (long)(due_ns % 1000000000)};
        (void)pthread_cond_timedwait(&store->wake, &store->lock, &due);
    }
    store->hurry = false;
    return has_work(store);
}

/** Take what was given, under the lock. @return the half of the tail that it includes */
static al_tail_half *take(al_store *store)
{
    al_store_given empty = store->taken;
    al_tail_half *half = half_filling(store);
    int other = !atomic_load(&store->filling);
    store->taken = store->given;
    al_buffer_clear(&empty.tasks);
    al_buffer_clear(&empty.keys);
    empty.requests_done = 0;
    store->given = empty;
    store->tail->halves[other].turn = half->turn + 1;
    atomic_store(&store->filling, other);
    return half;
}

/** A group is done with, under the lock. */
static void settle(al_store *store, al_tail_half *half, uint64_t given, const allot_error *fault)
{
    if (fault->code != ALLOT_OK) {
        store->fault = *fault;
        atomic_store(&store->is_broken, true);
    } else {
        atomic_store_explicit(&half->nbytes, 0, memory_order_release);
        store->ndone = given;
    }
    bool wants_event = fault->code != ALLOT_OK || store->wants_room || store->taken.tasks.nbytes > 0;
    atomic_store(&store->ntasks_committed, store->next_task - 1);
    atomic_store_explicit(&store->npending_bytes, store->given.tasks.nbytes, memory_order_relaxed);
    store->wants_room = false;
    (void)pthread_cond_broadcast(&store->done);
    uint64_t one = 1;
    if (wants_event)
        (void)!write(store->event_fd, &one, sizeof one);
}

static void *work(void *arg)
{
    al_store *store = arg;
    allot_error fault = {.code = ALLOT_OK};
    (void)pthread_mutex_lock(&store->lock);
    while (fault.code == ALLOT_OK && wait_for_group(store)) {
        uint64_t given = store->ngiven;
        al_tail_half *half = take(store);
        al_store_listener listener = store->listener;
        (void)pthread_mutex_unlock(&store->lock);
        if (commit(store, half, &fault) == ALLOT_OK)
            announce(&listener, half);
        store->last_commit_ns = al_clock_ns();
        (void)pthread_mutex_lock(&store->lock);
        settle(store, half, given, &fault);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return NULL;
}

allot_err al_store_start_thread(al_store *store, allot_error *err)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_cond_init(&store->wake, &attr);
    (void)pthread_cond_init(&store->done, NULL);
    (void)pthread_condattr_destroy(&attr);
    sigset_t all, old; /* signals are for the thread that waits for them */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int fault = pthread_create(&store->thread, NULL, work, store);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    store->has_thread = fault == 0;
    return fault == 0 ? ALLOT_OK : al_fail(err, ALLOT_EIO, fault, "the system gives no thread");
}

void al_store_end_thread(al_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    store->ending = true;
    (void)pthread_cond_signal(&store->wake);
    (void)pthread_mutex_unlock(&store->lock);
    (void)pthread_join(store->thread, NULL);
    (void)pthread_cond_destroy(&store->wake);
    (void)pthread_cond_destroy(&store->done);
    (void)pthread_mutex_destroy(&store->lock);
}
