"""Position restraints against GROMACS, for reference.sh.

    reference.py start SEED BOX...      a .gro of atoms anywhere in a box and around it
    reference.py compare OURS TRR XVG   reference_tool's answer, and of gmx_d forces, energy and virial

SPDX-License-Identifier: Apache-2.0
"""
import math
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import trr

NMOLECULES, NATOMS = 20, 3


def start(seed, box):
    rng = random.Random(int(seed))
    print(f"held\n{NMOLECULES * NATOMS}")
    for k in range(NMOLECULES * NATOMS):
        x = "".join(f"{rng.uniform(-2, 9):13.8f}" for _ in range(3))
        print(f"{k // NATOMS + 1:5d}{'R':5s}{'C' + str(k % NATOMS + 1):>5s}{k + 1:5d}{x}")
    print(*box)


def compare(ours, trr_path, xvg):
    rows = [list(map(float, line.split())) for line in open(ours)]
    energies = rows.pop()
    step, box, x, v, f = trr.frames(trr_path)[0]
    off = max(abs(a - f[3 * k + d]) for k, row in enumerate(rows) for d, a in enumerate(row))
    theirs = list(map(float, [line for line in open(xvg) if line[0] not in "#@"][0].split()[1:]))
    apart = max(abs(a - b) / max(map(abs, theirs)) for a, b in zip(energies, theirs))
    most = max(map(abs, f))
    print(f"{os.path.basename(ours)}: forces of up to {most:.0f} apart by {off:.1e}, energy and virial by {apart:.1e}")
    return most > 100 and off < 1e-9 * most and apart < 1e-9


if sys.argv[1] == "start":
    start(sys.argv[2], sys.argv[3:])
else:
    sys.exit(0 if compare(*sys.argv[2:]) else 1)
