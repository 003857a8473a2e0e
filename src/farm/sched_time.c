/* sched_time.c - how long tasks take and how long they may, retries' delays among it. See sched_parts.h.
 *
 * The median of run times comes from a histogram with 64 bins to an octave, so it is within 1.1 % and costs
 * the same for ten tasks and ten million.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "farm/sched_parts.h"

#define PER_OCTAVE 64u
#define MEDIAN_LEAST 3u /* times, before the median means something */

/* ---- the median ------------------------------------------------------------------------------------------
 */

static uint32_t bin_of(uint64_t us)
{
    if (us < PER_OCTAVE)
        return (uint32_t)us;
    uint32_t octave = 63u - (uint32_t)__builtin_clzll(us);
    uint32_t bin = (octave - 5) * PER_OCTAVE + (uint32_t)(us >> (octave - 6) & (PER_OCTAVE - 1));
    return bin < AL_MEDIAN_BINS ? bin : AL_MEDIAN_BINS - 1;
}

/** The middle of a bin, us. */
static double middle_of(uint32_t bin)
{
    if (bin < PER_OCTAVE)
        return (double)bin;
    uint32_t octave = bin / PER_OCTAVE + 5;
    double width = (double)(UINT64_C(1) << (octave - 6));
    return (double)(UINT64_C(1) << octave) + (bin % PER_OCTAVE + 0.5) * width;
}

bool al_time_measure(al_sched *sched, uint64_t wall_us)
{
    if (sched->bins == NULL)
        sched->bins = calloc(AL_MEDIAN_BINS, sizeof *sched->bins);
    if (sched->bins == NULL)
        return false;
    uint32_t bin = bin_of(wall_us);
    sched->bins[bin]++;
    sched->nmeasured++;
    sched->nbelow += bin < sched->median_bin;
    while (2 * sched->nbelow > sched->nmeasured) /* half of them at most are below the median's bin, */
        sched->nbelow -= sched->bins[--sched->median_bin];
    while (2 * (sched->nbelow + sched->bins[sched->median_bin]) < sched->nmeasured) /* and above it */
        sched->nbelow += sched->bins[sched->median_bin++];
    return true;
}

double al_sched_median_ns(const al_sched *sched)
{
    return sched->nmeasured > 0 ? 1e3 * middle_of(sched->median_bin) : 0;
}

double al_time_most_ns(const al_sched *sched, double share)
{
    if (sched->nmeasured < MEDIAN_LEAST)
        return 0;
    uint32_t bin = sched->median_bin;
    double wanted = share * (double)sched->nmeasured;
    for (uint64_t n = sched->nbelow + sched->bins[bin]; (double)n < wanted; n += sched->bins[bin])
        bin++;
    return 1e3 * middle_of(bin);
}

/** What a task may take at present by --timeout N%; 0: no matter. */
static uint64_t median_limit_ns(const al_sched *sched)
{
    if (sched->opts.timeout_median <= 0 || sched->nmeasured < MEDIAN_LEAST)
        return 0;
    double limit_ns = sched->opts.timeout_median * al_sched_median_ns(sched);
    return limit_ns < 1e6 ? 1000000 : (uint64_t)limit_ns; /* our own clock is no finer than that */
}

/* ---- deadlines -------------------------------------------------------------------------------------------
 */

/** Timers of tasks that ended long before are not kept: a million short tasks with long timeouts would be a
 * million. */
static void compact(al_sched *sched)
{
    al_heap old = sched->timers;
    sched->timers = (al_heap){.at = NULL};
    for (size_t k = 0; k < old.count; k++)
        if (al_sched_map_get(&sched->by_task, old.at[k].what, AL_NONE) != AL_NONE &&
            !al_heap_push(&sched->timers, old.at[k].key, old.at[k].what))
            sched->is_out_of_memory = true;
    free(old.at);
}

void al_time_start(al_sched *sched, uint32_t number)
{
    if (sched->timers.count > 4 * (size_t)sched->nrunning + 1024)
        compact(sched);
    al_running *running = &sched->running[number];
    running->is_begun = true;
    if (running->timeout_ns > 0 &&
        !al_heap_push(&sched->timers, running->start_ns + running->timeout_ns, running->task))
        sched->is_out_of_memory = true;
}

/** TERM for who is over its time, KILL for who did not heed it. A timer may be of a task's earlier attempt.
 */
static void look_at(al_sched *sched, uint32_t number, uint64_t now_ns)
{
    al_running *running = &sched->running[number];
    if (running->hard_ns != 0 && now_ns >= running->hard_ns && !running->is_hard_due) {
        running->hard_ns = UINT64_MAX;
        running->is_hard_due = true;
        al_end_running(sched, number, running->why);
    } else if (running->why == AL_CAUSE_NONE && running->is_begun && running->timeout_ns > 0 &&
               now_ns >= running->start_ns + running->timeout_ns) {
        al_end_running(sched, number, AL_CAUSE_TIMEOUT);
    }
}

void al_time_look(al_sched *sched, uint64_t now_ns)
{
    while (sched->timers.count > 0 && sched->timers.at[0].key <= now_ns) {
        al_task_id task = al_heap_pop(&sched->timers).what;
        uint32_t number = (uint32_t)al_sched_map_get(&sched->by_task, task, AL_NONE);
        uint32_t twin = number != AL_NONE ? sched->running[number].twin : AL_NONE;
        if (number != AL_NONE)
            look_at(sched, number, now_ns);
        if (twin != AL_NONE)
            look_at(sched, twin, now_ns);
    }
    uint64_t limit_ns = median_limit_ns(sched);
    for (uint32_t k = sched->oldest; limit_ns > 0 && k != AL_NONE; k = sched->running[k].newer) {
        if (!sched->running[k].is_begun)
            continue;
        if (now_ns < sched->running[k].start_ns + limit_ns)
            break;
        if (sched->running[k].why == AL_CAUSE_NONE)
            al_end_running(sched, k, AL_CAUSE_TIMEOUT);
    }
}

uint64_t al_time_next(const al_sched *sched)
{
    uint64_t due_ns = sched->timers.count > 0 ? sched->timers.at[0].key : UINT64_MAX;
    uint64_t limit_ns = median_limit_ns(sched);
    for (uint32_t k = sched->oldest; limit_ns > 0 && k != AL_NONE; k = sched->running[k].newer) {
        if (sched->running[k].why != AL_CAUSE_NONE || !sched->running[k].is_begun)
            continue;
        if (sched->running[k].start_ns + limit_ns < due_ns)
            due_ns = sched->running[k].start_ns + limit_ns;
        break;
    }
    return due_ns;
}

/* ---- retries ---------------------------------------------------------------------------------------------
 */

/** splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t random_u64(al_sched *sched)
{
    uint64_t z = sched->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t al_time_backoff(al_sched *sched, uint32_t attempts)
{
    uint64_t wait_ns = sched->opts.backoff_ns, most_ns = sched->opts.backoff_most_ns;
    if (most_ns == 0)
        most_ns = UINT64_C(3600000000000);
    for (uint32_t k = 1; k < attempts && wait_ns < most_ns; k++)
        wait_ns *= 2;
    if (wait_ns > most_ns)
        wait_ns = most_ns;
    double jitter = 0.9 + 0.2 * ((double)(random_u64(sched) >> 11) / 9007199254740992.0);
    return (uint64_t)((double)wait_ns * jitter);
}
