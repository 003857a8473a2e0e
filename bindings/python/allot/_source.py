"""Where items come from, and the loops over them.

A source that can be cut by index is one from which an engine takes items itself, by their numbers: nothing is sent
to it. Anything else is an iterator, which only the caller can read.

SPDX-License-Identifier: Apache-2.0
"""
import array
import collections
import collections.abc
import itertools
import operator
import sys
import time
import types

_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
#: These are cut by slices, as long as a class made of them changes neither.
_SLICED = (list, tuple, range, str, bytes, bytearray, array.array)


def _is_sliced(items):
    kind = type(items)
    if kind in _SLICED:
        return True
    for base in _SLICED:
        if isinstance(items, base):
            return kind.__getitem__ is base.__getitem__ and getattr(kind, "__iter__", 0) is getattr(base, "__iter__", 0)
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(items, numpy.ndarray) and items.ndim > 0


class Sliced:
    """A source that is cut by index. cut(a, b) is an iterator over items a to b-1, and one whose length hint says how
    many of them have not been taken."""

    def __init__(self, items, first=0):
        self.length = len(items)
        self._items = items
        self._first = first

    def number(self, item):
        """The number that users know an item by."""
        return self._first + item

    def cut(self, begin, end):
        iterator = iter(self._items[begin:end])
        return iterator, iterator


class Indexed(Sliced):
    """A class of the user's that says it is a Sequence: an item may be made when it is asked for."""

    def cut(self, begin, end):
        numbers = iter(range(begin, end))
        return map(self._items.__getitem__, numbers), numbers


class Zipped:
    """Several of these, side by side, as far as the shortest goes."""

    def __init__(self, sources):
        self.length = min(source.length for source in sources)
        self._sources = sources

    def number(self, item):
        return item

    def cut(self, begin, end):
        cuts = [source.cut(begin, end) for source in self._sources]
        return zip(*(iterator for iterator, _ in cuts)), cuts[0][1]


def _source_of(items):
    if _is_sliced(items):
        return Sliced(items)
    if isinstance(items, (collections.deque, set, frozenset, dict, *_VIEWS)):
        return Sliced(list(items))
    if isinstance(items, collections.abc.Sequence) and not isinstance(items, memoryview):
        return Indexed(items)
    return None


def source_of(iterables):
    """(source, None) where all can be cut by index, else (None, iterator)."""
    sources = [_source_of(items) for items in iterables]
    if None not in sources:
        return sources[0] if len(sources) == 1 else Zipped(sources), None
    return None, iter(iterables[0]) if len(iterables) == 1 else zip(*iterables)


class Picked:
    """Some items of a source, by their numbers there."""

    def __init__(self, source, numbers):
        self.length = len(numbers)
        self._source = source
        self._numbers = numbers

    def number(self, item):
        return self._source.number(self._numbers[item])

    def cut(self, begin, end):
        numbers = iter(self._numbers[begin:end])
        return (next(self._source.cut(k, k + 1)[0]) for k in numbers), numbers


# ---- loops: the function over the items of several iterators in turn, as one list ----------------------
# `parts` gives the iterators, and may look at the clock whenever it is asked for the next; the first item is first,
# and called number(first).


def _each(function, parts, first, number):
    # The interpreter calls Python functions from here without leaving itself.
    return [function(item) for items in parts for item in items]


def _pairs(function, parts, first, number):
    return [function(a, b) for items in parts for a, b in items]


def _starred(function, parts, first, number):
    return [function(*item) for items in parts for item in items]


def _called(function, parts, first, number):
    return list(map(function, itertools.chain.from_iterable(parts)))  # for functions in C this is faster


def _faster():
    """Which of the two loops is the faster for functions in Python: that depends on how this interpreter was
    compiled."""
    items = range(100)

    def took(loop):
        begin = time.perf_counter_ns()
        loop(lambda x: x + 1, (items,), 0, None)
        return time.perf_counter_ns() - begin

    rounds = [(took(_each), took(_called)) for _ in range(12)]  # by turns: something else may run for a while
    return _called if min(called for _, called in rounds) < 0.96 * min(each for each, _ in rounds) else _each


_for_python = _faster()  # some 100 us, once


def loop_for(function, narguments):
    """The fastest loop for a function; narguments 0: each item is a tuple of arguments."""
    if narguments == 1:
        return _for_python if isinstance(function, (types.FunctionType, types.MethodType)) else _called
    return _pairs if narguments == 2 else _starred


def guarded(loop, stand_in):
    """A loop like this one that goes on after an item that fails, with stand_in(error, number) for its result."""

    def guard(function, parts, first, number):
        results = []
        for items in parts:
            for item in items:
                try:
                    (result,) = loop(function, ((item,),), 0, None) or stopped()
                except Exception as error:
                    result = stand_in(error, number(first + len(results)))
                results.append(result)
        return results

    return guard


def stopped():
    """The function raised StopIteration, which ends some loops as if there were no more items."""
    raise RuntimeError("the function raised StopIteration")


def taken(counter, count):
    """Of `count` items, how many have been taken from an iterator that has this counter."""
    return count - operator.length_hint(counter, 0)
