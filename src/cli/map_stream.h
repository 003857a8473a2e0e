/* map_stream.h - a whole map: inputs in, results out, block by block.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_STREAM_H
#define AL_CLI_MAP_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>
#include <allot/map.h>
#include <allot/pool.h>

#include "cli/map_apply.h"
#include "cli/map_fold.h"
#include "cli/map_input.h"
#include "cli/map_load.h"
#include "cli/map_options.h"
#include "cli/map_output.h"
#include "cli/map_print.h"
#include "cli/map_read.h"
#include "cli/map_ring.h"
#include "cli/map_share.h"
#include "cli/map_write.h"
#include "monitor/progress.h"

typedef struct al_map_stream {
    /* Set before al_stream_init(). */
    const al_map_options *options;
    al_expr expr;
    al_map_input *inputs;
    size_t ninputs;
    al_type type;
    uint64_t nitems_total; /* UINT64_MAX: unknown */
    bool is_npy;           /* of the output */

    allot_pool *pool; /* NULL: the default pool */
    allot_control *control;
    uint32_t nthreads;
    al_map_output output;
    al_map_ring ring;
    al_reader reader;
    al_writer writer;
    int stop_fd;
    atomic_bool is_stopped;

    /* The loops over a block, in their order. */
    al_load load;
    al_apply apply;
    al_map_phase map;
    al_fold fold;
    al_print print;

    /* Engines elsewhere: map_spread.c is this machine's side, map_away.c theirs. */
    struct al_away *away; /* NULL: none were asked for */
    al_share share;
    uint64_t part_units;      /* that this machine does at a time */
    _Atomic uint64_t item_ps; /* what an item costs here, in 1e-12 s; 0: not known */
    _Atomic uint64_t part_ns; /* when the part at work was begun */

    _Atomic uint32_t nslots_away; /* chunks that engines compute at a time */

    uint64_t first;           /* number of the first item that was not handed on yet */
    _Atomic uint64_t nloaded; /* number of the next block's first item */
    uint64_t block_items;     /* size of the next block of computed items */
    _Atomic uint64_t ncomputed;
    _Atomic uint64_t nbytes_read;
    _Atomic uint64_t nitems_now; /* of the block in its main loop; 0: in none */
    uint64_t nbytes_total;       /* of the inputs; UINT64_MAX: unknown */
    uint64_t run_ns;             /* al_stream_run() took */
    al_item_failure failure;     /* of ALLOT_EUSER */
} al_map_stream;

/** Make what al_stream_stop() needs; no threads yet. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_stream_init(al_map_stream *stream, allot_error *err);

/** Open the output and make the threads, if any are wanted at once. @return ALLOT_OK; as al_output_open();
 * ALLOT_ENOMEM */
allot_err al_stream_open(al_map_stream *stream, allot_error *err);

/** Map all inputs.
 * @return ALLOT_OK (the output has its name); ALLOT_EUSER (an item failed: stream->failure, the sentence in
 *         err); ALLOT_ECANCELED (al_stream_stop()); ALLOT_EFORMAT; ALLOT_EIO; ALLOT_ENOMEM; ALLOT_EINVAL (a
 *         reduction of no items that has no value) */
allot_err al_stream_run(al_map_stream *stream, allot_error *err);

void al_stream_fini(al_map_stream *stream);

/** Ask a run to end. Threads: any. */
void al_stream_stop(al_map_stream *stream);

/** For map_spread.c. Let the loops be about a block; and hand a block on that is computed, as far as it is
 * good: from then on it is somebody else's. @return code, or what starting the writer has to say */
void al_stream_set_apply(al_map_stream *stream, const al_map_block *block);
allot_err al_stream_hand_on(al_map_stream *stream, al_map_block *block, allot_err code, allot_error *err);

/** How far the run is, for a progress line: arg is the stream. Threads: any. */
void al_stream_progress(void *arg, al_progress_state *state);

/** Items done, those of the block at work estimated from its loop's own count. Threads: any. */
uint64_t al_stream_done(const al_map_stream *stream);

#endif
