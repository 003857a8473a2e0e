/* print.h - results on their way to people: standard output and error, the job log, the results folder.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_PRINT_H
#define AL_FARM_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "farm/joblog.h"
#include "farm/results.h"
#include "farm/store.h"
#include "farm/template.h"

typedef struct al_print_opts {
    const char *folder;         /**< of the run */
    const al_template *command; /**< for the job log; NULL: tasks have specs */
    const al_template *tag;     /**< NULL, or what each line begins with, followed by a tab */
    bool keep_order;            /**< tasks' output in the order of the tasks */
    bool is_live;        /**< output is shown as it comes, whole lines at a time: results show nothing */
    bool is_quiet;       /**< output is kept only */
    al_joblog *joblog;   /**< NULL, or taken on success */
    al_results *results; /**< NULL, or taken on success */
} al_print_opts;

typedef struct al_print al_print;

/** @param[out] made  owned by caller. @return ALLOT_OK; ALLOT_ENOMEM; what opening the run for reading said
 */
allot_err al_print_create(const al_print_opts *opts, al_print **made, allot_error *err);
/** Write out what is pending. @return ALLOT_OK, or the first thing that went wrong since. NULL is allowed */
allot_err al_print_destroy(al_print *print, allot_error *err);

/** Tasks up to `task` are known to be final from an earlier session: they are not waited for, nor shown. */
void al_print_known(al_print *print, al_task_id task);

/** An al_store_committed_fn and an al_store_group_fn, for the store's thread: arg is the print. */
void al_print_result(void *print, const al_result *result, al_args out, al_args err_out);
void al_print_group(void *print);

/** Show lines of a running task: for is_live, from any thread. Lines of several tasks are never mixed. */
void al_print_live(al_print *print, al_task_id task, bool is_err, const char *at, size_t nbytes);

/** What is drawn on the terminal in place (progress) while no output is being written: a line without an end,
 * "" for none. Any thread. */
void al_print_status(al_print *print, const char *line);

/** Whether the reader of standard output went away: the run has nobody to work for. */
bool al_print_is_gone(const al_print *print);
/** Results that were shown or written wherever they go. */
uint64_t al_print_nresults(const al_print *print);

#endif
