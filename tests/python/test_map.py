"""allot.map gives what the serial loop gives, in series and on engines; and its errors.

SPDX-License-Identifier: Apache-2.0
"""
import array
import collections
import collections.abc
import contextlib
import io
import os
import random
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

import allot
from allot import _claims, _crew, _plan, _work
from forced import engines_always, in_engine, leftovers, open_files


class Lazy(collections.abc.Sequence):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if not 0 <= i < self.n:
            raise IndexError(i)
        return i * 3


class Clean(unittest.TestCase):
    """A test that leaves nothing behind."""

    def setUp(self):
        self.files = open_files()

    def tearDown(self):
        self.assertEqual(leftovers(), [])
        self.assertEqual(open_files(), self.files)


class Results(Clean):
    SOURCES = [
        range(1000), list(range(777)), tuple("abc" * 99), "text" * 100, b"bytes" * 50, bytearray(300), array.array("d", range(500)),
        collections.deque(range(300)), {i: i for i in range(200)}, set(range(100)), {1: 2}.items(), Lazy(321), [], [5], range(0),
        range(1000, 0, -3), collections.UserList(range(150)),
    ]  # fmt: skip

    def check(self, source):
        self.assertEqual(allot.map(lambda x: (x, 1), source), [(x, 1) for x in source])

    def test_every_kind_of_source_in_series(self):
        for source in self.SOURCES:
            with self.subTest(kind=type(source).__name__):
                self.check(source)

    def test_every_kind_of_source_on_engines(self):
        with engines_always():
            for source in self.SOURCES:
                with self.subTest(kind=type(source).__name__):
                    self.assertEqual(allot.map(lambda x: (x, 1), source, engines=3), [(x, 1) for x in source])

    def test_generators_on_engines(self):
        for n in (0, 1, 2, 3, 1000, 70000):  # the last is more than is held at once
            with self.subTest(n=n), engines_always():
                self.assertEqual(allot.map(lambda x: x + 1, (i for i in range(n)), engines=3), list(range(1, n + 1)))

    def test_engines_did_it(self):
        with engines_always():
            pids = set(allot.map(lambda x: (time.sleep(0.01), os.getpid())[1], range(40), engines=3))
        self.assertEqual(len(pids), 3)

    def test_results_of_every_kind(self):
        kinds = [lambda x: x, lambda x: x / 3, str, lambda x: 2**x, lambda x: [x], lambda x: x % 2 == 0, lambda x: None if x % 7 else "7",
                 lambda x: b"x" * x, lambda x: {x: str(x)}]  # fmt: skip
        with engines_always():
            for i, kind in enumerate(kinds):
                with self.subTest(kind=i):
                    self.assertEqual(allot.map(kind, range(500), engines=2), [kind(x) for x in range(500)])

    def test_several_iterables_stop_at_the_shortest(self):
        for engines in (1, 3):
            with engines_always():
                self.assertEqual(allot.map(pow, range(100), [2] * 50, engines=engines), [x * x for x in range(50)])
                self.assertEqual(allot.map(lambda a, b, c: a + b + c, range(9), iter(range(9)), "abc" and range(9), engines=engines),
                                 [3 * x for x in range(9)])  # fmt: skip
                self.assertEqual(allot.starmap(pow, [(2, 5), (3, 2)] * 20, engines=engines), [32, 9] * 20)

    def test_large_results_and_large_lists(self):
        with engines_always():
            self.assertEqual(allot.map(lambda x: bytes([x]) * 3_000_000, range(20), engines=3), [bytes([x]) * 3_000_000 for x in range(20)])
            self.assertEqual(allot.map(lambda x: 2**200 + x, range(200_000), engines=3), [2**200 + x for x in range(200_000)])

    def test_a_chunk_and_items_of_uneven_cost(self):
        def cost(x):
            time.sleep(0.05 if x in (0, 50, 51, 52, 53) else 0)
            return x

        with engines_always():
            self.assertEqual(allot.map(cost, range(100), chunk=30, engines=3), list(range(100)))

    def test_a_map_within_a_map_runs_in_series(self):
        with engines_always():
            got = allot.map(lambda n: allot.map(lambda x: (x, os.getpid()), range(n), engines=4), range(40), engines=3)
        for n, inner in enumerate(got):
            self.assertEqual([x for x, _ in inner], list(range(n)))
            self.assertLessEqual(len({pid for _, pid in inner}), 4)

    def test_random_numbers_differ_between_engines(self):
        with engines_always():
            drawn = allot.map(lambda x: (time.sleep(0.005), random.random())[1], range(60), engines=3)
        self.assertEqual(len(set(drawn)), 60)

    def test_what_is_printed_comes_once(self):
        script = (
            "import sys; sys.path[:0] = [%r]\nfrom forced import engines_always\nimport allot, time\nprint('before', end='')\n"
            "with engines_always():\n    allot.map(lambda x: (time.sleep(0.01), print('item', x)), range(20), engines=3)\nprint('after')\n"
        ) % os.path.dirname(os.path.abspath(__file__))
        buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        out = subprocess.run([sys.executable, "-c", script], env=buffered, capture_output=True, text=True, check=True).stdout
        self.assertEqual(out.count("before"), 1)
        self.assertEqual(out.count("after"), 1)
        for x in range(20):
            self.assertEqual(len([line for line in out.replace("before", "").splitlines() if line == f"item {x}"]), 1)


class Serial(Clean):
    def test_cheap_work_stays_here(self):
        self.assertEqual(set(allot.map(lambda x: os.getpid(), range(3000))), {os.getpid()})

    def test_work_that_pays_leaves(self):
        with mock.patch.object(_claims.Claims, "run", autospec=True, side_effect=_claims.Claims.run) as run:
            allot.map(lambda x: time.sleep(0.01), range(40), engines=2)
        run.assert_called_once()

    def test_results_that_cannot_be_sent_keep_it_in_series(self):
        said = io.StringIO()
        with contextlib.redirect_stderr(said), engines_always():
            got = allot.map(lambda x: lambda: x, range(20), engines=3, explain=True)
        self.assertEqual([f() for f in got], list(range(20)))
        self.assertIn("cannot be sent", said.getvalue())

    def test_explain_says_where_and_why(self):
        for source, engines, words in ((range(10), 4, "in series: 10 items took"), (range(40), 2, "on 2 processors: the work left pays")):
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                allot.map(lambda x: engines == 2 and time.sleep(0.01), source, engines=engines, explain=True)
            self.assertIn(words, said.getvalue())


class Plans(unittest.TestCase):
    COSTS = _plan.Costs(fork_ns=1e6)

    def test_short_work_is_done_here(self):
        self.assertEqual(_plan.decide(3000, 100, self.COSTS, 8).engines, 0)

    def test_long_work_is_shared(self):
        plan = _plan.decide(200, 1e6, self.COSTS, 1)
        self.assertEqual(plan.engines, 1)
        self.assertLess(plan.parallel_ns, 0.53 * plan.serial_ns)

    def test_only_as_many_engines_as_pay(self):
        self.assertLess(_plan.decide(1000, 20e3, self.COSTS, 64).engines, 8)
        self.assertEqual(_plan.decide(100000, 1e6, self.COSTS, 64).engines, 64)
        self.assertEqual(_plan.decide(3, 1e9, self.COSTS, 64).engines, 2)

    def test_results_that_cost_more_to_move_than_to_make(self):
        plan = _plan.decide(10**7, 50, _plan.Costs(1e6, 40, 60), 1)
        self.assertEqual(plan.engines, 0)
        self.assertIn("move", plan.reason)

    def test_sentences(self):
        self.assertIn("in series", _plan.explain(_plan.decide(1, 1e9, self.COSTS, 4)))
        self.assertEqual([_plan.format_ns(x) for x in (5, 1500, 2.5e6, 3e9)], ["5 ns", "1.5 us", "2.5 ms", "3 s"])


class Arguments(unittest.TestCase):
    def test_wrong_ones_are_told(self):
        for kwargs, words in (
            ({"chunk": 0}, "chunk=0"), ({"engines": -1}, "engines=-1"), ({"timeout": 0}, "timeout=0"), ({"on_error": "rise"}, "'rise'"),
            ({"engines": 1.5}, "whole number"), ({"on_error": print}, "on_error"),
        ):  # fmt: skip
            with self.subTest(**kwargs), self.assertRaisesRegex(ValueError, words):
                allot.map(abs, [1], **kwargs)
        with self.assertRaisesRegex(TypeError, "function comes first"):
            allot.map([1], abs)
        with self.assertRaisesRegex(TypeError, "iterable"):
            allot.map(abs)
        with self.assertRaises(TypeError):
            allot.map(abs, 5)


class Local:
    class Error(Exception):
        def __init__(self, a, b):
            super().__init__(f"{a} and {b}")


def fail_at(*numbers, error=ValueError):
    def f(x):
        if x in numbers:
            raise error(f"no {x}")
        return x

    return f


class Errors(Clean):
    def run_both(self, test):
        for engines in (1, 3):
            for source in (range(100), (x for x in range(100))):
                with self.subTest(engines=engines, source=type(source).__name__), engines_always():
                    test(engines, source)

    def test_the_error_names_its_item(self):
        def test(engines, source):
            with self.assertRaises(ValueError) as caught:
                allot.map(fail_at(40), source, engines=engines)
            self.assertEqual(caught.exception.args, ("no 40",))
            self.assertEqual(caught.exception.allot_item, 40)
            self.assertIn("allot: item 40", caught.exception.__notes__)

        self.run_both(test)

    def test_what_comes_before_the_error_is_yielded(self):
        for engines in (1, 3):
            for source in (range(100), (x for x in range(100))):
                got = []
                with engines_always(), self.assertRaises(ValueError) as caught:
                    for x in allot.imap(fail_at(40, 60), source, engines=engines):
                        got.append(x)
                self.assertEqual((got, caught.exception.args), (list(range(40)), ("no 40",)))

    def test_the_first_item_that_fails_is_raised(self):
        def f(x):
            time.sleep(0.002)
            if x == 20:
                time.sleep(0.2)
            if x >= 20:
                raise ValueError(x)

        with engines_always():
            for source in (range(100), iter(range(100))):
                with self.assertRaises(ValueError) as caught:
                    allot.map(f, source, engines=4)
                self.assertEqual(caught.exception.args, (20,))

    def test_the_traceback_of_an_engine_comes_along(self):
        def deep_in_an_engine(x):
            if in_engine():
                raise KeyError(x)
            time.sleep(0.01)

        with engines_always(), self.assertRaises(KeyError) as caught:
            allot.map(deep_in_an_engine, range(50), engines=3)
        self.assertIsInstance(caught.exception.__cause__, allot.RemoteTraceback)
        self.assertIn("deep_in_an_engine", str(caught.exception.__cause__))

    def test_exceptions_as_results(self):
        def test(engines, source):
            got = allot.map(fail_at(0, 7, 99), source, engines=engines, on_error="return")
            for x, result in enumerate(got):
                if x in (0, 7, 99):
                    self.assertIsInstance(result, ValueError)
                    self.assertEqual((result.args, result.allot_item), ((f"no {x}",), x))
                else:
                    self.assertEqual(result, x)

        self.run_both(test)

    def test_a_value_for_items_that_fail(self):
        def test(engines, source):
            for value in (None, -1, float("inf")):
                got = allot.map(fail_at(*range(0, 100, 9)), source if engines == 1 else range(100), engines=engines, on_error=value)
                self.assertEqual(got, [value if x % 9 == 0 else x for x in range(100)])
                if engines == 1:
                    return

        self.run_both(test)

    def test_exceptions_that_cannot_be_pickled(self):
        class Hidden(Exception):
            pass

        for error, words in ((Local.Error, None), (Hidden, "Hidden")):
            def f(x, error=error):
                if in_engine():
                    raise error(x, 2)
                time.sleep(0.01)

            with engines_always(), self.assertRaises(allot.RemoteError) as caught:
                allot.map(f, range(50), engines=2)
            self.assertIn(words or "Error", str(caught.exception))
            self.assertIn("cannot be pickled", str(caught.exception))
            self.assertIsInstance(caught.exception.allot_item, int)

    def test_a_result_that_cannot_be_pickled(self):
        def f(x):
            time.sleep(0.001)
            return x if x != 30 or not in_engine() else lambda: x

        def here(x):  # item 30 is an engine's
            while not in_engine() and x == 1:
                time.sleep(0.2)
                return f(x)
            return f(x)

        with engines_always():
            for source in (range(60), iter(range(60))):
                try:
                    allot.map(here, source, engines=3)
                except allot.UnsendableResult as error:
                    self.assertEqual(error.allot_item, 30)
                    self.assertIn("cannot be pickled", str(error))
            got = list(allot.imap(f, range(60), engines=3, on_error=None))
        self.assertEqual(got, [x if x != 30 else None for x in range(60)])

    def test_stop_iteration_does_not_cut_the_results_short(self):
        def f(x):
            if x == 30:
                raise StopIteration
            return x

        class Callable:
            def __call__(self, x):
                return f(x)

        for function in (f, Callable()):
            for engines in (1, 3):
                with engines_always(), self.assertRaises((RuntimeError, StopIteration)) as caught:
                    allot.map(function, range(50), engines=engines)
                self.assertEqual(caught.exception.allot_item, 30)
                with engines_always():
                    got = allot.map(function, range(50), engines=engines, on_error=None)
                self.assertEqual(got, [x if x != 30 else None for x in range(50)])

    def test_recursion(self):
        def f(x):
            return f(x) if in_engine() else time.sleep(0.01)

        with engines_always(), self.assertRaises(RecursionError):
            allot.map(f, range(50), engines=2)

    def test_sys_exit_is_what_it_is_in_series(self):
        def f(x):
            time.sleep(0.001)
            if x == 30:
                sys.exit(3)

        for engines in (1, 3):
            with engines_always(), self.assertRaises(SystemExit) as caught:
                allot.map(f, range(60), engines=engines)
            self.assertEqual(caught.exception.code, 3)

    def test_a_generator_that_raises(self):
        def items():
            yield from range(50)
            raise KeyError("source")

        for engines in (1, 3):
            for call in (allot.map, lambda *a, **k: list(allot.imap(*a, **k))):
                with engines_always(), self.assertRaises(KeyError) as caught:
                    call(lambda x: x, items(), engines=engines)
                self.assertIn("in place of item 50", caught.exception.__notes__[0])

    def test_a_sequence_that_raises(self):
        class Broken(Lazy):
            def __getitem__(self, i):
                if i == 33:
                    raise OSError("item 33 is not there")
                return super().__getitem__(i)

        for engines in (1, 3):
            with engines_always(), self.assertRaises(OSError) as caught:
                allot.map(lambda x: x, Broken(100), engines=engines)
            self.assertEqual(caught.exception.allot_item, 33)


class Deaths(Clean):
    def killer(self, *numbers, how=signal.SIGKILL):
        def f(x):
            time.sleep(0.002)
            if x in numbers and in_engine():
                os.kill(os.getpid(), how) if how else os._exit(5)
            if x in numbers and not in_engine():
                return "here"
            return x

        return f

    def test_the_item_is_named(self):
        def f(x):
            if in_engine():
                os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.01)

        for call in (allot.map, lambda *a, **k: list(allot.imap(*a, **k))):
            with engines_always(), self.assertRaises(allot.EngineDied) as caught:
                call(f, range(50), engines=3)
            self.assertRegex(str(caught.exception), r"was killed \(SIGUSR1\) while it did item \d+")
            self.assertIsInstance(caught.exception.item, int)

    def test_the_rest_is_done(self):
        for how in (signal.SIGKILL, None):
            for source in (range(100), iter(range(100))):
                with engines_always():
                    got = allot.map(self.killer(5, 50, 51, 99, how=how), source, engines=3, on_error="return")
                for x, result in enumerate(got):
                    if x in (5, 50, 51, 99) and result != "here":
                        self.assertIsInstance(result, allot.EngineDied)
                        self.assertEqual(result.item, x)
                    elif result != "here":
                        self.assertEqual(result, x)

    def test_every_item_kills(self):
        with engines_always():
            got = list(allot.imap(lambda x: os._exit(1), range(1, 12), engines=3, on_error=-1, timeout=20))
        self.assertEqual(got, [-1] * 11)

    def test_engines_that_die_between_items(self):
        with engines_always(), mock.patch.object(_work, "do_slice", lambda *a: os._exit(9)):
            for on_error in ("raise", None):
                with self.assertRaisesRegex(allot.EngineDied, "exited with 9 between items"):
                    allot.map(lambda x: time.sleep(0.05), range(20), engines=2, on_error=on_error)

    def test_timeout(self):
        def f(x):
            time.sleep(60 if x in (3, 30) else 0.001)
            return x

        for call in (allot.map, lambda *a, **k: list(allot.imap(*a, **k))):
            with self.assertRaisesRegex(TimeoutError, "item 3 took longer than 0.3 s"):
                call(f, range(20), timeout=0.3, engines=2)
            got = call(f, range(50), timeout=0.3, engines=2, on_error=None)
            self.assertEqual(got, [None if x in (3, 30) else x for x in range(50)])


class Interrupts(Clean):
    def test_ctrl_c_ends_engines(self):
        def f(x):
            time.sleep(0.05)

        with engines_always(), self.assertRaises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            before = signal.signal(signal.SIGALRM, signal.default_int_handler)
            try:
                allot.map(f, range(1000), engines=3)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)


class Progress(unittest.TestCase):
    def test_a_callable_is_told(self):
        told = []
        allot.map(lambda x: time.sleep(0.02), range(30), engines=2, progress=lambda done, total: told.append((done, total)))
        self.assertEqual(told[-1], (30, 30))
        self.assertEqual(told, sorted(told))

    def test_the_line(self):
        from allot import _progress

        self.assertEqual(_progress.line(50, 100, 10.0), f"allot: [{'#' * 15}{'.' * 15}] 50/100, 5/s, 0:10 left")
        self.assertEqual(_progress.line(7, None, 2.0), "allot: 7 items, 3.5/s")
        self.assertIn("2:46:40 left", _progress.line(1, 10001, 1.0))

    def test_true_draws_and_false_does_not(self):
        from allot import _progress

        for show, has in ((True, True), (False, False), (None, False)):
            said = io.StringIO()
            with contextlib.redirect_stderr(said), mock.patch.object(_progress, "DELAY_S", 0.0):
                allot.map(lambda x: time.sleep(0.02), range(30), engines=2, progress=show)
            self.assertEqual("/30," in said.getvalue(), has)


if __name__ == "__main__":
    unittest.main()
