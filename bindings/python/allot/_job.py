"""What is to be done to items, and by which rules: the arguments that map, imap and starmap share.

SPDX-License-Identifier: Apache-2.0
"""
import dataclasses
import itertools
import numbers
import operator
import os
import sys
import time

from allot import _costs, _crew, _engines, _faults, _plan, _progress, _source

#: Less work than this is not worth asking whether a fork would pay.
WORTH_ASKING_NS = 5_000_000
#: One sample of an item that takes so long pays for the attempt; of a shorter one it says too little.
ONE_SAMPLE_NS = 800_000
#: A window of items done in series lasts as long as all before it together, twice, but no longer than this.
WINDOW_NS_MAX = 250_000_000
#: A window shorter than this says little about the next.
WINDOW_NS_MIN = 20_000


class Job:
    """The function, its loop, and the rules."""

    worth_asking_ns = WORTH_ASKING_NS

    def __init__(self, function, narguments, chunk, engines, timeout, on_error, progress, explain):
        if not callable(function):
            raise TypeError(f"allot: the function comes first, not {type(function).__name__!r}")
        self.function = function
        self.loop = _source.loop_for(function, narguments)
        self.chunk = None if chunk is None else _positive("chunk", chunk, numbers.Integral)
        self.engines = None if engines is None else _positive("engines", engines, numbers.Integral)
        self.timeout = None if timeout is None else _positive("timeout", timeout, numbers.Real)
        self.stops = on_error == "raise" if isinstance(on_error, str) else False
        self.bare_loop = self.loop
        self.apply = map if narguments == 1 else itertools.starmap
        if not self.stops:
            self.stand_in = _stand_in(on_error)
            self.loop = _source.guarded(self.loop, self.stand_in)
        self.returns_errors = on_error == "return" if isinstance(on_error, str) else False
        self.progress = progress
        self.explain = explain
        self._costs = self._guess = None
        self._most = None

    def run(self, source, begin, end):
        """Items begin to end-1, here. An error names its item."""
        return self.run_windows(Windows(source, begin, end, end - begin))

    def run_into(self, results, source, begin, end):
        """As run(), into an empty list, which keeps what comes before an item that fails."""
        if not self.stops:
            results += self.run(source, begin, end)
            return
        try:
            results.extend(self.apply(self.function, source.cut(begin, end)[0]))
            if len(results) != end - begin:
                _source.stopped()
        except Exception as error:
            _faults.name_item(error, source.number(begin + len(results)))
            raise

    def run_windows(self, windows):
        """Items here, for as long as windows are opened."""
        first = windows.done
        try:
            results = self.loop(self.function, windows, first, windows.source.number)
            if len(results) != windows.done - first:
                _source.stopped()
        except Exception as error:
            _faults.name_item(error, windows.source.number(windows.at()))
            raise
        return results

    def received(self, results):
        """Results as they came from an engine, with exceptions unpacked."""
        if not self.returns_errors:
            return results
        return [_faults.decode(x.data) if type(x) is _faults.Failure else x for x in results]

    def most(self):
        """Engines that may be forked besides the caller."""
        if _crew.inside:
            return 0
        if self._most is None:
            self._most = (self.engines or _engines.processors()) - 1
        return self._most

    def may_pay(self, nitems, item_ns):
        """Whether plan() might want engines for what is left: a guess that costs microseconds and needs no results."""
        if self.explain:
            return True  # it has reasons to give
        allowed = 0 if _crew.inside else (self.engines or len(os.sched_getaffinity(0))) - 1
        if self._guess is None:
            self._guess = _plan.Costs(_costs.fork_ns())
        return _plan.decide(nitems, item_ns, self._guess, allowed).engines > 0

    def forced(self, nitems):
        """The plan where there must be engines, whatever the work."""
        return _plan.Plan(max(1, min(self.most(), nitems - 1)), "asked for", 0.0, 0.0)

    def plan(self, nitems, item_ns, samples):
        """In series or not, for what is left; samples are results, of which some are moved on trial."""
        most = self.most()
        if most == 0:
            reason = "this is an engine already" if _crew.inside else "there is one processor to work on"
            return _plan.Plan(0, reason, nitems * item_ns, nitems * item_ns)
        if self._costs is None:  # if moving results cost nothing
            plan = _plan.decide(nitems, item_ns, _plan.Costs(_costs.fork_ns()), most)
            if plan.engines == 0:
                return plan
        try:
            self._costs = _costs.of(samples, self._costs)
            # Results seem to cost more than they do when all is cold: half of it is what may_pay() goes by.
            self._guess = dataclasses.replace(self._costs, pack_ns=self._costs.pack_ns / 2, unpack_ns=self._costs.unpack_ns / 2)
        except Exception as error:
            reason = f"results cannot be sent from engines: {error}"
            return _plan.Plan(0, reason, nitems * item_ns, nitems * item_ns)
        return _plan.decide(nitems, item_ns, self._costs, most)

    def tell(self, text):
        """A sentence for who asked for explanations."""
        if self.explain:
            print(f"allot: {text}", file=sys.stderr, flush=True)

    def bar(self, total):
        return _progress.Bar(total, self.progress)


class Windows:
    """Items that are done in series, in windows that grow: an iterable for a loop, which ends when all are done, or
    when it would pay to ask whether the rest should be done by engines. It can then be iterated over again. Before
    it ends for that, may_pay(items left, ns of one) is asked, since to end one list and begin another costs time,
    too."""

    __slots__ = ("source", "done", "end", "item_ns", "spent_ns", "_window", "_bar", "_counter", "_may_pay")

    def __init__(self, source, begin, end, window=1, bar=None, may_pay=None):
        self.source = source
        self.done = begin  # the first item that has not been begun in a window, or was not when the window began
        self.end = end
        self.item_ns = 0.0  # what an item took, in the last window
        self.spent_ns = 0
        self._window = window
        self._bar = bar
        self._counter = ()
        self._may_pay = may_pay or (lambda nitems, item_ns: True)

    def __iter__(self):
        clock = time.perf_counter_ns
        cut, done, end, window, spent_ns, item_ns = self.source.cut, self.done, self.end, self._window, self.spent_ns, self.item_ns
        previous_ns = likely_ns = item_ns
        worth_asking_ns = WORTH_ASKING_NS
        while done < end:
            stop = min(done + window, end)
            begin_ns = clock()
            items, self._counter = cut(done, stop)
            self._window = stop - done
            yield items
            took_ns = clock() - begin_ns
            previous_ns, item_ns = item_ns, took_ns / (stop - done)
            spent_ns += took_ns
            self.done = done = stop
            if took_ns < WINDOW_NS_MIN:
                window *= 32
                continue
            window = max(1, int(min(2 * spent_ns if previous_ns else spent_ns, WINDOW_NS_MAX) / item_ns))
            if spent_ns > WINDOW_NS_MAX and self._bar is not None:
                self._bar.tick(done)
            likely_ns = min(item_ns, 4 * previous_ns) if previous_ns else item_ns
            if (end - done) * item_ns > worth_asking_ns and (previous_ns or item_ns > ONE_SAMPLE_NS):
                if self._may_pay(end - done, likely_ns):
                    break
                worth_asking_ns = (end - done) * item_ns  # the answer is the same, unless items come to take longer
        self._window, self.spent_ns, self.item_ns = window, spent_ns, likely_ns

    def at(self):
        """The item that was being done when the loop was left by an error."""
        return self.done + max(self._window - operator.length_hint(self._counter, 0), 1) - 1


def _positive(name, value, kind):
    if isinstance(value, kind) and not isinstance(value, bool) and value > 0:
        return value
    what = "a whole number" if kind is numbers.Integral else "seconds"
    raise ValueError(f"allot: {name}={value!r}: {what} above 0, or None")


def _stand_in(on_error):
    """What a failed item has for its result, from its error and number."""
    if on_error == "return" if isinstance(on_error, str) else False:
        return _failure
    if isinstance(on_error, str) or callable(on_error):
        raise ValueError(f"allot: on_error={on_error!r}: 'raise', 'return', or the value of items that fail (None, 0, ...)")
    return lambda error, number: on_error


def _failure(error, number):
    _faults.name_item(error, number)
    return _faults.Failure(error) if _crew.inside else error
