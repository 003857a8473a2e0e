/* plan.h - the grain: from measurements to decisions.
 *
 * Pure functions: no threads, no clock, no input or output, so that every decision allot takes can be
 * asked for again, tested and explained. All times are nanoseconds.
 *
 * The model. A loop has r ns of work left. Handing part of it to k engines costs the caller c ns at
 * once (a store for an engine that spins; a system call for one that sleeps) and the engines arrive l ns
 * later. Until then the caller works alone; from then on k + 1 work; at the end, one more hand-over of h ns
 * tells the caller that the last of them is done. So
 *
 *     t(k) = r                                       for k = 0
 *     t(k) = c + l' + (r - l') / (k + 1) + h         for k > 0, l' = max(l - c, 0), r > l'
 *
 * and handing over pays when t(k) < r by a margin that covers what the estimate of r may be wrong by.
 * The rule that a promotion may cost a fixed share of the work already done, whatever the estimate says,
 * is the heartbeat of Acar, Chargueraud, Guatto, Rainey and Sieczkowski (PLDI 2018).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ALLOT_PLAN_H
#define ALLOT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/api.h>

ALLOT_BEGIN_DECLS

/** What this machine charges for working together. Measured, see allot_pool_costs(). */
typedef struct allot_costs {
    double clock_ns;          /**< one reading of the clock */
    double handover_ns;       /**< a store here until a spinning engine has acted on it and said so */
    double wake_call_ns;      /**< the system call that wakes a sleeping engine, paid by the waker */
    double wake_latency_ns;   /**< from that call's start until the engine runs */
    double spawn_ns;          /**< making a new engine (thread) */
    double copy_bytes_per_ns; /**< memory to memory, one engine; 0 = not measured */
} allot_costs;

/** What is known about the work when the question is asked. */
typedef struct allot_work {
    uint64_t nitems;    /**< items left */
    double item_ns;     /**< measured cost of one item */
    double done_ns;     /**< time already spent in this call */
    bool confirmed;     /**< item_ns rests on two samples or on an earlier call */
    uint32_t nspinning; /**< engines awake and idle: a store reaches them */
    uint32_t nsleeping; /**< engines asleep: a system call wakes them */
} allot_work;

/** Why a decision was taken. X(name, sentence). */
#define ALLOT_REASONS(X)                                                                                     \
    X(NOTHING, "there is nothing to do")                                                                     \
    X(ONE_ITEM, "one item is left and an item cannot be cut")                                                \
    X(ALONE, "this machine offers one engine")                                                               \
    X(TOO_SHORT, "handing work over costs more than it would save")                                          \
    X(TOO_SHORT_TO_WAKE, "the engines sleep, and waking them costs more than they would save")               \
    X(UNSURE, "one sample is not enough to pay for waking an engine")                                        \
    X(SHARE, "engines are awake, and the work left pays for handing half of it over")                        \
    X(WAKE, "the work left pays for waking engines")                                                         \
    X(HEARTBEAT, "the work done already pays for the attempt, whatever is left")

typedef enum allot_reason {
#define ALLOT_REASON_MEMBER(name, text) ALLOT_REASON_##name,
    ALLOT_REASONS(ALLOT_REASON_MEMBER)
#undef ALLOT_REASON_MEMBER
} allot_reason;

/** A decision with its reason. */
typedef struct allot_plan {
    allot_reason reason;
    bool share;           /**< let spinning engines take part */
    bool wake;            /**< wake sleeping engines */
    uint32_t nengines;    /**< engines that pay, the caller among them */
    uint64_t chunk_items; /**< items to do next before looking again */
    double serial_ns;     /**< predicted time of what is left, done here alone */
    double parallel_ns;   /**< predicted time of what is left under this plan */
} allot_plan;

/** Decide whether to work alone, share with engines that are awake, or wake some.
 * @param costs  borrowed; negative or NaN members count as 0
 * @param work   borrowed
 * @param[out] plan  filled completely
 * Threads: any.  Blocks: no (pure).  Since: 0.1 */
ALLOT_API void allot_plan_grain(const allot_costs *costs, const allot_work *work, allot_plan *plan);

/** Items to do before the next look at the clock, for an engine that has nitems left of item_ns each.
 * A quarter of what is left, but no less than is needed to make the look cheap and no more than a few
 * microseconds, so that a cancel, a thief or a deadline is seen soon. At least 1 unless nitems is 0.
 * Threads: any.  Blocks: no (pure).  Since: 0.1 */
ALLOT_API uint64_t allot_plan_chunk(uint64_t nitems, double item_ns);

/** The least work (ns left) for which handing half to one spinning engine pays.
 * Threads: any.  Blocks: no (pure).  Since: 0.1 */
ALLOT_API double allot_plan_share_ns(const allot_costs *costs);

/** The least work (ns left) for which waking one sleeping engine pays.
 * Threads: any.  Blocks: no (pure).  Since: 0.1 */
ALLOT_API double allot_plan_wake_ns(const allot_costs *costs);

/** How long an idle engine spins before it sleeps: as long as a wake-up would cost, so that the two
 * together cost at most twice what the best choice in hindsight would (the ski-rental bound of Karlin,
 * Manasse, McGeoch and Owicki, 1994).
 * Threads: any.  Blocks: no (pure).  Since: 0.1 */
ALLOT_API double allot_plan_spin_ns(const allot_costs *costs);

/** Items in one leaf of a reduction or scan over n items. Depends on n alone, so that the result has the
 * same bits on any number of engines.
 * Threads: any.  Blocks: no (pure).  Since: 0.1 */
ALLOT_API uint64_t allot_plan_leaf(uint64_t nitems);

/** The name ("WAKE") and the sentence of a reason.
 * @return static text.  Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API const char *allot_reason_name(allot_reason reason);
ALLOT_API const char *allot_reason_text(allot_reason reason);

/** The decision as one sentence with its figures, as snprintf would write it.
 * @return the length it has or would have had.  Threads: any.  Blocks: no.  Since: 0.1 */
ALLOT_API int allot_plan_explain(const allot_plan *plan, char *text, size_t nbytes);

ALLOT_END_DECLS

#endif
