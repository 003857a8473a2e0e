/* spec.c - a pool from a few words: "threads:4", "procs:2,kept".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <allot/pool.h>

#include <string.h>

#include "base/fail.h"
#include "pool/pool.h"
#include "pool/procs.h"

#define FORMS "\"threads:N\", \"procs:N\" or \"procs:N,kept\", N from 1 to 1024 or left out"

typedef struct spec {
    bool procs, kept;
    uint32_t n; /* 0: as many as there are threads by default */
} spec;

/** Take a word off the front of *text. @return whether it was there */
static bool takes(const char **text, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*text, word, length) != 0)
        return false;
    *text += length;
    return true;
}

/** Take a number from 1 to AL_POOL_THREADS_MAX, without sign, space or leading zero. */
static bool takes_count(const char **text, uint32_t *count)
{
    const char *c = *text;
    if (*c < '1' || *c > '9')
        return false;
    for (*count = 0; *c >= '0' && *c <= '9'; c++) {
        *count = *count * 10 + (uint32_t)(*c - '0');
        if (*count > AL_POOL_THREADS_MAX)
            return false;
    }
    *text = c;
    return true;
}

static bool parse(const char *text, spec *s)
{
    *s = (spec){0};
    s->procs = takes(&text, "procs");
    if (!s->procs && !takes(&text, "threads"))
        return false;
    if (takes(&text, ":") && !takes_count(&text, &s->n))
        return false;
    s->kept = s->procs && takes(&text, ",kept");
    return *text == '\0';
}

allot_err allot_pool_open(allot_pool **pool, const char *text, allot_error *err)
{
    spec s;
    if (pool == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "allot_pool_open: no place for the pool was given");
    *pool = NULL;
    if (text == NULL || !parse(text, &s))
        return al_fail(err, ALLOT_EINVAL, 0, "allot_pool_open: '%.60s' is no pool; give " FORMS,
                       text != NULL ? text : "");
    if (!s.procs) {
        allot_pool_opts opts = ALLOT_POOL_OPTS_INIT;
        opts.nthreads = s.n;
        return allot_pool_create(pool, &opts, err);
    }
    al_procs *procs;
    allot_err code = al_procs_create(&procs, s.n != 0 ? s.n : al_pool_default_nthreads(), s.kept, err);
    if (code == ALLOT_OK)
        *pool = (allot_pool *)((char *)procs + 1); /* told from one of threads by al_procs_of() */
    return code;
}
