/* batch.h - items that a copy is given together, and what it answered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_LINES_BATCH_H
#define AL_LINES_BATCH_H

#include "lines/chain.h"
#include "lines/record.h"

typedef struct al_copy al_copy;

/** Consecutive items. All that are not written yet are in one list, in order; what is to be done by a copy,
 * or is being done, is in another. */
typedef struct al_batch {
    struct al_batch *before, *next; /**< in order */
    struct al_batch *after;         /**< in a queue */
    uint64_t first;                 /**< number of its first item, from 0 */
    uint64_t nitems, nanswered, nwritten;
    al_chain items, answers;
    size_t nwhole;       /**< bytes of the answers that are whole */
    al_record_scan scan; /**< of the answers */
    al_copy *copy;       /**< that owes the answers; NULL: none does */
    uint32_t nkills;     /**< copies that died when it was all they had; counts for one item */
    bool is_set_aside;   /**< one item, never answered */
} al_batch;

/** In the order of the input. */
typedef struct al_order {
    al_batch *head, *last;
} al_order;

/** First in, first out. */
typedef struct al_queue {
    al_batch *head, *last;
} al_queue;

/** NULL: out of memory */
al_batch *al_batch_new(void);
void al_batch_free(al_batch *batch);
/** Put into the order, after `at`; NULL: at the beginning. */
void al_order_put(al_order *order, al_batch *batch, al_batch *at);
void al_order_remove(al_order *order, al_batch *batch);
void al_queue_put(al_queue *queue, al_batch *batch);
void al_queue_put_first(al_queue *queue, al_batch *batch);
/** NULL: it is empty */
al_batch *al_queue_take(al_queue *queue);

/** Whether nothing more is to come of it. */
bool al_batch_is_done(const al_batch *batch);
/** Where in its items number k begins, k <= nitems. */
size_t al_batch_place(const al_batch *batch, const al_separator *separator, uint64_t k);
/** Take bytes of answers, no more than it lacks.
 * @return how many it took; SIZE_MAX: out of memory */
size_t al_batch_answer(al_batch *batch, const al_separator *separator, al_block *block, const char *at,
                       size_t nbytes);
/** Cut off what comes from item k on, 0 < k < nitems, as a new batch after it in the order. An answer that is
 * not whole is dropped; the first part must have all answers that there are.
 * @return the new one; NULL: out of memory */
al_batch *al_batch_split(al_batch *batch, const al_separator *separator, uint64_t k, al_order *order);

#endif
