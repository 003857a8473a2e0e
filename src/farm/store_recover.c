/* store_recover.c - what a controller that was killed left in its tail goes into the database.
 *
 * All of it may be done again: if we are killed meanwhile, the next one finds the same tail.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "farm/store_parts.h"

/** The attempt that the database knows of; -1: none. @param[out] is_final  of its result; may be NULL */
static int64_t attempt_known(al_store *store, al_task_id task, bool *is_final)
{
    sqlite3_stmt *ask = store->statements[AL_ASK_ATTEMPT];
    (void)sqlite3_bind_int64(ask, 1, (sqlite3_int64)task);
    int64_t attempt = sqlite3_step(ask) == SQLITE_ROW ? sqlite3_column_int64(ask, 0) : -1;
    if (is_final != NULL)
        *is_final = attempt >= 0 && al_task_is_final((al_task_state)sqlite3_column_int(ask, 1));
    (void)sqlite3_reset(ask);
    return attempt;
}

/** Results that were not committed. Those that were, in a group whose half had not been given free yet, are
 * there. */
static int recover_half(al_store *store, const al_tail_half *half, uint64_t ntasks)
{
    al_result result;
    al_args out, err_out;
    int code = SQLITE_OK;
    for (uint64_t at = 0; code == SQLITE_OK && al_tail_next(half, &at, &result, &out, &err_out);)
        if (result.task >= 1 && result.task <= ntasks &&
            (result.start_us == 0 || attempt_known(store, result.task, NULL) < (int64_t)result.attempt)) {
            code = al_store_put_result(store, &result, out, err_out);
            if (al_task_is_final(result.state))
                (void)al_buffer_append(&store->recovered, &result.task, sizeof result.task);
        }
    return code;
}

/** Tasks that were in flight. One that has a final result of another attempt ran a second time, in vain: only
 * its processes are of interest. */
static int recover_slots(al_store *store, uint64_t ntasks)
{
    al_args nothing = {NULL, 0};
    int code = SQLITE_OK;
    for (uint32_t slot = 1; slot <= AL_SLOTS_MAX && code == SQLITE_OK; slot++) {
        const al_tail_slot *at = &store->tail->slots[slot];
        al_result result = {.task = atomic_load(&at->task),
                            .attempt = at->attempt,
                            .state = AL_TASK_READY,
                            .cause = AL_CAUSE_INTERRUPTED,
                            .slot = slot,
                            .start_us = at->start_us};
        bool is_final;
        if (result.task < 1 || result.task > ntasks || result.start_us == 0)
            continue;
        int64_t known = attempt_known(store, result.task, &is_final);
        if (is_final ? known == (int64_t)result.attempt : known >= (int64_t)result.attempt)
            continue;
        if (!al_buffer_append(&store->inflight, &result.task, sizeof result.task))
            code = SQLITE_NOMEM;
        else if (!is_final)
            code = al_store_put_result(store, &result, nothing, nothing);
    }
    return code;
}

static int by_number(const void *a, const void *b)
{
    const al_task_id *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static const al_task_id *tasks_in(const al_buffer *buffer, size_t *count)
{
    *count = buffer->nbytes / sizeof(al_task_id);
    return (const al_task_id *)(const void *)buffer->at;
}

const al_task_id *al_store_interrupted(const al_store *store, size_t *count)
{
    return tasks_in(&store->inflight, count);
}

bool al_store_is_recovered(const al_store *store, al_task_id task)
{
    size_t count;
    const al_task_id *tasks = tasks_in(&store->recovered, &count);
    return count > 0 && bsearch(&task, tasks, count, sizeof task, by_number) != NULL;
}

static allot_err announce(al_store *store, al_task_id task, allot_error *err)
{
    al_result result;
    al_buffer texts[2] = {{.at = NULL}, {.at = NULL}};
    allot_err code = al_store_result(store, task, &result, err);
    for (int k = 0; k < 2 && code == ALLOT_OK; k++) {
        int fd = -1;
        code = al_store_output(store, task, k == 1, &texts[k], &fd, err);
        if (fd >= 0)
            (void)close(fd); /* long output is looked up by who shows it */
    }
    if (code == ALLOT_OK)
        store->listener.committed_fn(store->listener.arg, &result, (al_args){texts[0].at, texts[0].nbytes},
                                     (al_args){texts[1].at, texts[1].nbytes});
    al_buffer_fini(&texts[0]);
    al_buffer_fini(&texts[1]);
    return code;
}

allot_err al_store_announce_recovered(al_store *store, allot_error *err)
{
    size_t count;
    const al_task_id *tasks = tasks_in(&store->recovered, &count);
    allot_err code = ALLOT_OK;
    for (size_t k = 0; k < count && store->listener.committed_fn != NULL && code == ALLOT_OK; k++)
        if (k == 0 || tasks[k] != tasks[k - 1])
            code = announce(store, tasks[k], err);
    if (count > 0 && store->listener.group_fn != NULL)
        store->listener.group_fn(store->listener.arg);
    return code;
}

allot_err al_store_recover(al_store *store, uint64_t ntasks, allot_error *err)
{
    al_tail *tail = store->tail;
    int older = tail->halves[0].turn > tail->halves[1].turn;
    int code = sqlite3_exec(store->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = recover_half(store, &tail->halves[older], ntasks);
    if (code == SQLITE_OK)
        code = recover_half(store, &tail->halves[!older], ntasks);
    if (code == SQLITE_OK)
        code = recover_slots(store, ntasks);
    if (code == SQLITE_OK)
        code = sqlite3_exec(store->writer, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return al_store_fault(store->folder, store->writer, code, err);
    if (store->recovered.nbytes > 0)
        qsort(store->recovered.at, store->recovered.nbytes / sizeof(al_task_id), sizeof(al_task_id),
              by_number);
    for (int k = 0; k < 2; k++)
        atomic_store(&tail->halves[k].nbytes, 0);
    for (uint32_t slot = 1; slot <= AL_SLOTS_MAX; slot++)
        if (atomic_load(&tail->slots[slot].task) != 0)
            al_tail_note(tail, slot, 0, 0, 0);
    return ALLOT_OK;
}
