/* store_read.c - looking things up in a run, by a connection of its own. See store.h.
 *
 * No statement stays open between two calls: where the database has no write-ahead log, one that did would
 * keep the writer from committing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "farm/store_parts.h"

#define BLOCK_BYTES (64u << 10)
/** Rows before the one that is asked for: results come nearly in order. */
#define BLOCK_BEFORE 16u

static allot_err prepare(const al_store *store, const char *sql, sqlite3_stmt **statement, allot_error *err)
{
    int code = sqlite3_prepare_v2(store->reader, sql, -1, statement, NULL);
    return code == SQLITE_OK ? ALLOT_OK : al_store_fault(store->folder, store->reader, code, err);
}

/** Finalize, and say what went wrong if stepping did not end well. */
static allot_err conclude(const al_store *store, sqlite3_stmt *statement, int code, allot_error *err)
{
    allot_err result = code == SQLITE_DONE || code == SQLITE_ROW || code == SQLITE_OK
                           ? ALLOT_OK
                           : al_store_fault(store->folder, store->reader, code, err);
    (void)sqlite3_finalize(statement);
    return result;
}

/* ---- keys ------------------------------------------------------------------------------------------------
 */

allot_err al_store_get(al_store *store, const char *key, char **value, allot_error *err)
{
    sqlite3_stmt *ask;
    *value = NULL;
    allot_err code = prepare(store, "SELECT value FROM meta WHERE key=?", &ask, err);
    if (code != ALLOT_OK)
        return code;
    (void)sqlite3_bind_text(ask, 1, key, -1, SQLITE_STATIC);
    int step = sqlite3_step(ask);
    const char *text = step == SQLITE_ROW ? (const char *)sqlite3_column_text(ask, 0) : NULL;
    *value = text != NULL ? strdup(text) : NULL;
    code = conclude(store, ask, step, err);
    return code == ALLOT_OK && text != NULL && *value == NULL ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory")
                                                              : code;
}

/* ---- tasks -----------------------------------------------------------------------------------------------
 */

static void take_row(al_store *store, sqlite3_stmt *statement)
{
    const void *args = sqlite3_column_blob(statement, 1), *spec = sqlite3_column_blob(statement, 2);
    size_t nargs = (size_t)sqlite3_column_bytes(statement, 1),
           nspec = (size_t)sqlite3_column_bytes(statement, 2);
    store->rows[store->block_count].at = store->block.nbytes;
    store->rows[store->block_count].nargs = nargs;
    store->rows[store->block_count].nspec = nspec;
    store->rows[store->block_count].has_spec = sqlite3_column_type(statement, 2) != SQLITE_NULL;
    (void)al_buffer_append(&store->block, nargs > 0 ? args : "", nargs);
    (void)al_buffer_append(&store->block, nspec > 0 ? spec : "", nspec);
    (void)al_buffer_byte(&store->block, '\0');
    store->block_count++;
}

/** Read a row of tasks with `task` among them. */
static allot_err load_block(al_store *store, al_task_id task, allot_error *err)
{
    allot_err code = ALLOT_OK;
    if (store->read_tasks == NULL)
        code = prepare(store, "SELECT id, args, spec FROM task WHERE id>=? ORDER BY id LIMIT ?",
                       &store->read_tasks, err);
    if (code != ALLOT_OK)
        return code;
    store->block_first = task > BLOCK_BEFORE ? task - BLOCK_BEFORE : 1;
    store->block_count = 0;
    al_buffer_clear(&store->block);
    (void)sqlite3_bind_int64(store->read_tasks, 1, (sqlite3_int64)store->block_first);
    (void)sqlite3_bind_int64(store->read_tasks, 2, AL_STORE_BLOCK);
    int step;
    while ((step = sqlite3_step(store->read_tasks)) == SQLITE_ROW) {
        if ((al_task_id)sqlite3_column_int64(store->read_tasks, 0) != store->block_first + store->block_count)
            break; /* a row is missing */
        take_row(store, store->read_tasks);
        if (store->block.nbytes > BLOCK_BYTES && store->block_first + store->block_count > task)
            break;
    }
    (void)sqlite3_reset(store->read_tasks);
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        return al_store_fault(store->folder, store->reader, step, err);
    return store->block.failed ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory") : ALLOT_OK;
}

allot_err al_store_task(al_store *store, al_task_id task, al_args *args, al_args *spec, allot_error *err)
{
    if (task < store->block_first || task >= store->block_first + store->block_count) {
        allot_err code = load_block(store, task, err);
        if (code != ALLOT_OK)
            return code;
    }
    if (task < store->block_first || task >= store->block_first + store->block_count)
        return al_fail(err, ALLOT_ENOTFOUND, 0, "%s/run.db has no task %llu", store->folder,
                       (unsigned long long)task);
    size_t row = task - store->block_first;
    const char *at = store->block.at + store->rows[row].at;
    *args = (al_args){at, store->rows[row].nargs};
    *spec = (al_args){store->rows[row].has_spec ? at + store->rows[row].nargs : NULL, store->rows[row].nspec};
    return ALLOT_OK;
}

/* ---- requests --------------------------------------------------------------------------------------------
 */

allot_err al_store_next_request(al_store *store, al_request *request, bool *found, allot_error *err)
{
    sqlite3_stmt *ask;
    *found = false;
    if (store->is_request_open)
        al_store_done_request(store, store->last_request);
    store->is_request_open = false;
    allot_err code =
        prepare(store, "SELECT id, verb, text FROM request WHERE id>? ORDER BY id LIMIT 1", &ask, err);
    if (code != ALLOT_OK)
        return code;
    (void)sqlite3_bind_int64(ask, 1, store->last_request);
    int step = sqlite3_step(ask);
    if (step == SQLITE_ROW) {
        const char *verb = (const char *)sqlite3_column_text(ask, 1);
        const void *text = sqlite3_column_blob(ask, 2);
        request->nbytes = (size_t)sqlite3_column_bytes(ask, 2);
        (void)snprintf(request->verb, sizeof request->verb, "%s", verb != NULL ? verb : "");
        al_buffer_clear(&store->request);
        *found = al_buffer_append(&store->request, request->nbytes > 0 ? text : "", request->nbytes) &&
                 al_buffer_byte(&store->request, '\0');
        request->text = store->request.at;
        store->last_request = sqlite3_column_int64(ask, 0);
        store->is_request_open = *found;
    }
    return conclude(store, ask, step, err);
}

/** A row of a text and some bytes, into a run that another process may have under its control. */
static allot_err put_row(const char *folder, const char *sql, const char *text, const char *bytes,
                         size_t nbytes, allot_error *err)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *insert = NULL;
    allot_err result = al_store_open_db(folder, SQLITE_OPEN_READWRITE, &db, err);
    if (result == ALLOT_OK)
        result = al_store_execute(folder, db, "PRAGMA synchronous=FULL", err);
    if (result == ALLOT_OK) {
        int code = sqlite3_prepare_v2(db, sql, -1, &insert, NULL);
        if (code == SQLITE_OK) {
            (void)sqlite3_bind_text(insert, 1, text, -1, SQLITE_STATIC);
            (void)sqlite3_bind_blob(insert, 2, nbytes > 0 ? bytes : "", (int)nbytes, SQLITE_STATIC);
            code = sqlite3_step(insert);
        }
        if (code != SQLITE_DONE)
            result = al_store_fault(folder, db, code, err);
    }
    (void)sqlite3_finalize(insert);
    (void)sqlite3_close(db);
    return result;
}

allot_err al_store_ask(const char *folder, const char *verb, const char *text, size_t nbytes,
                       allot_error *err)
{
    return put_row(folder, "INSERT INTO request(verb, text) VALUES(?,?)", verb, text, nbytes, err);
}

allot_err al_store_note(const char *folder, const char *key, const char *value, allot_error *err)
{
    return put_row(folder, "INSERT OR REPLACE INTO meta VALUES(?,CAST(? AS TEXT))", key, value, strlen(value),
                   err);
}

bool al_store_is_asked(const char *folder)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *ask = NULL;
    bool asked = al_store_open_db(folder, SQLITE_OPEN_READWRITE, &db, NULL) == ALLOT_OK &&
                 sqlite3_prepare_v2(db, "SELECT 1 FROM request LIMIT 1", -1, &ask, NULL) == SQLITE_OK &&
                 sqlite3_step(ask) == SQLITE_ROW;
    (void)sqlite3_finalize(ask);
    (void)sqlite3_close(db);
    return asked;
}

/* ---- results ---------------------------------------------------------------------------------------------
 */

#define RESULT_COLUMNS                                                                                       \
    "task, state, attempt, cause, exit, signal, slot, engine, start_us, wall_us, user_us, sys_us, mem_kb, "  \
    "nout, "                                                                                                 \
    "nerr"

static void read_result(sqlite3_stmt *row, al_result *result)
{
    int64_t n[15];
    for (int k = 0; k < 15; k++)
        n[k] = sqlite3_column_int64(row, k);
    *result = (al_result){.task = (al_task_id)n[0],
                          .state = (al_task_state)n[1],
                          .attempt = (uint32_t)n[2],
                          .cause = (al_cause)n[3],
                          .exit_status = (int32_t)n[4],
                          .signal = (int32_t)n[5],
                          .slot = (uint32_t)n[6],
                          .engine = (uint32_t)n[7],
                          .start_us = n[8],
                          .wall_us = (uint64_t)n[9],
                          .user_us = (uint64_t)n[10],
                          .sys_us = (uint64_t)n[11],
                          .mem_kb = (uint64_t)n[12],
                          .nout = (uint64_t)n[13],
                          .nerr = (uint64_t)n[14]};
}

allot_err al_store_each_state(al_store *store, al_store_state_fn *fn, void *arg, allot_error *err)
{
    sqlite3_stmt *ask;
    int step = SQLITE_OK;
    allot_err code =
        prepare(store, "SELECT task, state, attempt, cause, wall_us FROM result ORDER BY task", &ask, err);
    if (code != ALLOT_OK)
        return code;
    while ((step = sqlite3_step(ask)) == SQLITE_ROW)
        fn(arg, (al_task_id)sqlite3_column_int64(ask, 0), (al_task_state)sqlite3_column_int(ask, 1),
           (uint32_t)sqlite3_column_int64(ask, 2), sqlite3_column_int(ask, 3) == AL_CAUSE_INTERRUPTED,
           (uint64_t)sqlite3_column_int64(ask, 4));
    return conclude(store, ask, step, err);
}

allot_err al_store_result(al_store *store, al_task_id task, al_result *result, allot_error *err)
{
    sqlite3_stmt *ask;
    allot_err code = prepare(store, "SELECT " RESULT_COLUMNS " FROM result WHERE task=?", &ask, err);
    if (code != ALLOT_OK)
        return code;
    (void)sqlite3_bind_int64(ask, 1, (sqlite3_int64)task);
    int step = sqlite3_step(ask);
    if (step == SQLITE_ROW)
        read_result(ask, result);
    code = conclude(store, ask, step, err);
    if (code == ALLOT_OK && step != SQLITE_ROW)
        return al_fail(err, ALLOT_ENOTFOUND, 0, "task %llu has no result", (unsigned long long)task);
    return code;
}

/** Long output is in a file. @return its descriptor in *fd */
static allot_err open_output(const al_store *store, const al_result *result, bool is_err, int *fd,
                             allot_error *err)
{
    char path[PATH_MAX + 64];
    al_store_output_path(store, result->task, result->attempt, is_err, path, sizeof path);
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *fd >= 0 ? ALLOT_OK
                    : al_fail(err, ALLOT_ENOTFOUND, errno, "%s, the output of a task, cannot be read", path);
}

allot_err al_store_output(al_store *store, al_task_id task, bool is_err, al_buffer *text, int *fd,
                          allot_error *err)
{
    al_result result;
    sqlite3_stmt *ask;
    *fd = -1;
    allot_err code = al_store_result(store, task, &result, err);
    if (code != ALLOT_OK)
        return code;
    if ((is_err ? result.nerr : result.nout) > AL_INLINE_MOST)
        return open_output(store, &result, is_err, fd, err);
    code =
        prepare(store, is_err ? "SELECT err FROM result WHERE task=?" : "SELECT out FROM result WHERE task=?",
                &ask, err);
    if (code != ALLOT_OK)
        return code;
    (void)sqlite3_bind_int64(ask, 1, (sqlite3_int64)task);
    int step = sqlite3_step(ask);
    if (step == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(ask, 0);
        (void)al_buffer_append(text, bytes != NULL ? bytes : "", (size_t)sqlite3_column_bytes(ask, 0));
    }
    code = conclude(store, ask, step, err);
    return code == ALLOT_OK && text->failed ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory") : code;
}

allot_err al_store_each_result(al_store *store, uint32_t states, al_store_result_fn *fn, void *arg,
                               allot_error *err)
{
    sqlite3_stmt *ask;
    int step;
    bool go_on = true;
    allot_err code =
        prepare(store, "SELECT " RESULT_COLUMNS " FROM result WHERE ?1=0 OR (?1 >> state) & 1 ORDER BY task",
                &ask, err);
    if (code != ALLOT_OK)
        return code;
    (void)sqlite3_bind_int64(ask, 1, states);
    while ((step = sqlite3_step(ask)) == SQLITE_ROW && go_on) {
        al_result result;
        read_result(ask, &result);
        go_on = fn(arg, &result);
    }
    return conclude(store, ask, step, err);
}

allot_err al_store_slowest(al_store *store, al_result *results, size_t *count, allot_error *err)
{
    sqlite3_stmt *ask;
    int step = SQLITE_DONE;
    size_t most = *count;
    *count = 0;
    allot_err code =
        prepare(store, "SELECT " RESULT_COLUMNS " FROM result ORDER BY wall_us DESC LIMIT ?", &ask, err);
    if (code != ALLOT_OK)
        return code;
    (void)sqlite3_bind_int64(ask, 1, (sqlite3_int64)most);
    while (*count < most && (step = sqlite3_step(ask)) == SQLITE_ROW)
        read_result(ask, &results[(*count)++]);
    return conclude(store, ask, step, err);
}

/** Change results, by a connection that lives for this alone. */
static allot_err change(al_store *store, const char *sql, uint64_t *nchanged, allot_error *err)
{
    sqlite3 *db = NULL;
    *nchanged = 0;
    allot_err code = al_store_open_db(store->folder, SQLITE_OPEN_READWRITE, &db, err);
    if (code == ALLOT_OK)
        code = al_store_execute(store->folder, db, "PRAGMA synchronous=FULL", err);
    if (code == ALLOT_OK)
        code = al_store_execute(store->folder, db, sql, err);
    if (code == ALLOT_OK)
        *nchanged = (uint64_t)sqlite3_changes(db);
    (void)sqlite3_close(db);
    return code;
}

allot_err al_store_reset(al_store *store, uint32_t states, uint64_t *nreset, allot_error *err)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql, "UPDATE result SET state=%d WHERE (%u >> state) & 1", AL_TASK_READY,
                   states);
    return change(store, sql, nreset, err);
}

allot_err al_store_fail_interrupted(al_store *store, allot_error *err)
{
    char sql[160];
    uint64_t nchanged;
    (void)snprintf(sql, sizeof sql, "UPDATE result SET state=%d WHERE state=%d AND cause=%d", AL_TASK_FAILED,
                   AL_TASK_READY, AL_CAUSE_INTERRUPTED);
    return change(store, sql, &nchanged, err);
}

allot_err al_store_count(al_store *store, al_store_counts *counts, allot_error *err)
{
    sqlite3_stmt *ask;
    int step;
    *counts = (al_store_counts){.ntasks = 0};
    allot_err code = prepare(store,
                             "SELECT state, count(*), sum(attempt) FROM result GROUP BY state UNION ALL "
                             "SELECT -1, max(id), 0 FROM task",
                             &ask, err);
    if (code != ALLOT_OK)
        return code;
    while ((step = sqlite3_step(ask)) == SQLITE_ROW) {
        int state = sqlite3_column_int(ask, 0);
        uint64_t n = (uint64_t)sqlite3_column_int64(ask, 1);
        uint64_t *const where[] = {[AL_TASK_DONE] = &counts->ndone,
                                   [AL_TASK_FAILED] = &counts->nfailed,
                                   [AL_TASK_SKIPPED] = &counts->nskipped,
                                   [AL_TASK_CANCELED] = &counts->ncanceled};
        counts->nattempts += (uint64_t)sqlite3_column_int64(ask, 2);
        if (state == -1)
            counts->ntasks = n;
        else if (state >= AL_TASK_DONE && state <= AL_TASK_CANCELED)
            *where[state] = n;
    }
    return conclude(store, ask, step, err);
}
