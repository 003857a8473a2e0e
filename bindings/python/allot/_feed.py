"""Batches of items for a stream: as they can be read, or by their numbers.

SPDX-License-Identifier: Apache-2.0
"""
import itertools
import time

from allot import _source

#: What is read at a time at most: so many items, or as many as can be read in this time.
BATCH_ITEMS_MAX = 1 << 16
READ_NS = 20_000_000


class Batch:
    """Items first to first + count - 1; the values, None where engines have them."""

    __slots__ = ("first", "count", "values")

    def __init__(self, first, count, values):
        self.first = first
        self.count = count
        self.values = values

    def part(self, begin, end):
        """The items with these numbers."""
        values = None if self.values is None else self.values[begin - self.first : end - self.first]
        return Batch(begin, end - begin, values)


class IndexedFeed:
    """Batches of a source that can be cut by index."""

    def __init__(self, source, position=0):
        self.source = source
        self.total = source.length
        self._position = position

    def take(self, count):
        first = self._position
        self._position = min(first + count, self.source.length)
        return Batch(first, self._position - first, None) if self._position > first else None

    def left(self):
        return self.source.length - self._position

    def cut(self, batch):
        return self.source, batch.first, batch.first + batch.count


class IteratorFeed:
    """Batches of an iterator. An error of its own is raised when what came before it has been handed out."""

    source = None
    total = None

    def __init__(self, iterator):
        self._iterator = iterator
        self._position = 0
        self._error = None
        self._kept = None
        self.has_ended = False

    def take(self, count, wait_ns=READ_NS):
        """Up to count items, fewer if reading them takes long; None at the end."""
        if self._kept is not None:
            batch, self._kept = self._kept.part(self._kept.first, min(self._kept.first + count, self._position)), self._rest(count)
            return batch
        values = []
        deadline_ns = time.perf_counter_ns() + wait_ns
        step = 1
        while len(values) < count and not self.has_ended:
            wanted = min(step, count - len(values))
            before = len(values)
            try:
                values.extend(itertools.islice(self._iterator, wanted))
                self.has_ended = len(values) - before < wanted
            except BaseException as error:
                self._error = error
                self.has_ended = True
            if time.perf_counter_ns() > deadline_ns:
                break
            step *= 4
        first = self._position
        self._position += len(values)
        if values:
            return Batch(first, len(values), values)
        if self._error is not None:
            error, self._error = self._error, None
            error.add_note(f"allot: the iterable raised this in place of item {first}")
            raise error
        return None

    def _rest(self, count):
        kept = self._kept
        return kept.part(kept.first + count, self._position) if kept.count > count else None

    def give_back(self, batch):
        self._kept = batch

    def left(self):
        """Nobody knows: as many again as there have been."""
        return self._position

    def cut(self, batch):
        return _source.Sliced(batch.values, batch.first), 0, batch.count
