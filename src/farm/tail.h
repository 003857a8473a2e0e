/* tail.h - what ended but is not in the database yet, in memory that outlives the process.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_TAIL_H
#define AL_FARM_TAIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "engine/task.h"
#include "farm/args.h"
#include "farm/store.h"

/** A task in flight. */
typedef struct al_tail_slot {
    _Atomic uint64_t task; /**< 0: none */
    int64_t start_us, pid;
    uint32_t attempt, unused;
} al_tail_slot;

/** One of the two halves that are filled by turns. */
typedef struct al_tail_half {
    _Atomic uint64_t nbytes; /**< of whole records */
    uint64_t turn;           /**< the later, the newer its records */
    uint8_t unused[48];
    uint8_t records[(1u << 20) - 64];
} al_tail_half;

/** The mapped file. docs/formats/run.md has the layout. */
typedef struct al_tail {
    char magic[8];
    uint32_t version, unused;
    uint8_t unused_too[48];
    al_tail_slot slots[AL_SLOTS_MAX + 1]; /**< index = slot */
    al_tail_half halves[2];
} al_tail;

/** Make or open FOLDER/tail and map it. @return ALLOT_OK; ALLOT_EIO: no room for it on the disk;
 * ALLOT_EFORMAT */
allot_err al_tail_open(const char *folder, al_tail **tail, bool *is_new, allot_error *err);
void al_tail_close(al_tail *tail);

/** A task is about to start in a slot; it is over there (task 0). */
void al_tail_note(al_tail *tail, uint32_t slot, uint64_t task, uint32_t attempt, int64_t start_us);

/** Append a record to a half. @return false: it does not fit */
bool al_tail_append(al_tail_half *half, const al_result *result, al_args out, al_args err_out);
/** Whether one of the largest size fits. */
bool al_tail_has_room(const al_tail_half *half);

/** Step through the whole records: begin with *at = 0. @return false: no more, or a damaged one */
bool al_tail_next(const al_tail_half *half, uint64_t *at, al_result *result, al_args *out, al_args *err_out);

#endif
