"""A parallel map that is never slower than the serial loop.

>>> import allot
>>> allot.map(lambda x: x**10, range(4))
[0, 1, 1024, 59049]

SPDX-License-Identifier: Apache-2.0
"""
from allot._executor import Executor
from allot._faults import EngineDied, RemoteError, RemoteTraceback, UnsendableResult
from allot._map import imap, map, starmap
from allot._reduce import reduce


def register_joblib():
    """Makes "allot" the name of a joblib backend.

    >>> import allot, joblib
    >>> allot.register_joblib()
    >>> with joblib.parallel_backend("allot", n_jobs=2):
    ...     joblib.Parallel()(joblib.delayed(pow)(2, n) for n in range(5))
    [1, 2, 4, 8, 16]
    """
    from allot import _joblib  # not before it is wanted: joblib takes long to import, and need not be there

    _joblib.register_joblib()

__all__ = [
    "map", "imap", "starmap", "reduce", "Executor", "register_joblib",
    "EngineDied", "RemoteError", "RemoteTraceback", "UnsendableResult",
]
