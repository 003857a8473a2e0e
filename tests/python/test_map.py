"""allot.map gives what the serial loop gives.

SPDX-License-Identifier: Apache-2.0
"""
import unittest

import allot


class Map(unittest.TestCase):
    def test_results_are_those_of_the_loop(self):
        self.assertEqual(allot.map(lambda x: x**10, range(3000)), [x**10 for x in range(3000)])


if __name__ == "__main__":
    unittest.main()
