/* store.c - a run's folder: making, opening and closing it. See store.h.
 *
 * Rooms: store_lock.c says who controls a run, tail.c keeps what ended until it is in the database,
 * store_thread.c puts it there, store_read.c looks things up, store_make.c lays a new one out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/user_folder.h"
#include "farm/runs.h"
#include "farm/store_parts.h"

allot_err al_store_fault(const char *folder, sqlite3 *db, int code, allot_error *err)
{
    const char *name = al_runs_word(folder);
    switch (code & 0xff) {
    case SQLITE_FULL:
        return al_fail(err, ALLOT_EIO, 0,
                       "%s/run.db: the disk is full; free some space, then: allot resume %s", folder, name);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return al_fail(
            err, ALLOT_EFORMAT, 0,
            "%s/run.db is damaged; nothing was changed: restore it from a backup, or read what is left with: "
            "sqlite3 %s/run.db .recover",
            folder, folder);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return al_fail(err, ALLOT_EPERM, 0, "%s/run.db cannot be written: see to its owner and mode", folder);
    case SQLITE_CANTOPEN:
        return al_fail(err, ALLOT_ENOTFOUND, 0, "%s: there is no run in this folder, or it cannot be read",
                       folder);
    case SQLITE_NOMEM:
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    default:
        return al_fail(err, ALLOT_EIO, 0, "%s/run.db: %s", folder,
                       db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code));
    }
}

allot_err al_store_execute(const char *folder, sqlite3 *db, const char *sql, allot_error *err)
{
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? ALLOT_OK : al_store_fault(folder, db, code, err);
}

allot_err al_store_open_db(const char *folder, int flags, sqlite3 **db, allot_error *err)
{
    return al_store_open_file(folder, "run.db", flags, db, err);
}

allot_err al_store_open_file(const char *folder, const char *name, int flags, sqlite3 **db, allot_error *err)
{
    char path[PATH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int code = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return al_store_fault(folder, *db, code, err);
    (void)sqlite3_extended_result_codes(*db, 1);
    (void)sqlite3_busy_timeout(*db, 10000);
    return ALLOT_OK;
}

static int64_t ask_number(sqlite3 *db, const char *sql, int *code)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = 0;
    *code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (*code == SQLITE_OK && (*code = sqlite3_step(statement)) == SQLITE_ROW) {
        value = sqlite3_column_int64(statement, 0);
        *code = SQLITE_OK;
    }
    (void)sqlite3_finalize(statement);
    return value;
}

/** Whether SQLite finds nothing wrong with its pages: a third of a second for a million tasks. */
static int check_pages(sqlite3 *db)
{
    sqlite3_stmt *check = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &check, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(check)) == SQLITE_ROW)
        code = strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
    (void)sqlite3_finalize(check);
    return code;
}

/** Whether it is a run of ours; and whole, if it is to be written to. */
static allot_err check_db(const char *folder, sqlite3 *db, al_store_mode mode, allot_error *err)
{
    int code;
    sqlite3_stmt *tables = NULL;
    int64_t application = ask_number(db, "PRAGMA application_id", &code);
    int64_t version = code == SQLITE_OK ? ask_number(db, "PRAGMA user_version", &code) : 0;
    if (code == SQLITE_OK && application == AL_STORE_APPLICATION && version > AL_STORE_VERSION)
        return al_fail(err, ALLOT_EFORMAT, 0,
                       "%s/run.db is of a newer allot (format %lld, this one knows %d): use that one", folder,
                       (long long)version, AL_STORE_VERSION);
    if (code == SQLITE_OK && application == AL_STORE_APPLICATION && version >= 1 &&
        version < AL_STORE_VERSION)
        return al_fail(
            err, ALLOT_EFORMAT, 0,
            "%s/run.db is of an older allot (format %lld, this one writes %d): finish it with that "
            "one; its tables may be read with sqlite3",
            folder, (long long)version, AL_STORE_VERSION);
    if (code == SQLITE_OK && (application != AL_STORE_APPLICATION || version < 1))
        code = SQLITE_NOTADB;
    if (code == SQLITE_OK)
        code =
            sqlite3_prepare_v2(db, "SELECT 1 FROM task, result, attempt, meta, request", -1, &tables, NULL);
    (void)sqlite3_finalize(tables);
    if (code == SQLITE_OK && mode == AL_STORE_CONTROL)
        code = check_pages(db);
    return code == SQLITE_OK ? ALLOT_OK
                             : al_store_fault(folder, db, code == SQLITE_ERROR ? SQLITE_CORRUPT : code, err);
}

/** Write-ahead logs need memory shared by all who open them: not over a network. */
static bool is_local(const char *folder)
{
    static const unsigned remote[] = {0x6969 /* nfs */,        0x517b /* smb */,
                                      0xff534d42 /* cifs */,   0xfe534d42 /* smb2 */,
                                      0x0bd00bd0 /* lustre */, 0x65735546 /* fuse */,
                                      0x47504653 /* gpfs */,   0x19830326 /* beegfs */,
                                      0x00c36400 /* ceph */,   0x01021997 /* 9p */};
    struct statfs fs;
    if (statfs(folder, &fs) != 0 || getenv("ALLOT_TEST_REMOTE") != NULL)
        return false;
    for (size_t k = 0; k < sizeof remote / sizeof remote[0]; k++)
        if ((unsigned)fs.f_type == remote[k])
            return false;
    return true;
}

allot_err al_store_prepare(al_store *store, allot_error *err)
{
    static const char *const texts[] = {
        [AL_INSERT_TASK] = "INSERT INTO task(id, args, spec) VALUES(?,?,?)",
        [AL_INSERT_RESULT] = "INSERT OR REPLACE INTO result VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        [AL_INSERT_VERDICT] = ("INSERT INTO result VALUES(?1,?2,?3,?4,0,0,0,0,0,0,0,0,0,0,0,NULL,NULL)"
                               " ON CONFLICT(task) DO UPDATE SET state=?2, cause=?4"),
        [AL_ASK_ATTEMPT] = "SELECT attempt, state FROM result WHERE task=?",
        [AL_KEEP_ATTEMPT] = "INSERT OR IGNORE INTO attempt SELECT * FROM result WHERE task=?1 AND attempt<?2",
        [AL_SET_KEY] = "INSERT OR REPLACE INTO meta VALUES(?,?)",
        [AL_DELETE_KEY] = "DELETE FROM meta WHERE key=?",
        [AL_DELETE_REQUESTS] = "DELETE FROM request WHERE id<=?",
    };
    for (int k = 0; k < AL_NSTATEMENTS; k++) {
        int code = sqlite3_prepare_v3(store->writer, texts[k], -1, SQLITE_PREPARE_PERSISTENT,
                                      &store->statements[k], NULL);
        if (code != SQLITE_OK)
            return al_store_fault(store->folder, store->writer, code, err);
    }
    return ALLOT_OK;
}

void al_store_finalize(al_store *store)
{
    for (int k = 0; k < AL_NSTATEMENTS; k++)
        (void)sqlite3_finalize(store->statements[k]);
    (void)sqlite3_finalize(store->read_tasks);
}

static al_store *allocate(const char *folder, al_store_mode mode)
{
    al_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    (void)snprintf(store->folder, sizeof store->folder, "%s", folder);
    store->mode = mode;
    store->lock_fd = store->event_fd = -1;
    return store;
}

/** With the lock held: the connections, the tail, the thread. */
static allot_err take_control(al_store *store, bool is_new, allot_error *err)
{
    bool new_tail, wal = is_local(store->folder);
    int code = SQLITE_OK;
    allot_err result = al_store_open_db(store->folder, SQLITE_OPEN_READWRITE, &store->writer, err);
    if (result == ALLOT_OK && !is_new)
        result = check_db(store->folder, store->writer, AL_STORE_CONTROL, err);
    if (result == ALLOT_OK)
        result = al_store_execute(
            store->folder, store->writer,
            wal ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-1000"
                : "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA cache_size=-1000",
            err);
    if (result == ALLOT_OK)
        result = al_tail_open(store->folder, &store->tail, &new_tail, err);
    if (result == ALLOT_OK)
        result = al_store_prepare(store, err);
    if (result == ALLOT_OK) {
        store->ntasks = (uint64_t)ask_number(store->writer, "SELECT max(id) FROM task", &code);
        atomic_store(&store->ntasks_committed, store->ntasks);
        store->next_task = store->ntasks + 1;
        result = code == SQLITE_OK ? ALLOT_OK : al_store_fault(store->folder, store->writer, code, err);
    }
    if (result == ALLOT_OK && !new_tail)
        result = al_store_recover(store, store->ntasks, err);
    if (result == ALLOT_OK)
        result = al_store_open_db(store->folder, SQLITE_OPEN_READWRITE, &store->reader, err);
    if (result == ALLOT_OK)
        result = al_store_execute(store->folder, store->reader, "PRAGMA cache_size=-250; PRAGMA query_only=1",
                                  err);
    store->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (result == ALLOT_OK && store->event_fd < 0)
        result = al_fail(err, ALLOT_EIO, errno, "the system gives no more descriptors (ulimit -n)");
    return result == ALLOT_OK ? al_store_start_thread(store, err) : result;
}

static allot_err give_or_close(al_store *store, allot_err code, al_store **made)
{
    if (code == ALLOT_OK)
        *made = store;
    else
        (void)al_store_close(store, NULL);
    return code;
}

allot_err al_store_create(const char *folder, const al_store_content *content, al_store **made,
                          allot_error *err)
{
    char path[PATH_MAX + 16];
    al_store *store = allocate(folder, AL_STORE_CONTROL);
    if (store == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    al_folder_make(store->folder);
    (void)snprintf(path, sizeof path, "%s/output", folder);
    if (mkdir(path, 0700) != 0 && (errno != ENOENT || mkdir(folder, 0700) != 0) && errno != EEXIST)
        return give_or_close(
            store,
            al_fail(err, ALLOT_EPERM, errno, "%s cannot be made: name another folder with --run-dir", path),
            made);
    (void)snprintf(path, sizeof path, "%s/run.db", folder);
    allot_err code = al_store_lock(folder, &store->lock_fd, err);
    if (code == ALLOT_OK && access(path, F_OK) == 0)
        code = al_fail(
            err, ALLOT_EPERM, 0,
            "%s: there is a run in this folder already: go on with it (allot resume %s/), or choose another",
            folder, folder);
    if (code == ALLOT_OK)
        code = al_store_make(folder, is_local(folder), content, err);
    if (code == ALLOT_OK)
        code = take_control(store, true, err);
    return give_or_close(store, code, made);
}

/** Open to look only. A folder that cannot be written has no place for what readers of a write-ahead log
 * share. */
static allot_err open_reader(al_store *store, allot_error *err)
{
    allot_err code = al_store_open_db(store->folder, SQLITE_OPEN_READWRITE, &store->reader, err);
    if (code == ALLOT_OK)
        code =
            al_store_execute(store->folder, store->reader,
                             "PRAGMA query_only=1; PRAGMA cache_size=-250; SELECT 1 FROM meta LIMIT 1", err);
    if (code == ALLOT_EPERM || code == ALLOT_EIO || code == ALLOT_ENOTFOUND) {
        char uri[3 * PATH_MAX] = "file:";
        size_t n = strlen(uri);
        for (const char *c = store->folder; *c != '\0' && n + 32 < sizeof uri; c++)
            n += (size_t)(strchr("%?#", *c) != NULL ? snprintf(uri + n, 4, "%%%02x", *c)
                                                    : snprintf(uri + n, 2, "%c", *c));
        (void)snprintf(uri + n, sizeof uri - n, "/run.db?immutable=1");
        (void)sqlite3_close(store->reader);
        int opened = sqlite3_open_v2(uri, &store->reader,
                                     SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
        code = opened == SQLITE_OK ? ALLOT_OK : al_store_fault(store->folder, store->reader, opened, err);
    }
    return code == ALLOT_OK ? check_db(store->folder, store->reader, AL_STORE_READ, err) : code;
}

allot_err al_store_open(const char *folder, al_store_mode mode, al_store **made, allot_error *err)
{
    char path[PATH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/run.db", folder);
    if (access(path, R_OK) != 0)
        return al_fail(err, ALLOT_ENOTFOUND, errno,
                       "%s: there is no run in this folder, or it cannot be read", folder);
    al_store *store = allocate(folder, mode);
    if (store == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    allot_err code;
    if (mode == AL_STORE_READ) {
        int asked;
        code = open_reader(store, err);
        if (code == ALLOT_OK) {
            store->ntasks = (uint64_t)ask_number(store->reader, "SELECT max(id) FROM task", &asked);
            atomic_store(&store->ntasks_committed, store->ntasks);
        }
    } else {
        code = al_store_lock(folder, &store->lock_fd, err);
        if (code == ALLOT_OK)
            code = take_control(store, false, err);
    }
    return give_or_close(store, code, made);
}

allot_err al_store_close(al_store *store, allot_error *err)
{
    if (store == NULL)
        return ALLOT_OK;
    allot_err code = ALLOT_OK;
    if (store->has_thread)
        al_store_end_thread(store);
    if (store->fault.code != ALLOT_OK) {
        code = store->fault.code;
        if (err != NULL)
            *err = store->fault;
    }
    al_store_finalize(store);
    (void)sqlite3_close(store->reader);
    (void)sqlite3_close(store->writer);
    if (store->has_thread && code == ALLOT_OK) { /* all of it is in the database */
        char path[PATH_MAX + 16];
        (void)snprintf(path, sizeof path, "%s/tail", store->folder);
        (void)unlink(path);
    }
    al_tail_close(store->tail);
    if (store->event_fd >= 0)
        (void)close(store->event_fd);
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd); /* which unlocks */
    al_buffer_fini(&store->given.tasks);
    al_buffer_fini(&store->given.keys);
    al_buffer_fini(&store->taken.tasks);
    al_buffer_fini(&store->taken.keys);
    al_buffer_fini(&store->block);
    al_buffer_fini(&store->request);
    al_buffer_fini(&store->inflight);
    al_buffer_fini(&store->recovered);
    free(store);
    return code;
}

const char *al_store_folder(const al_store *store)
{
    return store->folder;
}

void al_store_output_path(const al_store *store, al_task_id task, uint32_t attempt, bool is_err, char *path,
                          size_t nbytes)
{
    (void)snprintf(path, nbytes, "%s/output/%llu.%u.%s", store->folder, (unsigned long long)task, attempt,
                   is_err ? "err" : "out");
}
