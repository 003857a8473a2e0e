/* stage.h - files that go to an engine with tasks, and come back from it.
 *
 * Only for engines that do not see our files: for those that do, nothing is copied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_STAGE_H
#define AL_FARM_STAGE_H

#include <limits.h>
#include <stdbool.h>

#include <allot/error.h>

#include "engine/link.h"
#include "farm/held.h"
#include "farm/sums.h"
#include "farm/template.h"

/** What every task of a run sends and fetches. */
typedef struct al_stage_opts {
    al_template **send; /**< names of files, by a task's arguments */
    uint32_t nsend;
    al_template **fetch;
    uint32_t nfetch;
    char **shared; /**< files that all tasks want: once an engine */
    uint32_t nshared;
} al_stage_opts;

/** Files of one task, as it names them: texts one after the other, each with its end. */
typedef struct al_stage_files {
    al_buffer shared; /**< that others want, too */
    al_buffer sent;   /**< its own */
    al_buffer made;   /**< that it is to make */
} al_stage_files;

void al_stage_files_fini(al_stage_files *files);
/** The names that opts give a task, in place of what files held. */
allot_err al_stage_files_of(const al_stage_opts *opts, al_args args, uint64_t number, uint32_t slot,
                            al_stage_files *files, allot_error *err);

/** One engine's files. */
typedef struct al_stage al_stage;

/** Begin with the sums of the files that all tasks want. */
void al_stage_sum_ahead(al_sums *sums, const char *cwd, const al_stage_opts *opts);

/** @param cwd  where names count from. @param sums  borrowed. @return owned by caller; NULL: out of memory,
 * or the folder is gone */
al_stage *al_stage_create(const char *cwd, al_sums *sums);
void al_stage_destroy(al_stage *stage);
/** A new connection: what waited is forgotten, and the engine has these files (16 bytes a sum). */
void al_stage_begin(al_stage *stage, al_bytes cached, al_packing_when packing);

/** Let a task's files go ahead of its order. order->cached and outputs are filled in here.
 * @param files  NULL: none. @return ALLOT_OK; ALLOT_ENOTFOUND, ALLOT_EINVAL: a file that is not there or
 * cannot be sent, nothing was queued; ALLOT_ENOMEM */
allot_err al_stage_give(al_stage *stage, al_task_order *order, const al_stage_files *files, allot_error *err);
/** Whether a task's files are there and can be sent, without sending any. @return as al_stage_give() */
allot_err al_stage_check(al_stage *stage, const al_stage_files *files, allot_error *err);
/** Take back a task that waits here. @return false: its order is on its way */
bool al_stage_take_back(al_stage *stage, uint64_t task);
/** Give the link as much as it has room for. */
void al_stage_pump(al_stage *stage, al_link *link);
/** Whether anything waits. */
bool al_stage_is_busy(const al_stage *stage);

/** A file of a task's results begins, goes on, ends: it gets its name here once it came whole and its sum is
 * right. `made` are the names that the task declared.
 * @param held  files and links are kept there instead, for al_held_name(); borrowed until the file's end, or
 * NULL
 * @return ALLOT_OK; ALLOT_EFORMAT: nobody asked for it, or its name leads elsewhere: the engine is not to be
 * trusted; ALLOT_EIO: it cannot be kept here */
allot_err al_stage_file(al_stage *stage, const al_file_head *file, al_bytes made, al_held *held,
                        allot_error *err);
allot_err al_stage_data(al_stage *stage, const al_file_data *data, allot_error *err);
allot_err al_stage_file_end(al_stage *stage, const al_file_tail *tail, allot_error *err);

/** Open the folder that a result goes into, made if it is not there: names that we were given by our user may
 * lead through links, those from the engine may not.
 * @param is_folder  the declared name is one. @param[out] last  part of the name
 * @return its descriptor, or -1 with errno */
int al_stage_open_root(const char *cwd, const char *name, bool is_folder, char last[NAME_MAX + 1]);
/** Where names count from. */
const char *al_stage_cwd(const al_stage *stage);

/** How files move, over all connections so far. */
typedef struct al_stage_facts {
    double sent_rate, received_rate; /**< bytes of files a second, while some were on their way; 0: too few */
    bool is_packing;                 /**< what is sent is compressed at present */
    const char *why_packing;         /**< or not: static text; NULL: nothing was sent yet */
} al_stage_facts;
void al_stage_look(const al_stage *stage, al_stage_facts *facts);

/** Whether all of a task's declared files are here. @param[out] missing  the first that is not */
bool al_stage_has_all(const char *cwd, al_bytes made, char missing[PATH_MAX]);

#endif
