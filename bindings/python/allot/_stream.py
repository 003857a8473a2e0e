"""A map over what must be read one after the other, or is wanted as it comes: the caller reads and hands out batches.

In series first, as everywhere. Then engines: they have the function by fork, and are sent items, or, where items can
be cut by index, only their numbers. At most so many batches are between what was read and what was taken, so memory
is bounded; the caller works on none itself, so that engines never wait for it. Items that cannot be pickled are done
by the caller.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import time

from allot import _claims, _crew, _engines, _faults, _plan, _source, _threaded, _work
from allot._feed import BATCH_ITEMS_MAX

SPAN = 10  # the tag of a parcel that has no items, only their numbers
#: What a batch should take.
BATCH_NS = 5_000_000
#: Batches an engine has, so that it need not wait for the next; and batches that wait to be taken, for each engine.
DEPTH = 2
AHEAD = 4
#: An engine answers after so long, even within a batch.
ANSWER_NS = 20_000_000


def parts(job, feed, ordered, is_whole):
    """The results, as lists one after the other. is_whole: all of them are wanted, so that items may be held, too."""
    plan = None
    if job.timeout is not None and not _crew.inside:
        job.tell("on engines from the first item on, since only what an engine does can be ended by a timeout")
        plan = job.forced(1 << 20)
    window, spent_ns, item_ns, count = 1, 0, 0.0, 0
    while plan is None:
        batch = feed.take(window)
        if batch is None:
            job.tell(f"in series: {count} items took {_plan.format_ns(spent_ns)}")
            return
        begin_ns = time.perf_counter_ns()
        part = []
        try:
            job.run_into(part, *feed.cut(batch))
        except Exception:
            yield part
            raise
        took_ns = time.perf_counter_ns() - begin_ns
        yield part
        previous_ns, item_ns = item_ns, took_ns / batch.count
        spent_ns += took_ns
        count += batch.count
        if feed.left() * item_ns > job.worth_asking_ns and previous_ns:
            plan = job.plan(feed.left(), min(item_ns, 4 * previous_ns), part)
            job.tell(_plan.explain(plan))
            if plan.engines == 0:
                plan = None
        window = min(window * 8, max(1, int(min(2 * spent_ns, BATCH_NS) / max(item_ns, 1.0))), BATCH_ITEMS_MAX)
    if is_whole and feed.source is None and job.timeout is None:
        batch = feed.take(BATCH_ITEMS_MAX)
        if feed.has_ended and batch is not None:
            held = []
            source = _source.Sliced(batch.values, batch.first)
            _claims.fill(job, source, held, min(plan.engines, batch.count), job.bar(None))
            yield held
            batch = feed.take(1)  # nothing, or the error that ended it
        if batch is None:
            return
        feed.give_back(batch)
    threads = _threaded.in_the_way()
    if threads:
        yield from _threaded.parts(job, feed, plan.engines + 1, item_ns, threads)
        return
    yield from Stream(job, feed, plan.engines + 1, ordered, item_ns).run()


class Stream:
    """Batches handed out to engines, and their results taken in."""

    def __init__(self, job, feed, engines, ordered, item_ns):
        self._job = job
        self._feed = feed
        self._engines = engines
        self._ordered = ordered
        self._item_ns = item_ns
        self._given = {}  # engine -> its batches, without what it has answered
        self._again = collections.deque()  # batches that were lost with an engine
        self._ready = {}  # first -> results
        self._errors = {}  # item -> error
        self._head = None  # the item that is to be yielded next
        self._waiting = 0  # batches read and not yielded
        self._has_ended = False

    def run(self):
        with _crew.Crew(self._engines) as crew:
            self._crew = crew
            crew.area.open(0, 1 << 40)
            self._watch = _work.Watch(self._job, crew, _same)
            while True:
                self._hand_out()
                while (part := self._next()) is not None:
                    yield part
                    self._hand_out()
                if not self._ready and not self._errors and not self._again and not any(self._given.values()):
                    if self._has_ended:
                        return
                    continue
                event = crew.take(_claims.WATCH_S)
                while event is not None:
                    self._hear(event)
                    event = crew.take(0.0)
                self._watch.end_late()

    def _next(self):
        """Results that may be yielded now, or None."""
        if not self._ordered and self._errors:
            raise self._errors[min(self._errors)]
        if not self._ordered and self._ready:
            first = next(iter(self._ready))
        else:
            first = self._head
            if first in self._errors:
                raise self._errors[first]
        part = self._ready.pop(first, None)
        if part is not None:
            self._head = first + len(part)
        return part

    def _unyielded(self):
        """Items that have been read and not yielded, in batches of the size of now."""
        return sum(len(part) for part in self._ready.values()) / self._batch_items()

    def _batch_items(self):
        return self._job.chunk or max(1, min(int(BATCH_NS / max(self._item_ns, 1.0)), BATCH_ITEMS_MAX))

    def _hand_out(self):
        while self._unyielded() < AHEAD * self._engines and not self._errors:
            engine = self._freest()
            if engine is None:
                return
            if self._again:
                batch = self._again.popleft()
            else:
                batch = None if self._has_ended else self._read()
                if batch is None:
                    return
            self._give(engine, batch)

    def _read(self):
        try:
            batch = self._feed.take(self._batch_items())
        except BaseException as error:
            if not isinstance(error, Exception):
                raise
            self._errors[self._feed.left()] = error
            batch = None
        if batch is None:
            self._has_ended = True
        elif self._head is None:
            self._head = batch.first
        return batch

    def _freest(self):
        """The engine with the fewest batches; a fresh one while there may be more; None if all have enough."""
        living = self._crew.living
        if len(living) < self._engines and all(self._given.get(k) for k in living):
            engine = _work.start(self._crew, _body(self._job, self._feed.source))
            self._given[engine] = collections.deque()
            return engine
        engine = min(living, key=lambda k: len(self._given[k]))
        return engine if len(self._given[engine]) < DEPTH else None

    def _give(self, engine, batch):
        try:
            if batch.values is None:
                is_given = self._crew.ship(engine, [], SPAN, batch.first, count=batch.count)
            else:
                is_given = self._crew.ship(engine, batch.values, first=batch.first)
        except Exception:  # they cannot be pickled
            self._do_here(batch)
            return
        if is_given:
            self._given[engine].append(batch)
        else:  # it is gone, which take() will say, or does not read
            self._again.appendleft(batch)
            event = self._crew.take(_claims.WATCH_S)
            if event is not None:
                self._hear(event)

    def _do_here(self, batch):
        results = []
        try:
            self._job.run_into(results, *self._feed.cut(batch))
        except Exception as error:
            self._errors[batch.first + len(results)] = error
        if results:
            self._answer(batch.first, results)

    def _answer(self, first, results):
        self._ready[first] = results

    def _hear(self, event):
        if isinstance(event, _crew.Death):
            self._bury(event)
            return
        if event.tag == _crew.ERROR:
            error = _faults.decode(event.open()[0])
            if not isinstance(error, Exception):
                raise error
            self._errors[event.first] = _faults.name_item(error, event.first)
            self._crew.area.cut(event.first)
            self._recover(event.engine, event.first)
            self._settle(event.engine, event.first, 1)
            return
        try:
            results = self._job.received(event.open())
        except Exception as error:
            self._errors[event.first] = _faults.name_item(error, event.first)
            return
        if event.took_ns:
            self._item_ns += (event.took_ns / event.count - self._item_ns) / 4
        self._settle(event.engine, event.first, event.count)
        self._answer(event.first, results)

    def _recover(self, engine, item):
        """The results between an engine's last answer and an item that failed are lost with the loop that the error
        left: those before the error are wanted all the same."""
        batch = next((b for b in self._given[engine] if b.first <= item < b.first + b.count), None)
        if self._ordered and batch is not None and batch.first < item:
            self._do_here(batch.part(batch.first, item))

    def _settle(self, engine, first, count):
        """These items of an engine's are answered."""
        batches = self._given[engine]
        while batches and batches[0].first + batches[0].count <= first + count:
            batches.popleft()
        if batches and batches[0].first < first + count:
            batch = batches[0]
            batches[0] = batch.part(first + count, batch.first + batch.count)

    def _bury(self, death):
        item, error = self._watch.cause(death)
        lost = self._given.pop(death.engine)
        if error is None or item is None:
            self._again.extend(lost)
            return
        _faults.name_item(error, item)
        if self._job.stops:
            raise error
        self._ready[item] = self._job.received([self._job.stand_in(error, item)])
        for batch in lost:
            end = batch.first + batch.count
            if batch.first <= item < end:
                self._again.extend(part for part in (batch.part(batch.first, item), batch.part(item + 1, end)) if part.count)
            else:
                self._again.append(batch)


def _same(item):
    """What an item of a stream is called."""
    return item


def _body(job, source):
    """What an engine does: take a batch, work, ship, until no more come."""

    def body(engine):
        outbox = _work.Outbox(engine)
        while (parcel := engine.take()) is not None:
            first, end = parcel.first, parcel.first + parcel.count
            items = source.cut(first, end)[0] if parcel.tag == SPAN else iter(parcel.open())
            engine.area.assign(engine.number, first, end)
            items = _engines.Items(engine.area, engine.number, items, first, ANSWER_NS, job.timeout is not None)
            while not items.over:
                failed = _work.do_slice(job, items, _same, outbox)
                if failed is not None:
                    item, error = failed
                    outbox.flush(True)
                    engine.ship_error(error, item)
                    break
            outbox.flush(True)

    return body
