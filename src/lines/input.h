/* input.h - items from a descriptor, cut into batches.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_LINES_INPUT_H
#define AL_LINES_INPUT_H

#include <allot/error.h>

#include "lines/batch.h"

typedef struct al_items {
    int fd;
    bool is_file;    /**< reading never waits */
    bool at_end;     /**< all is read */
    uint64_t nbytes; /**< of a file, from where it began; UINT64_MAX: not known */
    al_separator separator;
    al_blocks *blocks;
    al_block *block;  /**< being filled */
    al_chain pending; /**< read, not cut off yet */
    size_t nscanned;  /**< of that, known to hold no end of an item */
    al_record_scan scan;
    uint64_t nitems; /**< cut off */
    uint64_t nread;
} al_items;

/** @param blocks  borrowed while it lives */
void al_items_init(al_items *items, int fd, const al_separator *separator, al_blocks *blocks);
void al_items_fini(al_items *items);
/** Read until so many bytes are pending, as far as that is possible without waiting.
 * @return ALLOT_OK; ALLOT_EIO; ALLOT_ENOMEM */
allot_err al_items_fill(al_items *items, size_t nbytes, allot_error *err);
/** Whether there is nothing to cut off and never will be. */
bool al_items_are_gone(const al_items *items);
/** Cut off items: at most `nitems`, and no more than fit in nbytes, but one in any case.
 * @param[out] batch  owned by caller; NULL: no item is whole yet. The last one gets its separator if it has
 * none
 * @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_items_cut(al_items *items, uint64_t nitems, size_t nbytes, al_batch **batch, allot_error *err);

#endif
