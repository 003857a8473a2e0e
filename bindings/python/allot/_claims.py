"""A map over what can be cut by index: the caller and its engines claim items, from memory that they share.

Engines have the items by fork, and take them by number. Each ships its results when a slice of time is over, and never waits for
the caller, which may be in the middle of an item of its own that takes long.

Items are lost with an engine that dies: what it had done and not shipped, and what it had claimed. Where that does not
end the map, they are found as holes in the results, and done again.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import time

from allot import _costs, _crew, _engines, _faults, _source

SLICE_NS = 1_000_000
#: A claim is this share of what is left for each who works, and no more items than this.
CLAIM_SHARE = 2
CLAIM_ITEMS_MAX = 1 << 16
#: The caller, when it has nothing to do but wait, looks at times and progress this often.
WATCH_S = 0.1
#: Engines that die without an item to blame.
DEATHS_MAX = 3

MISSING = object()


def _wanted(job, area, workers):
    return job.chunk or min(area.left() // (CLAIM_SHARE * workers) + 1, CLAIM_ITEMS_MAX)


# ---- an engine -----------------------------------------------------------------------------------------


class _Outbox:
    """Parcels on their way to the caller. One that it has no room for is kept, and the engine goes on."""

    def __init__(self, engine):
        self._engine = engine
        self._kept = collections.deque()

    def ship(self, values, first):
        """Send results; those that cannot be pickled one by one, up to the first that is at fault. @return its error or None"""
        try:
            self._kept.append((_crew.pack(values), len(values), first))
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
            packed, count, first = self._kept[0]
            if not self._engine.ship_packed(packed, count, first=first, wait=wait):
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


def _body(job, source, workers):
    """What an engine does: claim, work, ship, until nothing is left."""

    def body(engine):
        area = engine.area
        outbox = _Outbox(engine)
        while (span := area.claim(engine.number, _wanted(job, area, workers))) is not None:
            items = _engines.Items(area, engine.number, source.cut(*span)[0], span[0], SLICE_NS, job.timeout is not None)
            while not items.over:
                failed = _slice(job, items, outbox)
                if failed is not None:
                    item, error = failed
                    area.cut(item)  # what comes before it is still done, so that the first error is the one that is raised
                    outbox.flush(True)
                    engine.ship_error(error, item)
                    break
        outbox.flush(True)

    return body


def _slice(job, items, outbox):
    """Do items as long as a slice lasts. @return (item, error) of one that fails, or None"""
    try:
        first = items.at
        results = job.loop(job.function, (items,), first)
        if len(results) != items.at - first:
            _source.stopped()
    except BaseException as error:
        return items.at - 1, error
    if not results:
        return None
    failed = outbox.ship(results, first)
    while failed is not None and not job.stops:
        item, error = failed
        outbox.ship([job.stand_in(error, item)], item)
        failed = outbox.ship(results[item + 1 - first :], item + 1) if item + 1 < items.at else None
    return failed


# ---- the caller ----------------------------------------------------------------------------------------


class Claims:
    """One round: items begin to end of a source into results, by engines and the caller."""

    def __init__(self, job, source, results, begin, engines, bar):
        self._job = job
        self._source = source
        self._results = results
        self._begin = begin
        self._bar = bar
        self._done = begin
        self._errors = {}  # item -> exception, where the job stops at errors
        self._helps = job.timeout is None  # an item of the caller's cannot be ended
        self._engines = engines if self._helps else engines + 1
        self._late = {}  # engine -> the item that it was killed for
        self._deaths = 0

    def run(self):
        """Fill the results. Raises the error of the first item that fails, where the job stops at errors."""
        with _crew.Crew(self._engines) as crew:
            self._crew = crew
            crew.area.open(self._begin, self._source.length)
            for _ in range(self._engines):
                self._start()
            own = None
            while True:
                if self._helps:
                    own = self._help(own)
                event = crew.take(0.0 if own is not None else WATCH_S)
                while event is not None:
                    self._hear(event)
                    event = crew.take(0.0)
                if own is None and not crew.living:
                    break
                self._bar.tick(self._done)
                if self._job.timeout is not None:
                    self._end_late()
        if self._errors:
            raise self._errors[min(self._errors)]

    def _start(self):
        begin = time.perf_counter_ns()
        self._crew.start(_body(self._job, self._source, self._engines + self._helps))
        _costs.note_fork(time.perf_counter_ns() - begin)

    def _help(self, own):
        """Do a slice of the caller's own items. @return they, if there are more"""
        area = self._crew.area
        if own is None:
            span = area.claim(0, _wanted(self._job, area, self._engines + 1))
            if span is None:
                return None
            own = _engines.Items(area, 0, self._source.cut(*span)[0], span[0], SLICE_NS)
        first = own.at
        try:
            results = self._job.loop(self._job.function, (own,), first)
            if len(results) != own.at - first:
                _source.stopped()
        except Exception as error:
            self._fail(own.at - 1, error)
            return None
        self._fill(first, results)
        return None if own.over else own

    def _fill(self, first, results):
        begin = first
        self._results[begin : begin + len(results)] = results
        self._done += len(results)

    def _fail(self, item, error):
        """An item has failed for good."""
        number = self._source.number(item)
        if isinstance(error, Exception):
            _faults.name_item(error, number)
        if self._job.stops or not isinstance(error, Exception):
            self._crew.area.cut(item)
            self._errors[item] = error
        else:
            self._fill(item, [self._job.stand_in(error, number)])

    def _hear(self, event):
        if isinstance(event, _crew.Death):
            self._bury(event)
        elif event.tag == _crew.ERROR:
            self._fail(event.first, _faults.decode(event.open()[0]))
        else:
            try:
                results = event.open()
            except Exception as error:
                for item in range(event.first, event.first + event.count):
                    self._fail(item, error)
                return
            if self._job.returns_errors:
                results = [_faults.decode(x.data) if type(x) is _faults.Failure else x for x in results]
            self._fill(event.first, results)

    def _bury(self, death):
        late = self._late.pop(death.engine, None)
        if death.status == 0 and late is None:
            return
        if late is not None:
            error = TimeoutError(f"item {self._source.number(late)} took longer than {self._job.timeout} s")
            self._fail(late, error)
        elif death.item >= 0:
            _faults.wait_for_interrupt(death.status)
            self._fail(death.item, death.error(self._source.number(death.item)))
        else:
            _faults.wait_for_interrupt(death.status)
            self._deaths += 1
            if self._job.stops or self._deaths > DEATHS_MAX:
                raise death.error(None)
        if not self._job.stops:
            self._start()

    def _end_late(self):
        """Kill engines whose item has taken too long."""
        now = time.monotonic_ns()
        for engine in self._crew.living:
            item, since = self._crew.area.at(engine)
            if item >= 0 and engine not in self._late and now - since > self._job.timeout * 1e9:
                self._late[engine] = item
                self._crew.kill(engine)


def fill(job, source, results, engines, bar):
    """Do the items from len(results) on with so many engines, and append what they give."""
    begin = len(results)
    results.extend([MISSING] * (source.length - begin))
    Claims(job, source, results, begin, engines, bar).run()
    while True:
        holes = [i for i in range(begin, source.length) if results[i] is MISSING] if not job.stops else []
        if not holes:
            return
        again = []
        fill(job, _source.Picked(source, holes), again, engines, bar)
        for i, result in zip(holes, again):
            results[i] = result
