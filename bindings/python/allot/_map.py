"""map, starmap, and what they have in common with imap and reduce.

SPDX-License-Identifier: Apache-2.0
"""
from allot import _claims, _crew, _plan, _source, _stream
from allot import _feed as _feeds
from allot._job import Job, Windows

def map(function, /, *iterables, chunk=None, engines=None, ordered=True, timeout=None, on_error="raise", progress=None, explain=False):
    """The list [function(item) for item in iterable], on as many processors as pay.

    It begins in series and measures; engines are forked only when what is left pays for them. Several iterables are
    gone through side by side, as by the built-in map.

    chunk     items that an engine claims at a time; else it is measured
    engines   processors to use at most, this process among them; else all that it may use
    ordered   False: results may come in any order
    timeout   seconds that an item may take; then all are done by engines
    on_error  "raise": the error of the first item that fails; "return": exceptions are results; else: the result of
              items that fail
    progress  True: show a bar; False: never; None: on a terminal, after two seconds; else it is called with (done,
    total)
    explain   say on standard error what was decided, and why

    >>> map(lambda x: x**10, range(4))
    [0, 1, 1024, 59049]
    >>> map(pow, [2, 3], [5, 2])
    [32, 9]
    >>> map(int, ["1", "x"], on_error=None)
    [1, None]
    """
    if not iterables:
        raise TypeError("allot.map: at least one iterable is needed")
    job = Job(function, len(iterables), chunk, engines, timeout, on_error, progress, explain)
    return _list(job, *_source.source_of(iterables))


def starmap(function, iterable, /, *, chunk=None, engines=None, ordered=True, timeout=None, on_error="raise", progress=None, explain=False):
    """As map, for items that are tuples of arguments.

    >>> starmap(pow, [(2, 5), (3, 2)])
    [32, 9]
    """
    job = Job(function, 0, chunk, engines, timeout, on_error, progress, explain)
    return _list(job, *_source.source_of((iterable,)))


def imap(function, /, *iterables, chunk=None, engines=None, ordered=True, timeout=None, on_error="raise", progress=None, explain=False):
    """As map, but an iterator: results come as they are asked for, and little is read ahead, so that memory is
    bounded and there may be items without end. With ordered=False they come as soon as they are there.

    >>> import itertools
    >>> list(itertools.islice(imap(lambda x: x * x, itertools.count()), 4))
    [0, 1, 4, 9]
    """
    if not iterables:
        raise TypeError("allot.imap: at least one iterable is needed")
    job = Job(function, len(iterables), chunk, engines, timeout, on_error, progress, explain)
    return _results(job, _feed(*_source.source_of(iterables)), ordered)


def _feed(source, iterator):
    return _feeds.IteratorFeed(iterator) if source is None else _feeds.IndexedFeed(source)


def _results(job, feed, ordered):
    bar = job.bar(feed.total)
    done = 0
    for part in _stream.parts(job, feed, ordered, False):
        yield from part
        done += len(part)
        bar.tick(done)
    bar.end(done)


def _list(job, source, iterator):
    bar = job.bar(None if source is None else source.length)
    results = []
    if source is None:
        for part in _stream.parts(job, _feed(None, iterator), True, True):
            results = joined(results, part)
            bar.tick(len(results))
    else:
        results, plan = in_series(job, source, bar)
        if plan is not None:
            _claims.fill(job, source, results, plan.engines, bar)
    bar.end(len(results))
    return results


def in_series(job, source, bar):
    """Do items here until all are done or the rest pays for engines. @return their results, and the plan for the
    rest or None"""
    results = []
    if job.timeout is not None and source.length > 0 and not _crew.inside:
        job.tell("on engines from the first item on, since only what an engine does can be ended by a timeout")
        return results, job.forced(source.length)
    plan = None
    windows = Windows(source, 0, source.length, bar=bar, may_pay=job.may_pay)
    while windows.done < source.length:
        results = joined(results, job.run_windows(windows))
        left = source.length - windows.done
        if left > 0:
            plan = job.plan(left, windows.item_ns, results)
            if plan.engines:
                job.tell(_plan.explain(plan))
                return results, plan
    if job.explain:
        took = f"in series: {source.length} items took {_plan.format_ns(windows.spent_ns)}"
        job.tell(_plan.explain(plan) if plan is not None else took)
    return results, None


def joined(results, part):
    """The two lists as one, which is the longer of them, so that the fewest elements are touched again."""
    if len(part) > len(results):
        part[:0] = results
        return part
    results += part
    return results
