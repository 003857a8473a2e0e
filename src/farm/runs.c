/* runs.c - see runs.h. A run is found by its folder's name alone; nothing keeps a list that could be wrong.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/runs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/nearest.h"
#include "base/user_folder.h"

#define NAME_BYTES 200

allot_err al_runs_folder(char *path, size_t nbytes, allot_error *err)
{
    char state[PATH_MAX];
    int n = -1;
    if (al_user_folder_path(AL_USER_STATE, state, sizeof state))
        n = snprintf(path, nbytes, "%s/runs", state);
    if (n > 0 && (size_t)n < nbytes)
        return ALLOT_OK;
    return al_fail(err, ALLOT_ENOTFOUND, 0,
                   "there is no place for runs: set HOME or XDG_STATE_HOME, or name a folder with --run-dir");
}

const char *al_runs_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

const char *al_runs_word(const char *path)
{
    char folder[PATH_MAX];
    const char *name = al_runs_name(path);
    size_t length = name > path ? (size_t)(name - path) - 1 : 0;
    bool is_there = al_runs_folder(folder, sizeof folder, NULL) == ALLOT_OK && strlen(folder) == length &&
                    memcmp(folder, path, length) == 0;
    return is_there ? name : path;
}

/** What of a program's path can be a run's name: "gzip". */
static void name_of_program(const char *program, char name[NAME_BYTES])
{
    const char *base = program != NULL ? al_runs_name(program) : "";
    size_t n = 0;
    for (; *base != '\0' && n < 24; base++) {
        bool is_plain = (*base >= 'a' && *base <= 'z') || (*base >= 'A' && *base <= 'Z') ||
                        (*base >= '0' && *base <= '9') || *base == '_' || *base == '.';
        if (!is_plain || (n == 0 && *base == '.'))
            break;
        name[n++] = *base;
    }
    name[n] = '\0';
    if (n == 0)
        memcpy(name, "run", 4);
}

/** One more than the largest number that a run of this program has. */
static unsigned next_number(const char *folder, const char *program)
{
    unsigned most = 0, number;
    size_t length = strlen(program);
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL)
        if (strncmp(entry->d_name, program, length) == 0 && entry->d_name[length] == '-' &&
            sscanf(entry->d_name + length + 1, "%u", &number) == 1 && number > most)
            most = number;
    if (entries != NULL)
        (void)closedir(entries);
    return most + 1;
}

/** Whether a folder holds a run. */
static bool is_run(const char *path, struct timespec *when)
{
    char db[PATH_MAX];
    struct stat st;
    if ((size_t)snprintf(db, sizeof db, "%s/run.db", path) >= sizeof db || stat(db, &st) != 0)
        return false;
    char lock[PATH_MAX];
    struct stat lock_st;
    if ((size_t)snprintf(lock, sizeof lock, "%s/lock", path) < sizeof lock && stat(lock, &lock_st) == 0)
        st = lock_st; /* written whenever somebody begins to work on it */
    *when = st.st_mtim;
    return true;
}

/** @param[out] was_there  the folder; with ALLOT_OK: without a run in it */
static allot_err make_named(const char *folder, const char *name, bool *was_there, char *path, size_t nbytes,
                            allot_error *err)
{
    struct timespec when;
    *was_there = false;
    if ((size_t)snprintf(path, nbytes, "%s/%s", folder, name) >= nbytes)
        return al_fail(err, ALLOT_EINVAL, 0, "the run's name %.80s is too long", name);
    if (mkdir(path, 0700) == 0)
        return ALLOT_OK;
    *was_there = errno == EEXIST;
    if (*was_there && !is_run(path, &when))
        return ALLOT_OK; /* who began to make it was killed, or will be found to have the lock */
    if (*was_there)
        return al_fail(
            err, ALLOT_EPERM, 0,
            "there is a run called %s already: go on with it (allot resume %s), remove it (allot forget "
            "%s), or choose another --name",
            name, name, name);
    return al_fail(err, ALLOT_EPERM, errno,
                   "%s cannot be made: name a folder that can be written with --run-dir", path);
}

allot_err al_runs_make(const char *name, const char *program, char *path, size_t nbytes, allot_error *err)
{
    char folder[PATH_MAX], base[NAME_BYTES], numbered[NAME_BYTES + 16];
    allot_err code = al_runs_folder(folder, sizeof folder, err);
    if (code != ALLOT_OK)
        return code;
    al_folder_make(folder);
    bool was_there;
    if (name != NULL)
        return make_named(folder, name, &was_there, path, nbytes, err);
    name_of_program(program, base);
    unsigned number = next_number(folder, base);
    do { /* somebody else may take the number first */
        (void)snprintf(numbered, sizeof numbered, "%s-%u", base, number++);
        code = make_named(folder, numbered, &was_there, path, nbytes, err);
    } while (was_there);
    return code;
}

typedef struct search {
    al_nearest nearest;
    char *latest;
    size_t nbytes;
    struct timespec when;
} search;

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static bool consider(void *arg, const char *path)
{
    search *s = arg;
    struct timespec when;
    if (s->nearest.word != NULL)
        al_nearest_try(&s->nearest, al_runs_name(path), strlen(al_runs_name(path)));
    else if (is_run(path, &when) && (s->latest[0] == '\0' || is_later(&when, &s->when))) {
        (void)snprintf(s->latest, s->nbytes, "%s", path);
        s->when = when;
    }
    return true;
}

allot_err al_runs_find(const char *name, char *path, size_t nbytes, allot_error *err)
{
    char folder[PATH_MAX];
    struct timespec when;
    path[0] = '\0';
    if (name != NULL && strchr(name, '/') != NULL) {
        char *real = realpath(name, NULL);
        int n = real != NULL ? snprintf(path, nbytes, "%s", real) : -1;
        free(real);
        if (n > 0 && (size_t)n < nbytes && is_run(path, &when))
            return ALLOT_OK;
        return al_fail(err, ALLOT_ENOTFOUND, 0, "%s: there is no run in this folder", name);
    }
    allot_err code = al_runs_folder(folder, sizeof folder, err);
    if (code != ALLOT_OK)
        return code;
    if (name != NULL && (size_t)snprintf(path, nbytes, "%s/%s", folder, name) < nbytes && is_run(path, &when))
        return ALLOT_OK;
    path[0] = '\0';
    search s = {.nearest = {.word = name}, .latest = path, .nbytes = nbytes};
    code = al_runs_each(consider, &s, err);
    if (code != ALLOT_OK || path[0] != '\0')
        return code;
    if (name == NULL)
        return al_fail(err, ALLOT_ENOTFOUND, 0, "there is no run yet; allot farm makes one");
    if (s.nearest.name[0] != '\0')
        return al_fail(err, ALLOT_ENOTFOUND, 0, "there is no run called %s; did you mean %s?", name,
                       s.nearest.name);
    return al_fail(err, ALLOT_ENOTFOUND, 0, "there is no run called %s; allot runs lists those there are",
                   name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strverscmp((*a)->d_name, (*b)->d_name);
}

allot_err al_runs_each(al_runs_fn *fn, void *arg, allot_error *err)
{
    char folder[PATH_MAX], path[2 * PATH_MAX];
    struct dirent **entries;
    allot_err code = al_runs_folder(folder, sizeof folder, err);
    int n = code == ALLOT_OK ? scandir(folder, &entries, NULL, by_name) : -1;
    if (n < 0)
        return code;
    bool go_on = true;
    for (int k = 0; k < n; k++) {
        struct timespec when;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entries[k]->d_name);
        if (go_on && entries[k]->d_name[0] != '.' && is_run(path, &when))
            go_on = fn(arg, path);
        free(entries[k]);
    }
    free(entries);
    return ALLOT_OK;
}
