"""reduce: a fold whose function is associative, so that parts of it can be done apart.

SPDX-License-Identifier: Apache-2.0
"""
import functools
import itertools

from allot import _claims, _costs, _faults, _feed, _plan, _source, _stream
from allot._job import Job, Windows

#: Parts for each who works, and items of a part of what can only be read.
PARTS = 8
READ_ITEMS = 1024
_MISSING = object()


def reduce(function, iterable, initial=_MISSING, /, *, chunk=None, engines=None, progress=None, explain=False):
    """functools.reduce for a function that is associative, f(f(a, b), c) == f(a, f(b, c)), on as many processors as
    pay.

    Where it is so but for rounding, as is the sum of floats, the last digits depend on how the items are cut.

    >>> reduce(lambda a, b: a + b, range(10))
    45
    >>> reduce(max, [], 0)
    0
    """
    job = Job(function, 1, chunk, engines, None, "raise", progress, explain)
    source, iterator = _source.source_of((iterable,))
    total = _of_source(job, source, initial) if source is not None else _of_iterator(job, iterator, initial)
    if total is _MISSING:
        raise TypeError("allot.reduce: no items and no initial value")
    return total


def _fold(function, items, total):
    return functools.reduce(function, items) if total is _MISSING else functools.reduce(function, items, total)


def _leaf(function, source):
    """The fold of the items of a span, an error of which names its item."""

    def leaf(span):
        items, counter = source.cut(*span)
        try:
            return functools.reduce(function, items)
        except Exception as error:
            begin, end = span
            _faults.name_item(error, source.number(begin + max(_source.taken(counter, end - begin), 1) - 1))
            raise

    return leaf


def _of_source(job, source, total):
    windows = Windows(source, 0, source.length)
    if source.length == 0:
        return total
    while True:
        try:
            total = _fold(job.function, itertools.chain.from_iterable(windows), total)
        except Exception as error:
            _faults.name_item(error, source.number(windows.at()))
            raise
        begin, left = windows.done, source.length - windows.done
        if left == 0:
            return total
        plan = _plan.decide(left, windows.item_ns, _plan.Costs(_costs.fork_ns()), job.most())
        if plan.engines:
            break
    job.tell(_plan.explain(plan))
    size = job.chunk or max(2, -(-left // (PARTS * (plan.engines + 1))))
    spans = [(a, min(a + size, source.length)) for a in range(begin, source.length, size)]
    parts = []
    leaves = Job(_leaf(job.function, source), 1, 1, job.engines, None, "raise", job.progress, False)
    bar = leaves.bar(len(spans))
    _claims.fill(leaves, _source.Sliced(spans), parts, plan.engines, bar)
    bar.end(len(parts))
    return _fold(job.function, parts, total)


def _of_iterator(job, iterator, total):
    size = job.chunk or READ_ITEMS
    batches = iter(lambda: list(itertools.islice(iterator, size)), [])
    leaves = Job(functools.partial(functools.reduce, job.function), 1, None, job.engines, None, "raise", job.progress, job.explain)
    for part in _stream.parts(leaves, _feed.IteratorFeed(batches), True, False):
        total = _fold(job.function, part, total)
    return total
