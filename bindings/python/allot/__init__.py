"""A parallel map that is never slower than the serial loop.

>>> import allot
>>> allot.map(lambda x: x**10, range(4))
[0, 1, 1024, 59049]

SPDX-License-Identifier: Apache-2.0
"""
from allot._faults import EngineDied, RemoteError, RemoteTraceback, UnsendableResult
from allot._map import imap, map, starmap
from allot._reduce import reduce

__all__ = ["map", "imap", "starmap", "reduce", "Executor", "register_joblib", "CleanEngines", "EngineDied",
           "RemoteError", "RemoteTraceback", "UnsendableResult"]

_LATER = {"Executor": "_executor", "CleanEngines": "_server", "register_joblib": "_joblib"}


def __getattr__(name):
    """What needs other modules, and those milliseconds, comes when it is asked for."""
    if name not in _LATER:
        raise AttributeError(f"module 'allot' has no attribute {name!r}")
    import importlib

    value = globals()[name] = getattr(importlib.import_module("allot." + _LATER[name]), name)
    return value


def __dir__():
    return sorted({*globals(), *_LATER})
