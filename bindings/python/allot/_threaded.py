"""A map in a program that has threads: what is left goes to the executor, whose engines come from a fresh
interpreter then.

To fork while other threads run is to copy locks that nobody will ever release. The executor says what it does (a
CleanEngines warning), and takes functions by pickle or cloudpickle; a function that neither takes is called here, in
series.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import threading

from allot import _crew, _faults, _feed, _source

#: Items that the executor is given at a time: what should take this long.
BATCH_NS = 1e9


def in_the_way():
    """The names of threads that a fork must not copy."""
    if threading.active_count() == 1 or _crew.inside:
        return []
    from allot import _server

    with _server.threads_parked() as names:
        return names


def parked():
    """A context: while the program forks, threads of executors hold no lock."""
    if threading.active_count() == 1:
        return contextlib.nullcontext()
    from allot import _server

    return _server.threads_parked()


class _Call:
    """The function for one item; an exception is its result where the job does not stop at errors."""

    def __init__(self, function, loop, stops):
        self.function = function
        self.loop = loop
        self.stops = stops

    def __call__(self, item):
        try:
            (result,) = self.loop(self.function, ((item,),), 0, None) or _source.stopped()
            return result
        except Exception as error:
            if self.stops:
                raise
            return _faults.Failure(error)


def parts(job, feed, engines, item_ns, threads):
    """The results of what a feed still has, as lists one after the other."""
    if job.timeout is not None:
        raise RuntimeError(f"allot: timeout= is for programs without threads; there are {', '.join(threads)}")
    from allot import _executor, _inherit, _wire

    call = _Call(job.function, job.bare_loop, job.stops)
    count = max(4 * engines, min(int(BATCH_NS / max(item_ns, 1e3)), _feed.BATCH_ITEMS_MAX))
    try:
        _wire.seal((call,), _inherit.by_value())
    except Exception as error:
        job.tell(f"in series: there are threads ({', '.join(threads)}), and the function cannot be pickled: {error}")
        while (batch := feed.take(count)) is not None:
            yield job.run(*feed.cut(batch))
        return
    with _executor.Executor(engines) as executor:
        while (batch := feed.take(count)) is not None:
            yield _do(job, executor, call, feed, batch)


def _do(job, executor, call, feed, batch):
    source, begin, end = feed.cut(batch)
    items = source.cut(begin, end)[0]
    if job.stops:
        try:
            return list(executor.map(call, items, chunksize=job.chunk))
        except Exception as error:
            raise _faults.shift_item(error, batch.first)
    results = []
    for number, future in enumerate([executor.submit(call, item) for item in items], batch.first):
        try:
            result = future.result()
            error = _faults.decode(result.data) if type(result) is _faults.Failure else None
        except Exception as failure:  # of the engine
            error = failure
        results.append(result if error is None else job.stand_in(error, number))
    return results
