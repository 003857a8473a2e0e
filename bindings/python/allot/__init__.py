"""A parallel map that is never slower than the serial loop.

>>> import allot
>>> allot.map(lambda x: x**10, range(4))
[0, 1, 1024, 59049]

SPDX-License-Identifier: Apache-2.0
"""
from allot import _engines  # noqa: F401
from allot._executor import Executor
from allot._faults import EngineDied, RemoteError, RemoteTraceback


def register_joblib():
    from allot import _joblib
    _joblib.register_joblib()

# pycore: map, imap, starmap, reduce, EngineDied, RemoteTraceback; pyexec: Executor, register_joblib.
__all__ = ["map", "imap", "starmap", "reduce", "Executor"]


def map(function, *iterables):
    return [function(*items) for items in zip(*iterables)]
