/* known.c - see known.h: first side by side, then by a table of hashes (open addressing, linear probing).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/known.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/fail.h"

/** task 0 with a hash: was here, has been taken; 0 and 0: free. */
typedef struct entry {
    uint64_t hash;
    al_task_id task;
} entry;

struct al_known {
    al_store *store;
    bool is_cut;
    uint64_t ntasks, nread;
    al_task_id next;      /* while the list is as it was: the task that comes now, */
    size_t next_at;       /* is_cut: and where its values begin that come now */
    entry *table;         /* NULL: it is, so far */
    uint64_t mask, nleft; /* entries that have not answered */
};

al_known *al_known_create(al_store *store, bool is_cut)
{
    al_known *known = calloc(1, sizeof *known);
    if (known == NULL)
        return NULL;
    known->store = store;
    known->is_cut = is_cut;
    known->ntasks = al_store_ntasks(store);
    known->next = 1;
    return known;
}

void al_known_destroy(al_known *known)
{
    if (known == NULL)
        return;
    free(known->table);
    free(known);
}

uint64_t al_known_nread(const al_known *known)
{
    return known->nread;
}

bool al_known_is_going(const al_known *known)
{
    return known->table != NULL ? known->nleft > 0 : known->next <= known->ntasks;
}

/* ---- side by side ----------------------------------------------------------------------------------------
 */

/** Whether the task that comes now begins with the list's value, or is it. */
static allot_err compare_next(al_known *known, al_args args, bool *is_known, allot_error *err)
{
    al_args theirs, spec;
    allot_err code = al_store_task(known->store, known->next, &theirs, &spec, err);
    if (code != ALLOT_OK)
        return code;
    size_t left = theirs.nbytes - known->next_at, n = args.nbytes;
    bool is_whole = left == n;
    if (left < n || (!is_whole && (!known->is_cut || theirs.at[known->next_at + n] != '\0')) ||
        (n > 0 && memcmp(theirs.at + known->next_at, args.at, n) != 0))
        return ALLOT_OK;
    *is_known = true;
    known->next += is_whole;
    known->next_at = is_whole ? 0 : known->next_at + n + 1;
    return ALLOT_OK;
}

/* ---- by a table ------------------------------------------------------------------------------------------
 */

static uint64_t hash_of(al_args args)
{
    return XXH3_64bits(args.at, args.nbytes) | 1; /* never 0 */
}

static void insert(al_known *known, al_task_id task, al_args args)
{
    uint64_t hash = hash_of(args), at = hash >> 1 & known->mask;
    while (known->table[at].hash != 0)
        at = (at + 1) & known->mask;
    known->table[at] = (entry){hash, task};
    known->nleft++;
}

/** Call insert() for all that have not answered yet, or count them (table NULL). */
static allot_err walk(al_known *known, uint64_t *count, allot_error *err)
{
    size_t from = known->next_at;
    for (al_task_id task = known->next; task <= known->ntasks; task++, from = 0) {
        al_args args, spec;
        allot_err code = al_store_task(known->store, task, &args, &spec, err);
        if (code != ALLOT_OK)
            return code;
        do {
            const char *at = args.at + from;
            const char *end = known->is_cut ? memchr(at, '\0', args.nbytes - from) : NULL;
            size_t n = end != NULL ? (size_t)(end - at) : args.nbytes - from;
            if (known->table != NULL)
                insert(known, task, (al_args){at, n});
            ++*count;
            from += n + 1;
        } while (from <= args.nbytes);
    }
    return ALLOT_OK;
}

/** All of the run that has not answered yet. */
static allot_err make_table(al_known *known, allot_error *err)
{
    uint64_t room = 16, count = known->ntasks - known->next + 1;
    allot_err code = ALLOT_OK;
    if (known->is_cut) {
        count = 0;
        code = walk(known, &count, err);
    }
    while (room < 2 * count)
        room *= 2;
    known->table = code == ALLOT_OK ? calloc(room, sizeof *known->table) : NULL;
    known->mask = room - 1;
    if (code == ALLOT_OK && known->table == NULL)
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory for the tasks of a list");
    return code == ALLOT_OK ? walk(known, &count, err) : code;
}

/** Whether the task is, or has among its values, the list's. */
static allot_err is_same(al_known *known, al_task_id task, al_args args, bool *same, allot_error *err)
{
    al_args theirs, spec;
    allot_err code = al_store_task(known->store, task, &theirs, &spec, err);
    for (size_t at = 0; code == ALLOT_OK && !*same && at <= theirs.nbytes;) {
        const char *end = known->is_cut ? memchr(theirs.at + at, '\0', theirs.nbytes - at) : NULL;
        size_t n = end != NULL ? (size_t)(end - theirs.at) - at : theirs.nbytes - at;
        *same = n == args.nbytes && (n == 0 || memcmp(theirs.at + at, args.at, n) == 0);
        at += n + 1;
    }
    return code;
}

static allot_err look_up(al_known *known, al_args args, bool *is_known, allot_error *err)
{
    uint64_t hash = hash_of(args);
    allot_err code = ALLOT_OK;
    for (uint64_t at = hash >> 1 & known->mask; known->table[at].hash != 0 && code == ALLOT_OK && !*is_known;
         at = (at + 1) & known->mask) {
        entry *e = &known->table[at];
        if (e->hash == hash && e->task != 0)
            code = is_same(known, e->task, args, is_known, err);
        if (*is_known) {
            e->task = 0;
            known->nleft--;
        }
    }
    return code;
}

allot_err al_known_take(al_known *known, al_args args, bool *is_known, allot_error *err)
{
    allot_err code = ALLOT_OK;
    *is_known = false;
    known->nread++;
    if (known->table == NULL && known->next <= known->ntasks) {
        code = compare_next(known, args, is_known, err);
        if (code == ALLOT_OK && !*is_known)
            code = make_table(known, err);
    }
    return code == ALLOT_OK && known->table != NULL && !*is_known ? look_up(known, args, is_known, err)
                                                                  : code;
}
