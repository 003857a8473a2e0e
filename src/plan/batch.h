/* batch.h - how many items a copy of a program is given at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PLAN_BATCH_H
#define AL_PLAN_BATCH_H

#include <stdint.h>

/** Work that a batch should be, ns: long beside the time that it takes to come back and hand over the next,
 * so that a copy never waits; short beside a run, so that copies end together. */
#define AL_BATCH_NS 8e6

/** Items of the next batch, from how long the last one lasted. Pure.
 * @param nitems   of the last batch; 0: there was none
 * @param busy_ns  it lasted so long at least: there was still some of it when it was last looked at; 0: when
 * it was first looked at, nothing was left
 * @param took_ns  it lasted so long at most, >= busy_ns
 * @return at least 1 */
uint64_t al_plan_batch(uint64_t nitems, double busy_ns, double took_ns);

#endif
