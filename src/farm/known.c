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
    uint64_t ntasks, nread;
    al_task_id next; /* while the list is as it was: the task that comes now */
    entry *table;    /* NULL: it is, so far */
    uint64_t mask;
};

al_known *al_known_create(al_store *store)
{
    al_known *known = calloc(1, sizeof *known);
    if (known == NULL)
        return NULL;
    known->store = store;
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

static uint64_t hash_of(al_args args)
{
    return XXH3_64bits(args.at, args.nbytes) | 1; /* never 0 */
}

static void insert(al_known *known, al_task_id task, uint64_t hash)
{
    uint64_t at = hash >> 1 & known->mask;
    while (known->table[at].hash != 0)
        at = (at + 1) & known->mask;
    known->table[at] = (entry){hash, task};
}

/** All tasks of the run that have not answered yet. */
static allot_err make_table(al_known *known, allot_error *err)
{
    uint64_t room = 16;
    while (room < 2 * (known->ntasks - known->next + 1))
        room *= 2;
    known->table = calloc(room, sizeof *known->table);
    known->mask = room - 1;
    if (known->table == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for the tasks of a list");
    for (al_task_id task = known->next; task <= known->ntasks; task++) {
        al_args args, spec;
        allot_err code = al_store_task(known->store, task, &args, &spec, err);
        if (code != ALLOT_OK)
            return code;
        insert(known, task, hash_of(args));
    }
    return ALLOT_OK;
}

static allot_err is_same(al_known *known, al_task_id task, al_args args, bool *same, allot_error *err)
{
    al_args theirs, spec;
    allot_err code = al_store_task(known->store, task, &theirs, &spec, err);
    *same = code == ALLOT_OK && theirs.nbytes == args.nbytes &&
            (args.nbytes == 0 || memcmp(theirs.at, args.at, args.nbytes) == 0);
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
        if (*is_known)
            e->task = 0;
    }
    return code;
}

allot_err al_known_take(al_known *known, al_args args, bool *is_known, allot_error *err)
{
    allot_err code = ALLOT_OK;
    *is_known = false;
    known->nread++;
    if (known->table == NULL && known->next <= known->ntasks) {
        code = is_same(known, known->next, args, is_known, err);
        if (*is_known)
            known->next++;
        else if (code == ALLOT_OK)
            code = make_table(known, err);
    }
    return code == ALLOT_OK && known->table != NULL && !*is_known ? look_up(known, args, is_known, err)
                                                                  : code;
}
