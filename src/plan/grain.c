/* grain.c - the cost model: measurements in, decisions out.
 *
 * Pure, so that each figure can be asked for again in a test or for --explain. The model stands in
 * plan.h; here are its constants, each with the reason for it.
 *
 * Invariants: the plan is a function of its two arguments alone; a share or a wake is proposed only where
 * the model predicts a gain of at least GAIN_WANTED, or where the work already done pays for the attempt.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <allot/plan.h>

#include <math.h>
#include <stdio.h>

#include "base/table.h"

/** Handing over must promise this share of the time, since the estimate of what is left may be off. */
#define GAIN_WANTED 0.05
/** Work done so far that pays for an attempt of cost 1, whatever is left: a loss of at most 1 in 20. */
#define HEARTBEAT_RATIO 20.0
/** A look at the clock and at the range costs about 15 ns: chunks of 300 ns keep that to 5 %. */
#define CHUNK_MIN_NS 300.0
/** A cancel, a deadline or a thief waits for one chunk. */
#define CHUNK_MAX_NS 5000.0
/** Of what is left, one chunk is a quarter: late chunks shrink, so that all engines end together. */
#define CHUNK_SHARE 0.25
/** Bounds on the spin before sleep: a machine that reports no costs still spins a little, and none more
 * than a few time slices' worth of a processor that others could use. */
#define SPIN_MIN_NS 20e3
#define SPIN_MAX_NS 500e3
/** Leaves of a reduction: 64 up to LEAF_SMALL items, then 2 * sqrt(n), never over LEAF_COUNT_MAX. */
#define LEAF_COUNT_MIN 64u
#define LEAF_SMALL 1024u
#define LEAF_COUNT_MAX 4096u

static double at_least_zero(double value)
{
    return value > 0.0 ? value : 0.0; /* also for NaN */
}

/** Time of r ns of work with k others who arrive after `latency`, for a call that costs the caller `call`.
 * One more hand-over is paid at the end, when the last engine says that it is done. */
static double shared_ns(double r, double call, double latency, double handover, double k)
{
    double alone = at_least_zero(latency - call);
    if (r <= alone)
        return call + r;
    return call + alone + (r - alone) / (k + 1.0) + handover;
}

/** The r from which shared_ns(r, .., 1) <= (1 - GAIN_WANTED) r. */
static double break_even_ns(double call, double latency, double handover)
{
    double alone = at_least_zero(latency - call);
    return (call + alone / 2.0 + handover) / (0.5 - GAIN_WANTED);
}

double allot_plan_share_ns(const allot_costs *costs)
{
    double handover = at_least_zero(costs->handover_ns);
    return break_even_ns(0.0, handover, handover);
}

double allot_plan_wake_ns(const allot_costs *costs)
{
    return break_even_ns(at_least_zero(costs->wake_call_ns), at_least_zero(costs->wake_latency_ns),
                         at_least_zero(costs->handover_ns));
}

double allot_plan_spin_ns(const allot_costs *costs)
{
    double wake = at_least_zero(costs->wake_call_ns) + at_least_zero(costs->wake_latency_ns);
    return fmin(fmax(wake, SPIN_MIN_NS), SPIN_MAX_NS);
}

uint64_t allot_plan_chunk(uint64_t nitems, double item_ns)
{
    double left_ns = (double)nitems * item_ns;
    double target_ns = fmin(fmax(left_ns * CHUNK_SHARE, CHUNK_MIN_NS), CHUNK_MAX_NS);
    if (!(left_ns > target_ns))
        return nitems;
    uint64_t items = (uint64_t)(target_ns / item_ns);
    return items > 0 ? items : 1;
}

uint64_t allot_plan_leaf(uint64_t nitems)
{
    if (nitems <= LEAF_SMALL)
        return nitems <= LEAF_COUNT_MIN ? 1 : (nitems + LEAF_COUNT_MIN - 1) / LEAF_COUNT_MIN;
    uint64_t leaf = (uint64_t)(sqrt((double)nitems) / 2.0);
    uint64_t least = nitems / LEAF_COUNT_MAX + (nitems % LEAF_COUNT_MAX != 0);
    return leaf > least ? leaf : least;
}

static void stay_alone(allot_plan *plan, allot_reason reason)
{
    plan->reason = reason;
    plan->nengines = 1;
    plan->parallel_ns = plan->serial_ns;
}

/** The engines among `offered` that still have a break-even's worth of work each. */
static uint32_t paying_engines(double left_ns, double least_ns, uint64_t nitems, uint32_t offered)
{
    double most = fmin((double)offered, (double)(nitems - 1));
    double worth = least_ns > 0.0 ? floor(2.0 * left_ns / least_ns) : most;
    return (uint32_t)fmax(fmin(most, worth), 1.0);
}

static void share(const allot_costs *costs, const allot_work *work, allot_plan *plan)
{
    double handover = at_least_zero(costs->handover_ns);
    uint32_t others =
        paying_engines(plan->serial_ns, allot_plan_share_ns(costs), work->nitems, work->nspinning);
    plan->reason = ALLOT_REASON_SHARE;
    plan->share = true;
    plan->nengines = others + 1;
    plan->parallel_ns = shared_ns(plan->serial_ns, 0.0, handover, handover, others);
    double each_ns = plan->serial_ns / plan->nengines;
    plan->wake = work->nsleeping > 0 && each_ns >= allot_plan_wake_ns(costs) && work->nitems > plan->nengines;
}

static void wake(const allot_costs *costs, const allot_work *work, allot_plan *plan, allot_reason reason)
{
    uint32_t others =
        paying_engines(plan->serial_ns, allot_plan_wake_ns(costs), work->nitems, work->nsleeping);
    plan->reason = reason;
    plan->share = true;
    plan->wake = true;
    plan->nengines = others + 1;
    plan->parallel_ns =
        shared_ns(plan->serial_ns, at_least_zero(costs->wake_call_ns), at_least_zero(costs->wake_latency_ns),
                  at_least_zero(costs->handover_ns), others);
}

void allot_plan_grain(const allot_costs *costs, const allot_work *work, allot_plan *plan)
{
    double item_ns = at_least_zero(work->item_ns);
    *plan = (allot_plan){.serial_ns = (double)work->nitems * item_ns};
    plan->chunk_items = allot_plan_chunk(work->nitems, item_ns);
    if (work->nitems == 0)
        stay_alone(plan, ALLOT_REASON_NOTHING);
    else if (work->nitems == 1)
        stay_alone(plan, ALLOT_REASON_ONE_ITEM);
    else if (work->nspinning == 0 && work->nsleeping == 0)
        stay_alone(plan, ALLOT_REASON_ALONE);
    else if (plan->serial_ns < allot_plan_share_ns(costs))
        stay_alone(plan, ALLOT_REASON_TOO_SHORT);
    else if (work->nspinning > 0)
        share(costs, work, plan);
    else if (plan->serial_ns < allot_plan_wake_ns(costs))
        stay_alone(plan, ALLOT_REASON_TOO_SHORT_TO_WAKE);
    else if (work->confirmed)
        wake(costs, work, plan, ALLOT_REASON_WAKE);
    else if (at_least_zero(work->done_ns) >= HEARTBEAT_RATIO * at_least_zero(costs->wake_call_ns))
        wake(costs, work, plan, ALLOT_REASON_HEARTBEAT);
    else
        stay_alone(plan, ALLOT_REASON_UNSURE);
}

const char *allot_reason_name(allot_reason reason)
{
    static const char *const names[] = {ALLOT_REASONS(AL_TABLE_NAME)};
    return al_table_at(names, sizeof names / sizeof names[0], reason, "?");
}

const char *allot_reason_text(allot_reason reason)
{
    static const char *const texts[] = {ALLOT_REASONS(AL_TABLE_TEXT)};
    return al_table_at(texts, sizeof texts / sizeof texts[0], reason, "unknown reason");
}

/** A time with the unit a person would choose, three digits of it. */
static void format_ns(double ns, char *text, size_t nbytes)
{
    static const struct {
        double ns;
        const char *unit;
    } units[] = {{1.0, "ns"}, {1e3, "us"}, {1e6, "ms"}, {1e9, "s"}};
    size_t u = 0;
    while (u < 3 && ns / units[u].ns >= 999.5)
        u++;
    double value = ns / units[u].ns;
    (void)snprintf(text, nbytes, value >= 99.95 ? "%.0f %s" : "%.3g %s", value, units[u].unit);
}

int allot_plan_explain(const allot_plan *plan, char *text, size_t nbytes)
{
    char serial[32], parallel[32];
    format_ns(plan->serial_ns, serial, sizeof serial);
    format_ns(plan->parallel_ns, parallel, sizeof parallel);
    double gain = plan->parallel_ns > 0.0 ? plan->serial_ns / plan->parallel_ns : 1.0;
    if (plan->nengines <= 1)
        return snprintf(text, nbytes, "in series: %s (%s of work left)", allot_reason_text(plan->reason),
                        serial);
    return snprintf(text, nbytes, "on %u engines: %s (%s of work left, %s predicted, %.2fx)", plan->nengines,
                    allot_reason_text(plan->reason), serial, parallel, gain);
}
