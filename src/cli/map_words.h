/* map_words.h - what a map says when an item fails or somebody ends it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_WORDS_H
#define AL_CLI_MAP_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/map_stream.h"

/** The sentence for stream->failure. @return ALLOT_EUSER, or ALLOT_EIO when it was the input's fault */
allot_err al_words_item(const al_map_stream *stream, allot_error *err);

/** Where a run that was stopped had come to and how to go on, as the end of a sentence. Threads: any.
 * @param is_stuck  it did not end when it was told to */
void al_words_whereabouts(const al_map_stream *stream, bool is_stuck, char *text, size_t nbytes);

#endif
