"""What an engine does with the items that are its own, and what became of engines that ended.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import time

from allot import _costs, _crew, _faults, _source, _threaded

#: Engines that die without an item to blame.
DEATHS_MAX = 3


class Outbox:
    """Parcels on their way to the caller. One that it has no room for is kept, and the engine goes on."""

    def __init__(self, engine):
        self.engine = engine
        self._kept = collections.deque()

    def ship(self, values, first, took_ns=0):
        """Send results; those that cannot be pickled one by one, up to the first that is at fault. @return its error
        or None"""
        try:
            self._kept.append((_crew.pack(values), len(values), first, took_ns))
        except Exception as error:
            if len(values) > 1:
                for i, value in enumerate(values):
                    failed = self.ship([value], first + i)
                    if failed is not None:
                        return failed
                return None
            return first, _unsendable(error)
        self.flush(False)
        return None

    def flush(self, wait):
        while self._kept:
            packed, count, first, took_ns = self._kept[0]
            if not self.engine.ship_packed(packed, count, first=first, took_ns=took_ns, wait=wait):
                return
            self._kept.popleft()


def _unsendable(error):
    if isinstance(error, MemoryError):
        return error
    result = _faults.UnsendableResult(
        f"an engine cannot send this result, since it cannot be pickled: {error} (engines=1 works in this process)"
    )
    result.__cause__ = error
    return result


def do_slice(job, items, number, outbox):
    """Do items as long as a slice lasts, and ship their results. @return (item, error) of one that fails, or None"""
    first = items.at
    begin_ns = time.perf_counter_ns()
    results = []
    try:
        if job.stops:
            results.extend(job.apply(job.function, items))  # which keeps what there is when an item fails
        else:
            results = job.loop(job.function, (items,), first, number)
        if len(results) != items.at - first:
            _source.stopped()
    except BaseException as error:
        outbox.engine.area.rest(outbox.engine.number)
        failed = outbox.ship(results, first) if results else None
        return failed or (items.at - 1, error)
    if not results:
        return None
    failed = outbox.ship(results, first, time.perf_counter_ns() - begin_ns)
    while failed is not None and not job.stops:
        item, error = failed
        outbox.ship([job.stand_in(error, number(item))], item)
        failed = outbox.ship(results[item + 1 - first :], item + 1) if item + 1 < items.at else None
    return failed


def start(crew, body):
    """Start an engine, and note what the fork took."""
    begin = time.perf_counter_ns()
    with _threaded.parked():
        engine = crew.start(body)
    _costs.note_fork(time.perf_counter_ns() - begin)
    return engine


class Watch:
    """The caller's eye on its engines: items that take too long, and deaths."""

    def __init__(self, job, crew, number):
        self._job = job
        self._crew = crew
        self._number = number  # what an item is called
        self._late = {}  # engine -> the item that it was killed for
        self._deaths = 0

    def end_late(self):
        """Kill engines whose item has taken too long."""
        if self._job.timeout is None:
            return
        now = time.monotonic_ns()
        for engine in self._crew.living:
            item, since = self._crew.area.at(engine)
            if item >= 0 and engine not in self._late and now - since > self._job.timeout * 1e9:
                self._late[engine] = item
                self._crew.kill(engine)

    def cause(self, death):
        """(item, error) of an engine's death; (None, None) where it had nothing more to do; (None, error) where no
        item is to blame. Raises that error where it ends the job."""
        late = self._late.pop(death.engine, None)
        if late is not None:
            return late, TimeoutError(f"item {self._number(late)} took longer than {self._job.timeout} s")
        if death.status == 0 and death.item < 0:
            return None, None
        _faults.wait_for_interrupt(death.status)
        if death.item >= 0:
            return death.item, death.error(self._number(death.item))
        self._deaths += 1
        error = death.error(None)
        if self._job.stops or self._deaths > DEATHS_MAX:
            raise error
        return None, error
