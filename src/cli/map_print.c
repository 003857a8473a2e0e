/* map_print.c - printing in parallel: every piece of results has room of its own for the longest text.
 *
 * The room is generous (49 bytes a value, where most take 8), but memory that is never written to is never
 * taken, and the pieces keep their places from block to block.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_print.h"

#include "base/fail.h"
#include "cli/map_output.h"

static int print_pieces(uint64_t begin, uint64_t end, void *arg)
{
    const al_print *print = arg;
    const al_map_block *block = print->block;
    size_t *nbytes = block->text_nbytes.bytes;
    for (uint64_t k = begin; k < end; k++) {
        uint64_t first = k * AL_PRINT_ITEMS, left = block->nitems - first;
        const char *values = (const char *)block->results.bytes + first * al_type_nbytes(print->type);
        nbytes[k] = al_text_print(print->type, values, left < AL_PRINT_ITEMS ? left : AL_PRINT_ITEMS,
                                  (char *)block->text.bytes + k * AL_PRINT_ROOM);
    }
    return 0;
}

allot_err al_print_block(al_print *print, al_map_block *block, allot_error *err)
{
    print->block = block;
    block->ntexts = (size_t)((block->nitems + AL_PRINT_ITEMS - 1) / AL_PRINT_ITEMS);
    if (!al_room_reserve(&block->text, block->ntexts * AL_PRINT_ROOM) ||
        !al_room_reserve(&block->text_nbytes, block->ntexts * sizeof(size_t)))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for the text of the results");
    return al_phase_run(&print->phase, block->ntexts, print_pieces, print, err);
}
