"""Faults of every kind, for the whole module: a clear exception, no zombie, no memory or file left behind, no hang.

ALLOT_INTERRUPTS is the number of random Ctrl-C's in all, 30 if it is not set; `make check-interrupts` tries 200 and more.

SPDX-License-Identifier: Apache-2.0
"""
import faulthandler
import gc
import itertools
import json
import os
import pickle
import random
import resource
import select
import signal
import subprocess
import sys
import threading
import time
import unittest
import warnings

import allot

HANG_SECONDS = 60


def burn(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def work(x):
    burn(0.001)
    return x * 2


def total(a, b):
    return a + b


# ---- what is left behind -----------------------------------------------------------------------------


def children():
    """Of this process, zombies with them: (pid, state, command)."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                name, rest = stat.read().rsplit(")", 1)
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid():
            found.append((int(pid), state, name.split("(", 1)[1]))
    return found


def left_behind():
    """What can be counted: children, open files, mappings of memory that engines share. Memory with a name (/dev/shm) is not used at all."""
    gc.collect()
    with open("/proc/self/maps") as maps:
        shared = [line.split()[-1] for line in maps if "memfd:allot" in line]
    return {"children": children(), "files": sorted(files()), "mappings": shared, "named": [name for name in os.listdir("/dev/shm") if "allot" in name]}


def files():
    for fd in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{fd}")
        except FileNotFoundError:
            continue
        if not target.startswith("/proc"):
            yield target.split(":")[0] if target.startswith(("socket:", "pipe:")) else target


class Clean(unittest.TestCase):
    """Each test leaves nothing behind, and does not hang."""

    def setUp(self):
        self.before = left_behind()
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)

    def tearDown(self):
        faulthandler.cancel_dump_traceback_later()
        self.assertEqual(left_behind(), self.before)


# ---- every kind of call ------------------------------------------------------------------------------


def by_submit(function, items):
    with allot.Executor(2) as executor:
        return [call.result() for call in [executor.submit(function, item) for item in items]]


def by_executor_map(function, items):
    with allot.Executor(2) as executor:
        return list(executor.map(function, items))


def by_map(function, items):
    return allot.map(function, items, engines=2)


def by_imap(function, items):
    return list(allot.imap(function, items, engines=2))


def by_starmap(function, items):
    return allot.starmap(function, [(item,) for item in items], engines=2)


WAYS = [by_submit, by_executor_map, by_map, by_imap, by_starmap]
QUICK_WAYS = [by_executor_map, by_map, by_imap]  # those that end at the first error
N = 60  # items of a millisecond: enough for engines to be worth it


class CannotBePickled(Exception):
    def __reduce__(self):
        raise TypeError("not to be pickled")


class CannotBeMade(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def slow_in(program):
    """So slow that engines have their share however busy the machine is."""
    if os.getpid() == program:
        time.sleep(0.01)
    else:
        burn(0.001)


def at(item, action):
    def function(x):
        burn(0.001)
        return action() if x == item else x

    return function


def memory_group(nbytes):
    """A new control group whose processes may have so much memory together, or None."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = f"{root}/allot-test-{os.getpid()}"
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            with open(f"{group}/{limit}", "w") as file:
                file.write(str(nbytes))
            return group
        except OSError:
            os.rmdir(group)
    return None


def remove_group(group):
    end = time.monotonic() + HANG_SECONDS
    while os.path.exists(group) and time.monotonic() < end:
        try:
            os.rmdir(group)
        except OSError:  # its processes have just ended
            time.sleep(0.01)


def throw(error):
    raise error


def deep(n):
    return deep(n + 1)


class EachWay(Clean):
    def each(self, function, expected, text, ways=WAYS):
        """function fails at item 45, in each way. Returns the errors."""
        errors = []
        for way in ways:
            with self.subTest(way.__name__):
                with self.assertRaises(expected) as caught:
                    way(function, range(N))
                self.assertIn(text, str(caught.exception))
                errors.append(caught.exception)
        return errors

    def test_all_is_well(self):
        for way in WAYS:
            with self.subTest(way.__name__):
                self.assertEqual(way(work, range(N)), [2 * x for x in range(N)])

    def test_exception(self):
        for error in self.each(at(45, lambda: throw(KeyError("here"))), KeyError, "here"):
            self.assertEqual(getattr(error, "allot_item", 45), 45)

    def test_exception_that_cannot_be_pickled(self):
        self.each(at(45, lambda: throw(CannotBePickled("why"))), (allot.RemoteError, CannotBePickled), "why")

    def test_exception_that_cannot_be_made_again(self):
        self.each(at(45, lambda: throw(CannotBeMade(1, 2))), (allot.RemoteError, CannotBeMade), "1 and 2")

    def test_local_exception(self):
        class Local(Exception):
            pass

        self.each(at(45, lambda: throw(Local("local"))), (allot.RemoteError, Local), "local")

    def test_recursion(self):
        self.each(at(45, lambda: deep(0)), RecursionError, "recursion")

    def test_system_exit(self):
        self.each(at(45, lambda: sys.exit("leaving")), SystemExit, "leaving")

    def test_result_that_cannot_be_pickled(self):
        """The executor has no other way; a map does such items itself."""
        for way in WAYS:
            with self.subTest(way.__name__):
                if way in (by_submit, by_executor_map):
                    with self.assertRaisesRegex(pickle.PicklingError, "lock"):
                        way(lambda x: burn(0.001) or threading.Lock(), range(N))
                else:
                    self.assertEqual(len(way(lambda x: burn(0.001) or threading.Lock(), range(N))), N)

    def test_engine_is_killed(self):
        """Only engines die here: a map that did the item itself would die, too."""
        program = os.getpid()

        def die(x):
            slow_in(program)
            if os.getpid() != program:
                os.kill(os.getpid(), signal.SIGKILL)
            return x

        self.each(die, allot.EngineDied, "SIGKILL")

    def test_engine_exits(self):
        program = os.getpid()

        def leave(x):
            slow_in(program)
            return os._exit(7) if os.getpid() != program else x

        self.each(leave, allot.EngineDied, "exited with 7")

    def test_want_of_memory(self):
        """What an engine allocates beyond its limit is a MemoryError there, and here."""
        program = os.getpid()

        def greedy(x):
            slow_in(program)
            if os.getpid() != program:
                resource.setrlimit(resource.RLIMIT_AS, (1 << 28, resource.RLIM_INFINITY))
                return len(bytearray(1 << 30))
            return x

        self.each(greedy, MemoryError, "")

    def test_killed_for_want_of_memory(self):
        """By the kernel, in a memory group of the engine's own."""
        program, group = os.getpid(), memory_group(32 << 20)
        if group is None:
            self.skipTest("no memory group of version 1 or 2 can be made here: it takes root")
        self.addCleanup(remove_group, group)

        def greedy(x):
            slow_in(program)
            if os.getpid() != program and x >= 45:
                with open(f"{group}/cgroup.procs", "w") as procs:
                    procs.write(str(os.getpid()))
                return len(bytearray(b"x") * (256 << 20))
            return x

        self.each(greedy, allot.EngineDied, "SIGKILL", QUICK_WAYS)

    def test_more_results_than_memory(self):
        """A MemoryError here; what had come is given back with it."""
        with open("/proc/self/statm") as statm:
            now = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        before = resource.getrlimit(resource.RLIMIT_AS)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_AS, before)
        for way in QUICK_WAYS:
            with self.subTest(way.__name__):
                resource.setrlimit(resource.RLIMIT_AS, (now + (128 << 20), before[1]))
                try:
                    with self.assertRaises(MemoryError):
                        way(lambda x: burn(0.001) or bytes(8 << 20), range(N))
                finally:
                    resource.setrlimit(resource.RLIMIT_AS, before)

    def test_arrays_that_find_no_memory(self):
        """Of an executor: each that cannot be mapped is a MemoryError, and the others are there."""
        try:
            import numpy
        except ImportError:
            self.skipTest("no NumPy")
        before = resource.getrlimit(resource.RLIMIT_AS)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_AS, before)
        with open("/proc/self/statm") as statm:
            now = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        with allot.Executor(2) as executor:
            executor.submit(abs, 1).result()
            resource.setrlimit(resource.RLIMIT_AS, (now + (200 << 20), before[1]))
            calls = [executor.submit(numpy.ones, 1 << 20) for _ in range(40)]
            kinds = {type(call.exception(HANG_SECONDS)) for call in calls}
            resource.setrlimit(resource.RLIMIT_AS, before)
            self.assertEqual(kinds, {MemoryError, type(None)})
            self.assertEqual(executor.submit(abs, -5).result(HANG_SECONDS), 5)
            del calls

    def test_nested(self):
        def outer(x):
            return sum(allot.map(lambda y: x + y, range(20)))

        for way in WAYS:
            with self.subTest(way.__name__):
                self.assertEqual(way(outer, range(N)), [20 * x + 190 for x in range(N)])

    def test_generator_that_raises(self):
        def items():
            yield from range(45)
            raise OSError("from the generator")

        for way in WAYS:
            with self.subTest(way.__name__), self.assertRaisesRegex(OSError, "from the generator"):
                way(work, items())

    def test_large_results(self):
        """Their memory is given back as they are dropped; what is held at once is bounded."""
        with allot.Executor(2) as executor:
            for block in executor.map(lambda x: bytes([x]) * 20_000_000, range(20)):
                self.assertEqual(len(block), 20_000_000)
        total_length = sum(len(block) for block in allot.imap(lambda x: burn(0.001) or bytes(10_000_000), range(20)))
        self.assertEqual(total_length, 200_000_000)

    def test_reduce(self):
        self.assertEqual(allot.reduce(total, [work(x) for x in range(50)]), 2450)
        with self.assertRaises(ZeroDivisionError):
            allot.reduce(lambda a, b: burn(0.001) or 1 // (b - 45 and 1), range(N))


class WithThreads(Clean):
    """A program that has threads: clean engines, and it says so."""

    def setUp(self):
        super().setUp()
        end = threading.Event()
        thread = threading.Thread(target=end.wait, name="other")
        thread.start()
        self.addCleanup(lambda: (end.set(), thread.join()))

    def test_each_way(self):
        for way in WAYS:
            with self.subTest(way.__name__), warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                self.assertEqual(way(work, range(N)), [2 * x for x in range(N)])
            self.assertTrue([w for w in said if issubclass(w.category, allot.CleanEngines)], way.__name__)

    def tearDown(self):
        self.doCleanups()
        super().tearDown()


# ---- Ctrl-C ------------------------------------------------------------------------------------------


def forever(kind):
    """Does this kind of work until it is interrupted."""
    if kind == "submit":
        with allot.Executor(2) as executor:
            for i in itertools.count():
                calls = [executor.submit(work, x) for x in range(i % 50)]
                calls.append(executor.submit(lambda x: x, i))
                for call in calls:
                    call.result()
    elif kind == "long calls":
        with allot.Executor(2) as executor:
            for call in [executor.submit(time.sleep, 5) for _ in range(100)]:
                call.result()
    elif kind == "new executors":
        while True:
            by_executor_map(work, range(5))
    elif kind == "executor map":
        with allot.Executor(2) as executor:
            while True:
                list(executor.map(work, range(100)))
    elif kind == "generator":
        while True:
            allot.map(work, (x for x in range(100)), engines=2)
    elif kind == "reduce":
        while True:
            allot.reduce(lambda a, b: burn(0.001) or a + b, range(100), engines=2)
    else:
        while True:
            {"map": by_map, "imap": by_imap, "starmap": by_starmap}[kind](work, range(100))


KINDS = ["submit", "long calls", "new executors", "executor map", "map", "imap", "starmap", "generator", "reduce"]


def is_interrupt(error):
    """Or an error that a Ctrl-C led to: the wait() of Python's own Condition raises another when it is interrupted at its beginning."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def be_interrupted(kind):
    """The program that is sent Ctrl-C's. For each line it reads it works until the next one comes, and says what that left."""
    faulthandler.register(signal.SIGUSR1)
    before = None
    for _ in sys.stdin:
        try:
            print("go", flush=True)
            forever(kind)
        except BaseException as error:
            if not is_interrupt(error):
                raise
        now = left_behind()
        before = before or {**now, "children": []}  # nothing may be left by the first one, but what modules keep open
        print(json.dumps([] if now == before else [before, now]), flush=True)


class Interrupts(unittest.TestCase):
    def run_kind(self, kind, count, to_all, generator):
        program = subprocess.Popen([sys.executable, __file__, "--interrupted", kind], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            for _ in range(count):
                self.one(program, kind, to_all, generator.random() ** 2 * 0.25)
            program.stdin.close()
            self.assertEqual(program.wait(HANG_SECONDS), 0, program.stderr.read())
        finally:
            with_group = program.poll() is None
            if with_group:
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            for stream in (program.stdin, program.stdout, program.stderr):
                stream.close()
        self.assertFalse(self.session_members(program.pid), f"{kind}: processes outlive their program")

    def one(self, program, kind, to_all, delay):
        program.stdin.write("\n")
        program.stdin.flush()
        self.assertEqual(self.line(program, kind, delay), "go\n")
        time.sleep(delay)
        (os.killpg if to_all else os.kill)(program.pid, signal.SIGINT)
        self.assertEqual(json.loads(self.line(program, kind, delay)), [], f"{kind}, after {delay:.6f} s")

    def line(self, program, kind, delay):
        if not select.select([program.stdout], [], [], HANG_SECONDS)[0]:
            program.send_signal(signal.SIGUSR1)
            time.sleep(1)
            os.killpg(program.pid, signal.SIGKILL)
            self.fail(f"{kind}: hangs after a Ctrl-C at {delay:.6f} s: {program.stderr.read()}")
        line = program.stdout.readline()
        if not line:
            self.fail(f"{kind}: ended by a Ctrl-C at {delay:.6f} s: {program.stderr.read()}")
        return line

    @staticmethod
    def session_members(session):
        members = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.getsid(int(pid)) == session:
                    members.append(pid)
            except ProcessLookupError:
                pass
        return members

    def test_random_instants(self):
        count = int(os.environ.get("ALLOT_INTERRUPTS", 30))
        seed = int(os.environ.get("ALLOT_SEED", 0)) or random.randrange(1, 1 << 30)
        print(f"seed {seed}", file=sys.stderr)
        generator = random.Random(seed)
        for kind, to_all in itertools.product(KINDS, (False, True)):
            with self.subTest(kind=kind, to_all=to_all, seed=seed):
                self.run_kind(kind, -(-count // (2 * len(KINDS))), to_all, generator)


class Killed(unittest.TestCase):
    """The program itself is killed: its engines end, too."""

    def test_nothing_outlives_it(self):
        for kind in ("submit", "executor map", "map"):
            with self.subTest(kind):
                program = subprocess.Popen([sys.executable, __file__, "--interrupted", kind], stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, text=True, start_new_session=True)
                program.stdin.write("\n")
                program.stdin.flush()
                self.assertEqual(program.stdout.readline(), "go\n")
                time.sleep(0.2)
                program.kill()
                program.wait()
                program.stdin.close()
                program.stdout.close()
                end = time.monotonic() + HANG_SECONDS
                while Interrupts.session_members(program.pid) and time.monotonic() < end:
                    time.sleep(0.01)
                self.assertFalse(Interrupts.session_members(program.pid))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--interrupted"]:
        be_interrupted(sys.argv[2])
    else:
        unittest.main()
