"""allot.Executor: what concurrent.futures promises, and what it promises beyond that.

SPDX-License-Identifier: Apache-2.0
"""
import concurrent.futures as futures
import functools
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
import warnings

import allot


def square(x):
    return x * x


def add(x, y=0):
    return x + y


def fail(x):
    raise ValueError(f"no {x}")


def die(number=signal.SIGKILL):
    os.kill(os.getpid(), number)


def sleep_and_give(seconds, value):
    time.sleep(seconds)
    return value


def die_at_three(x):
    if x == 3:
        os._exit(9)
    return x


def interrupted(*_):
    raise KeyboardInterrupt


class Unreadable(Exception):
    def __init__(self, one, two):
        super().__init__("unreadable")


def raise_unreadable():
    raise Unreadable(1, 2)


marks = []


def note(value):
    marks.append(value)


def noted():
    return marks


class Thing:
    def __init__(self, value):
        self.value = value

    def value_and(self, more):
        return self.value, more


def run_program(text, **kwargs):
    """A program of its own, with threads or without: (exit status, output)."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=60, **kwargs)
    return done.returncode, done.stdout + done.stderr


class WithExecutor(unittest.TestCase):
    def setUp(self):
        self.executor = allot.Executor(2)
        self.addCleanup(self.executor.shutdown)


class Submit(WithExecutor):
    def test_result_and_keywords(self):
        self.assertEqual(self.executor.submit(add, 1, y=2).result(timeout=30), 3)

    def test_another_process_does_it(self):
        self.assertNotEqual(self.executor.submit(os.getpid).result(30), os.getpid())

    def test_many(self):
        calls = [self.executor.submit(square, i) for i in range(5000)]
        self.assertEqual([call.result(30) for call in calls], [i * i for i in range(5000)])

    def test_exception_with_remote_traceback(self):
        error = self.executor.submit(fail, 7).exception(30)
        self.assertEqual((type(error), str(error)), (ValueError, "no 7"))
        self.assertIsInstance(error.__cause__, allot.RemoteTraceback)
        self.assertIn("in fail", str(error.__cause__))

    def test_exception_that_cannot_be_made_again(self):
        error = self.executor.submit(raise_unreadable).exception(30)
        self.assertIsInstance(error, allot.RemoteError)
        self.assertIn("Unreadable", str(error))

    def test_result_that_cannot_be_pickled(self):
        error = self.executor.submit(threading.Lock).exception(30)
        self.assertIn("lock", str(error))
        self.assertIn("cannot be sent", str(error))
        self.assertEqual(self.executor.submit(square, 2).result(30), 4)

    def test_argument_that_cannot_be_pickled(self):
        error = self.executor.submit(square, threading.Lock()).exception(30)
        self.assertIsInstance(error, TypeError)
        self.assertIn("lock", str(error))

    def test_system_exit_is_an_answer(self):
        self.assertIsInstance(self.executor.submit(sys.exit, 3).exception(30), SystemExit)
        self.assertEqual(self.executor.submit(square, 2).result(30), 4)

    def test_large_arguments_and_results(self):
        data = os.urandom(3_000_000)
        self.assertEqual(self.executor.submit(bytes.__add__, data, b"!").result(30), data + b"!")

    def test_many_large_ones_at_once(self):
        data = bytes(200_000)
        calls = [self.executor.submit(bytes.__add__, data, bytes([i % 256])) for i in range(300)]
        self.assertEqual([call.result(60)[-1] for call in calls], [i % 256 for i in range(300)])

    def test_link_that_is_full(self):
        """An engine is given what is expected to be short, does not read it, and gets the rest later."""
        with allot.Executor(1) as executor:
            for _ in range(20):
                executor.submit(sleep_and_give, 0, b"").result(30)
            calls = [executor.submit(sleep_and_give, 0 if i else 0.3, bytes([i]) * 6000) for i in range(200)]
            was_full = False
            while not calls[0].done():
                was_full |= any(engine.full for engine in list(executor._feeder._engines.values()))
                time.sleep(0.001)
            self.assertTrue(was_full)
            self.assertEqual([call.result(30)[0] for call in calls], list(range(200)))

    def test_arrays(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("no NumPy")
        array = numpy.arange(1_000_000.0)
        result = self.executor.submit(lambda a: a * 2, array).result(30)
        self.assertTrue((result == array * 2).all())
        result[0] = 5  # it is the caller's
        short = self.executor.submit(lambda: numpy.arange(3)).result(30)
        short[0] = 5

    def test_from_a_callback(self):
        second = futures.Future()

        def more(done):
            self.executor.submit(square, done.result()).add_done_callback(lambda call: second.set_result(call.result()))

        self.executor.submit(square, 3).add_done_callback(more)
        self.assertEqual(second.result(30), 81)

    def test_as_completed_and_wait(self):
        calls = [self.executor.submit(square, i) for i in range(10)]
        self.assertEqual(sorted(call.result() for call in futures.as_completed(calls, 30)), [i * i for i in range(10)])
        self.assertFalse(futures.wait(calls, 30).not_done)

    def test_output_of_engines_arrives_once(self):
        status, output = run_program("""
            import allot
            print("begin")
            with allot.Executor(2) as executor:
                executor.submit(print, "from an engine").result()
            print("end")
        """)
        self.assertEqual((status, output), (0, "begin\nfrom an engine\nend\n"))

    def test_engines_have_different_random_numbers(self):
        import random
        slow = [self.executor.submit(lambda: (time.sleep(0.05), os.getpid(), random.random())[1:]) for _ in range(2)]
        (pid, one), (other_pid, other) = [call.result(30) for call in slow]
        self.assertNotEqual(pid, other_pid)
        self.assertNotEqual(one, other)


class Inheritance(WithExecutor):
    def test_lambdas_and_closures(self):
        for i in range(20):
            self.assertEqual(self.executor.submit(lambda x, i=i: x + i, 1).result(30), 1 + i)

    def test_lambda_within_arguments(self):
        self.assertEqual(self.executor.submit(functools.reduce, lambda a, b: a + b, [1, 2, 3]).result(30), 6)
        self.assertEqual(self.executor.submit(functools.partial(lambda a, b: a - b, 9), 2).result(30), 7)

    def test_data_of_a_closure_is_not_pickled(self):
        lock = threading.Lock()
        self.assertTrue(self.executor.submit(lambda: lock.acquire(False)).result(30))
        self.assertFalse(lock.locked())

    def test_what_main_defines_anew(self):
        main = sys.modules["__main__"]
        for version in (1, 2):
            exec(f"def anew(): return {version}", vars(main))
            self.assertEqual(self.executor.submit(main.anew).result(30), version)

    def test_local_class_there_and_back(self):
        class Local:
            def __init__(self, value):
                self.value = value

        back = self.executor.submit(lambda it: Local(it.value + 1), Local(1)).result(30)
        self.assertIs(type(back), Local)
        self.assertEqual(back.value, 2)

    def test_bound_methods(self):
        self.assertEqual(self.executor.submit(Thing(3).value_and, 4).result(30), (3, 4))

    def test_old_engines_end_when_a_new_function_comes(self):
        self.executor.submit(square, 1).result(30)
        for i in range(10):
            self.executor.submit(lambda i=i: i).result(30)
        self.assertLessEqual(len(self.executor._feeder._engines), 2)


class Map(WithExecutor):
    def test_in_order(self):
        self.assertEqual(list(self.executor.map(lambda x: x + 1, range(20000))), list(range(1, 20001)))

    def test_several_iterables_stop_at_the_shortest(self):
        self.assertEqual(list(self.executor.map(add, [1, 2, 3], (10, 20))), [11, 22])
        self.assertEqual(list(self.executor.map(add, [])), [])

    def test_kinds_of_items(self):
        for items in ([1.5, 2.5], ["a", "b"], [1, "a", None], [(1, 2)], [2**80, -1], [[1], {2: 3}]):
            self.assertEqual(list(self.executor.map(lambda x: x, items)), items)

    def test_first_error_is_raised_at_its_item(self):
        got = []
        with self.assertRaises(ZeroDivisionError) as caught:
            for value in self.executor.map(lambda x: 12 // (x - 500), range(1000)):
                got.append(value)
        self.assertEqual(got, [12 // (x - 500) for x in range(500)])
        self.assertEqual(caught.exception.allot_item, 500)
        self.assertEqual(self.executor.submit(square, 3).result(30), 9)

    def test_chunksize_is_kept(self):
        pids = list(self.executor.map(lambda _: (os.getpid(), time.monotonic_ns()), range(30), chunksize=10))
        for start in range(0, 30, 10):
            self.assertEqual(len({pid for pid, _ in pids[start : start + 10]}), 1)
        with self.assertRaises(ValueError):
            self.executor.map(square, [1], chunksize=0)

    def test_timeout(self):
        with self.assertRaises(TimeoutError):
            list(self.executor.map(time.sleep, [0, 20], timeout=0.2))
        self.executor.kill()

    def test_items_are_functions(self):
        made = [lambda i=i: i * 2 for i in range(50)]
        self.assertEqual(list(self.executor.map(lambda f: f(), made)), [i * 2 for i in range(50)])

    def test_generator_that_raises(self):
        def items():
            yield 1
            raise KeyError("generator")

        with self.assertRaises(KeyError):
            self.executor.map(square, items())

    def test_long_items_do_not_hold_up_short_ones(self):
        """The first of many is long: what was given to its engine along with it goes to the other."""
        list(self.executor.map(square, range(100)))
        start = self.executor.submit(sleep_and_give, 0.0, 0)
        start.result(30)
        calls = [self.executor.submit(sleep_and_give, 1.5 if i == 0 else 0.0, i) for i in range(200)]
        futures.wait(calls[1:], 30)
        self.assertFalse(calls[0].done())
        self.assertEqual([call.result(30) for call in calls], list(range(200)))


    def test_each_call_is_made_once(self):
        """However often it was given to one engine, taken back, and given to another."""
        with tempfile.NamedTemporaryFile() as made:
            def make(i):
                os.write(fd, b"%7d\n" % i)
                time.sleep(0.001 if i % 100 == 0 else 0)

            fd = os.open(made.name, os.O_WRONLY | os.O_APPEND)
            try:
                futures.wait([self.executor.submit(make, i) for i in range(3000)], 60)
            finally:
                os.close(fd)
            self.assertEqual(sorted(map(int, made)), list(range(3000)))


class Deaths(WithExecutor):
    def test_breaks_its_call_alone(self):
        before = [self.executor.submit(square, i) for i in range(200)]
        killer = self.executor.submit(die)
        after = [self.executor.submit(square, i) for i in range(200)]
        error = killer.exception(30)
        self.assertIsInstance(error, allot.EngineDied)
        self.assertIn("die()", str(error))
        self.assertIn("SIGKILL", str(error))
        self.assertEqual([call.result(30) for call in before + after], [i * i for i in range(200)] * 2)

    def test_answers_before_it_are_kept(self):
        """Short calls are answered together; those before the death were answered, those after it are done by another."""
        list(self.executor.map(square, range(10)))
        for _ in range(20):
            calls = [self.executor.submit(die_at_three, i) for i in range(6)]
            for i, call in enumerate(calls):
                if i == 3:
                    self.assertIn("exited with 9", str(call.exception(30)))
                    self.assertIn("die_at_three(3)", str(call.exception(30)))
                else:
                    self.assertEqual(call.result(30), i)

    def test_item_of_a_map_is_named(self):
        with self.assertRaises(allot.EngineDied) as caught:
            list(self.executor.map(die_at_three, range(8), chunksize=4))
        self.assertEqual(caught.exception.item, 3)
        self.assertIn("item 3", str(caught.exception))
        self.assertEqual(list(self.executor.map(square, range(10))), [i * i for i in range(10)])

    def test_every_engine_many_times(self):
        for _ in range(10):
            broken = [self.executor.submit(die, signal.SIGSEGV) for _ in range(4)]
            self.assertEqual([type(call.exception(30)) for call in broken], [allot.EngineDied] * 4)
        self.assertEqual(self.executor.submit(square, 3).result(30), 9)

    def test_template_is_killed(self):
        self.executor.submit(lambda: 1).result(30)
        os.kill(self.executor._feeder._template.pid(1), signal.SIGKILL)
        deadline = time.monotonic() + 20
        while not self.executor._feeder._template.ended and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(self.executor.submit(lambda: 2).result(30), 2)

    def test_recursion(self):
        def endless(n):
            return endless(n + 1)

        self.assertIsInstance(self.executor.submit(endless, 0).exception(30), RecursionError)

    def test_engines_that_never_begin(self):
        with allot.Executor(2, initializer=os._exit, initargs=(4,)) as executor:
            error = executor.submit(square, 1).exception(30)
            self.assertIsInstance(error, futures.BrokenExecutor)
            self.assertIn("exited with 4", str(error))
            with self.assertRaises(futures.BrokenExecutor):
                executor.submit(square, 1)


class Life(unittest.TestCase):
    def test_initializer(self):
        with allot.Executor(2, initializer=note, initargs=("ready",)) as executor:
            for _ in range(5):
                self.assertEqual(executor.submit(noted).result(30), ["ready"])
        with allot.Executor(1, initializer=lambda: note("lambda")) as executor:
            self.assertEqual(executor.submit(noted).result(30), ["lambda"])

    def test_initializer_that_fails(self):
        with allot.Executor(2, initializer=fail, initargs=(1,)) as executor:
            error = executor.submit(square, 1).exception(30)
        self.assertIsInstance(error, futures.BrokenExecutor)
        self.assertEqual(str(error.__cause__), "no 1")

    def test_wrong_arguments(self):
        for wrong in (0, -1):
            with self.assertRaises(ValueError):
                allot.Executor(wrong)
        with self.assertRaises(TypeError):
            allot.Executor("2")
        with self.assertRaises(TypeError):
            allot.Executor(1, initializer=3)

    def test_nothing_after_shutdown(self):
        for used in (False, True):
            executor = allot.Executor(1)
            if used:
                executor.submit(square, 1)
            executor.shutdown()
            executor.shutdown()
            with self.assertRaisesRegex(RuntimeError, "shutdown"):
                executor.submit(square, 1)
            with self.assertRaisesRegex(RuntimeError, "shutdown"):
                executor.map(square, [1])

    def test_shutdown_waits_for_what_is_pending(self):
        executor = allot.Executor(1)
        calls = [executor.submit(sleep_and_give, 0.02, i) for i in range(10)]
        executor.shutdown(wait=True)
        self.assertTrue(all(call.done() for call in calls))
        self.assertEqual([call.result(0) for call in calls], list(range(10)))

    def test_shutdown_without_waiting(self):
        executor = allot.Executor(1)
        call = executor.submit(sleep_and_give, 0.3, 5)
        executor.shutdown(wait=False)
        self.assertFalse(call.done())
        self.assertEqual(call.result(30), 5)

    def test_pending_is_cancelled(self):
        with allot.Executor(1) as executor:
            executor.submit(square, 1).result(30)
            running = executor.submit(sleep_and_give, 0.5, 1)
            while not running.running():
                time.sleep(0.001)
            pending = [executor.submit(sleep_and_give, 0.01, i) for i in range(5)]
            self.assertTrue(pending[0].cancel())
            executor.shutdown(wait=True, cancel_futures=True)
        self.assertEqual(running.result(0), 1)
        self.assertTrue(all(call.cancelled() for call in pending))

    def test_shutdown_within_a_callback(self):
        executor = allot.Executor(1)
        done = threading.Event()
        executor.submit(square, 1).add_done_callback(lambda _: (executor.shutdown(), done.set()))
        self.assertTrue(done.wait(30))
        executor.shutdown()

    def test_callback_that_waits_for_who_submits(self):
        """The thread that runs callbacks cannot be parked then; nothing may wait for it for ever."""
        lock = threading.Lock()
        with warnings.catch_warnings(), allot.Executor(1) as executor:
            warnings.simplefilter("ignore", allot.CleanEngines)
            with lock:
                call = executor.submit(square, 1)
                call.add_done_callback(lambda _: lock.acquire(timeout=20) and lock.release())
                call.result(30)
                fresh = executor.submit(lambda: 7)
            self.assertIn(fresh.exception(30), (None, fresh.exception()))

    def test_kill(self):
        executor = allot.Executor(1)
        running = executor.submit(time.sleep, 100)
        while not running.running():
            time.sleep(0.001)
        pending = executor.submit(square, 1)
        begin = time.monotonic()
        executor.kill()
        self.assertLess(time.monotonic() - begin, 50)
        self.assertIsInstance(running.exception(0), allot.EngineDied)
        self.assertTrue(pending.cancelled() or isinstance(pending.exception(0), allot.EngineDied))

    def test_interrupted_while_it_is_left(self):
        """The engines end with their calls, before the KeyboardInterrupt is out of the block."""
        for before_its_first_step in (False, True):
            with self.subTest(before_its_first_step=before_its_first_step):
                executor = allot.Executor(1)
                with self.assertRaises(KeyboardInterrupt), executor:
                    call = executor.submit(time.sleep, 100)
                    while not call.running():
                        time.sleep(0.001)
                    if before_its_first_step:
                        executor._leave = interrupted  # as if Ctrl-C came where no `try` of Python's is open yet
                    else:
                        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, interrupted))
                        signal.setitimer(signal.ITIMER_REAL, 0.05)
                self.assertTrue(executor._feeder.finished.is_set())
                self.assertIsInstance(call.exception(0), allot.EngineDied)

    def test_forgotten(self):
        executor = allot.Executor(1)
        call = executor.submit(sleep_and_give, 0.1, 4)
        feeder = executor._feeder
        del executor
        self.assertEqual(call.result(30), 4)
        self.assertTrue(feeder.finished.wait(30))

    def test_end_of_the_program_waits(self):
        status, output = run_program("""
            import allot, time
            executor = allot.Executor(1)
            executor.submit(time.sleep, 0.2).add_done_callback(lambda _: print("done"))
        """)
        self.assertEqual((status, output), (0, "done\n"))

    def test_in_an_engine(self):
        def nested():
            with allot.Executor(2) as inner:
                return list(inner.map(lambda x: x + 1, range(5)))

        with allot.Executor(1) as executor:
            self.assertEqual(executor.submit(nested).result(30), [1, 2, 3, 4, 5])

    def test_of_a_fork(self):
        with allot.Executor(1) as executor:
            executor.submit(square, 1).result(30)
            pid = os.fork()
            if pid == 0:
                try:
                    executor.submit(square, 1)
                except RuntimeError as error:
                    os._exit(0 if "fork" in str(error) else 1)
                os._exit(2)
            self.assertEqual(os.waitpid(pid, 0)[1], 0)
            self.assertEqual(executor.submit(square, 3).result(30), 9)

    def test_two_at_once(self):
        with allot.Executor(1) as one, allot.Executor(1) as other:
            calls = [executor.submit(lambda x: x + 1, i) for i in range(50) for executor in (one, other)]
            self.assertEqual([call.result(30) for call in calls], [i + 1 for i in range(50) for _ in range(2)])


class WithThreads(unittest.TestCase):
    """Threads of the program are in the way of a fork: engines come from a fresh interpreter."""

    def setUp(self):
        end = threading.Event()
        thread = threading.Thread(target=end.wait, name="in the way")
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(end.set)

    def test_says_so_and_works(self):
        with self.assertWarnsRegex(allot.CleanEngines, "in the way"), allot.Executor(2) as executor:
            self.assertEqual(executor.submit(len, "abc").result(60), 3)
            self.assertEqual(list(executor.map(abs, range(-5, 0))), [5, 4, 3, 2, 1])

    def test_lambdas_by_value(self):
        try:
            import cloudpickle  # noqa: F401
        except ImportError:
            self.skipTest("no cloudpickle (Debian: python3-cloudpickle)")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", allot.CleanEngines)
            with allot.Executor(1, initializer=lambda: None) as executor:
                self.assertEqual(executor.submit(lambda x: x + 1, 1).result(60), 2)
                self.assertEqual(list(executor.map(lambda x: x + 1, range(100))), list(range(1, 101)))
                back = executor.submit(lambda value: Thing(value), 3).result(60)
                self.assertEqual((type(back), back.value), (Thing, 3))

    def test_without_cloudpickle_it_is_said(self):
        status, output = run_program("""
            import sys, threading, warnings
            sys.modules["cloudpickle"] = None
            import allot
            end = threading.Event()
            threading.Thread(target=end.wait).start()
            warnings.simplefilter("ignore")
            with allot.Executor(1) as executor:
                print(executor.submit(lambda: 1).exception(60))
                print(executor.submit(abs, -1).result(60))
            end.set()
        """)
        self.assertEqual(status, 0, output)
        self.assertIn("install cloudpickle", output)
        self.assertTrue(output.endswith("1\n"), output)

    def test_forks_again_when_the_threads_are_gone(self):
        with warnings.catch_warnings(), allot.Executor(1) as executor:
            warnings.simplefilter("ignore", allot.CleanEngines)
            executor.submit(len, "abc").result(60)
            self.doCleanups()
            lock = threading.Lock()
            self.assertTrue(executor.submit(lambda: lock.acquire(False)).result(60))


if __name__ == "__main__":
    unittest.main()
