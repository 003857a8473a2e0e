# What the module offers, for type checkers; tests/python/stubs.sh holds it to the module.
# Parameters with __ are positional: Debian's stubtest does not see a / in overloads.
# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeVar, overload

_R = TypeVar("_R")
_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")
_D = TypeVar("_D")  # the result of an item that failed, where on_error is one
_Progress = bool | Callable[[int, int | None], object] | None

__all__ = [
    "map",
    "imap",
    "starmap",
    "reduce",
    "Executor",
    "register_joblib",
    "CleanEngines",
    "EngineDied",
    "RemoteError",
    "RemoteTraceback",
    "UnsendableResult",
]

@overload
def map(
    __function: Callable[[_A], _R],
    __items: Iterable[_A],
    *,
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["raise"] = "raise",
    progress: _Progress = None,
    explain: bool = False,
) -> list[_R]: ...
@overload
def map(
    __function: Callable[[_A, _B], _R],
    __a: Iterable[_A],
    __b: Iterable[_B],
    *,
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["raise"] = "raise",
    progress: _Progress = None,
    explain: bool = False,
) -> list[_R]: ...
@overload
def map(
    __function: Callable[[_A, _B, _C], _R],
    __a: Iterable[_A],
    __b: Iterable[_B],
    __c: Iterable[_C],
    *,
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["raise"] = "raise",
    progress: _Progress = None,
    explain: bool = False,
) -> list[_R]: ...
@overload
def map(
    __function: Callable[..., _R],
    __a: Iterable[Any],
    __b: Iterable[Any],
    __c: Iterable[Any],
    __d: Iterable[Any],
    *iterables: Iterable[Any],
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["raise"] = "raise",
    progress: _Progress = None,
    explain: bool = False,
) -> list[_R]: ...
@overload
def map(
    __function: Callable[..., _R],
    *iterables: Iterable[Any],
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["return"],
    progress: _Progress = None,
    explain: bool = False,
) -> list[_R | Exception]: ...
@overload
def map(
    __function: Callable[..., _R],
    *iterables: Iterable[Any],
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: _D,
    progress: _Progress = None,
    explain: bool = False,
) -> list[_R | _D]: ...
@overload
def imap(
    __function: Callable[[_A], _R],
    __items: Iterable[_A],
    *,
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["raise"] = "raise",
    progress: _Progress = None,
    explain: bool = False,
) -> Iterator[_R]: ...
@overload
def imap(
    __function: Callable[[_A, _B], _R],
    __a: Iterable[_A],
    __b: Iterable[_B],
    *,
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["raise"] = "raise",
    progress: _Progress = None,
    explain: bool = False,
) -> Iterator[_R]: ...
@overload
def imap(
    __function: Callable[[_A, _B, _C], _R],
    __a: Iterable[_A],
    __b: Iterable[_B],
    __c: Iterable[_C],
    *,
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["raise"] = "raise",
    progress: _Progress = None,
    explain: bool = False,
) -> Iterator[_R]: ...
@overload
def imap(
    __function: Callable[..., _R],
    __a: Iterable[Any],
    __b: Iterable[Any],
    __c: Iterable[Any],
    __d: Iterable[Any],
    *iterables: Iterable[Any],
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["raise"] = "raise",
    progress: _Progress = None,
    explain: bool = False,
) -> Iterator[_R]: ...
@overload
def imap(  # type: ignore[misc] # "return" is a _D as well: the first one that fits holds
    __function: Callable[..., _R],
    *iterables: Iterable[Any],
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["return"],
    progress: _Progress = None,
    explain: bool = False,
) -> Iterator[_R | Exception]: ...
@overload
def imap(
    __function: Callable[..., _R],
    *iterables: Iterable[Any],
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: _D,
    progress: _Progress = None,
    explain: bool = False,
) -> Iterator[_R | _D]: ...
@overload
def starmap(
    __function: Callable[..., _R],
    __iterable: Iterable[Iterable[Any]],
    *,
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["raise"] = "raise",
    progress: _Progress = None,
    explain: bool = False,
) -> list[_R]: ...
@overload
def starmap(
    __function: Callable[..., _R],
    __iterable: Iterable[Iterable[Any]],
    *,
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: Literal["return"],
    progress: _Progress = None,
    explain: bool = False,
) -> list[_R | Exception]: ...
@overload
def starmap(
    __function: Callable[..., _R],
    __iterable: Iterable[Iterable[Any]],
    *,
    chunk: int | None = None,
    engines: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    on_error: _D,
    progress: _Progress = None,
    explain: bool = False,
) -> list[_R | _D]: ...
@overload
def reduce(
    __function: Callable[[_A, _A], _A],
    __iterable: Iterable[_A],
    *,
    chunk: int | None = None,
    engines: int | None = None,
    progress: _Progress = None,
    explain: bool = False,
) -> _A: ...
@overload
def reduce(
    __function: Callable[[_A, _A], _A],
    __iterable: Iterable[_A],
    __initial: _A,
    *,
    chunk: int | None = None,
    engines: int | None = None,
    progress: _Progress = None,
    explain: bool = False,
) -> _A: ...
def register_joblib() -> None: ...

class CleanEngines(UserWarning): ...

class EngineDied(RuntimeError):
    item: int | None
    status: int
    def __init__(self, message: str, item: int | None = None, status: int = -1) -> None: ...

class RemoteError(RuntimeError): ...
class RemoteTraceback(Exception): ...
class UnsendableResult(TypeError): ...

class Executor(concurrent.futures.Executor):
    def __init__(
        self,
        max_workers: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
    ) -> None: ...
    def map(
        self,
        fn: Callable[..., _R],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
    ) -> Iterator[_R]: ...
    def kill(self) -> None: ...
    def is_closed(self) -> bool: ...
