"""What a type checker knows of the module: stubs.sh runs mypy --strict on it. It is never run itself.

SPDX-License-Identifier: Apache-2.0
"""
import concurrent.futures
import operator
from collections.abc import Iterator
from typing import assert_type

import allot


def square(x: int) -> float:
    return x * x / 1.0


def named(x: int, name: str) -> bytes:
    return name.encode() * x


assert_type(allot.map(square, range(3)), list[float])
assert_type(allot.map(named, [1, 2], ["a", "b"]), list[bytes])
assert_type(allot.map(lambda x: str(x), range(3), chunk=2, engines=2, ordered=False, timeout=1.5), list[str])
assert_type(allot.map(str, range(3), progress=True, explain=True), list[str])
assert_type(allot.map(square, range(3), on_error="return"), list[float | Exception])
assert_type(allot.map(square, range(3), on_error=None), list[float | None])
assert_type(allot.imap(square, iter([1])), Iterator[float])
assert_type(allot.starmap(named, [(1, "a")]), list[bytes])
assert_type(allot.reduce(operator.add, [1, 2, 3]), int)
assert_type(allot.reduce(max, [1, 2, 3], 0), int)

with allot.Executor() as executor:
    standard: concurrent.futures.Executor = executor
    assert_type(executor.submit(square, 3), concurrent.futures.Future[float])
    assert_type(executor.map(square, range(3)), Iterator[float])
