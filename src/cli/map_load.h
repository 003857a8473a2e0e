/* map_load.h - from what was read to items of x's type: the first loop over a block.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_LOAD_H
#define AL_CLI_MAP_LOAD_H

#include <allot/error.h>

#include "cli/map_phase.h"
#include "cli/map_ring.h"

typedef struct al_load {
    al_type type; /* of x */
    al_map_phase phase;

    /* Of the block at hand. */
    al_map_block *block;
    const void *raw; /* items of another type, to be converted */
    uint64_t first;  /* number of the block's first item within its input */
} al_load;

/** Parse the block's text.
 * @return ALLOT_OK; ALLOT_EFORMAT (file, line and column in err; block->nitems items before them are good);
 *         ALLOT_ECANCELED; ALLOT_ENOMEM */
allot_err al_load_text(al_load *load, al_map_block *block, allot_error *err);

/** Let the block's items be nitems raw ones of the input's .npy type.
 * @param raw  borrowed as long as the block is at work
 * @return ALLOT_OK; ALLOT_EIO (a mapped file has become shorter); ALLOT_ECANCELED; ALLOT_ENOMEM */
allot_err al_load_raw(al_load *load, al_map_block *block, const void *raw, allot_error *err);

/** Write out the block's items of a range, beginning with the one numbered `first` in it.
 * @return ALLOT_OK; ALLOT_ECANCELED; ALLOT_ENOMEM */
allot_err al_load_range(al_load *load, al_map_block *block, uint64_t first, allot_error *err);

/** The sentence for a mapped input that has become shorter while it was read. @return ALLOT_EIO */
allot_err al_load_cut_short(const al_map_input *input, allot_error *err);

#endif
