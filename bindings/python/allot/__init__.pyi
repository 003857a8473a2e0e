# What the module offers, for type checkers; tests/python/stubs.sh holds it to the module.
# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeVar, overload

_R = TypeVar("_R")
_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")
_D = TypeVar("_D")
_Progress = bool | Callable[[int, int | None], object] | None

__all__ = ["map", "imap", "starmap", "reduce", "Executor"]

def map(function: Callable[[_A], _R], iterable: Iterable[_A], /) -> list[_R]: ...

class Executor(concurrent.futures.Executor):
    def __init__(
        self, max_workers: int | None = None, initializer: Callable[..., object] | None = None, initargs: Iterable[Any] = ()
    ) -> None: ...
    def kill(self) -> None: ...
    def is_closed(self) -> bool: ...
