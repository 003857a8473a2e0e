/* variables.c - named variables in each engine, and functions run by engine.
 *
 * The table of names and where each engine's copy lies is in shared memory, and so are the copies: whichever
 * process is engine k now, it finds engine k's. Only the caller changes the table, with the lock held that
 * allot_engines_apply() holds, too.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <allot/engines.h>

#include <string.h>

#include "base/fail.h"
#include "pool/pool.h"
#include "pool/procs.h"
#include "pool/shared.h"

#define VARIABLES_MAX 256u

/** An engine's copy. */
typedef struct copy {
    void *data; /* NULL with 0 bytes, too */
    size_t nbytes;
    bool there;
} copy;

struct al_variables {
    uint32_t nengines;
    char names[VARIABLES_MAX][ALLOT_ENGINE_NAME_MAX + 1]; /* "": free */
    copy copies[];                                        /* [VARIABLES_MAX][nengines] */
};

al_variables *al_variables_create(uint32_t nengines, allot_error *err)
{
    al_variables *v =
        allot_shared_alloc(sizeof *v + VARIABLES_MAX * (size_t)nengines * sizeof v->copies[0], err);
    if (v != NULL)
        v->nengines = nengines;
    return v;
}

static copy *copies_of(al_variables *v, uint32_t variable)
{
    return &v->copies[(size_t)variable * v->nengines];
}

/** Its number, or VARIABLES_MAX: there is none of that name. "" finds a free one. */
static uint32_t find(const al_variables *v, const char *name)
{
    uint32_t k = 0;
    while (k < VARIABLES_MAX && strcmp(v->names[k], name) != 0)
        k++;
    return k;
}

static void forget(al_variables *v, uint32_t variable)
{
    copy *copies = copies_of(v, variable);
    for (uint32_t e = 0; e < v->nengines; e++) {
        allot_shared_free(copies[e].data);
        copies[e] = (copy){0};
    }
    v->names[variable][0] = '\0';
}

void al_variables_destroy(al_variables *v)
{
    for (uint32_t k = 0; v != NULL && k < VARIABLES_MAX; k++)
        if (v->names[k][0] != '\0')
            forget(v, k);
    allot_shared_free(v);
}

/* Checks, and the lock. */

static bool is_name(const char *name)
{
    return name != NULL && name[0] != '\0' &&
           strnlen(name, ALLOT_ENGINE_NAME_MAX + 1) <= ALLOT_ENGINE_NAME_MAX;
}

/** The pool of engines, if it is this process's to ask, and the engine is one of it or ALLOT_ENGINES_ALL. */
static allot_err check(const char *call, const allot_pool *pool, uint32_t engine, al_procs **procs,
                       allot_error *err)
{
    *procs = al_procs_of(pool);
    if (*procs == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "%s: the pool has no engines; open one with \"procs:N\"", call);
    if ((*procs)->forks != al_pool_forks)
        return al_fail(err, ALLOT_EUNSUPPORTED, 0,
                       "%s: the engines' variables belong to the process that opened the pool", call);
    if (engine != ALLOT_ENGINES_ALL && engine >= (*procs)->nengines)
        return al_fail(err, ALLOT_EINVAL, 0, "%s: there is no engine %u; the pool has %u, from 0 on", call,
                       engine, (*procs)->nengines);
    return ALLOT_OK;
}

/** The same, with a name; on ALLOT_OK the lock is held. */
static allot_err begin(const char *call, const allot_pool *pool, uint32_t engine, const char *name,
                       al_procs **procs, allot_error *err)
{
    allot_err code = check(call, pool, engine, procs, err);
    if (code != ALLOT_OK)
        return code;
    if (!is_name(name))
        return al_fail(err, ALLOT_EINVAL, 0, "%s: a variable's name has 1 to %d bytes", call,
                       ALLOT_ENGINE_NAME_MAX);
    (void)pthread_mutex_lock(&(*procs)->variables_lock);
    return ALLOT_OK;
}

static allot_err end(al_procs *procs, allot_err code)
{
    (void)pthread_mutex_unlock(&procs->variables_lock);
    return code;
}

static allot_err no_such(const char *call, const char *name, uint32_t engine, allot_error *err)
{
    if (engine == ALLOT_ENGINES_ALL)
        return al_fail(err, ALLOT_ENOTFOUND, 0, "%s: not every engine has a variable '%s'", call, name);
    return al_fail(err, ALLOT_ENOTFOUND, 0, "%s: engine %u has no variable '%s'", call, engine, name);
}

/* Into engines. */

/** Give one engine's copy a size, keeping its place if that is the size it has. */
static allot_err make_room(copy *c, size_t nbytes, allot_error *err)
{
    void *data = NULL;
    if (c->there && c->nbytes == nbytes)
        return ALLOT_OK;
    if (nbytes > 0 && (data = allot_shared_alloc(nbytes, err)) == NULL)
        return ALLOT_ENOMEM;
    allot_shared_free(c->data);
    *c = (copy){.data = data, .nbytes = nbytes, .there = true};
    return ALLOT_OK;
}

static allot_err set_copy(copy *c, const void *data, size_t nbytes, allot_error *err)
{
    allot_err code = make_room(c, nbytes, err);
    if (code != ALLOT_OK || nbytes == 0)
        return code;
    if (data != NULL)
        memcpy(c->data, data, nbytes);
    else
        memset(c->data, 0, nbytes);
    return ALLOT_OK;
}

/** The variable of that name, made if need be: VARIABLES_MAX when there are too many. With the lock held. */
static uint32_t find_or_make(al_variables *v, const char *name)
{
    uint32_t k = find(v, name);
    if (k == VARIABLES_MAX && (k = find(v, "")) < VARIABLES_MAX)
        strcpy(v->names[k], name);
    return k;
}

static allot_err too_many(const char *call, allot_error *err)
{
    return al_fail(err, ALLOT_ENOMEM, 0, "%s: %u variables are there already; forget one", call,
                   VARIABLES_MAX);
}

allot_err allot_engines_push(allot_pool *pool, uint32_t engine, const char *name, const void *data,
                             size_t nbytes, allot_error *err)
{
    al_procs *procs;
    allot_err code = begin("allot_engines_push", pool, engine, name, &procs, err);
    if (code != ALLOT_OK)
        return code;
    uint32_t k = find_or_make(procs->variables, name);
    if (k == VARIABLES_MAX)
        return end(procs, too_many("allot_engines_push", err));
    for (uint32_t e = 0; e < procs->nengines && code == ALLOT_OK; e++)
        if (engine == ALLOT_ENGINES_ALL || engine == e)
            code = set_copy(&copies_of(procs->variables, k)[e], data, nbytes, err);
    return end(procs, code);
}

allot_err allot_engines_scatter(allot_pool *pool, const char *name, const void *data, uint64_t n,
                                size_t item_nbytes, allot_error *err)
{
    al_procs *procs;
    size_t nbytes;
    if ((data == NULL && n > 0) || item_nbytes == 0 || __builtin_mul_overflow(n, item_nbytes, &nbytes))
        return al_fail(
            err, ALLOT_EINVAL, 0,
            "allot_engines_scatter: %llu elements of %zu bytes are NULL, empty or larger than memory",
            (unsigned long long)n, item_nbytes);
    allot_err code = begin("allot_engines_scatter", pool, ALLOT_ENGINES_ALL, name, &procs, err);
    if (code != ALLOT_OK)
        return code;
    uint32_t k = find_or_make(procs->variables, name);
    if (k == VARIABLES_MAX)
        return end(procs, too_many("allot_engines_scatter", err));
    const char *part = data;
    for (uint32_t e = 0; e < procs->nengines && code == ALLOT_OK; e++) {
        uint64_t nitems = n / procs->nengines + (e < n % procs->nengines);
        code = set_copy(&copies_of(procs->variables, k)[e], part, nitems * item_nbytes, err);
        part = nitems > 0 ? part + nitems * item_nbytes : part;
    }
    return end(procs, code);
}

/* Out of engines. */

/** The size of a variable in the engine or in all. @return false: an engine has none. With the lock held. */
static bool size_of(const al_procs *procs, uint32_t engine, uint32_t variable, size_t *nbytes)
{
    *nbytes = 0;
    if (variable == VARIABLES_MAX)
        return false;
    const copy *copies = copies_of(procs->variables, variable);
    for (uint32_t e = 0; e < procs->nengines; e++) {
        if (engine != ALLOT_ENGINES_ALL && engine != e)
            continue;
        if (!copies[e].there)
            return false;
        *nbytes += copies[e].nbytes;
    }
    return true;
}

static allot_err copy_out(const char *call, al_procs *procs, uint32_t engine, const char *name, void *data,
                          size_t nbytes, allot_error *err)
{
    uint32_t k = find(procs->variables, name);
    size_t there;
    if (!size_of(procs, engine, k, &there))
        return no_such(call, name, engine, err);
    if (there != nbytes || (data == NULL && nbytes > 0))
        return al_fail(err, ALLOT_EINVAL, 0, "%s: variable '%s' has %zu bytes, and there is %s%zu", call,
                       name, there, data == NULL ? "no room for any, of " : "room for ", nbytes);
    const copy *copies = copies_of(procs->variables, k);
    char *to = data;
    for (uint32_t e = 0; e < procs->nengines; e++)
        if ((engine == ALLOT_ENGINES_ALL || engine == e) && copies[e].nbytes > 0) {
            memcpy(to, copies[e].data, copies[e].nbytes);
            to += copies[e].nbytes;
        }
    return ALLOT_OK;
}

allot_err allot_engines_pull(allot_pool *pool, uint32_t engine, const char *name, void *data, size_t nbytes,
                             allot_error *err)
{
    al_procs *procs;
    allot_err code = begin("allot_engines_pull", pool, engine, name, &procs, err);
    if (code != ALLOT_OK)
        return code;
    return end(procs, copy_out("allot_engines_pull", procs, engine, name, data, nbytes, err));
}

allot_err allot_engines_gather(allot_pool *pool, const char *name, void *data, uint64_t n, size_t item_nbytes,
                               allot_error *err)
{
    al_procs *procs;
    size_t nbytes;
    if (__builtin_mul_overflow(n, item_nbytes, &nbytes))
        return al_fail(err, ALLOT_EINVAL, 0,
                       "allot_engines_gather: %llu elements of %zu bytes are larger than memory",
                       (unsigned long long)n, item_nbytes);
    allot_err code = begin("allot_engines_gather", pool, ALLOT_ENGINES_ALL, name, &procs, err);
    if (code != ALLOT_OK)
        return code;
    return end(procs, copy_out("allot_engines_gather", procs, ALLOT_ENGINES_ALL, name, data, nbytes, err));
}

allot_err allot_engines_size(allot_pool *pool, uint32_t engine, const char *name, size_t *nbytes,
                             allot_error *err)
{
    al_procs *procs;
    if (nbytes == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "allot_engines_size: no place for the size was given");
    allot_err code = begin("allot_engines_size", pool, engine, name, &procs, err);
    if (code != ALLOT_OK)
        return code;
    if (!size_of(procs, engine, find(procs->variables, name), nbytes))
        code = no_such("allot_engines_size", name, engine, err);
    return end(procs, code);
}

allot_err allot_engines_forget(allot_pool *pool, const char *name, allot_error *err)
{
    al_procs *procs;
    allot_err code = begin("allot_engines_forget", pool, ALLOT_ENGINES_ALL, name, &procs, err);
    if (code != ALLOT_OK)
        return code;
    uint32_t k = find(procs->variables, name);
    if (k == VARIABLES_MAX)
        return end(procs, al_fail(err, ALLOT_ENOTFOUND, 0,
                                  "allot_engines_forget: no engine has a variable '%s'", name));
    forget(procs->variables, k);
    return end(procs, ALLOT_OK);
}

/* Functions. */

static allot_err apply(al_procs *procs, uint32_t engine, allot_engine_fn fn, void *arg,
                       const allot_map_opts *opts, allot_error *err)
{
    bool is_all = engine == ALLOT_ENGINES_ALL;
    al_procs_work work = {.noun = "engine",
                          .call = {.kind = AL_CALL_ENGINE, .fn.engine = fn, .arg = arg, .pinned = is_all},
                          .code = (const void *)(uintptr_t)fn,
                          .keepable = true,
                          .n = is_all ? procs->nengines : 1,
                          .only = is_all ? ALLOT_ENGINES_ANY : engine};
    al_procs_outcome outcome;
    allot_err code = al_procs_run(procs, &work, opts, &outcome, err);
    al_procs_outcome_fini(&outcome);
    return code;
}

allot_err allot_engines_apply(allot_pool *pool, uint32_t engine, allot_engine_fn fn, const void *arg,
                              size_t arg_nbytes, const allot_map_opts *opts, allot_error *err)
{
    al_procs *procs;
    allot_err code = check("allot_engines_apply", pool,
                           engine == ALLOT_ENGINES_ANY ? ALLOT_ENGINES_ALL : engine, &procs, err);
    if (code != ALLOT_OK)
        return code;
    if (fn == NULL || (arg == NULL && arg_nbytes > 0))
        return al_fail(err, ALLOT_EINVAL, 0, "allot_engines_apply: the function or its argument is NULL");
    code = al_procs_check("allot_engines_apply", opts, err);
    if (code != ALLOT_OK)
        return code;
    void *shared = NULL;
    if (arg_nbytes > 0) {
        shared = allot_shared_alloc(arg_nbytes, err);
        if (shared == NULL)
            return ALLOT_ENOMEM;
        memcpy(shared, arg, arg_nbytes);
    }
    (void)pthread_mutex_lock(&procs->variables_lock);
    code = end(procs, apply(procs, engine, fn, shared, opts, err));
    allot_shared_free(shared);
    return code;
}

/* In an engine. */

uint32_t allot_engine_index(void)
{
    return al_engine_self;
}

void *allot_engine_var(const char *name, size_t *nbytes)
{
    const al_variables *v = al_engine_variables;
    uint32_t k = v != NULL && is_name(name) ? find(v, name) : VARIABLES_MAX;
    if (k == VARIABLES_MAX)
        return NULL;
    const copy *mine = &v->copies[(size_t)k * v->nengines + al_engine_self];
    if (!mine->there)
        return NULL;
    if (nbytes != NULL)
        *nbytes = mine->nbytes;
    return mine->data;
}
