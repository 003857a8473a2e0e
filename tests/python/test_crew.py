"""Engines and what goes between them and their caller.

SPDX-License-Identifier: Apache-2.0
"""
import math
import os
import signal
import time
import unittest

from allot import _crew, _faults, _parcel


def echo(engine):
    while (data := engine.receive()) is not None:
        engine.ship([bytes(data)])


class Packing(unittest.TestCase):
    LISTS = [
        [], [1], [-(2**63), 2**63 - 1], [2**63, 1], [True, False], [1, True], [1.5, math.inf, -0.0], [1, 2.0],
        ["", "é", "\ud800"], [b"", b"x"], [None, "x"], [(1, "a", 2.0)] * 3, [{"a": [1]}], [2**1000, -(2**1000)],
    ]

    def test_lists_come_back_as_they_were(self):
        for values in self.LISTS:
            with self.subTest(values=values):
                packed = _parcel.pack(values)
                back = _parcel.unpack(packed.encoding, packed.data)
                self.assertEqual(back, values)
                self.assertEqual([type(x) for x in back], [type(x) for x in values])

    def test_signs_of_zeros_and_kinds_of_nan_are_kept(self):
        packed = _parcel.pack([-0.0, math.nan])
        zero, nan = _parcel.unpack(packed.encoding, packed.data)
        self.assertEqual(math.copysign(1, zero), -1)
        self.assertTrue(math.isnan(nan))


class Crew(unittest.TestCase):
    def take(self, crew):
        event = crew.take(20)
        self.assertIsNotNone(event, "nothing came within 20 s")
        return event

    def test_bytes_of_every_size_go_there_and_back(self):
        with _crew.Crew(1, 1 << 16) as crew:
            k = crew.start(echo)
            for nbytes in (1, 4095, 4096, 4097, 16000, 16384, 16385, 70000, 3_000_000):
                data = os.urandom(nbytes)
                self.assertTrue(crew.give(k, data))
                self.assertEqual(self.take(crew).open(), [data])

    def test_a_ring_that_is_full_stops_nobody(self):
        def body(engine):
            for i in range(200):
                engine.ship([bytes([i]) * 10000])

        with _crew.Crew(1, 1 << 16) as crew:
            crew.start(body)
            time.sleep(0.2)  # so that it has filled what there is
            for i in range(200):
                self.assertEqual(self.take(crew).open(), [bytes([i]) * 10000])
            self.assertEqual(self.take(crew).status, 0)

    def test_last_words_come_before_the_death(self):
        def body(engine):
            engine.ship([engine.number])
            os.kill(os.getpid(), signal.SIGKILL)

        with _crew.Crew(3) as crew:
            for _ in range(3):
                crew.start(body)
            told = {1: [], 2: [], 3: []}
            for _ in range(6):
                event = self.take(crew)
                told[event.engine].append(event)
            for k, (parcel, death) in told.items():
                self.assertEqual(parcel.open(), [k])
                self.assertEqual(os.WTERMSIG(death.status), signal.SIGKILL)
                self.assertIn("SIGKILL", str(death.error(None)))
            self.assertEqual(crew.living, [])

    def test_leaving_the_block_ends_what_lives(self):
        with _crew.Crew(2) as crew:
            pids = [crew.pid(crew.start(lambda engine: time.sleep(100))) for _ in range(2)]
        for pid in pids:
            with self.assertRaises(ProcessLookupError):
                os.kill(pid, 0)

    def test_a_closed_engine_ends_by_itself(self):
        with _crew.Crew(2) as crew:
            for _ in range(2):
                crew.start(echo)
            crew.join()
            self.assertEqual(crew.living, [])

    def test_exceptions_arrive_with_their_traceback(self):
        def body(engine):
            try:
                {}["missing"]
            except KeyError as error:
                engine.ship_error(error, 7)

        with _crew.Crew(1) as crew:
            crew.start(body)
            parcel = self.take(crew)
            self.assertEqual((parcel.tag, parcel.first), (_crew.ERROR, 7))
            error = _faults.decode(parcel.open()[0])
            self.assertEqual(repr(error), "KeyError('missing')")
            self.assertIn("in body", str(error.__cause__))


if __name__ == "__main__":
    unittest.main()
