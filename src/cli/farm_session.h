/* farm_session.h - working on a run: what `allot farm`, `allot resume` and `allot retry` have in common.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_FARM_SESSION_H
#define AL_CLI_FARM_SESSION_H

#include <limits.h>

#include "cli/farm_options.h"
#include "farm/farm.h"
#include "farm/known.h"

/** Exit statuses beyond the number of failed tasks (at most AL_FARM_FAILED_MOST). */
enum { AL_FARM_FAILED_MOST = 100, AL_FARM_EXIT_BROKEN = 101, AL_FARM_EXIT_USAGE = 102 };

/** What a command may hold of arguments, -X: the system's limit is 2 MB with the environment, but 128 kB for
 * one of them, as which a shell's command line is passed; quoted, a value is four times as long at most. */
enum { AL_SESSION_MANY_BYTES = 131072, AL_SESSION_MANY_BYTES_SHELL = 30000 };

typedef struct al_session {
    const char *command; /* "farm", for complaints */
    al_farm_options options;
    char path[PATH_MAX]; /* of the run's folder */
    char here[PATH_MAX]; /* where the command was given */
    char cwd[PATH_MAX];  /* that tasks run in */
    al_store *store;
    al_sched *sched;
    al_print *print;
    al_inputs *inputs;
    al_known *known;     /* the list is read again: what the run has of it */
    uint32_t batch_jobs; /* -j when the run was made, by which -X cuts; 0: options.njobs */
    al_template *template, *tag;
    al_stage_opts stage;  /* files that go with tasks; the names are ours */
    uint32_t *engine_ids; /* of options.engines, in results */
    al_names *names;      /* of tasks with specs; NULL: of a template */
    al_buffer specs;      /* --tasks: the file */
    char **columns;       /* names from the header, */
    uint32_t ncolumns;
    al_farm *farm;
    uint64_t nbefore;      /* tasks that were final before this session */
    uint64_t ninterrupted; /* that were in flight when an earlier controller was killed */
    bool is_terminal;
    bool is_passing;    /* the run is not kept */
    bool is_resumed;    /* an earlier session worked on the run */
    bool lacks_input;   /* the rest of the list is not to be had */
    bool is_in_job;     /* this is the controller in a job that was made for the run */
    bool is_first;      /* nor has any worked on it before */
    bool has_more;      /* at the end: some of the run is left to do */
    uint64_t nended;    /* at the end: tasks that ended in this session */
    char *typed;        /* options of `allot resume`, for the job that is to go on with the run; owned */
    char **recalled[4]; /* of the command line that made the run: words, columns, what is for the batch
                           system; and the options of a job; owned */
    int ready_fd;       /* --detach: whom to tell that the run goes on by itself; -1 */
} al_session;

/** Complain of err. @return the exit status */
int al_session_fail(const al_session *session, allot_err code, const allot_error *err);

/** Read the template and what goes with it; the columns' names are known. */
allot_err al_session_parse(al_session *session, allot_error *err);
/** farm_list.c: open the lists that the command line names. */
allot_err al_session_open_inputs(al_session *session, allot_error *err);
/** The list's next task, waiting for it. */
allot_err al_session_next_task(al_session *session, al_input_state *state, al_args *args, allot_error *err);
/** The run was stopped before its list was at the end: read it again, from wherever it is to be had. */
allot_err al_session_reopen_inputs(al_session *session, allot_error *err);

/** With the store open and filled as far as may be: work until the run is over, and sum up.
 * @return the exit status */
int al_session_run(al_session *session);
/** --detach: a child goes on, the caller waits until it works and prints the run's name. To be called before
 * the run is opened: a store does not survive a fork.
 * @return -1 in the child, otherwise the exit status */
int al_session_detach(al_session *session);
void al_session_fini(al_session *session);
/** A folder, in session->path, for a run that is not kept: al_session_fini() removes it. */
allot_err al_session_make_passing(al_session *session, allot_error *err);

/* farm_batch.c: a run's controller as a job of the batch system's. */

/** --detach: read the list to its end, let go of the run, and have a job go on with it.
 * @return the exit status */
int al_session_submit(al_session *session);
/** Append the words for the batch system, quoted. @return false: out of memory */
bool al_session_write_batch_words(const al_session *session, al_buffer *text);
/** Find out whether this process is the run's controller in its job (session->is_in_job), and if so, mind its
 * signals from now on. Before any thread is started. */
void al_session_enter_job(al_session *session);
/** In a job: open the run, once the controller of an earlier one is gone. */
allot_err al_session_open_in_job(al_session *session, allot_error *err);
/** How long what runs may go on once the job's time is nearly up; 0: in no job. */
uint64_t al_session_drain_ns(const al_session *session);
/** In a job, the run is closed: if it is not done, have the job begin again. @return the exit status */
int al_session_leave_job(al_session *session, int status);

/* farm_fleet.c: engines elsewhere. */

/** Read what --send, --fetch and --shared name. */
allot_err al_session_parse_files(al_session *session, allot_error *err);
/** Make all engines known to the scheduler, this process as the first; number those elsewhere for results.
 * @param[out] nslots  tasks at a time here; 0: this process runs none */
allot_err al_session_add_engines(al_session *session, uint32_t *nslots, allot_error *err);
void al_session_fleet_fini(al_session *session);

/* farm_specs.c: tasks that are told by specs. */

/** Read and check --tasks: all its tasks are known to session->sched then. */
allot_err al_session_read_specs(al_session *session, allot_error *err);
/** A walk through what was read, for al_store_create(). */
typedef struct al_spec_walk {
    const al_buffer *specs;
    size_t at;
    uint64_t number;
} al_spec_walk;
bool al_session_next_spec(void *walk, al_args *spec);
/** The same tasks from the run, of a later session. */
allot_err al_session_recall_specs(al_session *session, allot_error *err);
/** Print the commands, for --dry-run. */
allot_err al_session_print_specs(al_session *session, allot_error *err);

/** farm_report.c: what is said at the end. @return the exit status */
int al_session_report(al_session *session, allot_err code, const allot_error *err);
/** farm_report.c: the progress line. */
void al_session_status(void *session, char *line, size_t nbytes);

#endif
