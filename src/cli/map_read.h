/* map_read.h - a thread that fills blocks from one descriptor.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_READ_H
#define AL_CLI_MAP_READ_H

#include <pthread.h>
#include <stdatomic.h>

#include <allot/error.h>

#include "cli/map_input.h"
#include "cli/map_ring.h"

typedef struct al_reader {
    /* Set by whoever starts it. */
    al_map_ring *ring;
    al_map_input *input;
    size_t block_nbytes;
    int stop_fd;              /* readable: leave */
    _Atomic uint64_t *nbytes; /* bytes read are added here */

    pthread_t thread;
    al_room rest; /* what was read past the last whole line or item */
    size_t nrest;
    uint64_t nlines;     /* of the input, handed on */
    uint64_t nraw_items; /* of the input, handed on */
    bool header_done;
    bool at_end;
    allot_err code; /* once al_reader_join() returned */
    allot_error err;
} al_reader;

/** Start. The ring has been told of a new input (al_ring_begin). @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_reader_start(al_reader *reader, allot_error *err);

/** Wait for its end and free what it holds. @return ALLOT_OK, or why it stopped early, with *err filled */
allot_err al_reader_join(al_reader *reader, allot_error *err);

#endif
