/* sums.h - sums of files that engines are to have once: each file's is found once in a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_SUMS_H
#define AL_FARM_SUMS_H

#include <sys/stat.h>

#include <allot/error.h>

#include "engine/message.h"

typedef struct al_sums al_sums;

/** @return owned by caller; NULL: out of memory */
al_sums *al_sums_create(void);
/** What was begun is left as it is. NULL is allowed. */
void al_sums_destroy(al_sums *sums);

/** Begin with these files (paths one after the other, each with its end; copied) in a thread of its own: sums
 * of large files take about as long as a login. What goes wrong shows when a sum is asked for. Once. */
void al_sums_begin(al_sums *sums, al_bytes paths);
/** Nobody needs them after all, as far as is known; any can be asked for all the same. */
void al_sums_stop(al_sums *sums);

/** The sum of a file whose status is st, from memory as long as it is the same file. Waits for its being read
 * otherwise. @return ALLOT_OK; ALLOT_EIO: it cannot be read; ALLOT_ENOMEM */
allot_err al_sums_find(al_sums *sums, const char *path, const struct stat *st, al_sum *sum, allot_error *err);

#endif
