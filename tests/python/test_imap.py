"""allot.imap is lazy and bounded, allot.reduce is a fold; arrays arrive without a second copy.

SPDX-License-Identifier: Apache-2.0
"""
import functools
import itertools
import operator
import os
import time
import unittest

import allot
from allot import _crew, _engines, _source
from forced import engines_always, in_engine, leftovers, open_files

try:
    import numpy
except ImportError:
    numpy = None


class Clean(unittest.TestCase):
    def setUp(self):
        self.files = open_files()

    def tearDown(self):
        self.assertEqual(leftovers(), [])
        self.assertEqual(open_files(), self.files)


class Lazy(Clean):
    def test_results_in_order(self):
        for engines in (1, 3):
            for n in (0, 1, 2, 500):
                for source in (range(n), (x for x in range(n))):
                    with self.subTest(engines=engines, n=n), engines_always():
                        self.assertEqual(list(allot.imap(lambda x: x * 2, source, engines=engines)), [2 * x for x in range(n)])

    def test_any_order_gives_all(self):
        for source in (range(500), (x for x in range(500))):
            with engines_always():
                self.assertEqual(sorted(allot.imap(lambda x: x, source, engines=3, ordered=False)), list(range(500)))

    def test_without_order_the_slow_do_not_hold_up_the_fast(self):
        ours, theirs = os.pipe()
        got = []
        with engines_always():
            for x in allot.imap(lambda x: (os.read(ours, 1) if x == 20 else None, x)[1], range(60), engines=3, ordered=False, chunk=1):
                got.append(x)
                if len(got) == 40:
                    os.write(theirs, b"go")  # item 20 waits for this
        os.close(ours)
        os.close(theirs)
        self.assertEqual(sorted(got), list(range(60)))
        self.assertGreaterEqual(got.index(20), 40)

    def test_little_is_read_ahead(self):
        read = itertools.count()
        with engines_always():
            results = allot.imap(lambda x: x, (next(read) for _ in itertools.count()), engines=3, chunk=10)
            for _ in range(1000):
                next(results)
            results.close()
        self.assertLess(next(read), 1000 + 10 * 3 * 20)

    def test_nothing_happens_before_it_is_asked_for(self):
        begun = []
        results = allot.imap(begun.append, range(10))
        self.assertEqual(begun, [])
        next(results)
        self.assertLess(len(begun), 10)

    def test_a_generator_that_is_dropped_ends_its_engines(self):
        with engines_always():
            results = allot.imap(lambda x: time.sleep(0.001), itertools.count(), engines=3)
            for _ in range(20):
                next(results)
            del results  # tearDown looks for what is left

    def test_items_that_cannot_be_pickled(self):
        def items():
            for i in range(300):
                yield (i, (lambda: i) if i % 50 == 49 else None)

        with engines_always():
            self.assertEqual(list(allot.imap(lambda item: item[0], items(), engines=3)), list(range(300)))

    def test_a_killed_engine_in_a_stream(self):
        with engines_always():
            items = (x for x in range(1, 121))
            got = list(allot.imap(lambda x: x if x not in (3, 77) else in_engine() and os._exit(1) or None, items, engines=3, on_error=None))
        self.assertEqual(got, [None if x in (3, 77) else x for x in range(1, 121)])


class Reduce(Clean):
    def test_it_is_a_fold(self):
        for engines in (1, 3):
            for n in (1, 2, 3, 1000):
                for call in (range, lambda n: (x for x in range(n))):
                    with self.subTest(engines=engines, n=n), engines_always():
                        add = lambda a, b: a + b  # noqa: E731
                        self.assertEqual(allot.reduce(add, call(n), engines=engines), sum(range(n)))
                        self.assertEqual(allot.reduce(add, call(n), 7, engines=engines), sum(range(n)) + 7)
                        words = [str(x) for x in range(n)]
                        self.assertEqual(allot.reduce(operator.add, words, engines=engines, chunk=3), "".join(words))

    def test_nothing_to_fold(self):
        self.assertEqual(allot.reduce(max, [], 5), 5)
        for empty in ([], iter([])):
            with self.assertRaisesRegex(TypeError, "no items"):
                allot.reduce(max, empty)

    def test_an_error_names_its_item(self):
        def f(a, b):
            if b == 60:
                raise ValueError(b)
            return a + b

        for engines in (1, 3):
            with engines_always(), self.assertRaises(ValueError) as caught:
                allot.reduce(f, range(100), engines=engines)
            self.assertEqual(caught.exception.allot_item, 60)


@unittest.skipIf(numpy is None, "python3-numpy is missing")
class Arrays(Clean):
    def test_sources(self):
        for array in (numpy.arange(1000.0), numpy.ones((50, 40)), numpy.array([1, "x", None] * 9, dtype=object)):
            for engines in (1, 3):
                with engines_always():
                    got = allot.map(lambda row: row, array, engines=engines)
                self.assertTrue(all(numpy.array_equal(a, b) for a, b in itertools.zip_longest(got, array)))

    def test_results_are_whole_writable_and_the_callers_own(self):
        with engines_always():
            got = allot.map(lambda x: numpy.full((100, 300), x), range(30), engines=3)
        for x, array in enumerate(got):
            self.assertTrue((array == x).all() and array.shape == (100, 300))
            array += 1
            self.assertTrue((array == x + 1).all())
        del got, array

    def test_arrays_are_not_copied_by_the_receiver(self):
        def body(engine):
            engine.ship([numpy.ones(1_000_000), numpy.zeros(10), numpy.ones(300_000)[::2]])

        with _crew.Crew(1) as crew:
            crew.start(body)
            large, small, strided = crew.take(20).open()
        owner = large
        while isinstance(owner, numpy.ndarray):
            owner = owner.base
        self.assertIsInstance(owner.obj, _engines.Mapping)
        self.assertTrue((large == 1).all() and (small == 0).all() and strided.sum() == 150_000)
        del large, small, strided, owner

    def test_what_was_read_only_stays_so(self):
        def make(x):
            array = numpy.full(100_000, x)
            array.flags.writeable = False
            return array

        with engines_always():
            self.assertFalse(any(array.flags.writeable for array in allot.map(make, range(20), engines=2)))


class Loops(unittest.TestCase):
    def test_the_loops_are_the_same(self):
        for loop in (_source._each, _source._called):
            self.assertEqual(loop(lambda x: x + 1, (range(3), range(5)), 0, None), [1, 2, 3, 1, 2, 3, 4, 5])

    def test_taken(self):
        source = _source.Zipped([_source.Sliced(range(10)), _source.Sliced("abcdefghijkl")])
        items, counter = source.cut(2, 8)
        next(items), next(items)
        self.assertEqual(_source.taken(counter, 6), 2)
        self.assertEqual(functools.reduce(lambda n, _: n + 1, items, 0), 4)


if __name__ == "__main__":
    unittest.main()
