/* map_write.h - a thread that writes blocks in order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_WRITE_H
#define AL_CLI_MAP_WRITE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cli/map_output.h"
#include "cli/map_ring.h"

typedef struct al_writer {
    /* Set by whoever starts it. */
    al_map_ring *ring;
    al_map_output *output;
    void (*failed)(void *arg); /* called when writing fails: nothing more is wanted */
    void *arg;

    bool is_running;
    _Atomic uint64_t nitems; /* written */
    pthread_t thread;
    allot_err code; /* once al_writer_join() returned */
    allot_error err;
} al_writer;

/** @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_writer_start(al_writer *writer, allot_error *err);

/** Wait until everything computed is written (al_ring_finish) or the ring was stopped.
 * @return ALLOT_OK; ALLOT_EIO; with *err filled */
allot_err al_writer_join(al_writer *writer, allot_error *err);

#endif
