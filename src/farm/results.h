/* results.h - what tasks wrote as files in folders that are named by their arguments, as GNU parallel's
 * --results.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_RESULTS_H
#define AL_FARM_RESULTS_H

#include <stdint.h>

#include <allot/error.h>

#include "engine/task.h"
#include "farm/args.h"

typedef struct al_results al_results;

/** @param names  of the columns, which stand in the path; where there are none, their numbers do
 * @param[out] results  owned by caller. @return ALLOT_OK; ALLOT_EIO: the folder and reason; ALLOT_ENOMEM */
allot_err al_results_open(const char *folder, char **names, uint32_t nnames, al_results **results,
                          allot_error *err);

/** Write FOLDER/1/ARG1/2/ARG2/{stdout,stderr,seq}, each under another name first. Of an argument / becomes
 * \_, \ \\, a tab \t and a newline \n; one that is empty, "." or "..", gets a \ before it; what is longer
 * than a name can be is cut, and ends in a sum of all of it.
 * @param out, err_out    what was written, unless
 * @param out_path, err_path  are not NULL: the file that it is in, which is linked or copied
 * @return ALLOT_OK; ALLOT_EIO: file and reason; ALLOT_ENOMEM */
allot_err al_results_write(al_results *results, al_args args, const al_result *result, al_args out,
                           al_args err_out, const char *out_path, const char *err_path, allot_error *err);
/** NULL is allowed. */
void al_results_close(al_results *results);

#endif
