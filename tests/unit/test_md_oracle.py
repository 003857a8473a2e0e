"""test_md_oracle.py - what md writes, GROMACS and mdtraj read, and they find in it what was meant.

MDAnalysis too, where it is installed.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import warnings

import numpy
from mdtraj.formats import GroTrajectoryFile, TRRTrajectoryFile, XTCTrajectoryFile

try:
    warnings.simplefilter("ignore")
    import MDAnalysis
except ImportError:
    MDAnalysis = None
    print("without MDAnalysis (Debian: python3-mdanalysis)")

TOOL = sys.argv.pop(1)
SKEWED = numpy.array([[5, 0, 0], [0.5, 6, 0], [2.5, -1.5, 4.25]])
# How far apart neighbours may be at most, for each size that the packing of .xtc knows: that far, and no less.
SIZES = [5060 if k == 37 else 524287 if k == 57 else 8388607 if k == 69 else int(2 ** (k / 3) + 1e-9)
         for k in range(9, 73)]


def run(*args, text=""):
    result = subprocess.run(list(map(str, args)), input=text.encode(), capture_output=True, check=False)
    output = (result.stdout + result.stderr).decode()
    if result.returncode != 0:
        raise AssertionError(f"{args}: {output}")
    return output


def digits(array):
    return " ".join("%.17g" % value for value in numpy.asarray(array).ravel())


def write(path, frames, precision=1000, is_double=False):
    """frames: (step, time, box, [x], or [x, v], or [x, v, f])"""
    text = "".join(f"{step} {time!r} {len(parts[0])} {len(parts)}\n{digits(box)}\n" + digits(parts) + "\n"
                   for step, time, box, parts in frames)
    run(TOOL, "traj", path, precision, int(is_double), text=text)


def water(nmolecules, rng):
    """Threes of near atoms, as in water."""
    middle = rng.uniform(0, (nmolecules / 33) ** (1 / 3), (nmolecules, 1, 3))
    return (middle + rng.normal(0, 0.06, (nmolecules, 3, 3))).reshape(-1, 3)


class Files(unittest.TestCase):
    def setUp(self):
        self.rng = numpy.random.default_rng(1)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        os.chdir(self.folder.name)

    def read_xtc(self, path):
        with XTCTrajectoryFile(path) as file:
            return file.read()

    def check_xtc(self, x, precision=1000):
        write("x.xtc", [(5, 0.5, SKEWED, [x]), (10, 1.0, SKEWED, [x + 0.25])], precision)
        xyz, time, step, box = self.read_xtc("x.xtc")
        self.assertEqual(list(step), [5, 10])
        self.assertEqual(list(time), [0.5, 1])
        self.assertTrue(numpy.allclose(box, SKEWED, rtol=1e-7))
        far = numpy.abs(x).max() * 2e-7  # they multiply floats
        self.assertLessEqual(numpy.abs(xyz[0] - x).max(), 0.5 / precision + far)
        self.assertLessEqual(numpy.abs(xyz[1] - x - 0.25).max(), 0.5 / precision + far)

    def test_xtc_of_all_shapes(self):
        for natoms in 1, 2, 9, 10, 11, 100, 1000:
            for scale in 0.001, 0.1, 10, 1000:
                self.check_xtc(self.rng.uniform(0, scale, (natoms, 3)))
                self.check_xtc(numpy.cumsum(self.rng.normal(0, scale, (natoms, 3)), 0) / 10)
        self.check_xtc(water(1000, self.rng))
        self.check_xtc(water(1000, self.rng), 100000)
        self.check_xtc(self.rng.uniform(0, 1, (50, 3)) + [0, 0, 20000])
        self.check_xtc(self.rng.uniform(-1, 1, (50, 3)) * [20000, 1, 1])

    def test_xtc_of_all_sizes(self):
        frames = []
        for size in SIZES:
            most = size // 2 - 1
            width = min(2.0**22, 2 ** (size.bit_length() * 1.0 + 7)) if size < 2**20 else 2.0**25
            first = numpy.round(self.rng.uniform(-width, width, (200, 1, 3)))
            second = first + self.rng.choice([-most, most], (200, 1, 3))
            frames.append(numpy.concatenate([first, second], 1).reshape(-1, 3))
        write("s.xtc", [(k, k, SKEWED, [x]) for k, x in enumerate(frames)], 1)
        with open("s.xtc", "rb") as file:
            raw = file.read()
        used, at = set(), 0
        while at < len(raw):
            used.add(int.from_bytes(raw[at + 84:at + 88], "big"))
            at += 92 + (int.from_bytes(raw[at + 88:at + 92], "big") + 3) // 4 * 4
        self.assertEqual(used, set(range(9, 73)))
        xyz = self.read_xtc("s.xtc")[0]
        for k, x in enumerate(frames):
            self.assertLessEqual(numpy.abs(xyz[k] - x).max(), numpy.abs(x).max() * 2e-7, k)
        self.assertRegex(run("gmx", "check", "-f", "s.xtc"), r"Coords +64 ")

    def test_xtc_is_small(self):
        """Within a few per cent of what GROMACS's own packing makes of the same."""
        for x in water(3000, self.rng), self.rng.uniform(0, 4, (4000, 3)):
            write("ours.xtc", [(0, 0, SKEWED, [x])])
            with XTCTrajectoryFile("theirs.xtc", "w") as file:
                file.write(x.astype(numpy.float32), box=SKEWED.astype(numpy.float32))
            ours, theirs = os.path.getsize("ours.xtc"), os.path.getsize("theirs.xtc")
            print(f"{len(x)} atoms: {ours} bytes, and {theirs} as mdtraj packs them")
            self.assertLess(ours, 1.05 * theirs)

    def test_trr(self):
        parts = [self.rng.uniform(-3, 3, (50, 3)) for _ in range(3)]
        for is_double in False, True:
            for nparts in 1, 2, 3:
                write("x.trr", [(70000 + k, 35.5 + k, SKEWED, parts[:nparts]) for k in range(3)], 1, is_double)
                with TRRTrajectoryFile("x.trr") as file:
                    xyz, time, step, box, _ = file.read()
                self.assertEqual(list(step), [70000, 70001, 70002])
                self.assertEqual(list(time), [35.5, 36.5, 37.5])
                self.assertTrue(numpy.allclose(box, SKEWED, rtol=1e-7))
                self.assertTrue(numpy.allclose(xyz, parts[0], rtol=1e-7, atol=0))
                found = run("gmx", "check", "-f", "x.trr")
                for name, is_there in ("Coords", True), ("Velocities", nparts > 1), ("Forces", nparts > 2):
                    self.assertRegex(found, rf"{name} +{3 if is_there else 0}\b")

    def test_trr_as_gromacs_dumps_it(self):
        parts = [self.rng.uniform(-3, 3, (20, 3)) for _ in range(3)]
        write("x.trr", [(123, 61.5, SKEWED, parts)], 1, True)
        found = run("gmx", "dump", "-f", "x.trr")
        self.assertRegex(found, r"natoms= +20 +step= +123 +time=6\.15")
        for name, rows in zip(["box", "x", "v", "f"], [SKEWED, *parts]):
            lines = re.findall(rf"^ +{name}\[ *\d+\]=\{{(.*)\}}", found, re.M)
            numbers = [[float(number) for number in line.split(",")] for line in lines]
            self.assertTrue(numpy.allclose(numbers, rows, rtol=1e-5, atol=1e-6), name)

    def test_gro(self):
        for decimals in 3, 6:
            x, v = self.rng.uniform(-1, 9, (30, 3)), self.rng.uniform(-1, 1, (30, 3))
            width = decimals + 5
            with open("in.gro", "w", encoding="ascii") as file:
                file.write("some atoms\n30\n")
                for k in range(30):
                    file.write(f"{k // 3 + 1:5}{'SOL':<5}{'OW':>5}{k + 1:5}")
                    file.write("".join(f"{number:{width}.{decimals}f}" for number in x[k]))
                    file.write("".join(f"{number:{width}.{decimals + 1}f}" for number in v[k]) + "\n")
                corner = [SKEWED[k % 3, k % 3] for k in range(3)] + [0, 0, 0.5, 0, 2.5, -1.5]
                file.write(" ".join(f"{number:.5f}" for number in corner) + "\n")
            run(TOOL, "gro", "in.gro", "out.gro")
            with GroTrajectoryFile("out.gro") as file:
                xyz, _, box = file.read()
            self.assertLessEqual(numpy.abs(xyz[0] - x).max(), 0.51 * 10.0**-decimals + 1e-6)
            self.assertTrue(numpy.allclose(box[0], SKEWED))
            run("gmx", "editconf", "-f", "out.gro", "-o", "theirs.gro", "-noc")
            run(TOOL, "gro", "theirs.gro", "again.gro")
            with open("theirs.gro", "rb") as theirs, open("again.gro", "rb") as again:
                self.assertEqual(theirs.read(), again.read())

    def test_series(self):
        rows = [(10 * k, 0.02 * k, -1e5 - 1 / (k + 1), 300 + k / 7) for k in range(50)]
        text = "".join(f"{step} {time!r} {a!r} {b!r}\n" for step, time, a, b in rows)
        run(TOOL, "series", "e.xvg", text=text)
        run(TOOL, "series", "e.jsonl", text=text)
        table = numpy.loadtxt("e.xvg", comments=["#", "@"])
        self.assertTrue(numpy.allclose(table, [row[1:] for row in rows], rtol=1e-11))
        with open("e.jsonl", encoding="ascii") as file:
            for line, row in zip(file, rows, strict=True):
                self.assertEqual(json.loads(line), dict(zip(
                    ["version", "step", "time", "potential", "temperature"], [1, *row])))
        found = run("gmx", "analyze", "-f", "e.xvg")
        averages = [float(number) for number in re.findall(r"^SS\d+ +(\S+)", found, re.M)]
        self.assertTrue(numpy.allclose(averages, table[:, 1:].mean(0), rtol=1e-6), found)

    @unittest.skipIf(MDAnalysis is None, "no MDAnalysis")
    def test_mdanalysis(self):
        x = water(300, self.rng)
        parts = [x, self.rng.uniform(-1, 1, x.shape), self.rng.uniform(-9, 9, x.shape)]
        write("x.xtc", [(5, 0.5, SKEWED, [x]), (10, 1, SKEWED, [x])])
        write("x.trr", [(5, 0.5, SKEWED, parts), (10, 1, SKEWED, parts)])
        for path in "x.xtc", "x.trr":
            universe = MDAnalysis.Universe.empty(len(x), trajectory=True)
            universe.load_new(path)
            self.assertEqual([(frame.data["step"], frame.time) for frame in universe.trajectory],
                             [(5, 0.5), (10, 1.0)])
            self.assertLess(numpy.abs(universe.atoms.positions / 10 - x).max(), 0.00051)
        self.assertTrue(numpy.allclose(universe.trajectory.ts.velocities / 10, parts[1], rtol=1e-6))
        self.assertTrue(numpy.allclose(universe.trajectory.ts.forces * 10, parts[2], rtol=1e-6))


unittest.main()
