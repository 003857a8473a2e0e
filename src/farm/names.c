/* names.c - who comes after whom: ids and files of a run's tasks. See tasks.h.
 *
 * Ids and files are kept once each, in one text, and found by a hash. A file's name counts from the task's
 * folder and is compared after "." and ".." are taken out of it as text: two names of one file by a link are
 * two files here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/fail.h"
#include "base/nearest.h"
#include "farm/tasks.h"

#define NONE UINT32_MAX
#define CYCLE_SHOWN 8

/** An id or a file, and the task that has it, or makes it. */
typedef struct name {
    uint64_t hash;
    size_t text, where; /* in names->texts */
    al_task_id task;
    uint32_t next; /* of the same place in the table */
    bool is_file;
} name;

/** That a task comes after an id, or after whoever makes a file. */
typedef struct need {
    al_task_id task;
    size_t text, where;
    bool is_file;
} need;

struct al_names {
    char cwd[PATH_MAX]; /* where relative names count from */
    al_buffer texts;
    name *all;
    uint32_t count, room;
    uint32_t *table; /* nplaces of them, a power of two */
    uint32_t nplaces;
    need *needs;
    size_t nneeds, room_needs, nlinked;
    al_task_id *added;
    size_t nadded, room_added;
};

al_names *al_names_create(const char *cwd)
{
    al_names *names = calloc(1, sizeof *names);
    if (names != NULL)
        (void)snprintf(names->cwd, sizeof names->cwd, "%s", cwd);
    return names;
}

void al_names_destroy(al_names *names)
{
    if (names == NULL)
        return;
    al_buffer_fini(&names->texts);
    free(names->all);
    free(names->table);
    free(names->needs);
    free(names->added);
    free(names);
}

/* ---- keeping
 * ----------------------------------------------------------------------------------------------- */

static size_t keep_text(al_names *names, const char *text)
{
    size_t at = names->texts.nbytes;
    (void)al_buffer_append(&names->texts, text, strlen(text) + 1);
    return at;
}

static const char *text_at(const al_names *names, size_t at)
{
    return names->texts.at + at;
}

static uint64_t hash_of(const char *text, bool is_file)
{
    return XXH3_64bits_withSeed(text, strlen(text), is_file);
}

static const name *find(const al_names *names, const char *text, bool is_file)
{
    uint64_t hash = hash_of(text, is_file);
    for (uint32_t k = names->nplaces > 0 ? names->table[hash & (names->nplaces - 1)] : NONE; k != NONE;
         k = names->all[k].next)
        if (names->all[k].hash == hash && names->all[k].is_file == is_file &&
            strcmp(text_at(names, names->all[k].text), text) == 0)
            return &names->all[k];
    return NULL;
}

static void put_in_table(al_names *names, uint32_t k)
{
    uint32_t *place = &names->table[names->all[k].hash & (names->nplaces - 1)];
    names->all[k].next = *place;
    *place = k;
}

static bool make_room(al_names *names)
{
    if (names->count < names->room)
        return true;
    uint32_t room = names->room > 0 ? 2 * names->room : 256;
    name *all = realloc(names->all, room * sizeof *all);
    if (all == NULL)
        return false;
    names->all = all;
    uint32_t *table = realloc(names->table, room * sizeof *table);
    if (table == NULL)
        return false;
    names->table = table;
    names->room = names->nplaces = room;
    memset(table, 0xff, room * sizeof *table);
    for (uint32_t k = 0; k < names->count; k++)
        put_in_table(names, k);
    return true;
}

static bool keep_name(al_names *names, const char *text, bool is_file, al_task_id task, size_t where)
{
    if (!make_room(names))
        return false;
    names->all[names->count] = (name){.hash = hash_of(text, is_file),
                                      .text = keep_text(names, text),
                                      .where = where,
                                      .task = task,
                                      .is_file = is_file};
    put_in_table(names, names->count++);
    return !names->texts.failed;
}

static bool keep_need(al_names *names, const char *text, bool is_file, al_task_id task, size_t where)
{
    if (names->nneeds == names->room_needs) {
        size_t room = names->room_needs > 0 ? 2 * names->room_needs : 256;
        need *needs = realloc(names->needs, room * sizeof *needs);
        if (needs == NULL)
            return false;
        names->needs = needs;
        names->room_needs = room;
    }
    names->needs[names->nneeds++] = (need){task, keep_text(names, text), where, is_file};
    return !names->texts.failed;
}

static bool keep_added(al_names *names, al_task_id task)
{
    if (names->nadded == names->room_added) {
        size_t room = names->room_added > 0 ? 2 * names->room_added : 256;
        al_task_id *added = realloc(names->added, room * sizeof *added);
        if (added == NULL)
            return false;
        names->added = added;
        names->room_added = room;
    }
    names->added[names->nadded++] = task;
    return true;
}

/* ---- files
 * ---------------------------------------------------------------------------------------------------- */

/** Take ".", ".." and doubled slashes out of an absolute path. */
static void tidy(char *path)
{
    char *to = path;
    for (const char *from = path; *from != '\0';) {
        size_t slashes = strspn(from, "/"), length = strcspn(from + slashes, "/");
        const char *part = from + slashes;
        if (length == 2 && part[0] == '.' && part[1] == '.') {
            while (to > path && *--to != '/')
                ;
        } else if (length > 0 && !(length == 1 && part[0] == '.')) {
            *to++ = '/';
            memmove(to, part, length);
            to += length;
        }
        from = part + length;
    }
    if (to == path)
        *to++ = '/';
    *to = '\0';
}

/** A file of a task, from the root. */
static bool full_path(const al_names *names, const al_spec *spec, const char *file, char path[PATH_MAX])
{
    const char *cwd = spec->cwd != NULL ? spec->cwd : "";
    const char *from = file[0] != '/' && cwd[0] != '/' ? names->cwd : "";
    int n = snprintf(path, PATH_MAX, "%s/%s/%s", from, file[0] != '/' ? cwd : "", file);
    if (n < 0 || n >= PATH_MAX)
        return false;
    tidy(path);
    return true;
}

/* ---- taking in
 * -------------------------------------------------------------------------------------------------- */

static allot_err out_of_memory(const char *where, allot_error *err)
{
    return al_fail(err, ALLOT_ENOMEM, 0, "%s: out of memory", where);
}

static allot_err add_name(al_names *names, const char *text, bool is_file, al_task_id task, size_t where,
                          allot_error *err)
{
    const name *other = find(names, text, is_file);
    if (other == NULL)
        return keep_name(names, text, is_file, task, where) ? ALLOT_OK
                                                            : out_of_memory(text_at(names, where), err);
    return al_fail(err, ALLOT_EFORMAT, 0,
                   is_file ? "%s: %s is an 'out' of another task already, at %s: two cannot make one file"
                           : "%s: the id '%s' is another task's already, at %s",
                   text_at(names, where), text, text_at(names, other->where));
}

static allot_err too_long(const char *where, const char *file, allot_error *err)
{
    return al_fail(err, ALLOT_EFORMAT, 0, "%s: %.80s...: the path is too long", where, file);
}

allot_err al_names_add(al_names *names, const al_spec *spec, al_task_id task, const char *where,
                       allot_error *err)
{
    char path[PATH_MAX];
    allot_err code = ALLOT_OK;
    bool kept = keep_added(names, task);
    size_t place = keep_text(names, where);
    if (names->texts.failed)
        return out_of_memory(where, err);
    if (spec->id != NULL)
        code = add_name(names, spec->id, false, task, place, err);
    for (uint32_t k = 0; k < spec->nout && code == ALLOT_OK; k++)
        code = full_path(names, spec, spec->out[k], path) ? add_name(names, path, true, task, place, err)
                                                          : too_long(where, spec->out[k], err);
    for (uint32_t k = 0; k < spec->nafter && kept; k++)
        kept = keep_need(names, spec->after[k], false, task, place);
    for (uint32_t k = 0; k < spec->nin && kept && code == ALLOT_OK; k++) {
        if (!full_path(names, spec, spec->in[k], path))
            code = too_long(where, spec->in[k], err);
        else
            kept = keep_need(names, path, true, task, place);
    }
    return code == ALLOT_OK && !kept ? out_of_memory(where, err) : code;
}

/* ---- linking
 * ----------------------------------------------------------------------------------------------------- */

static allot_err refuse_id(const al_names *names, const char *id, const char *where, allot_error *err)
{
    al_nearest nearest = {.word = id};
    for (uint32_t k = 0; k < names->count; k++)
        if (!names->all[k].is_file)
            al_nearest_try(&nearest, text_at(names, names->all[k].text),
                           strlen(text_at(names, names->all[k].text)));
    bool has_nearest = nearest.name[0] != '\0';
    return al_fail(err, ALLOT_EFORMAT, 0, "%s: 'after': no task has the id '%s'%s%s%s", where, id,
                   has_nearest ? "; did you mean '" : "", nearest.name, has_nearest ? "'?" : "");
}

allot_err al_names_check(const al_names *names, const al_spec *spec, const char *where, allot_error *err)
{
    char path[PATH_MAX];
    if (spec->id != NULL && find(names, spec->id, false) != NULL)
        return al_fail(err, ALLOT_EFORMAT, 0, "%s: the id '%s' is another task's already", where, spec->id);
    for (uint32_t k = 0; k < spec->nafter; k++)
        if (find(names, spec->after[k], false) == NULL)
            return refuse_id(names, spec->after[k], where, err);
    for (uint32_t k = 0; k < spec->nout; k++)
        if (!full_path(names, spec, spec->out[k], path))
            return too_long(where, spec->out[k], err);
        else if (find(names, path, true) != NULL)
            return al_fail(err, ALLOT_EFORMAT, 0, "%s: %s is an 'out' of another task already", where, path);
    for (uint32_t k = 0; k < spec->nin; k++)
        if (!full_path(names, spec, spec->in[k], path))
            return too_long(where, spec->in[k], err);
    return ALLOT_OK;
}

static allot_err link_need(const al_names *names, const need *n, al_sched *sched, bool checks_files,
                           allot_error *err)
{
    struct stat st;
    const char *text = text_at(names, n->text);
    const name *maker = find(names, text, n->is_file);
    if (maker != NULL)
        return al_sched_after(sched, n->task, maker->task) == ALLOT_OK
                   ? ALLOT_OK
                   : out_of_memory(text_at(names, n->where), err);
    if (!n->is_file)
        return refuse_id(names, text, text_at(names, n->where), err);
    if (checks_files && stat(text, &st) != 0)
        return al_fail(err, ALLOT_ENOTFOUND, 0, "%s: 'in': %s is not there, and no task has it as its 'out'",
                       text_at(names, n->where), text);
    return ALLOT_OK;
}

/** What a task is called in a message. */
static const char *called(const al_names *names, al_task_id task, char text[32])
{
    for (uint32_t k = 0; k < names->count; k++)
        if (names->all[k].task == task && !names->all[k].is_file)
            return text_at(names, names->all[k].text);
    (void)snprintf(text, 32, "task %llu", (unsigned long long)task);
    return text;
}

static allot_err refuse_cycle(const al_names *names, const al_task_id *path, size_t npath, allot_error *err)
{
    char text[600] = "", number[32];
    const char *where = "";
    for (size_t k = 0; k < names->nneeds && where[0] == '\0'; k++)
        if (names->needs[k].task == path[0])
            where = text_at(names, names->needs[k].where);
    for (size_t k = 0; k < npath; k++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "%.60s comes after ", called(names, path[k], number));
    }
    return al_fail(err, ALLOT_EFORMAT, 0, "%s: tasks wait for each other: %s%s", where, text,
                   npath < CYCLE_SHOWN ? called(names, path[0], number) : "...");
}

allot_err al_names_link(al_names *names, al_sched *sched, bool checks_files, allot_error *err)
{
    al_task_id path[CYCLE_SHOWN];
    size_t npath = CYCLE_SHOWN;
    allot_err code = ALLOT_OK;
    for (; names->nlinked < names->nneeds && code == ALLOT_OK; names->nlinked++)
        code = link_need(names, &names->needs[names->nlinked], sched, checks_files, err);
    if (code == ALLOT_OK && names->nneeds > 0 && al_sched_find_cycle(sched, path, &npath) != 0)
        code = refuse_cycle(names, path, npath, err);
    for (size_t k = 0; k < names->nadded && code == ALLOT_OK; k++)
        if (al_sched_unblock(sched, names->added[k]) != ALLOT_OK)
            code = out_of_memory("the run", err);
    names->nadded = 0;
    return code;
}
