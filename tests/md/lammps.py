#!/usr/bin/python3
"""lammps.py - what lammps.sh needs of LAMMPS's files.

    lammps.py start START.DATA                     the atoms as a .gro file, all digits kept, on standard output
    lammps.py compare PRECISION REFERENCE FOLDER   energies and forces of a run in FOLDER against LAMMPS's

SPDX-License-Identifier: Apache-2.0
"""
import json
import sys

import trr

# How far energies an atom and pressure, and forces (root mean square, relative), may be from LAMMPS's.
BOUNDS = {"double": (1e-11, 1e-9), "mixed": (2e-6, 1.5e-5)}


def start(name):
    section, x, v, edge = None, {}, {}, 0.0
    for line in open(name, encoding="ascii"):
        words = line.split()
        if words[2:] == ["xlo", "xhi"]:
            edge = float(words[1])
        elif line.startswith(("Atoms", "Velocities")):
            section = words[0]
        elif section == "Atoms" and len(words) >= 5:
            x[int(words[0])] = [float(word) for word in words[2:5]]
        elif section == "Velocities" and len(words) == 4:
            v[int(words[0])] = [float(word) for word in words[1:]]
    print(f"melt\n{len(x)}")
    for k in range(1, len(x) + 1):
        print(f"{k:5d}LJ      LJ{k:5d}" + "".join(f"{c:20.15f}" for c in x[k]) + "".join(f"{c:20.16f}" for c in v[k]))
    print(f" {edge:.15f} {edge:.15f} {edge:.15f}")


def energies_of_log(name):
    """{step: (temperature, potential, kinetic, total, pressure)}"""
    rows = {}
    for line in open(name, encoding="ascii"):
        words = line.split()
        if len(words) == 6 and words[0].isdigit():
            rows[int(words[0])] = [float(word) for word in words[1:]]
    return rows


def forces_of_dump(name):
    lines = open(name, encoding="ascii").read().split("\n")
    first = next(k for k, line in enumerate(lines) if line.startswith("ITEM: ATOMS")) + 1
    return [float(word) for line in lines[first:] if line for word in line.split()[7:10]]


def compare(precision, reference, folder):
    bound, force_bound = BOUNDS[precision]
    log, failed, nrows = energies_of_log(reference + "/log.lammps"), False, 0
    for line in open(folder + "/energies.jsonl", encoding="ascii"):
        row = json.loads(line)
        for key, wanted in zip(("temperature", "potential", "kinetic", "total", "pressure"), log[row["step"]]):
            # Pressure is what is left of larger numbers: its error is theirs.
            error = abs(row[key] - wanted) / max(abs(wanted), 1.0)
            if error > bound:
                print(f"{precision}: step {row['step']}: {key} is {row[key]}, and {wanted} in LAMMPS")
                failed = True
        nrows += 1
    ours, theirs = trr.frames(folder + "/trajectory.trr")[-1][4], forces_of_dump(reference + "/step100_forces.txt")
    apart = sum((a - b) ** 2 for a, b in zip(ours, theirs)) / sum(b * b for b in theirs)
    print(f"{precision}: {nrows} steps; forces of {len(theirs) // 3} atoms differ by {apart ** 0.5:.2g} (root mean square)")
    if nrows != 3 or len(ours) != len(theirs) or not apart ** 0.5 <= force_bound:
        print(f"{precision}: forces or steps are not as they should be")
        failed = True
    return failed


if sys.argv[1] == "start":
    start(sys.argv[2])
else:
    sys.exit(compare(*sys.argv[2:5]))
