/* prefetch.h - how many tasks should wait at an engine that is some way off.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PLAN_PREFETCH_H
#define AL_PLAN_PREFETCH_H

#include <stdint.h>

/** Tasks that wait at an engine of nslots, beyond those that run, so that it never waits for us: what it can
 * do while a result travels here and the next task there, with some to spare for a way that stutters. 0 where
 * tasks last so long that the way does not matter; a lost engine then costs only what ran.
 * @param rtt_ns   there and back; 0: not known
 * @param task_ns  a task's time, the median; 0: not known */
uint32_t al_plan_prefetch(double rtt_ns, double task_ns, uint32_t nslots);

#endif
