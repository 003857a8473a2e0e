"""A map over what can be cut by index: the caller and its engines claim items, from memory that they share.

Engines have the items by fork, and take them by number. Each ships its results when a slice of time is over, and
never waits for the caller, which may be in the middle of an item of its own that takes long.

Items are lost with an engine that dies: what it had done and not shipped, and what it had claimed. Where that does not
end the map, they are found as holes in the results, and done again.

SPDX-License-Identifier: Apache-2.0
"""
from allot import _crew, _engines, _faults, _feed, _source, _threaded, _work

SLICE_NS = 1_000_000
#: A claim is this share of what is left for each who works, and no more items than this.
CLAIM_SHARE = 2
CLAIM_ITEMS_MAX = 1 << 16
#: The caller, when it has nothing to do but wait, looks at times and progress this often.
WATCH_S = 0.1
MISSING = object()


def _wanted(job, area, workers):
    return job.chunk or min(area.left() // (CLAIM_SHARE * workers) + 1, CLAIM_ITEMS_MAX)


# ---- an engine -----------------------------------------------------------------------------------------


def _body(job, source, workers):
    """What an engine does: claim, work, ship, until nothing is left."""

    def body(engine):
        area = engine.area
        outbox = _work.Outbox(engine)
        while (span := area.claim(engine.number, _wanted(job, area, workers))) is not None:
            items = _engines.Items(area, engine.number, source.cut(*span)[0], span[0], SLICE_NS, job.timeout is not None)
            while not items.over:
                failed = _work.do_slice(job, items, source.number, outbox)
                if failed is not None:
                    item, error = failed
                    area.cut(item)  # what comes before it is still done, so that the first error is the one that is raised
                    outbox.flush(True)
                    engine.ship_error(error, item)
                    break
        outbox.flush(True)

    return body


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
        self._own = None  # the caller's items

    def run(self):
        """Fill the results. Raises the error of the first item that fails, where the job stops at errors."""
        with _crew.Crew(self._engines) as crew:
            self._crew = crew
            self._watch = _work.Watch(self._job, crew, self._source.number)
            crew.area.open(self._begin, self._source.length)
            for _ in range(self._engines):
                self._start()
            while True:
                is_idle = not self._help()
                event = crew.take(WATCH_S if is_idle else 0.0)
                while event is not None:
                    self._hear(event)
                    event = crew.take(0.0)
                if is_idle and not crew.living:
                    break
                self._bar.tick(self._done)
                self._watch.end_late()
        if self._errors:
            raise self._errors[min(self._errors)]

    def _start(self):
        _work.start(self._crew, _body(self._job, self._source, self._engines + self._helps))

    def _help(self):
        """Do a slice of items here. @return whether there were any"""
        if not self._helps:
            return False
        own, area = self._own, self._crew.area
        if own is None or own.over:
            span = area.claim(0, _wanted(self._job, area, self._engines + 1))
            if span is None:
                return False
            own = self._own = _engines.Items(area, 0, self._source.cut(*span)[0], span[0], SLICE_NS)
        first = own.at
        try:
            results = self._job.loop(self._job.function, (own,), first, self._source.number)
            if len(results) != own.at - first:
                _source.stopped()
        except Exception as error:
            self._own = None
            self._fail(own.at - 1, error)
        else:
            self._fill(first, results)
        return True

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
            self._fill(event.first, self._job.received(results))

    def _bury(self, death):
        item, error = self._watch.cause(death)
        if error is None:
            return
        if item is not None:
            self._fail(item, error)
        if not self._job.stops:
            self._start()


def fill(job, source, results, engines, bar):
    """Do the items from len(results) on with so many engines, and append what they give."""
    begin = len(results)
    threads = _threaded.in_the_way()
    if threads:
        for part in _threaded.parts(job, _feed.IndexedFeed(source, begin), engines + 1, 0.0, threads):
            results += part
            bar.tick(len(results))
        return
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
