"""map, starmap, and what they have in common with imap and reduce.

SPDX-License-Identifier: Apache-2.0
"""
from allot import _claims, _crew, _plan, _source
from allot._job import Job, Windows

def map(function, /, *iterables, chunk=None, engines=None, ordered=True, timeout=None, on_error="raise", progress=None, explain=False):
    if not iterables:
        raise TypeError("allot.map: at least one iterable is needed")
    job = Job(function, len(iterables), chunk, engines, timeout, on_error, progress, explain)
    return _list(job, *_source.source_of(iterables))


def starmap(function, iterable, /, *, chunk=None, engines=None, ordered=True, timeout=None, on_error="raise", progress=None, explain=False):
    job = Job(function, 0, chunk, engines, timeout, on_error, progress, explain)
    return _list(job, *_source.source_of((iterable,)))


def _list(job, source, iterator):
    if source is None:
        raise NotImplementedError
    bar = job.bar(source.length)
    results, plan = in_series(job, source, bar)
    if plan is not None:
        _claims.fill(job, source, results, plan.engines, bar)
    bar.end(len(results))
    return results


def in_series(job, source, bar):
    """Do items here until all are done or the rest pays for engines. @return their results, and the plan for the rest or None"""
    results = []
    if job.timeout is not None and source.length > 0 and not _crew.inside:
        job.tell("on engines from the first item on, since only what an engine does can be ended by a timeout")
        return results, job.forced(source.length)
    plan = None
    windows = Windows(source, 0, source.length, bar=bar)
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
