"""A parallel map that is never slower than the serial loop.

>>> import allot
>>> allot.map(lambda x: x**10, range(4))
[0, 1, 1024, 59049]

SPDX-License-Identifier: Apache-2.0
"""
from allot._faults import EngineDied, RemoteError, RemoteTraceback, UnsendableResult
from allot._map import imap, map, starmap
from allot._reduce import reduce

__all__ = ["map", "imap", "starmap", "reduce", "EngineDied", "RemoteError", "RemoteTraceback", "UnsendableResult"]
