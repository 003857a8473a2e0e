/* ship.c - see ship.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plan/ship.h"

#include <math.h>

#include "base/table.h"

/** Starting a process there and taking what it wrote, where it was not measured yet. */
#define START_ASSUMED_NS 2e6
/** A chunk is so long that this is a twentieth of it ... */
#define STARTS_A_CHUNK 20
/** ... and so short that what is lost with an engine, or waited for at the end, is little. */
#define CHUNK_MOST_NS 1e9
/** Nothing is known of the way yet: a network of 1 Gbit/s, and a city's distance. */
#define BYTE_ASSUMED_NS 10.0
#define RTT_ASSUMED_NS 2e6
/** Work left here over the time until a first chunk is back: below it, trying is not worth it. */
#define MARGIN 2.0
/** Of what is left, so many chunks for each processor: late ones shrink, so that all end together. */
#define SHARE 2.0

static double known(double value, double fallback)
{
    return value > 0.0 && value < INFINITY ? value : fallback;
}

/** Items of a chunk, at least one. */
static double chunk_items(const al_ship_work *work, double there_ns, double start_ns, double rtt_ns)
{
    double target_ns = fmin(fmax(STARTS_A_CHUNK * start_ns, rtt_ns / 2), CHUNK_MOST_NS);
    double all = (double)work->nthreads + (double)work->nslots;
    double fair = work->nleft / (SHARE * fmax(all, 1.0));
    return fmax(floor(fmin(target_ns / there_ns, fair)), 1.0);
}

void al_plan_ship(const al_ship_work *work, const al_ship_engine *engine, al_ship_plan *plan)
{
    double item_ns = known(work->item_ns, 0), nleft = known(work->nleft, 0);
    double rtt_ns = known(engine->rtt_ns, RTT_ASSUMED_NS);
    double there_ns = item_ns * known(engine->pace, 1.0);
    double start_ns = known(engine->start_ns, START_ASSUMED_NS);
    *plan = (al_ship_plan){.reason = AL_SHIP_PAYS};
    plan->ship_ns = known(work->item_nbytes, 0) * known(engine->byte_ns, BYTE_ASSUMED_NS);
    plan->home_ns = nleft * item_ns / fmax((double)work->nthreads, 1.0);
    if (nleft < 1.0)
        plan->reason = AL_SHIP_NOTHING;
    else if (item_ns <= 0)
        plan->reason = AL_SHIP_UNMEASURED;
    if (plan->reason != AL_SHIP_PAYS)
        return;
    double nitems = chunk_items(work, there_ns, start_ns, rtt_ns);
    plan->chunk_ns = nitems * there_ns;
    plan->first_ns = known(engine->ready_ns, 0) + rtt_ns + start_ns + plan->chunk_ns + nitems * plan->ship_ns;
    if (plan->ship_ns >= item_ns)
        plan->reason = AL_SHIP_BYTES;
    else if (plan->home_ns < MARGIN * (known(engine->ready_ns, 0) + rtt_ns + start_ns) ||
             plan->home_ns < plan->first_ns)
        plan->reason = AL_SHIP_TOO_SHORT;
    else
        plan->nitems = (uint64_t)nitems;
}

const char *al_ship_reason_name(al_ship_reason reason)
{
    static const char *const names[] = {AL_SHIP_REASONS(AL_TABLE_NAME)};
    return al_table_at(names, sizeof names / sizeof names[0], reason, "?");
}

const char *al_ship_reason_text(al_ship_reason reason)
{
    static const char *const texts[] = {AL_SHIP_REASONS(AL_TABLE_TEXT)};
    return al_table_at(texts, sizeof texts / sizeof texts[0], reason, "unknown reason");
}
