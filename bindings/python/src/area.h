/* area.h - memory that the caller and its engines share: what is still to be claimed, what each of them does
 * now, and a ring for the results of each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PY_AREA_H
#define AL_PY_AREA_H

#include "object.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** Items a map may have: a span is kept in one word, its begin in 40 bits and its length in 24. */
#define AL_ITEMS_MAX ((int64_t)1 << 40)
#define AL_SPAN_MAX (((int64_t)1 << 24) - 1)

/** A worker's corner: the caller is worker 0, the engines are 1, 2, ... */
typedef struct al_slot {
    _Alignas(
        64) _Atomic uint64_t rest; /**< the span that is claimed, but not begun: others may take of its end */
    _Atomic int64_t at;            /**< the item being done; -1 between items */
    _Atomic int64_t since_ns;      /**< when it was begun, where someone wants to know */
    _Alignas(64) uint64_t head;    /**< bytes ever put into the ring: the engine's */
    _Atomic uint64_t tail;         /**< bytes ever taken out of it: the caller's */
} al_slot;

typedef struct al_shared {
    uint64_t ring_nbytes;
    uint32_t nslots;
    _Alignas(64) _Atomic int64_t next;  /**< the first item that nobody has claimed */
    _Alignas(64) _Atomic int64_t limit; /**< items from here on are not to be begun */
    al_slot slots[];
} al_shared;

typedef struct al_area {
    PyObject_HEAD al_shared *shared;
    unsigned char *rings;
    size_t nbytes;
    int fd;
} al_area;

/** Take up to `want` items off the front of a worker's own span, none at or after the limit.
 * @return how many; *begin is the first */
int64_t al_span_take(al_shared *shared, al_slot *slot, int64_t want, int64_t *begin);

extern PyType_Spec al_area_spec;
extern PyTypeObject *al_area_type; /**< made of it when the module is loaded */

#endif
