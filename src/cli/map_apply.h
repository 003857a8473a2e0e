/* map_apply.h - the compiled expression over the items of one block, with its faults found out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_APPLY_H
#define AL_CLI_MAP_APPLY_H

#include <stddef.h>
#include <stdint.h>

#include "cli/map_guard.h"
#include "cli/map_input.h"
#include "map/expr.h"

/** How an item can fail: what a loop's body returns for it. */
enum {
    AL_ITEM_OVERFLOW = 1, /* ipow(), or the result, left the range of its type */
    AL_ITEM_CUT_SHORT,    /* the mapped input has become shorter */
    AL_ITEM_CRASHED,      /* plus the signal: the expression crashed */
};

/** An item that failed. */
typedef struct al_item_failure {
    int kind;        /* AL_ITEM_*; 0: none */
    uint64_t number; /* over all inputs */
    _Alignas(16) unsigned char x[16];
    bool is_repeatable;        /* it failed again when it was run again, alone */
    bool is_combining;         /* it was not an item's value that failed but the reduction before it */
    al_crash crash;            /* AL_ITEM_CRASHED */
    const char *overflow_text; /* AL_ITEM_OVERFLOW: what left its range */
} al_item_failure;

typedef struct al_apply {
    const al_expr *expr;
    size_t in_nbytes, out_nbytes;

    /* Of the block at hand. */
    const al_map_input *input;
    const unsigned char *items; /* NULL: computed from the range */
    const void *range;
    uint64_t first; /* number of item 0 */
    unsigned char *results;
} al_apply;

/** Map the block's items [begin, end) to its results: an allot_for_fn whose arg is an al_apply. */
int al_apply_map(uint64_t begin, uint64_t end, void *arg);

/** Fold the block's items [begin, end) into *acc.
 * @param[out] failed  the lowest item that failed, when the result is not 0
 * @return 0, or AL_ITEM_* */
int al_apply_fold(const al_apply *apply, uint64_t begin, uint64_t end, void *acc, uint64_t *failed);

/** Call fn(arg), which reads the mapped items of input. @return 0, or AL_ITEM_CUT_SHORT */
int al_apply_read(const al_map_input *input, void (*fn)(void *arg), void *arg);

/** Describe an item of the block that failed, by running it once more. */
void al_apply_describe(const al_apply *apply, uint64_t item, int kind, al_item_failure *failure);

#endif
