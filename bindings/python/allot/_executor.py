"""allot.Executor, a concurrent.futures.Executor whose engines are processes.

Its engines are forked by a process that has no threads (_server), fed by a thread (_feeder), and answer by packets
and by memory (_wire). This file is what users see: the interface, and what becomes of executors that are forgotten,
or at the end.

SPDX-License-Identifier: Apache-2.0
"""
import atexit
import operator
import os
import sys
import time
import weakref
from concurrent import futures

from allot import _engines, _inherit, _wire
from allot._call import Call
from allot._feeder import Feeder
from allot._map_job import MapJob, cost_key

_living = weakref.WeakSet()  # feeders that have not been closed


def nprocessors():
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


class Executor(_engines.Context, futures.Executor):
    """Runs calls in other processes.

    >>> import allot
    >>> with allot.Executor(2) as executor:
    ...     future = executor.submit(pow, 2, 10)
    ...     list(executor.map(lambda x: x * x, range(5))), future.result()
    ([0, 1, 4, 9, 16], 1024)

    It takes the place of concurrent.futures.ProcessPoolExecutor, and differs in this:

    - Functions need not be importable: lambdas, closures and what a notebook defines reach engines by fork. Where
      that cannot be, since the program has threads of its own, engines come from a fresh interpreter and functions
      go by pickle, or by cloudpickle if it is installed; a `CleanEngines` warning says so.
    - An engine that dies breaks the call that it was at, with an `EngineDied` that names it, and no other. The
      executor goes on.
    - Short calls are sent together, by what they are seen to cost. So `map` needs no chunksize; one that is given is
      kept to.
    - Arrays and other large buffers are copied once, in either direction.
    - Ctrl-C within the `with` block ends the engines at once; what was pending is cancelled.

    max_workers is the number of engines, by default that of the processors this process may use. They are started as
    work comes. initializer(*initargs) is called in each engine before anything else.
    """

    def __init__(self, max_workers=None, initializer=None, initargs=()):
        nengines = nprocessors() if max_workers is None else operator.index(max_workers)
        if nengines <= 0:
            raise ValueError(f"max_workers must be greater than 0, and is {max_workers}")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._max_workers = nengines
        self._initializer = None if initializer is None else _Initializer(initializer, tuple(initargs))
        self._feeder = Feeder(nengines, self._initializer)
        self._lifeline = self._feeder.lifeline()  # when nobody has the executor any more, what was submitted is done
        _living.add(self._feeder)

    def submit(self, fn, /, *args, **kwargs):
        """Runs fn(*args, **kwargs) in an engine. Returns a concurrent.futures.Future."""
        self._feeder.check()
        future = futures.Future()
        try:
            sealed = self._seal((fn, args, kwargs))
        except Exception as error:  # as concurrent.futures has it: it is the call that fails, not its submission
            future.set_running_or_notify_cancel()
            future.set_exception(error)
            return future
        self._feeder.put(Call(sealed, cost_key(fn), (fn, args, kwargs), future))
        return future

    def map(self, fn, *iterables, timeout=None, chunksize=None):
        """Like map(fn, *iterables), in engines: an iterator over the results, in order.

        The items are collected at once. chunksize is how many are sent together; None: as many as take some
        milliseconds, by what they are seen to cost. timeout in seconds, from the call of map to a result. The first
        error is raised at its item.
        """
        self._feeder.check()
        end_time = None if timeout is None else time.monotonic() + timeout
        if chunksize is not None and chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        items = list(zip(*iterables)) if len(iterables) != 1 else list(iterables[0])
        need = _wire.seal((fn,), _inherit.ByNumber).need
        pickler = _inherit.ByNumber
        if not self._ready_for(need):
            need, pickler = 0, _inherit.by_value()
        job = MapJob(fn, items, len(iterables) != 1, need, pickler, chunksize)
        if items:
            self._feeder.put(job)
        return job.results(end_time)

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Takes no more calls. What was submitted is done, or what is pending is cancelled; wait: until the engines
        have ended."""
        self._feeder.close(cancel=cancel_futures)
        if wait:
            self._feeder.join()

    def kill(self):
        """Takes no more calls, cancels what is pending, and kills the engines: running calls end with an EngineDied."""
        self._abandon()

    def is_closed(self):
        """True after shutdown(), kill(), or when nothing can be done any more."""
        return self._feeder.closing or self._feeder.broken is not None

    def _leave(self, exc_type):
        """The end of a `with` block."""
        if exc_type is not None and issubclass(exc_type, KeyboardInterrupt):
            self._feeder.close(abandon=True)
        self.shutdown(wait=True)

    def _abandon(self):
        """A Ctrl-C came while the block was being left."""
        self._feeder.close(abandon=True)
        self._feeder.join()

    def _seal(self, call):
        function, args, kwargs = call
        named = not kwargs and _wire.PLAIN.issuperset(map(type, args)) and _inherit.seal_function(function)
        sealed = _wire.SealedCall(*named, args) if named else _wire.seal(call, _inherit.ByNumber)
        if not self._ready_for(sealed.need):
            sealed = _wire.seal(call, _inherit.by_value())
        return sealed

    def _ready_for(self, need):
        """True: the engines know, or will, what is named by number. Threads that are in the way of a fork make it
        False."""
        ready = self._feeder.ready_for(max(need, self._initializer.need if self._initializer else 0))
        return ready or need == 0 or self._feeder.knows(need)


class _Initializer:
    """A call made by each engine before all others."""

    def __init__(self, function, args):
        self._call = function, args, {}
        self._by_number = _wire.seal(self._call, _inherit.ByNumber)
        self._by_value = None
        self.need = self._by_number.need

    def sealed_for(self, generation):
        """For engines of this generation."""
        if generation >= self.need:
            return self._by_number
        self._by_value = self._by_value or _wire.seal(self._call, _inherit.by_value())
        return self._by_value


def _finish_all():
    """At exit: what was submitted is done, unless Ctrl-C was what ended the program."""
    feeders = list(_living)
    interrupted = issubclass(getattr(sys, "last_type", None) or Exception, KeyboardInterrupt)
    try:
        for feeder in feeders:
            feeder.close(abandon=interrupted)
        for feeder in feeders:
            feeder.join()
    except KeyboardInterrupt:
        for feeder in feeders:
            feeder.close(abandon=True)
        for feeder in feeders:
            feeder.join()
        raise


atexit.register(_finish_all)
