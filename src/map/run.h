/* run.h - one loop from its first item to its end: alone first, with others once that pays.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MAP_RUN_H
#define AL_MAP_RUN_H

#include <allot/map.h>

#include "map/site.h"

/** Who is calling: the user's function and argument (site.h), and how the user counts. */
typedef struct al_run_site {
    const void *fn;
    const void *arg;
    uint64_t scale;  /* the user's items in one index; 0: 1 */
    uint64_t nitems; /* and in all; 0: n */
    uint64_t start;  /* tick at which the call began, of which this loop is a later part; 0: it begins here */
} al_run_site;

/** Run fn over [0, n), n > 0; arguments checked by the caller. @return as allot_for() */
allot_err al_run(allot_pool *pool, uint64_t n, allot_for_fn fn, void *arg, al_run_site site,
                 const allot_map_opts *opts, allot_error *err);

/** The error of a body that returned `user` for item `index`. */
allot_err al_run_user_error(allot_error *err, uint64_t index, int user);

/** ALLOT_ECANCELED or ALLOT_ETIMEDOUT with its sentence. */
allot_err al_run_stopped(allot_error *err, bool timed_out, uint64_t ndone, uint64_t n);

/** Ticks after which whoever helped with a loop is asleep. pool NULL: there are no threads yet. */
uint64_t al_run_pause(const allot_pool *pool);

/** A loop from `start` to `end` was done alone while all workers slept, or before there were any (pool NULL):
 * wake one, or make some, if it is time to. */
void al_run_miss(allot_pool *pool, al_site *site, uint64_t start, uint64_t end);

/** The tick at which timeout_ns from `start` is over. */
uint64_t al_run_deadline(uint64_t start, uint64_t timeout_ns);

/** n = 0: nothing is done, and counters that are asked for say so. @return ALLOT_OK */
allot_err al_run_nothing(const allot_map_opts *opts);

/** The options every call accepts: NULL or with zeros where reserved. */
allot_err al_run_check(const char *call, const allot_map_opts *opts, allot_error *err);

#endif
