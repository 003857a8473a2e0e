/* sched_queue.c - tasks and the order of those that are ready. See sched_parts.h.
 *
 * A task is one byte here, and two more where its page has several kinds. Those that are ready are kept as
 * spans, so that a million of them that came in order are one span. Whoever leaves that state in another way
 * than by being started stays in its span and is passed over later: each task is looked at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "farm/sched_parts.h"

#define STATE_MASK 7u
#define ATTEMPTS_MANY 31u /* in the byte: see many_attempts */

/* ---- tasks ----------------------------------------------------------------------------------------------
 */

static uint8_t *byte_of(const al_sched *sched, al_task_id task)
{
    return &sched->pages[(task - 1) / AL_PAGE_TASKS]->bytes[(task - 1) % AL_PAGE_TASKS];
}

static uint64_t *count_of(al_sched *sched, al_task_state state)
{
    al_sched_counts *c = &sched->counts;
    uint64_t *const where[] = {&c->nblocked, &c->nready,  &c->nrunning, &c->ndelayed,
                               &c->ndone,    &c->nfailed, &c->nskipped, &c->ncanceled};
    return where[state];
}

al_task_state al_task_state_of(const al_sched *sched, al_task_id task)
{
    return (al_task_state)(*byte_of(sched, task) & STATE_MASK);
}

void al_task_set_state(al_sched *sched, al_task_id task, al_task_state state)
{
    uint8_t *byte = byte_of(sched, task);
    --*count_of(sched, (al_task_state)(*byte & STATE_MASK));
    ++*count_of(sched, state);
    *byte = (uint8_t)((*byte & ~STATE_MASK) | state);
}

uint32_t al_task_attempts_of(const al_sched *sched, al_task_id task)
{
    uint32_t attempts = *byte_of(sched, task) >> 3;
    return attempts < ATTEMPTS_MANY ? attempts
                                    : (uint32_t)al_sched_map_get(&sched->many_attempts, task, attempts);
}

void al_task_set_attempts(al_sched *sched, al_task_id task, uint32_t attempts)
{
    uint8_t *byte = byte_of(sched, task);
    if (attempts >= ATTEMPTS_MANY && !al_sched_map_set(&sched->many_attempts, task, attempts))
        sched->is_out_of_memory = true;
    *byte = (uint8_t)((*byte & STATE_MASK) | (attempts < ATTEMPTS_MANY ? attempts : ATTEMPTS_MANY) << 3);
}

uint32_t al_task_kind_of(const al_sched *sched, al_task_id task)
{
    const al_page *page = sched->pages[(task - 1) / AL_PAGE_TASKS];
    return page->kinds != NULL ? page->kinds[(task - 1) % AL_PAGE_TASKS] : page->kind;
}

static bool add_page(al_sched *sched)
{
    al_page **pages = realloc(sched->pages, (sched->npages + 1) * sizeof *pages);
    if (pages == NULL)
        return false;
    sched->pages = pages;
    pages[sched->npages] = calloc(1, sizeof(al_page));
    if (pages[sched->npages] == NULL)
        return false;
    sched->npages++;
    return true;
}

/** Kinds of tasks [at, at + n) of a page. */
static bool set_kinds(al_page *page, uint32_t at, uint64_t n, uint32_t kind)
{
    if (at == 0)
        page->kind = (uint16_t)kind;
    if (page->kinds == NULL && page->kind == kind)
        return true;
    if (page->kinds == NULL) {
        page->kinds = malloc(AL_PAGE_TASKS * sizeof *page->kinds);
        if (page->kinds == NULL)
            return false;
        for (uint32_t k = 0; k < at; k++)
            page->kinds[k] = page->kind;
    }
    for (uint64_t k = 0; k < n; k++)
        page->kinds[at + k] = (uint16_t)kind;
    return true;
}

bool al_page_add(al_sched *sched, uint64_t n, uint32_t kind, al_task_state state)
{
    while (n > 0) {
        uint32_t at = (uint32_t)(sched->counts.ntasks % AL_PAGE_TASKS);
        size_t page = (size_t)(sched->counts.ntasks / AL_PAGE_TASKS);
        if (page == sched->npages && !add_page(sched))
            return false;
        uint64_t here = AL_PAGE_TASKS - at < n ? AL_PAGE_TASKS - at : n;
        if (!set_kinds(sched->pages[page], at, here, kind))
            return false;
        memset(sched->pages[page]->bytes + at, (int)state, here);
        sched->counts.ntasks += here;
        *count_of(sched, state) += here;
        n -= here;
    }
    return true;
}

/* ---- heaps ----------------------------------------------------------------------------------------------
 */

bool al_heap_push(al_heap *heap, uint64_t key, uint64_t what)
{
    if (heap->count == heap->room) {
        size_t room = heap->room > 0 ? 2 * heap->room : 16;
        al_due *at = realloc(heap->at, room * sizeof *at);
        if (at == NULL)
            return false;
        heap->at = at;
        heap->room = room;
    }
    size_t k = heap->count++;
    for (; k > 0 && heap->at[(k - 1) / 2].key > key; k = (k - 1) / 2)
        heap->at[k] = heap->at[(k - 1) / 2];
    heap->at[k] = (al_due){key, what};
    return true;
}

al_due al_heap_pop(al_heap *heap)
{
    al_due top = heap->at[0], last = heap->at[--heap->count];
    size_t k = 0, child;
    while ((child = 2 * k + 1) < heap->count) {
        if (child + 1 < heap->count && heap->at[child + 1].key < heap->at[child].key)
            child++;
        if (heap->at[child].key >= last.key)
            break;
        heap->at[k] = heap->at[child];
        k = child;
    }
    heap->at[k] = last;
    return top;
}

/* ---- spans ----------------------------------------------------------------------------------------------
 */

static bool push_span(al_spans *spans, al_task_id first, uint64_t n)
{
    if (spans->count > 0) {
        al_span *last = &spans->at[(spans->head + spans->count - 1) & (spans->room - 1)];
        if (last->first + last->n == first) {
            last->n += n;
            return true;
        }
    }
    if (spans->count == spans->room) {
        size_t room = spans->room > 0 ? 2 * spans->room : 8;
        al_span *at = malloc(room * sizeof *at);
        if (at == NULL)
            return false;
        for (size_t k = 0; k < spans->count; k++)
            at[k] = spans->at[(spans->head + k) & (spans->room - 1)];
        free(spans->at);
        *spans = (al_spans){.at = at, .count = spans->count, .room = room};
    }
    spans->at[(spans->head + spans->count++) & (spans->room - 1)] = (al_span){first, n};
    return true;
}

static void drop_first(al_spans *spans)
{
    al_span *span = &spans->at[spans->head];
    span->first++;
    if (--span->n == 0) {
        spans->head = (spans->head + 1) & (spans->room - 1);
        spans->count--;
    }
}

/** The first that is still ready. */
static al_task_id first_ready(const al_sched *sched, al_spans *spans)
{
    while (spans->count > 0) {
        al_task_id task = spans->at[spans->head].first;
        if (al_task_state_of(sched, task) == AL_TASK_READY)
            return task;
        drop_first(spans);
    }
    return 0;
}

al_task_id al_queue_peek(al_sched *sched, al_class *class)
{
    al_task_id task = first_ready(sched, &class->returned);
    return task != 0 ? task : first_ready(sched, &class->fresh);
}

void al_queue_drop(al_class *class)
{
    drop_first(class->returned.count > 0 ? &class->returned : &class->fresh);
}

/** What comes first is what has the higher priority, then the lower number. */
static uint64_t rank_of(const al_class *class, al_task_id head)
{
    uint64_t priority = (uint64_t)((int64_t)INT32_MAX - class->kind.priority);
    return priority << 31 | (head < INT32_MAX ? head : INT32_MAX);
}

void al_queue_offer(al_sched *sched, uint32_t number)
{
    al_class *class = &sched->classes[number];
    if (class->is_candidate || class->is_stuck)
        return;
    al_task_id head = al_queue_peek(sched, class);
    if (head == 0)
        return;
    class->is_candidate = al_heap_push(&sched->candidates, rank_of(class, head), number);
    sched->is_out_of_memory |= !class->is_candidate;
}

void al_queue_push(al_sched *sched, al_task_id first, uint64_t n, bool is_fresh)
{
    uint32_t number = al_task_kind_of(sched, first);
    al_class *class = &sched->classes[number];
    if (!push_span(is_fresh ? &class->fresh : &class->returned, first, n))
        sched->is_out_of_memory = true;
    al_queue_offer(sched, number);
}
