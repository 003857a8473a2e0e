#!/usr/bin/python3
"""skewed.py - what skewed.sh needs: crystals in boxes that are not rectangular, and a comparison with GROMACS.

    skewed.py start SHAPE N        N x N x N atoms along the vectors of a box, as a .gro file on standard output
    skewed.py compare FOLDER XVG TRR LAST.xvg  a run in FOLDER against GROMACS's energies and forces of its frames,
                                               and the virial of the last one

SPDX-License-Identifier: Apache-2.0
"""
import json
import sys

import trr

HALF, ROOT2, ROOT3, ROOT6 = 0.5, 2**0.5, 3**0.5, 6**0.5
SHAPES = {
    "dodecahedron": [[1, 0, 0], [0, 1, 0], [HALF, HALF, ROOT2 / 2]],  # over a square
    "hexagonal": [[1, 0, 0], [HALF, ROOT3 / 2, 0], [HALF, ROOT3 / 6, ROOT6 / 3]],  # the same over a hexagon
    "octahedron": [[1, 0, 0], [1 / 3, 2 * ROOT2 / 3, 0], [-1 / 3, ROOT2 / 3, ROOT6 / 3]],
    "leaning": [[1, 0, 0], [HALF, 0.9, 0], [-HALF, -0.45, 0.95]],
}

def start(shape, n):
    vectors = SHAPES[shape]
    volume = vectors[0][0] * vectors[1][1] * vectors[2][2]
    edge = n * (1 / 0.8 / volume) ** (1 / 3)  # 0.8 atoms a volume
    vectors = [[edge * part for part in vector] for vector in vectors]
    print(f"{shape}\n{n**3}")
    for k in range(n**3):
        at = [k // n // n, k // n % n, k % n]
        x = [sum(at[e] / n * vectors[e][d] for e in range(3)) for d in range(3)]
        print(f"{k + 1:5d}LJ      LJ{k + 1:5d}" + "".join(f"{part:15.10f}" for part in x))
    corner = [vectors[d][d] for d in range(3)]
    print(" ".join(f"{part:.10f}" for part in (*corner, 0, 0, vectors[1][0], 0, *vectors[2][:2])))


def rows_of_xvg(name):
    return [[float(word) for word in line.split()] for line in open(name, encoding="ascii") if line[0] not in "#@"]


def compare(folder, xvg, theirs, last):
    rows = [json.loads(line) for line in open(folder + "/energies.jsonl", encoding="ascii")]
    frames = list(zip(rows, rows_of_xvg(xvg), trr.frames(folder + "/trajectory.trr"), trr.frames(theirs), strict=True))
    worst = [0, 0, 0]
    for row, energies, mine, other in frames:
        apart = sum((a - b) ** 2 for a, b in zip(mine[4], other[4], strict=True)) / sum(b * b for b in other[4])
        worst[0] = max(worst[0], abs(row["potential"] * len(mine[2]) / 3 / energies[1] - 1))
        if row["step"] > 0:  # of a perfect crystal there are no forces
            worst[1] = max(worst[1], apart**0.5)
    box, v, virial = mine[1], mine[3], -2 * sum(rows_of_xvg(last)[-1][1:4])
    pressure = (sum(part * part for part in v) + virial) / (3 * box[0] * box[4] * box[8])
    worst[2] = abs(row["pressure"] - pressure)
    print(f"{folder}: {len(frames)} frames; energy, forces, pressure are off by", *(f"{part:.1e}" for part in worst))
    return len(frames) != 3 or any(part > bound for part, bound in zip(worst, (1e-11, 1e-10, 1e-9)))


if sys.argv[1] == "start":
    start(sys.argv[2], int(sys.argv[3]))
else:
    sys.exit(compare(*sys.argv[2:6]))
