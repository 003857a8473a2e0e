/* events.h - what will happen, the next first: for simulations.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BENCH_EVENTS_H
#define BENCH_EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct event {
    uint64_t due_ns, task;
    uint32_t engine, kind;
} event;

/** A heap. Zero-initialise; events_fini() frees it. */
typedef struct events {
    event *at; /* [1 .. count] */
    size_t count, room;
} events;

/** Out of memory is the end. */
static inline void events_push(events *heap, event e)
{
    if (heap->count + 1 >= heap->room) {
        heap->room = heap->room > 0 ? 2 * heap->room : 1024;
        heap->at = realloc(heap->at, heap->room * sizeof *heap->at);
        if (heap->at == NULL)
            abort();
    }
    size_t k = ++heap->count;
    for (; k > 1 && heap->at[k / 2].due_ns > e.due_ns; k /= 2)
        heap->at[k] = heap->at[k / 2];
    heap->at[k] = e;
}

/** There is one. */
static inline event events_pop(events *heap)
{
    event least = heap->at[1], last = heap->at[heap->count--];
    size_t k = 1;
    for (size_t child; (child = 2 * k) <= heap->count; k = child) {
        child += child < heap->count && heap->at[child + 1].due_ns < heap->at[child].due_ns;
        if (heap->at[child].due_ns >= last.due_ns)
            break;
        heap->at[k] = heap->at[child];
    }
    heap->at[k] = last;
    return least;
}

static inline void events_fini(events *heap)
{
    free(heap->at);
    *heap = (events){.at = NULL};
}

/** Knuth's MMIX generator: 31 random bits. */
static inline uint32_t events_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(*state >> 33);
}

#endif
