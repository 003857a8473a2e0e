/* site.h - what a thread remembers of the places it calls loops from.
 *
 * A place is a function and its argument. What one loop there measured lets the next begin well: do it at
 * once when it is known to be short, share at once when it is known to be long, and leave sharing when
 * the last attempts gained nothing. All of it is advice: a site forgotten, or mistaken for another, costs
 * time and never a result.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MAP_SITE_H
#define AL_MAP_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/** What a site knows, in one cache line. Zeros: nothing. */
typedef struct al_site {
    const void *fn; /* never dereferenced, as arg */
    const void *arg;
    uint64_t short_items;  /* so many items are not worth a thought: do them at once... */
    uint64_t asleep_items; /* ...and so many while no worker is awake... */
    uint32_t long_ticks;   /* ...unless they took this long: then what is known is wrong */
    uint16_t losses;       /* times in a row that the floor had to be raised */
    uint16_t nshort;       /* loops done at once; one in a few of them is timed */
    float item_ticks;      /* cost of an item */
    float gain;            /* share of the serial time that sharing short loops saved lately, on average */
    uint64_t missed_at;    /* ticks at the end of the last loop that a worker awake could have shortened */
    float missed_ticks;    /* what such loops in close succession would have saved so far */
    float floor_ticks;     /* do not share less work than this: it did not pay */
} al_site;

/** What a loop can teach. */
typedef struct al_site_lesson {
    uint64_t nitems;     /* done, > 0 */
    uint64_t wall_ticks; /* from call to end */
    uint64_t busy_ticks; /* in bodies, all threads */
    double shared_ticks; /* work left when the loop was opened to others, as predicted; 0: it was not */
    bool held_back;      /* not opened because of floor_ticks */
    double wake_ticks;   /* the least work that pays for waking a worker; 0: unknown */
} al_site_lesson;

_Static_assert(sizeof(al_site) <= AL_CACHE_LINE, "a site is one cache line");

#define AL_SITES 16u
extern AL_TLS al_site al_sites[AL_SITES];

/** The entry that calls of fn on this thread share, which may hold another's. */
AL_INLINE al_site *al_site_entry(const void *fn)
{
    uintptr_t mix = (uintptr_t)fn ^ (uintptr_t)fn >> 9;
    return &al_sites[(mix >> 4) % AL_SITES];
}

/** Work that short_items stand for, in ns. */
#define AL_SITE_SHORT_NS 1000.0

/** Let the entry learn from a loop of fn with arg. */
void al_site_learn(al_site *site, const void *fn, const void *arg, const al_site_lesson *lesson);

/** A loop done alone from tick `start` to `end` would have been shared had a worker been awake. Waking one
 * did not pay for that loop; for a whole row of them it does. @return whether it is time to wake one, for
 * the loops to come */
bool al_site_miss(al_site *site, uint64_t start, uint64_t end, double wake_ticks, uint64_t spin_ticks);

/** The last loop took far longer than predicted: do not do the next one without a thought. */
void al_site_doubt(al_site *site);

#endif
