/* measure.c - see measure.h. The best of some tries: what disturbs them is not what they cost.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "comm/measure.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"

#define NTRIES 15
#define SHORT_NBYTES 64
#define LONG_NBYTES 262144

/** Messages of n bytes, from each rank to the one above it. */
static double exchange_ns(al_comm *comm, char *buffer, size_t n)
{
    double best = HUGE_VAL;
    int above = (comm->rank + 1) % comm->size, below = (comm->rank + comm->size - 1) % comm->size;
    for (int k = 0; k < NTRIES; k++) {
        uint64_t begin = al_clock_ns();
        al_comm_exchange(comm, above, buffer, n, below, buffer + LONG_NBYTES, n);
        best = fmin(best, (double)(al_clock_ns() - begin));
    }
    return best;
}

static double sum_ns(al_comm *comm)
{
    double best = HUGE_VAL, value = 1;
    for (int k = 0; k < NTRIES; k++) {
        uint64_t begin = al_clock_ns();
        comm->sum(comm, &value, 1);
        best = fmin(best, (double)(al_clock_ns() - begin));
    }
    return best;
}

allot_err al_comm_measure(al_comm *comm, al_comm_costs *costs, allot_error *err)
{
    *costs = (al_comm_costs){0, 0, 0};
    if (comm->size == 1)
        return ALLOT_OK;
    char *buffer = calloc(2, LONG_NBYTES);
    if (buffer == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    double found[] = {exchange_ns(comm, buffer, SHORT_NBYTES), exchange_ns(comm, buffer, LONG_NBYTES),
                      sum_ns(comm)};
    free(buffer);
    comm->greatest(comm, found, 3);
    costs->message_ns = found[0];
    costs->byte_ns = fmax(found[1] - found[0], 0) / LONG_NBYTES;
    costs->sum_ns = found[2] / ceil(log2(comm->size));
    return ALLOT_OK;
}
