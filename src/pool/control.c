/* control.c - the handle by which another thread watches or cancels a call.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pool/control.h"

#include <stdlib.h>

#include "base/fail.h"

allot_err allot_control_create(allot_control **control, allot_error *err)
{
    if (control == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "allot_control_create: no place for the handle was given");
    *control = calloc(1, sizeof **control);
    if (*control == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "allot_control_create: out of memory");
    return ALLOT_OK;
}

void allot_control_destroy(allot_control *control)
{
    free(control);
}

void allot_control_cancel(allot_control *control)
{
    atomic_store_explicit(&control->canceled, true, memory_order_relaxed);
}

void allot_control_progress(const allot_control *control, uint64_t *done, uint64_t *total)
{
    *total = atomic_load_explicit(&control->ntotal, memory_order_relaxed);
    *done = atomic_load_explicit(&control->ndone, memory_order_relaxed);
    if (*done > *total)
        *done = *total; /* the last leaf of a reduction may be a short one */
}
