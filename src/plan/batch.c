/* batch.c - see batch.h.
 *
 * A program that reads ahead takes its first batch at once, whatever an item costs; so a batch grows by
 * steps, each of which a slow program would show to have been one too many before long. It shrinks at once,
 * and only by what is certain: a batch that was found used up after a long time may have been so for most of
 * it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plan/batch.h"

#define NITEMS_MOST (UINT64_C(1) << 40)

uint64_t al_plan_batch(uint64_t nitems, double busy_ns, double took_ns)
{
    if (nitems == 0)
        return 1;
    if (busy_ns > 2 * AL_BATCH_NS) {
        uint64_t fewer = (uint64_t)((double)nitems * (AL_BATCH_NS / busy_ns));
        return fewer > 0 ? fewer : 1;
    }
    if (nitems >= NITEMS_MOST || (busy_ns > 0 && took_ns > AL_BATCH_NS / 2))
        return nitems;
    return took_ns < AL_BATCH_NS / 8 ? 4 * nitems : 2 * nitems;
}
