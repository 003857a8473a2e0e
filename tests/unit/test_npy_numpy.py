"""test_npy_numpy.py - .npy headers and number text against NumPy and Python themselves.

What numpy.save() writes, in all three versions of the format, is read with the same type, order, shape
and items; what is written, numpy.load() reads; types that are refused get as remedy a conversion that
NumPy accepts and that then is read.

SPDX-License-Identifier: Apache-2.0
"""
import io
import itertools
import re
import subprocess
import sys
import tempfile
import unittest

import numpy

TOOL = sys.argv.pop(1)
TYPES = {"i32": "<i4", "i64": "<i8", "u64": "<u8", "f32": "<f4", "f64": "<f8"}
SHAPES = [(), (1,), (7,), (2, 3), (3, 0, 2), (2, 3, 4), (1,) * 32]


def tool(*args):
    return subprocess.run([TOOL, *map(str, args)], capture_output=True, check=False)


def save(array, version=None):
    """A .npy file, in a version of the format. The caller closes it."""
    file = tempfile.NamedTemporaryFile(suffix=".npy")
    numpy.lib.format.write_array(file, array, version=version)
    file.flush()
    return file


def order_of(array):
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def read(array, version=None):
    with save(array, version) as file:
        return tool("read", file.name)


def text_of(item):
    """The item as allot prints it: Python's or NumPy's shortest, with no '.0'."""
    if isinstance(item, numpy.integer):
        return str(item)
    text = repr(float(item)) if item.dtype == numpy.float64 else str(item)
    return re.sub(r"\.0$", "", text)


class Npy(unittest.TestCase):
    def check_read(self, array, version=None):
        result = read(array, version)
        self.assertEqual(result.returncode, 0, result.stderr)
        head, *lines = result.stdout.decode().splitlines()
        name = {descr: name for name, descr in TYPES.items()}[array.dtype.str]
        self.assertEqual(head.split(), [name, order_of(array), *map(str, array.shape)])
        self.assertEqual(lines, [text_of(item) for item in array.ravel(order="K")])

    def test_reads_what_numpy_saves(self):
        random = numpy.random.default_rng(1)
        for descr, shape, version in itertools.product(TYPES.values(), SHAPES, [(1, 0), (2, 0), (3, 0)]):
            array = (random.standard_normal(shape) * 1000).astype(descr) if "u" not in descr else \
                random.integers(0, 2**64 - 1, shape, dtype="u8")
            with self.subTest(descr=descr, shape=shape, version=version):
                self.check_read(numpy.asarray(array), version)
                self.check_read(numpy.asfortranarray(array) if shape else numpy.asarray(array), version)

    def test_prints_as_python_does(self):
        random = numpy.random.default_rng(2)
        bits = random.integers(0, 2**64 - 1, 20000, dtype="u8")
        wide = bits.view("f8")
        self.check_read(wide[numpy.isfinite(wide)])
        self.check_read(numpy.round(random.standard_normal(20000) * 1e5, 3))
        self.check_read(10.0 ** numpy.arange(-20, 25))

    def test_numpy_loads_what_is_written(self):
        for (name, descr), shape, order in itertools.product(TYPES.items(), SHAPES, "CF"):
            with self.subTest(name=name, shape=shape, order=order):
                result = tool("write", name, order, *shape)
                self.assertEqual(result.returncode, 0, result.stderr)
                file = io.BytesIO(result.stdout)
                array = numpy.load(file)
                self.assertEqual(file.read(), b"")
                self.assertEqual((array.dtype.str, array.shape), (descr, shape))
                nitems = int(numpy.prod(shape))
                expected = numpy.arange(nitems).astype(descr).reshape(shape, order=order)
                numpy.testing.assert_array_equal(array, expected)

    def test_refusals_name_a_remedy_that_works(self):
        a = numpy.arange(6)
        structure = numpy.zeros(6, dtype=[("time", "<f8"), ("channel", "<i4")])
        arrays = [a.astype(t) for t in ["?", "i1", "u1", "i2", "u2", "u4", "f2", ">i4", ">i8", ">u8", ">f4",
                                        ">f8", ">u2", "g", "c8", "c16", "U3", "S3", "M8[s]", "m8[ms]"]]
        for array in [*arrays, a.astype("V8"), structure]:
            with self.subTest(dtype=array.dtype):
                result = read(array)
                self.assertEqual(result.returncode, 1)
                remedies = re.findall(r"a\.astype\('[^']*'\)|a\.real|a\.view\('[^']*'\)|a\['[^']*'\]",
                                      result.stderr.decode())
                self.assertTrue(remedies, result.stderr)
                converted = eval(remedies[0], {"a": array})
                if remedies[0] == "a.real":
                    converted = converted.astype("<f8")
                self.check_read(converted)

    def test_objects_are_refused(self):
        with tempfile.NamedTemporaryFile(suffix=".npy") as file:
            numpy.save(file, numpy.array([1, 2], dtype=object))
            file.flush()
            result = tool("read", file.name)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"Python objects", result.stderr)


if __name__ == "__main__":
    unittest.main()
