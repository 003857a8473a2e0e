/* store_parts.h - the inside of a store. For store*.c alone, which are the only ones that know SQLite.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_STORE_PARTS_H
#define AL_FARM_STORE_PARTS_H

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>

#include "farm/store.h"
#include "farm/tail.h"

#define AL_STORE_VERSION 2
#define AL_STORE_APPLICATION 0x616c6c74 /* "allt" */
#define AL_STORE_BLOCK 256u             /* rows of tasks read at a time */

enum {
    AL_INSERT_TASK,
    AL_INSERT_RESULT,
    AL_INSERT_VERDICT,
    AL_KEEP_ATTEMPT,
    AL_ASK_ATTEMPT,
    AL_SET_KEY,
    AL_DELETE_KEY,
    AL_DELETE_REQUESTS,
    AL_NSTATEMENTS
};

/** What is on its way into the database, but for results, which are in the tail. */
typedef struct al_store_given {
    al_buffer tasks; /* for each: al_store_added, arguments, spec */
    al_buffer keys;  /* keys and values by turns, each with its end */
    int64_t requests_done;
} al_store_given;

typedef struct al_store_added {
    uint32_t nargs, nspec; /* nspec UINT32_MAX: it has none */
} al_store_added;

/** Who is told of results on disk. */
typedef struct al_store_listener {
    al_store_committed_fn *committed_fn;
    al_store_group_fn *group_fn;
    void *arg;
} al_store_listener;

struct al_store {
    char folder[PATH_MAX];
    al_store_mode mode;
    int lock_fd, event_fd;

    /* The caller's thread. */
    sqlite3 *reader;
    sqlite3_stmt *read_tasks;
    al_buffer block; /* rows of tasks, from block_first on */
    al_task_id block_first;
    uint32_t block_count;
    struct {
        size_t at, nargs, nspec;
        bool has_spec;
    } rows[AL_STORE_BLOCK];
    uint64_t ntasks;
    al_buffer inflight;   /* al_task_id of those in flight when the last controller was killed */
    al_buffer recovered;  /* and of results that were found in the tail, in order */
    int64_t last_request; /* the one that was taken last, */
    bool is_request_open; /* and is being dealt with */
    al_buffer request;

    /* The store's thread. */
    sqlite3 *writer;
    sqlite3_stmt *statements[AL_NSTATEMENTS];
    al_store_listener listener;
    al_task_id next_task; /* number of the next task to be inserted */
    al_store_given taken; /* what is being committed */
    uint64_t last_commit_ns;
    al_tail *tail; /* of which the half that is not being filled */

    /* Both, under the lock. */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    al_store_given given;
    bool ending, hurry, wants_room, is_asleep;
    uint64_t ngiven, ndone; /* counts what was given and what of it is on disk, for al_store_sync() */
    allot_error fault;

    /* Both, at any time. */
    _Atomic int filling; /* which half of the tail */
    atomic_bool is_broken;
    _Atomic uint64_t ntasks_committed, npending_bytes;
};

/** The sentence for an error of SQLite's, in err. */
allot_err al_store_fault(const char *folder, sqlite3 *db, int code, allot_error *err);
allot_err al_store_open_db(const char *folder, int flags, sqlite3 **db, allot_error *err);
/** The same of a file in the folder by another name. */
allot_err al_store_open_file(const char *folder, const char *name, int flags, sqlite3 **db, allot_error *err);
/** SQL without results. */
allot_err al_store_execute(const char *folder, sqlite3 *db, const char *sql, allot_error *err);
allot_err al_store_prepare(al_store *store, allot_error *err);
void al_store_finalize(al_store *store);

/* store_rows.c. Each returns SQLITE_OK or what failed. */

int al_store_put_task(sqlite3_stmt *insert, al_task_id task, al_args args, al_args spec);
/** @param[in,out] next_task  number of the first of them, then of the one after the last */
int al_store_put_tasks(al_store *store, const al_buffer *tasks, uint64_t *next_task);
/** Insert a result, keeping an earlier attempt's. */
int al_store_put_result(al_store *store, const al_result *result, al_args out, al_args err_out);
int al_store_put_half(al_store *store, const al_tail_half *half);
int al_store_put_key(sqlite3_stmt *set, const char *key, const char *value);
int al_store_put_keys(al_store *store, const al_buffer *keys);
/** Requests up to this one; 0: none. */
int al_store_delete_requests(al_store *store, int64_t done);

/* store_thread.c */

allot_err al_store_start_thread(al_store *store, allot_error *err);
void al_store_end_thread(al_store *store);
/** Requests up to this one are done with. */
void al_store_done_request(al_store *store, int64_t request);

/** store_make.c: write a new run's database, whole or not at all. wal: with a write-ahead log */
allot_err al_store_make(const char *folder, bool wal, const al_store_content *content, allot_error *err);

/** store_recover.c: before the thread is started. ntasks: tasks in the database */
allot_err al_store_recover(al_store *store, uint64_t ntasks, allot_error *err);

/** store_lock.c: take the lock, and write down whose it is. */
allot_err al_store_lock(const char *folder, int *fd, allot_error *err);

#endif
