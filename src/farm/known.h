/* known.h - a list of tasks that is read again: which of them are in the run already.
 *
 * A task is known by its arguments, not by its place: so a list that was edited meanwhile never makes a task
 * run twice, or another in its stead.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_KNOWN_H
#define AL_FARM_KNOWN_H

#include "farm/store.h"

typedef struct al_known al_known;

/** @param store  borrowed until al_known_destroy(); the tasks it has now are the known ones
 * @param is_cut  tasks hold several of the list's values, as the last session happened to cut it: the list is
 * read one value a task for as long as al_known_is_going() says so, and compared by values
 * @return owned by caller; NULL: out of memory */
al_known *al_known_create(al_store *store, bool is_cut);
void al_known_destroy(al_known *known);

/** The list's next task: is it one of the run's? Each of those answers once, so that of three equal tasks in
 * the list two are new if the run has one. As long as the list is as it was this costs a comparison; from the
 * first difference on 16 bytes for each task of the run that is left.
 * @return ALLOT_OK and *is_known; ALLOT_EIO, ALLOT_EFORMAT: the run cannot be read; ALLOT_ENOMEM */
allot_err al_known_take(al_known *known, al_args args, bool *is_known, allot_error *err);

/** Whether tasks of the run may still be met in the list. */
bool al_known_is_going(const al_known *known);
/** Tasks of the list so far. */
uint64_t al_known_nread(const al_known *known);

#endif
