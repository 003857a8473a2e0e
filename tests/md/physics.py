"""physics.py - what reference.py and protein.py share: what `allot md` and GROMACS wrote, read, and how far one is from the other.

Energies are by GROMACS' names, with _ for a blank. Positions are arrays [natoms, 3]; boxes three vectors, the first along x.

SPDX-License-Identifier: Apache-2.0
"""
import gzip
import json
import os
import re
import subprocess
import sys

import trr

try:
    import numpy
except ImportError:
    print("skipped: no numpy (Debian: python3-numpy)")
    sys.exit(77)

# What GROMACS says of its own methods, or of no interest in a box of this kind.
IGNORED = {"Constr._rmsd", "#Surf*SurfTen", "Pres._DC", "Conserved_En.", "pV", "Enthalpy", "Volume", "Density"}
IGNORED_PREFIXES = ("T-", "Box-", "Box-Vel-", "Lamb-", "Xi-")
BAR = 0.0602214076  # kJ/mol a nm^3


class Bounds:
    """How far each may be off: parts of an energy, of the mean force, of the virial or what it is balanced by; nm, nm/ps."""

    def __init__(self, energy, force, virial, x=0.0, v=0.0):
        self.energy, self.force, self.virial, self.x, self.v = energy, force, virial, x, v


class Comparison:
    """Counts what is wrong, and remembers the farthest that anything was off."""

    def __init__(self):
        self.nwrong, self.farthest = 0, {}

    def complain(self, text):
        self.nwrong += 1
        if self.nwrong <= 40:
            print("WRONG:", text)

    def hold(self, what, kind, off, bound, text=""):
        """@param off  what must be within bound; not a number is not"""
        self.farthest[kind] = max(self.farthest.get(kind, 0.0), off)
        if not off <= bound:
            self.complain(f"{what}: {kind} is off by {off:.3g}, more than {bound:.3g} {text}")

    def tell(self, what):
        """A line for people, and begin again."""
        print(f"{what}:", ", ".join(f"{kind} {off:.2g}" for kind, off in self.farthest.items()))
        self.farthest = {}

    # ---- energies -----------------------------------------------------------------------------------------

    def row(self, what, ours, theirs, box, bounds):
        """Every number of a row of energies."""
        volume = box[0][0] * box[1][1] * box[2][2]
        scale = max(theirs["Kinetic_En."] / 3, *(abs(theirs["Vir-" + d]) for d in ("XX", "YY", "ZZ"))) * bounds.virial
        names, wanted = (
            {name for name in row if name not in IGNORED and not name.startswith(IGNORED_PREFIXES)} for row in (ours, theirs)
        )
        if names != wanted:
            self.complain(f"{what}: not in both: {names ^ wanted}")
        for name in sorted(names & wanted):
            off = abs(ours[name] - theirs[name])
            text = f"({name}: {ours[name]!r}, and {theirs[name]!r} in GROMACS)"
            if name.startswith("Vir-"):
                self.hold(what, "virial, kJ/mol", off, scale, text)
            elif name.startswith("Pres"):
                self.hold(what, "pressure, bar", off, 2 * scale / volume / BAR, text)
            else:
                self.hold(what, "energies", off / max(abs(theirs[name]), 1e-6), bounds.energy, text)

    # ---- atoms --------------------------------------------------------------------------------------------

    def forces(self, what, ours, theirs, bounds):
        """Of all atoms, by the root of mean squares."""
        off = numpy.sqrt(((ours - theirs) ** 2).sum() / (theirs**2).sum())
        self.hold(what, "forces", float(off), bounds.force)

    def atoms(self, what, ours, theirs, box, bounds):
        """(x, v) of all atoms, by the farthest."""
        self.hold(what, "positions, nm", float(abs(nearest(ours[0] - theirs[0], box)).max()), bounds.x)
        self.hold(what, "velocities, nm/ps", float(abs(ours[1] - theirs[1]).max()), bounds.v)


def nearest(apart, box):
    """Differences of positions, each to the nearest image."""
    apart = numpy.array(apart)
    for d in (2, 1, 0):
        apart -= numpy.round(apart[:, d : d + 1] / box[d][d]) * numpy.asarray(box[d])
    return apart


# ---- what allot md wrote ------------------------------------------------------------------------------------


class Run:
    """rows: [{name: value}], and for each the step; frames: {step: (x, v, f)}; boxes: {step: box}; box: of the last of them"""

    def __init__(self, folder):
        names, _ = read_xvg(folder + "/energies.xvg")
        self.rows, self.steps, self.frames, self.boxes, self.box = [], [], {}, {}, None
        for line in open(folder + "/energies.jsonl", encoding="ascii"):
            row = json.loads(line)
            values = list(row.values())[3:]
            assert len(values) == len(names) and list(row)[:3] == ["version", "step", "time"]
            self.rows.append(dict(zip(names, values)))
            self.steps.append(row["step"])
        if os.path.exists(folder + "/trajectory.trr"):
            for step, box, *parts in trr.frames(folder + "/trajectory.trr"):
                self.frames[step] = [numpy.array(part).reshape(-1, 3) for part in parts]
                self.box = self.boxes[step] = numpy.array(box).reshape(3, 3)


def simulate(folder, parameters, conf, topology, *options):
    """Run `allot md` and read what it wrote. @param parameters  of the .mdp file, as text"""
    os.makedirs(folder)
    with open(folder + "/run.mdp", "w", encoding="ascii") as file:
        file.write(parameters)
    command = [os.environ["ALLOT"], "md", "-f", folder + "/run.mdp", "-c", conf, "-p", topology, "-o", folder + "/out", "-q"]
    done = subprocess.run(command + list(options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} {' '.join(options)}: status {done.returncode}\n{done.stdout[-2000:]}")
    return Run(folder + "/out")


def changed(parameters, **keys):
    """.mdp text with some keys as given, _ in their names for -."""
    for key, value in keys.items():
        name = key.replace("_", "-")
        parameters = re.sub(rf"(?m)^{name}\s*=.*\n?", "", parameters)
        parameters += ("" if parameters.endswith("\n") else "\n") + f"{name} = {value}\n"
    return parameters


# ---- what GROMACS wrote -------------------------------------------------------------------------------------


def read_gro(name):
    """(x, v, box): v is None where there is none."""
    with (gzip.open if name.endswith(".gz") else open)(name, "rt", encoding="ascii") as file:
        lines = file.read().split("\n")
    natoms = int(lines[1])
    numbers = numpy.array([line[20:].split() for line in lines[2 : 2 + natoms]], dtype=float)
    b = [float(word) for word in lines[2 + natoms].split()] + [0.0] * 6
    box = numpy.array([[b[0], b[3], b[4]], [b[5], b[1], b[6]], [b[7], b[8], b[2]]])
    return numbers[:, :3], numbers[:, 3:] if numbers.shape[1] > 3 else None, box


def read_xvg(name):
    """(names of the columns after the time, [{name: value}])"""
    names, rows = [], []
    for line in open(name, encoding="ascii"):
        legend = re.match(r'@ s\d+ legend "(.*)"', line)
        if legend:
            names.append(re.sub(r"\\[a-zA-Z0-9]", "", legend.group(1)).replace(" ", "_"))
        elif line[0] not in "#@":
            rows.append(dict(zip(names, map(float, line.split()[1:]))))
    return names, rows


def read_table(name):
    """A row of names after a #, then rows of numbers: [{name: value}]."""
    lines = open(name, encoding="ascii").read().split("\n")
    names = lines[0].split()[1:]
    return [dict(zip(names[1:], map(float, line.split()[1:]))) for line in lines[1:] if line]


def read_list(name):
    """{name: value}, a line each."""
    return {line.split()[0]: float(line.split()[1]) for line in open(name, encoding="ascii") if line[0] != "#"}


def read_forces(name):
    """[natoms, 3], of lines of a number and a force."""
    lines = open(name, encoding="ascii").read().split("\n", 1)[1]
    return numpy.array(lines.split(), dtype=float).reshape(-1, 4)[:, 1:]
