"""Slips that a type checker must find: stubs.sh wants an error at each line that says so.

SPDX-License-Identifier: Apache-2.0
"""
import allot


def square(x: int) -> float:
    return x * x / 1.0


allot.map(square, ["a"])  # wrong
allot.map(square, [1], [2])  # wrong
allot.map(square, 3)  # wrong
allot.map(square, [1], chunk="all")  # wrong
allot.map(square, [1], chunks=3)  # wrong
allot.map([1], square)  # wrong
allot.imap(square, ["a"])  # wrong
allot.starmap(square, [1, 2])  # wrong
names: list[str] = allot.map(square, [1])  # wrong
allot.Executor().submit(square, "a")  # wrong
