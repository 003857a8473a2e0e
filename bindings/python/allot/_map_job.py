"""Executor.map: items cut into runs as engines ask for them.

SPDX-License-Identifier: Apache-2.0
"""
import threading
import time
from concurrent import futures

from allot import _faults, _inherit, _serve, _wire
from allot._call import name_of

_RUN_SECONDS = 0.008  # of items that are sent together, once their cost is known
_RUN_ITEMS = 50_000


class _Run:
    """Items [start, start + nitems) of a job: a call, as the feeder sees it."""

    __slots__ = ("sealed", "need", "key", "job", "start", "nitems")

    def __init__(self, job, start, nitems, sealed):
        self.job, self.start, self.nitems, self.sealed = job, start, nitems, sealed
        self.need, self.key = sealed.need, job.key

    def take(self, cost, nengines):
        return (None if self.job.ended else self), True

    def cancel(self):
        self.job.cancel()

    def succeed(self, answer):
        values, failure = answer
        values = _serve.open_items(values)
        error = None if failure is None else _faults.name_item(_faults.decode(failure), self.start + len(values))
        self.job.note(self.start, values, error)

    def fail(self, error):
        self.job.note(self.start, [], error)

    def item(self, progress):
        return self.start + min(progress, self.nitems - 1)

    def name(self, progress):
        return f"item {self.item(progress)} of map({name_of(self.job.function)}, ...)"


class MapJob:
    def __init__(self, function, items, is_starred, need, pickler, chunk):
        self.function, self.items, self.is_starred, self.need = function, items, is_starred, need
        self.key = cost_key(function)
        self.ended = False  # nobody wants its results any more
        self._pickler, self._chunk = pickler, chunk
        self._next = 0
        self._answers = {}  # by their first item
        self._changed = threading.Condition()
        self._cancelled = False

    # ---- the feeder's side -----------------------------------------------------------------------------

    def take(self, cost, nengines):
        if self.ended or self._next == len(self.items):
            return None, True
        start, nitems = self._next, self._run_length(cost, nengines)
        self._next += nitems
        was_all = self._next == len(self.items)
        items = _serve.pack_items(self.items[start : self._next])
        call = _serve.run_items, (self.function, items, self.is_starred), {}
        try:
            sealed = _wire.seal(call, self._pickler)
            if sealed.need > self.need:  # an item is a new function: no engine has it
                sealed = _wire.seal(call, _inherit.by_value())
        except BaseException as error:
            self.note(start, [], error)
            return None, was_all
        return _Run(self, start, nitems, sealed), was_all

    def _run_length(self, cost, nengines):
        if self._chunk:
            return min(self._chunk, len(self.items) - self._next)
        if cost is None:
            return 1
        fair = (len(self.items) - self._next) // (2 * nengines)
        return max(1, min(fair, int(_RUN_SECONDS / max(cost, 1e-9)), _RUN_ITEMS))

    def cancel(self):
        with self._changed:
            self._cancelled = self.ended = True
            self._changed.notify_all()

    def fail(self, error):
        self.note(self._next, [], error)
        self.ended = True

    def note(self, start, values, error):
        with self._changed:
            self._answers[start] = values, error
            self._changed.notify_all()

    # ---- the caller's side ---------------------------------------------------------------------------

    def results(self, end_time):
        """Yields what the function gave, in order."""
        try:
            position = 0
            while position < len(self.items):
                values, error = self._wait_for(position, end_time)
                position += len(values)
                values.reverse()
                while values:
                    yield values.pop()  # it is the caller's alone
                if error is not None:
                    raise error
        finally:
            self.ended = True
            error = None  # it has this frame in its traceback

    def _wait_for(self, position, end_time):
        with self._changed:
            while position not in self._answers:
                if self._cancelled:
                    raise futures.CancelledError()
                remaining = None if end_time is None else end_time - time.monotonic()
                if remaining is not None and remaining <= 0:
                    raise TimeoutError(f"item {position} is not done in time")
                self._changed.wait(remaining)
            return self._answers.pop(position)


def cost_key(function):
    """What calls share a cost: those of the same code."""
    return getattr(function, "__code__", None) or getattr(function, "func", None) or type(function)
