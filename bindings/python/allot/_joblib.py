"""joblib.Parallel on engines of allot: parallel_config(backend="allot"), or parallel_backend("allot").

The executor outlives a Parallel call: the next one finds its engines warm. What joblib wraps into a batch is one
call here; joblib sizes the batches by time, the executor sends those that are short together.

SPDX-License-Identifier: Apache-2.0
"""
from joblib import register_parallel_backend
from joblib.parallel import AutoBatchingMixin, ParallelBackendBase

try:
    from joblib.parallel import FallbackToBackend, SequentialBackend
except ImportError:
    from joblib._parallel_backends import FallbackToBackend, SequentialBackend

from allot import _crew
from allot._executor import Executor, nprocessors

_executors = {}  # by their number of engines: at most one is kept


def _executor_of(nengines):
    executor = _executors.get(nengines)
    if executor is None or executor.is_closed():
        drop_executors()
        executor = _executors[nengines] = Executor(nengines)
    return executor


def drop_executors():
    """Ends the engines that are kept warm for joblib."""
    while _executors:
        _executors.popitem()[1].shutdown(wait=True, cancel_futures=True)


class AllotBackend(AutoBatchingMixin, ParallelBackendBase):
    supports_timeout = True
    supports_retrieve_callback = True
    supports_return_generator = True

    def effective_n_jobs(self, n_jobs):
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None or _crew.inside:
            return 1
        return max(nprocessors() + 1 + n_jobs, 1) if n_jobs < 0 else n_jobs

    def configure(self, n_jobs=1, parallel=None, **_):
        nengines = self.effective_n_jobs(n_jobs)
        if nengines == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        self._executor = _executor_of(nengines)
        self._nengines = nengines
        return nengines

    def submit(self, func, callback=None):
        future = self._executor.submit(func)
        future.get = future.result
        if callback is not None:
            future.add_done_callback(callback)
        return future

    apply_async = submit  # before joblib 1.5

    def retrieve_result_callback(self, out):
        return out.result()

    def terminate(self):
        self.reset_batch_stats()

    def abort_everything(self, ensure_ready=True):
        """The engines are killed: what they do is of no use any more."""
        self._executor.kill()
        if ensure_ready:
            self.configure(n_jobs=self._nengines, parallel=self.parallel)

    def get_nested_backend(self):
        return SequentialBackend(nesting_level=(self.nesting_level or 0) + 1), None


def register_joblib():
    """Makes "allot" the name of a joblib backend.

    >>> import allot, joblib
    >>> allot.register_joblib()
    >>> with joblib.parallel_backend("allot", n_jobs=2):
    ...     joblib.Parallel()(joblib.delayed(pow)(2, n) for n in range(5))
    [1, 2, 4, 8, 16]
    """
    register_parallel_backend("allot", AllotBackend)
