/* batch.c - see batch.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lines/batch.h"

#include <stdlib.h>

al_batch *al_batch_new(void)
{
    return calloc(1, sizeof(al_batch));
}

void al_batch_free(al_batch *batch)
{
    if (batch == NULL)
        return;
    al_chain_fini(&batch->items);
    al_chain_fini(&batch->answers);
    free(batch);
}

void al_order_put(al_order *order, al_batch *batch, al_batch *at)
{
    batch->before = at;
    batch->next = at != NULL ? at->next : order->head;
    *(at != NULL ? &at->next : &order->head) = batch;
    *(batch->next != NULL ? &batch->next->before : &order->last) = batch;
}

void al_order_remove(al_order *order, al_batch *batch)
{
    *(batch->before != NULL ? &batch->before->next : &order->head) = batch->next;
    *(batch->next != NULL ? &batch->next->before : &order->last) = batch->before;
    batch->before = batch->next = NULL;
}

void al_queue_put(al_queue *queue, al_batch *batch)
{
    batch->after = NULL;
    *(queue->head != NULL ? &queue->last->after : &queue->head) = batch;
    queue->last = batch;
}

void al_queue_put_first(al_queue *queue, al_batch *batch)
{
    batch->after = queue->head;
    if (queue->head == NULL)
        queue->last = batch;
    queue->head = batch;
}

al_batch *al_queue_take(al_queue *queue)
{
    al_batch *batch = queue->head;
    if (batch != NULL)
        queue->head = batch->after;
    return batch;
}

bool al_batch_is_done(const al_batch *batch)
{
    return batch->nanswered == batch->nitems || batch->is_set_aside;
}

size_t al_batch_place(const al_batch *batch, const al_separator *separator, uint64_t k)
{
    al_record_scan scan = {.ntail = 0};
    size_t place = 0, at = 0;
    const al_chain *items = &batch->items;
    for (size_t s = items->first; s < items->first + items->count && k > 0; s++) {
        uint64_t nfound;
        size_t n =
            al_record_scan_piece(&scan, separator, items->spans[s].at, items->spans[s].nbytes, k, &nfound);
        k -= nfound;
        if (n > 0)
            place = at + n;
        at += items->spans[s].nbytes;
    }
    return place;
}

size_t al_batch_answer(al_batch *batch, const al_separator *separator, al_block *block, const char *at,
                       size_t nbytes)
{
    uint64_t nlacking = batch->nitems - batch->nanswered, nfound;
    size_t n = al_record_scan_piece(&batch->scan, separator, at, nbytes, nlacking, &nfound);
    size_t ntaken = nfound < nlacking ? nbytes : n;
    if (!al_chain_add(&batch->answers, block, at, ntaken))
        return SIZE_MAX;
    batch->nanswered += nfound;
    if (n > 0)
        batch->nwhole = batch->answers.nbytes - (ntaken - n);
    return ntaken;
}

al_batch *al_batch_split(al_batch *batch, const al_separator *separator, uint64_t k, al_order *order)
{
    al_batch *rest = al_batch_new();
    size_t place = al_batch_place(batch, separator, k);
    if (rest == NULL || !al_chain_copy(&batch->items, place, batch->items.nbytes, &rest->items)) {
        al_batch_free(rest);
        return NULL;
    }
    al_chain_cut(&batch->items, place);
    al_chain_cut(&batch->answers, batch->nwhole);
    batch->scan.ntail = 0;
    rest->first = batch->first + k;
    rest->nitems = batch->nitems - k;
    batch->nitems = k;
    al_order_put(order, rest, batch);
    return rest;
}
