/* store_rows.c - what is given to a store as rows of its database. For the store's thread, within a
 * transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "farm/store_parts.h"

/** Execute a statement whose values are bound. @return SQLITE_OK, or what failed */
static int execute(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement), reset = sqlite3_reset(statement);
    return code == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : code;
}

/** As text where it can be one, so that people may query it: a NUL stands between several arguments. */
static void bind_bytes(sqlite3_stmt *statement, int column, const char *at, size_t nbytes)
{
    if (nbytes == 0 || memchr(at, '\0', nbytes) == NULL)
        (void)sqlite3_bind_text(statement, column, nbytes > 0 ? at : "", (int)nbytes, SQLITE_STATIC);
    else
        (void)sqlite3_bind_blob(statement, column, at, (int)nbytes, SQLITE_STATIC);
}

int al_store_put_task(sqlite3_stmt *insert, al_task_id task, al_args args, al_args spec)
{
    (void)sqlite3_bind_int64(insert, 1, (sqlite3_int64)task);
    bind_bytes(insert, 2, args.at, args.nbytes);
    if (spec.at == NULL)
        (void)sqlite3_bind_null(insert, 3);
    else
        (void)sqlite3_bind_text(insert, 3, spec.at, (int)spec.nbytes, SQLITE_STATIC);
    return execute(insert);
}

int al_store_put_tasks(al_store *store, const al_buffer *tasks, uint64_t *next_task)
{
    al_store_added head;
    int code = SQLITE_OK;
    for (size_t at = 0; code == SQLITE_OK && at < tasks->nbytes;) {
        memcpy(&head, tasks->at + at, sizeof head);
        const char *args = tasks->at + at + sizeof head;
        size_t nspec = head.nspec == UINT32_MAX ? 0 : head.nspec;
        al_args spec = {head.nspec == UINT32_MAX ? NULL : args + head.nargs, nspec};
        code = al_store_put_task(store->statements[AL_INSERT_TASK], (*next_task)++,
                                 (al_args){args, head.nargs}, spec);
        at += sizeof head + head.nargs + nspec;
    }
    return code;
}

/** The earlier attempt's row, if there is one, moves to the table of attempts. */
static int keep_attempt(al_store *store, const al_result *result)
{
    sqlite3_stmt *keep = store->statements[AL_KEEP_ATTEMPT];
    (void)sqlite3_bind_int64(keep, 1, (sqlite3_int64)result->task);
    (void)sqlite3_bind_int64(keep, 2, result->attempt);
    return execute(keep);
}

static int put_verdict(al_store *store, const al_result *result)
{
    sqlite3_stmt *insert = store->statements[AL_INSERT_VERDICT];
    (void)sqlite3_bind_int64(insert, 1, (sqlite3_int64)result->task);
    (void)sqlite3_bind_int(insert, 2, (int)result->state);
    (void)sqlite3_bind_int64(insert, 3, result->attempt);
    (void)sqlite3_bind_int(insert, 4, (int)result->cause);
    return execute(insert);
}

int al_store_put_result(al_store *store, const al_result *result, al_args out, al_args err_out)
{
    if (result->start_us == 0)
        return put_verdict(store, result);
    int code = result->attempt > 1 ? keep_attempt(store, result) : SQLITE_OK;
    if (code != SQLITE_OK)
        return code;
    sqlite3_stmt *insert = store->statements[AL_INSERT_RESULT];
    const int64_t numbers[] = {(int64_t)result->task,
                               (int64_t)result->state,
                               result->attempt,
                               (int64_t)result->cause,
                               result->exit_status,
                               result->signal,
                               result->slot,
                               result->engine,
                               result->start_us,
                               (int64_t)result->wall_us,
                               (int64_t)result->user_us,
                               (int64_t)result->sys_us,
                               (int64_t)result->mem_kb,
                               (int64_t)result->nout,
                               (int64_t)result->nerr};
    int column = 1;
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
        (void)sqlite3_bind_int64(insert, column++, numbers[k]);
    const al_args texts[] = {out, err_out};
    for (size_t k = 0; k < 2; k++, column++)
        if (texts[k].nbytes > 0)
            bind_bytes(insert, column, texts[k].at, texts[k].nbytes);
        else
            (void)sqlite3_bind_null(insert, column);
    return execute(insert);
}

int al_store_put_half(al_store *store, const al_tail_half *half)
{
    al_result result;
    al_args out, err_out;
    int code = SQLITE_OK;
    for (uint64_t at = 0; code == SQLITE_OK && al_tail_next(half, &at, &result, &out, &err_out);)
        code = al_store_put_result(store, &result, out, err_out);
    return code;
}

int al_store_put_key(sqlite3_stmt *set, const char *key, const char *value)
{
    (void)sqlite3_bind_text(set, 1, key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(set, 2, value, -1, SQLITE_STATIC);
    return execute(set);
}

static int delete_key(sqlite3_stmt *remove, const char *key)
{
    (void)sqlite3_bind_text(remove, 1, key, -1, SQLITE_STATIC);
    return execute(remove);
}

int al_store_put_keys(al_store *store, const al_buffer *keys)
{
    int code = SQLITE_OK;
    for (size_t at = 0; code == SQLITE_OK && at < keys->nbytes;) {
        const char *key = keys->at + at, *value = key + strlen(key) + 1;
        code = value[0] != '\0' ? al_store_put_key(store->statements[AL_SET_KEY], key, value)
                                : delete_key(store->statements[AL_DELETE_KEY], key);
        at += strlen(key) + strlen(value) + 2;
    }
    return code;
}

int al_store_delete_requests(al_store *store, int64_t done)
{
    sqlite3_stmt *remove = store->statements[AL_DELETE_REQUESTS];
    (void)sqlite3_bind_int64(remove, 1, done);
    return done != 0 ? execute(remove) : SQLITE_OK;
}
