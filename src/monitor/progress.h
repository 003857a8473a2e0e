/* progress.h - a line that says how far the work is.
 *
 * On a terminal: a bar, redrawn in place ten times a second, from the second second on; removed at the end.
 * Elsewhere, if asked for: a plain line every few seconds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MONITOR_PROGRESS_H
#define AL_MONITOR_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/error.h>

/** How far the work is. */
typedef struct al_progress_state {
    uint64_t ndone;   /* units: items, tasks */
    uint64_t ntotal;  /* UINT64_MAX: unknown */
    double fraction;  /* done of all, 0 to 1, by a better measure than counting; negative: there is none */
    uint64_t nbefore; /* of ndone, before the clock started */
    char remark[96];  /* what else is to be said */
} al_progress_state;

typedef struct al_progress_opts {
    const char *unit;                                  /* "items" */
    void (*read)(void *arg, al_progress_state *state); /* called by the progress thread */
    void *arg;
    int fd;            /* written to */
    bool is_terminal;  /* redraw in place; otherwise plain lines */
    uint32_t delay_ms; /* quiet time at the start */
    uint32_t every_ms; /* between redraws or lines */
} al_progress_opts;

typedef struct al_progress al_progress;

/** Start. @param[out] progress  owned by caller. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_progress_start(const al_progress_opts *opts, al_progress **progress, allot_error *err);

/** End, and remove the line from the terminal. NULL is allowed. */
void al_progress_stop(al_progress *progress);

/** Remove the line and draw no more, without waiting for anybody: for a command that ends on the spot. */
void al_progress_abandon(al_progress *progress);

/** The line for a state after elapsed_ns, at most width columns (0: no bar, no bound), terminated.
 * @param text  room for nbytes, at least 2
 * @return its length */
size_t al_progress_format(const al_progress_state *state, uint64_t elapsed_ns, const char *unit,
                          uint32_t width, char *text, size_t nbytes);

#endif
