/* joblog.h - the job log that GNU parallel's users know: a line for each task that ended.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_JOBLOG_H
#define AL_FARM_JOBLOG_H

#include <stdbool.h>

#include <allot/error.h>

#include "engine/task.h"

typedef struct al_joblog al_joblog;

/** Open the file, anew or (append) where it ends. A new one begins with the columns' names.
 * @param[out] log  owned by caller. @return ALLOT_OK; ALLOT_EIO: file and reason; ALLOT_ENOMEM */
allot_err al_joblog_open(const char *path, bool append, al_joblog **log, allot_error *err);
/** Add a line, in memory until al_joblog_flush(). Exitval is -1 for a task that we ended or that never ran,
 * and 127 for one whose command is not there; Send is 0, Receive what it wrote to standard output. */
void al_joblog_write(al_joblog *log, const al_result *result, const char *host, const char *command);
/** Write the lines, all at once. @return ALLOT_OK, or the first thing that went wrong */
allot_err al_joblog_flush(al_joblog *log, allot_error *err);
/** Flush and close. NULL is allowed. */
void al_joblog_close(al_joblog *log);

#endif
