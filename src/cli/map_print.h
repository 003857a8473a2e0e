/* map_print.h - a block's results as text: the last loop over a block.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_PRINT_H
#define AL_CLI_MAP_PRINT_H

#include <allot/error.h>

#include "cli/map_phase.h"
#include "cli/map_ring.h"

typedef struct al_print {
    al_type type;
    al_map_phase phase;
    al_map_block *block; /* at hand */
} al_print;

/** Print the block's nitems results into its texts. @return ALLOT_OK; ALLOT_ECANCELED; ALLOT_ENOMEM */
allot_err al_print_block(al_print *print, al_map_block *block, allot_error *err);

#endif
