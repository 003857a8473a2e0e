/* lines_parts.h - what the files of a line engines' run share: lines.c, the rounds, and ending.c, copies that
 * end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_LINES_LINES_PARTS_H
#define AL_LINES_LINES_PARTS_H

#include <poll.h>

#include "lines/copy.h"
#include "lines/input.h"

typedef struct al_lines {
    const al_lines_opts *opts;
    al_lines_figures *figures;
    size_t window; /**< bytes of memory for items and answers, beyond which only the next answer matters */
    size_t hold;   /**< bytes of items that a copy may have without answering */
    al_blocks blocks;
    al_items items;
    al_order order;
    al_queue redo;  /**< given to a copy that ended before it answered */
    al_queue alone; /**< the same, and suspected to have ended it */
    al_copy *copies;
    struct pollfd *fds;
    uint32_t nlive;
    al_chain out;         /**< being written */
    al_block *empty;      /**< an empty answer */
    uint64_t batch_items; /**< of the last batch: a fresh copy need not start small */
    uint64_t nused;       /**< bytes of items cut off */
    uint64_t now_ns;
    bool wants_input, has_answered, has_said_status;
    al_batch *last; /**< the first item that ends the run: those before it are answered, no others. NULL: none
                       does */
    allot_err last_code;  /**< what it ends with, */
    char last_words[400]; /**< and why */
} al_lines;

/** A copy wrote more than it was given, or read more than it answered. @return ALLOT_EUSER */
allot_err al_lines_break(al_lines *l, const al_copy *copy, allot_error *err);
/** A copy has ended and was reaped: what it owes goes back, or an item is set aside, or is to be the last.
 * @return ALLOT_OK; ALLOT_EUSER; ALLOT_ETIMEDOUT; ALLOT_ENOMEM */
allot_err al_lines_end_copy(al_lines *l, al_copy *copy, allot_error *err);
/** Everything before the last item is answered: say why it is the last. @return ALLOT_EUSER; ALLOT_ETIMEDOUT
 */
allot_err al_lines_end_at_last(al_lines *l, allot_error *err);

#endif
