"""In series or not: from measurements to a decision. Pure functions; all times are nanoseconds.

The model. n items are left, of `item` each. An engine is forked in `fork`, by the caller, one after the other; it
then does an item in item + pack, and each result that arrives costs the caller `unpack`. With k engines the caller
does what time that leaves it, so together they do

    k / (item + pack)  +  (1 - unpack k / (item + pack)) / item      items a nanosecond

and k engines are worth it when k fork + start + n / that is less than n item, with a margin for what the estimate
may be wrong by. Where results cost more to move than to make, no k is.

SPDX-License-Identifier: Apache-2.0
"""
import dataclasses

#: A fork must promise this share of the time.
GAIN_WANTED = 0.1
#: What a fork costs besides itself: the engine does little for some milliseconds, until it has its own copies of the
#: pages that an interpreter writes to; the caller copies such pages, too; and an engine takes a millisecond to end.
#: Two processors: 3 to 5 ms.
START_NS = 4_000_000


@dataclasses.dataclass(frozen=True)
class Costs:
    """What this machine charges, and this function's results."""

    fork_ns: float
    pack_ns: float = 0.0
    unpack_ns: float = 0.0
    start_ns: float = START_NS


@dataclasses.dataclass(frozen=True)
class Plan:
    engines: int  # besides the caller; 0: in series
    reason: str
    serial_ns: float  # what is left, done here alone
    parallel_ns: float  # under this plan


def parallel_ns(nitems, item_ns, engines, costs):
    """What n items take with k engines and the caller."""
    engine_ns = item_ns + costs.pack_ns
    rate = engines / engine_ns
    caller_share = 1.0 - costs.unpack_ns * rate
    if caller_share > 0.0:
        rate += caller_share / item_ns
    else:
        rate = 1.0 / costs.unpack_ns  # the caller does nothing but read
    return engines * costs.fork_ns + costs.start_ns + nitems / rate


def decide(nitems, item_ns, costs, most):
    """How many engines to fork, of `most` at most, for n items of so much each."""
    item_ns = max(item_ns, 1.0)
    serial_ns = nitems * item_ns
    if most < 1:
        return Plan(0, "this machine offers one processor", serial_ns, serial_ns)
    if nitems <= 1:
        return Plan(0, "one item is left, and an item cannot be cut", serial_ns, serial_ns)
    if costs.unpack_ns >= item_ns:
        return Plan(0, "results cost more to move than to make", serial_ns, serial_ns)
    best, best_ns = 0, serial_ns
    for engines in range(1, min(most, nitems - 1) + 1):
        ns = parallel_ns(nitems, item_ns, engines, costs)
        if ns < best_ns:
            best, best_ns = engines, ns
    if best_ns <= (1.0 - GAIN_WANTED) * serial_ns:
        return Plan(best, "the work left pays for forking engines", serial_ns, best_ns)
    return Plan(0, "forking engines costs more than it would save", serial_ns, serial_ns)


def format_ns(ns):
    """A time with the unit a person would choose, three digits of it."""
    for scale, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if ns >= 0.9995 * scale:
            return f"{ns / scale:.3g} {unit}"
    return f"{ns:.3g} ns"


def explain(plan):
    if plan.engines == 0:
        return f"in series: {plan.reason} ({format_ns(plan.serial_ns)} of work left)"
    return (
        f"on {plan.engines + 1} processors: {plan.reason} ({format_ns(plan.serial_ns)} of work left, "
        f"{format_ns(plan.parallel_ns)} predicted, {plan.serial_ns / plan.parallel_ns:.2f}x)"
    )
