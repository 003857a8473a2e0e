/* measure.h - what messages between these ranks cost, for the plan of domains.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_COMM_MEASURE_H
#define AL_COMM_MEASURE_H

#include <allot/error.h>

#include "comm/comm.h"

/** Of the dearest rank, so the same on all. */
typedef struct al_comm_costs {
    double message_ns; /**< one there and one here, at once, and short */
    double byte_ns;    /**< more for each byte of a long one */
    double sum_ns;     /**< al_comm's sum(), for each doubling of the ranks */
} al_comm_costs;

/** Send some messages around: a few milliseconds. With one rank all is 0. Collective.
 * @return ALLOT_OK; ALLOT_ENOMEM, of this rank alone */
allot_err al_comm_measure(al_comm *comm, al_comm_costs *costs, allot_error *err);

#endif
