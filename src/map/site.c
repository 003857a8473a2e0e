/* site.c - learning from one loop for the next.
 *
 * Two things are learnt. The cost of an item comes from loops done alone, or long ones: in a short loop that
 * was shared, half of a thread's time may be the sharing. And whether sharing paid: when short loops that
 * were shared took as long as they would have alone, on average, that raises the site's floor, the more the
 * more often in a row; each loop the floor holds back lowers it again, so that the attempt is repeated, ever
 * more seldom. That catches what no prediction can: two items of which one does nothing, a neighbour on the
 * other processor.
 *
 * The other way round, short loops in a row, none of which pays for waking a worker, add up what a worker
 * would have saved them, and when that is the price of waking one, one is woken: whoever has waited in vain
 * as long as waking would have cost can be wrong by a factor of two at most (the ski-rental bound again).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "map/site.h"

#include <float.h>

#include "base/clock.h"

AL_TLS al_site al_sites[AL_SITES];

/** A loop that was not to pay for waking anybody, and took so much longer than that as neither memory nor
 * another program would have kept it waiting. */
#define LONG_NS 50e3
/** Loops longer than this lose too little by an attempt in vain to learn from it: one takes the time of a
 * wake-up. */
#define SHORT_LOOP_NS 200e3
/** What sharing saves, as a moving average of the latest attempts, each clipped; and what is assumed of a
 * loop not shared yet. */
#define GAIN_WEIGHT 0.25
#define GAIN_CLIP 0.5
#define GAIN_ASSUMED 0.1F
/** The floor after a failed attempt, over the work of that attempt: for the first, and more for each other in
 * a row. Each loop held back lowers it, so that the next attempt comes after 5, 11, 16 and then 20 loops. */
#define FLOOR_FIRST 1.25
#define FLOOR_MORE 0.5
#define FLOOR_LOSSES_MAX 4u
#define FLOOR_DECAY 0.95F
/** A floor over any loop, for one call. */
#define NEXT_ALONE FLT_MAX

static double min_of(double a, double b)
{
    return a < b ? a : b;
}

static uint64_t items_of(double ticks, double item_ticks)
{
    double items = ticks / item_ticks;
    return items < 1e18 ? (uint64_t)items : UINT64_MAX / 2;
}

AL_HOT bool al_site_miss(al_site *site, uint64_t start, uint64_t end, double wake_ticks, uint64_t spin_ticks)
{
    /* A worker woken for the last loop would be asleep again if that is longer ago than its spin. */
    if (start - site->missed_at > spin_ticks)
        site->missed_ticks = 0.0F;
    site->missed_at = end;
    site->missed_ticks += (float)(end - start) / 2.0F;
    if ((double)site->missed_ticks < wake_ticks)
        return false;
    site->missed_ticks = 0.0F;
    return true;
}

static void judge_sharing(al_site *site, const al_site_lesson *lesson)
{
    double serial = min_of((double)site->item_ticks * (double)lesson->nitems, (double)lesson->busy_ticks);
    double gain = 1.0 - (double)lesson->wall_ticks / serial;
    gain = gain > -GAIN_CLIP ? gain : -GAIN_CLIP; /* another program's doing says little about this loop */
    site->gain += (float)((gain - (double)site->gain) * GAIN_WEIGHT);
    if (site->gain > 0.0F) {
        site->losses = 0;
        site->floor_ticks = 0.0F;
        return;
    }
    site->losses = (uint16_t)(site->losses + (site->losses < FLOOR_LOSSES_MAX));
    double ratio = FLOOR_FIRST + FLOOR_MORE * (site->losses - 1);
    site->floor_ticks = (float)(lesson->shared_ticks * ratio);
}

AL_HOT void al_site_learn(al_site *site, const void *fn, const void *arg, const al_site_lesson *lesson)
{
    if (site->fn != fn || site->arg != arg)
        *site = (al_site){.fn = fn, .arg = arg, .gain = GAIN_ASSUMED};
    bool shared = lesson->shared_ticks > 0.0;
    bool is_short = (double)lesson->wall_ticks < SHORT_LOOP_NS * al_clock_ticks_per_ns;
    bool is_first = site->item_ticks <= 0.0F;
    if (!(shared && is_short) || is_first) {
        uint64_t busy = lesson->busy_ticks > 0 ? lesson->busy_ticks : 1;
        site->item_ticks = (float)((double)busy / (double)lesson->nitems);
    }
    if (shared && is_short && is_first)
        site->floor_ticks = NEXT_ALONE; /* what sharing saves can only be told from what alone costs */
    else if (shared && is_short)
        judge_sharing(site, lesson);
    else if (lesson->held_back)
        site->floor_ticks = site->floor_ticks < NEXT_ALONE ? site->floor_ticks * FLOOR_DECAY : 0.0F;
    site->short_items = items_of(AL_SITE_SHORT_NS * al_clock_ticks_per_ns, (double)site->item_ticks);
    site->asleep_items = items_of(lesson->wake_ticks, (double)site->item_ticks);
    site->long_ticks = (uint32_t)(LONG_NS * al_clock_ticks_per_ns + lesson->wake_ticks);
}

void al_site_doubt(al_site *site)
{
    site->short_items = site->asleep_items = 0;
}
