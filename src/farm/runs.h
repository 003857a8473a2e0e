/* runs.h - where runs are kept, and by which names they are found.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_RUNS_H
#define AL_FARM_RUNS_H

#include <stdbool.h>
#include <stddef.h>

#include <allot/error.h>

/** The folder of all runs: below the user's state folder.
 * @return ALLOT_OK; ALLOT_ENOTFOUND: the environment names no place (remedy in err) */
allot_err al_runs_folder(char *path, size_t nbytes, allot_error *err);

/** Make a folder for a new run called `name`, or if that is NULL by the name of a program and the first free
 * number (gzip-3).
 * @param[out] path  the folder's, nbytes
 * @return ALLOT_OK; ALLOT_EPERM: the name is taken, or the folder cannot be written; ALLOT_ENOTFOUND as above
 */
allot_err al_runs_make(const char *name, const char *program, char *path, size_t nbytes, allot_error *err);

/** The folder of a run: by its name, by a path (with a slash in it), or for NULL the one that was worked on
 * last.
 * @return ALLOT_OK; ALLOT_ENOTFOUND: there is none (the nearest name is said) */
allot_err al_runs_find(const char *name, char *path, size_t nbytes, allot_error *err);

/** The name of the run in a folder: the last part of its path. Points into path. */
const char *al_runs_name(const char *path);
/** The word that commands find it by: its name, or its whole path if it is not in the user's folder of runs.
 * Points into path. */
const char *al_runs_word(const char *path);

/** Call fn for the folder of each run, in order of their names. @return false: fn said stop */
typedef bool al_runs_fn(void *arg, const char *path);
allot_err al_runs_each(al_runs_fn *fn, void *arg, allot_error *err);

#endif
