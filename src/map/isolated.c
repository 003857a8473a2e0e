/* isolated.c - see isolated.h.
 *
 * What engines write to the caller's own memory is lost with them. So the results of a map go straight to
 * `out` only if that is shared and apart from `in`; otherwise they are staged in shared memory and copied
 * when all is done. Apart from `in`, because items may be begun twice: one that was half done in place would
 * be done again on what it left. For the same reason staged results of a call that failed are copied only as
 * far as they are complete.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "map/isolated.h"

#include <string.h>

#include "base/fail.h"
#include "pool/pool.h"
#include "pool/procs.h"
#include "pool/shared.h"

/** NULL, or in shared memory: its size is not known here. */
static bool is_shared(const void *arg)
{
    return arg == NULL || al_shared_covers(arg, 1);
}

allot_err al_isolated_for(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg,
                          const allot_map_opts *opts, allot_error *err)
{
    allot_err code = al_procs_check("allot_for", opts, err);
    if (code != ALLOT_OK)
        return code;
    if (fn == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "allot_for: the function is NULL");
    if (!is_shared(arg))
        return al_fail(
            err, ALLOT_EINVAL, 0,
            "allot_for: what engines write to this argument would be lost; let it be NULL or in memory "
            "of allot_shared_alloc(), or use allot_map()");
    if (n == 0)
        return al_run_nothing(opts);
    al_procs_work work = {.noun = "item",
                          .call = {.kind = AL_CALL_FOR, .fn.each = fn, .arg = arg},
                          .code = (const void *)(uintptr_t)fn,
                          .keepable = true,
                          .n = n,
                          .only = ALLOT_ENGINES_ANY};
    al_procs_outcome outcome;
    code = al_procs_run(al_procs_of(pool), &work, opts, &outcome, err);
    al_procs_outcome_fini(&outcome);
    return code;
}

allot_err al_isolated_leaves(allot_pool *pool, uint64_t n, allot_for_fn body, void *arg,
                             const al_run_site *site, const allot_map_opts *opts, allot_fault *fault,
                             allot_error *err)
{
    al_procs_work work = {.noun = "item",
                          .call = {.kind = AL_CALL_FOR, .fn.each = body, .arg = arg},
                          .n = n,
                          .only = ALLOT_ENGINES_ANY,
                          .scale = site->scale,
                          .nitems = site->nitems};
    al_procs_outcome outcome;
    allot_err code = al_procs_run(al_procs_of(pool), &work, opts, &outcome, err);
    *fault = outcome.fault;
    al_procs_outcome_fini(&outcome);
    return code;
}

/* Maps. */

static bool overlap(const char *a, size_t a_nbytes, const char *b, size_t b_nbytes)
{
    return a != NULL && b != NULL && (uintptr_t)a < (uintptr_t)b + b_nbytes &&
           (uintptr_t)b < (uintptr_t)a + a_nbytes;
}

/** Copy the staged results of items that are done. */
static void fetch(const al_procs_outcome *outcome, allot_err code, uint64_t n, const char *staged, char *out,
                  size_t nbytes)
{
    if ((code != ALLOT_OK && code != ALLOT_EUSER) || outcome->gave_up)
        return;
    if (outcome->faults == NULL) { /* the lowest that failed ended the call */
        memcpy(out, staged, (outcome->failed ? outcome->fault.index : n) * nbytes);
        return;
    }
    uint64_t begin = 0;
    for (uint64_t k = 0; k <= outcome->nfaults; k++) {
        uint64_t end = k < outcome->nfaults ? outcome->faults[k].index : n;
        memcpy(out + begin * nbytes, staged + begin * nbytes, (end - begin) * nbytes);
        begin = end + 1;
    }
}

allot_err al_isolated_map(allot_pool *pool, uint64_t n, const void *in, size_t in_nbytes, void *out,
                          size_t out_nbytes, allot_map_fn fn, void *arg, const allot_map_opts *opts,
                          allot_error *err)
{
    allot_err code = al_procs_check("allot_map", opts, err);
    if (code != ALLOT_OK)
        return code;
    size_t nbytes = n * out_nbytes;
    bool staged = nbytes > 0 && (!al_shared_covers(out, nbytes) || overlap(in, n * in_nbytes, out, nbytes));
    char *results = out;
    if (staged && (results = allot_shared_alloc(nbytes, err)) == NULL)
        return ALLOT_ENOMEM;
    al_procs_work work = {.noun = "item",
                          .call = {.kind = AL_CALL_MAP,
                                   .fn.map = fn,
                                   .arg = arg,
                                   .in = in_nbytes > 0 ? in : NULL,
                                   .out = out_nbytes > 0 ? results : NULL,
                                   .in_nbytes = in_nbytes,
                                   .out_nbytes = out_nbytes},
                          .code = (const void *)(uintptr_t)fn,
                          .keepable =
                              is_shared(arg) && (in_nbytes == 0 || al_shared_covers(in, n * in_nbytes)),
                          .n = n,
                          .only = ALLOT_ENGINES_ANY};
    al_procs_outcome outcome;
    code = al_procs_run(al_procs_of(pool), &work, opts, &outcome, err);
    if (staged) {
        fetch(&outcome, code, n, results, out, out_nbytes);
        allot_shared_free(results);
    }
    al_procs_outcome_fini(&outcome);
    return code;
}
