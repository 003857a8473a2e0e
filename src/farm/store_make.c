/* store_make.c - a new run's database.
 *
 * It is written under another name and renamed once it is whole and on disk: where there is a run.db, there
 * is a run. A draft that was not finished is of no use to anybody, so it is written without a journal and
 * synced once; and it is told there to have a write-ahead log, which costs four more syncs later.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fail.h"
#include "farm/store_parts.h"

#define DRAFT "run.db.new"

/** What people may query is a view; the numbers of states and causes are those of task.h. */
static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE task(id INTEGER PRIMARY KEY, args, spec TEXT);"
    "CREATE TABLE result(task INTEGER PRIMARY KEY, state INT, attempt INT, cause INT, exit INT, signal INT, "
    "slot INT, engine INT,"
    " start_us INT, wall_us INT, user_us INT, sys_us INT, mem_kb INT, nout INT, nerr INT, out BLOB, err "
    "BLOB);"
    "CREATE TABLE attempt(task INT, state INT, attempt INT, cause INT, exit INT, signal INT, slot INT,"
    " engine INT,"
    " start_us INT, wall_us INT, user_us INT, sys_us INT, mem_kb INT, nout INT, nerr INT, out BLOB, err BLOB,"
    " PRIMARY KEY(task, attempt)) WITHOUT ROWID;"
    "CREATE TABLE request(id INTEGER PRIMARY KEY AUTOINCREMENT, verb TEXT, text BLOB);"
    "CREATE VIEW tasks AS SELECT t.id AS task,"
    " CASE r.state WHEN 4 THEN 'done' WHEN 5 THEN 'failed' WHEN 6 THEN 'skipped' WHEN 7 THEN 'canceled' ELSE "
    "'waiting' END"
    " AS state,"
    " CASE r.cause WHEN 1 THEN 'exit' WHEN 2 THEN 'signal' WHEN 3 THEN 'timeout' WHEN 4 THEN 'memory' WHEN 5 "
    "THEN"
    " 'not-started' WHEN 6 THEN 'output' WHEN 7 THEN 'lost' WHEN 8 THEN 'interrupted' WHEN 9 THEN 'canceled' "
    "WHEN 10 THEN"
    " 'dependency' ELSE 'none' END AS cause,"
    " r.attempt AS attempts, CASE r.engine WHEN 0 THEN 'local' ELSE"
    " (SELECT value FROM meta WHERE key = 'engine.' || r.engine) END AS engine,"
    " r.exit AS exit_status, r.signal, r.start_us / 1e6 AS start, r.wall_us / 1e6 AS "
    "wall_s,"
    " r.user_us / 1e6 AS user_s, r.sys_us / 1e6 AS sys_s, r.mem_kb, t.args, r.out AS stdout, r.err AS stderr"
    " FROM task t LEFT JOIN result r ON r.task = t.id;";

static int put_tasks(sqlite3 *db, const al_store_content *content)
{
    sqlite3_stmt *insert = NULL;
    al_args none = {"", 0}, spec;
    int code = sqlite3_prepare_v2(db, "INSERT INTO task(id, args, spec) VALUES(?,?,?)", -1, &insert, NULL);
    for (al_task_id task = 1; code == SQLITE_OK && content->next_spec(content->arg, &spec); task++)
        code = al_store_put_task(insert, task, none, spec);
    (void)sqlite3_finalize(insert);
    return code;
}

static int put_content(sqlite3 *db, const al_store_content *content)
{
    sqlite3_stmt *set = NULL;
    int code = sqlite3_prepare_v2(db, "INSERT INTO meta VALUES(?,?)", -1, &set, NULL);
    for (const char *const *key = content->keys; code == SQLITE_OK && key[0] != NULL; key += 2)
        if (key[1] != NULL && key[1][0] != '\0')
            code = al_store_put_key(set, key[0], key[1]);
    (void)sqlite3_finalize(set);
    return code == SQLITE_OK && content->next_spec != NULL ? put_tasks(db, content) : code;
}

static allot_err write_draft(const char *folder, bool wal, const al_store_content *content, allot_error *err)
{
    sqlite3 *db = NULL;
    char sql[sizeof schema + 200];
    allot_err result =
        al_store_open_file(folder, DRAFT, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db, err);
    (void)snprintf(sql, sizeof sql,
                   "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN; PRAGMA application_id=%d; "
                   "PRAGMA user_version=%d; %s",
                   AL_STORE_APPLICATION, AL_STORE_VERSION, schema);
    if (result == ALLOT_OK)
        result = al_store_execute(folder, db, sql, err);
    int code = result == ALLOT_OK && content != NULL ? put_content(db, content) : SQLITE_OK;
    if (result == ALLOT_OK && code == SQLITE_OK)
        code = sqlite3_exec(db, wal ? "COMMIT; PRAGMA journal_mode=WAL" : "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        result = al_store_fault(folder, db, code, err);
    (void)sqlite3_close(db);
    return result;
}

/** What is in a file, or a folder, to the disk. */
static int sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    int fault = fd >= 0 && fsync(fd) == 0 ? 0 : errno;
    if (fd >= 0)
        (void)close(fd);
    return fault;
}

allot_err al_store_make(const char *folder, bool wal, const al_store_content *content, allot_error *err)
{
    char draft[PATH_MAX + 16], path[PATH_MAX + 16];
    (void)snprintf(draft, sizeof draft, "%s/" DRAFT, folder);
    (void)snprintf(path, sizeof path, "%s/run.db", folder);
    (void)unlink(draft); /* of one that was killed */
    allot_err code = write_draft(folder, wal, content, err);
    int fault = code == ALLOT_OK ? sync_path(draft, O_RDWR) : 0;
    if (fault == 0 && code == ALLOT_OK && rename(draft, path) != 0)
        fault = errno;
    if (fault != 0)
        code = al_fail(err, ALLOT_EIO, fault, "%s", path);
    if (code == ALLOT_OK)
        (void)sync_path(folder, O_RDONLY | O_DIRECTORY); /* not all can: then the next commit does it */
    else
        (void)unlink(draft);
    return code;
}
