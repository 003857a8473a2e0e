/* map_watch.h - what ends a command early: Ctrl-C, a request to terminate, a deadline.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_WATCH_H
#define AL_CLI_MAP_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <allot/error.h>

#define AL_WATCH_TIMEOUT (-1)

/** How long the work has to end by itself after it was asked to. */
#define AL_WATCH_GRACE_MS 1000

typedef struct al_watch {
    /* Set by whoever starts it. */
    uint64_t deadline_ns;                      /* on al_clock_ns()'s clock; UINT64_MAX: none */
    void (*stop)(void *arg);                   /* ask the work to end; called once, by the watch's thread */
    void (*last_words)(void *arg, int reason); /* it did not: say so and clean up, the command ends here */
    void *arg;

    pthread_t thread;
    int signals; /* descriptor they arrive by */
    int quit;    /* descriptor that tells the thread to end */
    atomic_int reason;
} al_watch;

/** Start to watch: SIGINT, SIGTERM and SIGHUP are blocked in this thread and in those it makes from now on.
 * @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_watch_start(al_watch *watch, allot_error *err);

/** The work has ended: stop watching. @return 0, the signal that came, or AL_WATCH_TIMEOUT */
int al_watch_end(al_watch *watch);

/** End the process by the signal, as if it had never been caught. */
_Noreturn void al_watch_die(int number);

#endif
