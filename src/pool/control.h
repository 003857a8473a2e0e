/* control.h - the inside of an allot_control: a flag to stop by, and two counters.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_POOL_CONTROL_H
#define AL_POOL_CONTROL_H

#include <stdatomic.h>

#include <allot/map.h>

struct allot_control {
    atomic_bool canceled;
    _Atomic uint64_t ndone;
    _Atomic uint64_t ntotal;
};

static inline bool al_control_is_canceled(const allot_control *control)
{
    return control != NULL && atomic_load_explicit(&control->canceled, memory_order_relaxed);
}

static inline void al_control_begin(allot_control *control, uint64_t ntotal)
{
    if (control == NULL)
        return;
    atomic_store_explicit(&control->ndone, 0, memory_order_relaxed);
    atomic_store_explicit(&control->ntotal, ntotal, memory_order_relaxed);
}

static inline void al_control_add(allot_control *control, uint64_t ndone)
{
    if (control != NULL)
        atomic_fetch_add_explicit(&control->ndone, ndone, memory_order_relaxed);
}

#endif
