/* map_spread.h - a stream's blocks computed here and on engines at once: this machine's side of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_SPREAD_H
#define AL_CLI_MAP_SPREAD_H

#include "cli/map_stream.h"

/** Take a block that is loaded into what is shared out, and compute until there is place for one more.
 * @return as al_stream_run() */
allot_err al_spread_block(al_map_stream *stream, al_map_block *block, bool is_last, allot_error *err);
/** The next block that was read; meanwhile, compute. @return NULL: no more, or *code has a failure */
al_map_block *al_spread_next(al_map_stream *stream, allot_err *code, allot_error *err);
/** Compute all that is shared out, to its end. @return as al_stream_run() */
allot_err al_spread_end(al_map_stream *stream, allot_error *err);

#endif
