"""The joblib backend.

SPDX-License-Identifier: Apache-2.0
"""
import os
import sys
import time
import unittest

try:
    import joblib
except ImportError:
    print("no joblib (Debian: python3-joblib)")
    sys.exit(77)

import allot
from allot import _joblib


def square(x):
    return x * x


def fail(x):
    raise ValueError(f"no {x}")


def nested(x):
    return joblib.Parallel(n_jobs=2)(joblib.delayed(square)(i) for i in range(x))


class Joblib(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        allot.register_joblib()

    def setUp(self):
        config = joblib.parallel_backend("allot", n_jobs=2)
        config.__enter__()
        self.addCleanup(config.__exit__, None, None, None)

    @classmethod
    def tearDownClass(cls):
        _joblib.drop_executors()

    def test_results_in_order(self):
        parallel = joblib.Parallel()
        self.assertEqual(parallel(joblib.delayed(square)(i) for i in range(500)), [i * i for i in range(500)])
        self.assertEqual(type(parallel._backend), _joblib.AllotBackend)

    def test_other_processes_do_it_and_stay(self):
        parallel = joblib.Parallel()
        pids = set(parallel(joblib.delayed(os.getpid)() for _ in range(20)))
        self.assertNotIn(os.getpid(), pids)
        again = set(joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(20)))
        self.assertTrue(pids & again)

    def test_lambdas(self):
        self.assertEqual(joblib.Parallel()(joblib.delayed(lambda x: x + 1)(i) for i in range(9)), list(range(1, 10)))

    def test_exception_and_then_again(self):
        with self.assertRaisesRegex(ValueError, "no 3"):
            joblib.Parallel()(joblib.delayed(fail if i == 3 else square)(i) for i in range(50))
        self.assertEqual(joblib.Parallel()(joblib.delayed(square)(i) for i in range(5)), [0, 1, 4, 9, 16])

    def test_engine_that_dies_and_then_again(self):
        with self.assertRaises(allot.EngineDied):
            joblib.Parallel()(joblib.delayed(os._exit)(1) for i in range(5))
        self.assertEqual(joblib.Parallel()(joblib.delayed(square)(i) for i in range(5)), [0, 1, 4, 9, 16])

    def test_timeout(self):
        with self.assertRaises(TimeoutError):
            joblib.Parallel(timeout=0.1)(joblib.delayed(time.sleep)(20) for _ in range(2))

    def test_nested_is_serial(self):
        self.assertEqual(joblib.Parallel()(joblib.delayed(nested)(i) for i in range(4)), [nested(i) for i in range(4)])

    def test_one_job_needs_no_engine(self):
        self.assertEqual(joblib.Parallel(n_jobs=1)(joblib.delayed(os.getpid)() for _ in range(2)), [os.getpid()] * 2)

    def test_numbers_of_jobs(self):
        backend = _joblib.AllotBackend()
        processors = len(os.sched_getaffinity(0))
        self.assertEqual(backend.effective_n_jobs(-1), processors)
        self.assertEqual(backend.effective_n_jobs(-2), max(1, processors - 1))
        self.assertEqual(backend.effective_n_jobs(None), 1)
        with self.assertRaises(ValueError):
            backend.effective_n_jobs(0)

    def test_arrays(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("no NumPy")
        array = numpy.arange(500_000.0)
        sums = joblib.Parallel()(joblib.delayed(numpy.sum)(array + i) for i in range(4))
        self.assertEqual(sums, [float((array + i).sum()) for i in range(4)])


if __name__ == "__main__":
    unittest.main()
