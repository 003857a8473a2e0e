/* prefetch.c - see prefetch.h.
 *
 * While the engine's queue holds rtt / task tasks for each slot, a steady way is hidden (Little's law). Ways
 * are not steady: a lost packet costs one or two more round trips on TCP, and the controller commits in
 * groups. So it is AHEAD round trips and a slack. Where a whole round trip is under 1 in LONG of a task,
 * nothing waits: the loss is below that, and a task that waits could be run by another engine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plan/prefetch.h"

#include <math.h>

#define AHEAD 4.0
#define SLACK_NS 5e6
#define LONG 200.0
#define MOST 1000.0

uint32_t al_plan_prefetch(double rtt_ns, double task_ns, uint32_t nslots)
{
    if (!(task_ns > 0)) /* the first ones tell; one more for each slot tells nothing wrong */
        return nslots;
    double way_ns = rtt_ns > 0 ? rtt_ns : 1e6;
    if (task_ns > LONG * way_ns && task_ns > 2 * LONG * SLACK_NS)
        return 0;
    double wanted = ceil((double)nslots * (AHEAD * way_ns + SLACK_NS) / task_ns);
    return (uint32_t)(wanted < MOST ? wanted : MOST);
}
