/* store.h - a run on disk: what is to be done, what was done, and who does it. docs/formats/run.md is the
 * layout.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_STORE_H
#define AL_FARM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"
#include "engine/capture.h"
#include "engine/task.h"
#include "farm/args.h"

#define AL_SLOTS_MAX 4096u

typedef struct al_store al_store;

typedef enum al_store_mode {
    AL_STORE_READ,    /**< look at it, also while another process works on it */
    AL_STORE_CONTROL, /**< be its controller: takes the lock, recovers what a killed one left */
} al_store_mode;

/** The process that has a run's lock. */
typedef struct al_store_owner {
    char host[256];
    int64_t pid;
    int64_t since_us; /**< since 1970; 0: nobody has it */
    bool is_here;     /**< on this machine */
} al_store_owner;

/** What a run holds from its first moment. */
typedef struct al_store_content {
    const char *const *keys; /**< keys and values by turns, NULL at the end; NULL for a value: left out */
    /** The next task's spec, in *spec. @return false: no more. NULL: there are no tasks yet */
    bool (*next_spec)(void *arg, al_args *spec);
    void *arg;
} al_store_content;

/** Make a run in a new folder, or an empty one, and control it. The run is there with all of its content, or
 * not at all: whoever kills us meanwhile leaves a folder without a run in it.
 * @param folder   absolute path; made with its parents, mode 0700
 * @param content  NULL: nothing yet
 * @param[out] made  owned by caller
 * @return ALLOT_OK; ALLOT_EPERM: there is a run already, or the folder cannot be written; ALLOT_EIO;
 * ALLOT_ENOMEM */
allot_err al_store_create(const char *folder, const al_store_content *content, al_store **made,
                          allot_error *err);
/** Open a run.
 * @return ALLOT_OK; ALLOT_ENOTFOUND: no run there; ALLOT_EPERM: another process controls it (text says who:
 * host, pid, since when, and what to do), or read-only when control is wanted; ALLOT_EFORMAT: truncated,
 * scribbled on, or of a newer version (nothing is changed); ALLOT_EIO; ALLOT_ENOMEM */
allot_err al_store_open(const char *folder, al_store_mode mode, al_store **made, allot_error *err);
/** Commit all, stop the thread, release the lock, close. @return ALLOT_OK, or why what was given is not on
 * disk. NULL is allowed. */
allot_err al_store_close(al_store *store, allot_error *err);

/** Who controls the run in folder at present. @return whether somebody does */
bool al_store_owner_of(const char *folder, al_store_owner *owner);

/* ---- what a run is: keys and texts ---- */

/** Values are texts; the keys in use are listed in docs/formats/run.md. Committed with the next group. An
 * empty value removes the key. */
allot_err al_store_set(al_store *store, const char *key, const char *value, allot_error *err);
/** @param[out] value  owned by caller; NULL: there is none */
allot_err al_store_get(al_store *store, const char *key, char **value, allot_error *err);

/* ---- tasks ---- */

/** One more task, numbered on. It is on disk once al_store_ntasks_committed() says so. spec: its JSON, or
 * NULL. */
allot_err al_store_add(al_store *store, al_args args, const char *spec, allot_error *err);
uint64_t al_store_ntasks(const al_store *store);
uint64_t al_store_ntasks_committed(const al_store *store);
/** Whether so much was given that is not on disk yet that no more should be, for a while. */
bool al_store_is_behind(const al_store *store);
/** Commit what was given now, not when its time has come: somebody has nothing else to do. Does not wait. */
void al_store_hurry(al_store *store);
/** A task's arguments and spec (spec->at NULL: none), borrowed until the next call of any al_store_ function
 * by this thread. Rows are read ahead in blocks, so that going through tasks in order costs about a
 * microsecond each. */
allot_err al_store_task(al_store *store, al_task_id task, al_args *args, al_args *spec, allot_error *err);

/** What another process asked of this run: tasks to add, to cancel; see al_store_ask(). */
typedef struct al_request {
    char verb[16]; /**< "add", "cancel", "retry" */
    char *text;    /**< borrowed until the next call */
    size_t nbytes;
} al_request;
/** Leave a request for the run's controller, from any process. Committed when this returns. */
allot_err al_store_ask(const char *folder, const char *verb, const char *text, size_t nbytes,
                       allot_error *err);
/** Set a key of a run that somebody else may be working on, as al_store_ask(). */
allot_err al_store_note(const char *folder, const char *key, const char *value, allot_error *err);
/** Whether requests wait that no controller has dealt with. */
bool al_store_is_asked(const char *folder);
/** The next request. The one before it is done with: it is taken off together with what came of it.
 * @return ALLOT_OK and *found */
allot_err al_store_next_request(al_store *store, al_request *request, bool *found, allot_error *err);

/* ---- what happens to them ---- */

/** Before a task is started in slot (from 1): so that, should we be killed, its being in flight is known.
 * Costs no system call. */
void al_store_started(al_store *store, uint32_t slot, al_task_id task, uint32_t attempt, int64_t start_us);
void al_store_pid(al_store *store, uint32_t slot, int64_t pid);

/** An attempt ended (result->slot 0: it never was in one). From here on it survives our being killed; it
 * survives a loss of power, and may be reported, once it comes out of al_store_committed(). Never blocks.
 * @param out, err_out  what it wrote; more than AL_INLINE_MOST bytes: not given, in the file
 * al_store_output_path()
 * @return false: the buffers are full, nothing was taken: call again after al_store_fd() became readable */
bool al_store_ended(al_store *store, const al_result *result, al_args out, al_args err_out);
/** Whether al_store_ended() would take one of the largest size now. */
bool al_store_has_room(const al_store *store);

/** Where long output is kept: FOLDER/output/TASK.ATTEMPT.out (is_err: .err). */
void al_store_output_path(const al_store *store, al_task_id task, uint32_t attempt, bool is_err, char *path,
                          size_t nbytes);

/** Results that are on disk, in the order they were given; called on the store's thread, which may take its
 * time: while it does, al_store_has_room() may become false, but nothing else waits. out and err_out are
 * borrowed until return. */
typedef void al_store_committed_fn(void *arg, const al_result *result, al_args out, al_args err_out);
/** Called on the store's thread after a group's results, with more = false when the store is about to be
 * closed. */
typedef void al_store_group_fn(void *arg);
void al_store_on_commit(al_store *store, al_store_committed_fn *fn, al_store_group_fn *group_fn, void *arg);

/** Results that had not been committed, and so not been shown, when the last controller was killed or its
 * disk was full; they are now. */
bool al_store_is_recovered(const al_store *store, al_task_id task);
/** Call the committed_fn for these, and the group_fn, on this thread, before anything is given to the store.
 */
allot_err al_store_announce_recovered(al_store *store, allot_error *err);

/** Readable when tasks were committed, room came about, or the store failed. */
int al_store_fd(const al_store *store);
/** Take the event off al_store_fd(). @return ALLOT_OK, or why the run cannot be kept any more (disk full...):
 * from then on nothing is committed and nothing may be started */
allot_err al_store_check(al_store *store, allot_error *err);
/** Wait until all that was given is on disk. */
allot_err al_store_sync(al_store *store, allot_error *err);

/* ---- what is known ---- */

/** A task's state in brief, for resuming: called for every task that was ever tried or is final, in order of
 * ids. `interrupted`: it was in flight when the controller was killed. */
typedef void al_store_state_fn(void *arg, al_task_id task, al_task_state state, uint32_t attempts,
                               bool interrupted, uint64_t wall_us);
allot_err al_store_each_state(al_store *store, al_store_state_fn *fn, void *arg, allot_error *err);

/** Tasks that were in flight when the last controller was killed. @return borrowed until al_store_close() */
const al_task_id *al_store_interrupted(const al_store *store, size_t *count);

/** A task's latest result. @return ALLOT_OK; ALLOT_ENOTFOUND: it has none yet */
allot_err al_store_result(al_store *store, al_task_id task, al_result *result, allot_error *err);
/** What it wrote, appended to text if it is kept inline, otherwise the file's descriptor (owned by caller) in
 * *fd. */
allot_err al_store_output(al_store *store, al_task_id task, bool is_err, al_buffer *text, int *fd,
                          allot_error *err);
/** Results in the order of ids, filter: only these states (bit 1 << state; 0: all). Stops when fn returns
 * false. */
typedef bool al_store_result_fn(void *arg, const al_result *result);
allot_err al_store_each_result(al_store *store, uint32_t states, al_store_result_fn *fn, void *arg,
                               allot_error *err);
/** The results that took longest, longest first. @param[in,out] count  how many at most; how many there are
 */
allot_err al_store_slowest(al_store *store, al_result *results, size_t *count, allot_error *err);
/** Forget the results of tasks in these states, which are to be done again (allot retry). Control only. */
allot_err al_store_reset(al_store *store, uint32_t states, uint64_t *nreset, allot_error *err);

/** Let tasks that were interrupted have failed. Control only. */
allot_err al_store_fail_interrupted(al_store *store, allot_error *err);

typedef struct al_store_counts {
    uint64_t ntasks, ndone, nfailed, nskipped, ncanceled, nattempts;
} al_store_counts;
allot_err al_store_count(al_store *store, al_store_counts *counts, allot_error *err);

const char *al_store_folder(const al_store *store);

#endif
