/* run.h - one loop from its first item to its end: alone first, with others once that pays.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MAP_RUN_H
#define AL_MAP_RUN_H

#include <allot/map.h>

#include "base/attr.h"

/** Who is calling: loops with the same two are taken to cost about the same, so that what one call
 * measured lets the next one begin well. Never dereferenced. */
typedef struct al_run_site {
    const void *fn;
    const void *arg;
    uint64_t scale;  /* what the caller of the library calls an item, in one index of fn; 0: 1 */
    uint64_t nitems; /* and in all; 0: n */
} al_run_site;

/** What a thread knows of a call site from its last loop there. */
typedef struct al_run_hint {
    const void *fn;
    const void *arg;
    uint64_t short_items;  /* so many items are not worth a thought: do them at once */
    uint64_t asleep_items; /* so many are not while no worker is awake */
    double item_ticks;
} al_run_hint;

#define AL_RUN_NHINTS 16u
extern AL_TLS al_run_hint al_run_hints[AL_RUN_NHINTS];

AL_INLINE al_run_hint *al_run_find_hint(const void *fn)
{
    uintptr_t mix = (uintptr_t)fn ^ (uintptr_t)fn >> 9;
    return &al_run_hints[(mix >> 4) % AL_RUN_NHINTS];
}

/** Run fn over [0, n), n > 0; arguments checked by the caller. @return as allot_for() */
allot_err al_run(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg, al_run_site site,
                 const allot_map_opts *opts, allot_error *err);

/** The error of a body that returned `user` for item `index`. */
allot_err al_run_user_error(allot_error *err, uint64_t index, int user);

/** ALLOT_ECANCELED or ALLOT_ETIMEDOUT with its sentence. */
allot_err al_run_stopped(allot_error *err, bool timed_out, uint64_t ndone, uint64_t n);

/** The tick at which timeout_ns from `start` is over. */
uint64_t al_run_deadline(uint64_t start, uint64_t timeout_ns);

/** n = 0: nothing is done, and counters that are asked for say so. @return ALLOT_OK */
allot_err al_run_nothing(const allot_map_opts *opts);

/** The options every call accepts: NULL or with zeros where reserved. */
allot_err al_run_check(const char *call, const allot_map_opts *opts, allot_error *err);

#endif
