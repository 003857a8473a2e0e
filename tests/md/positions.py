"""Structures for positions.sh.

    positions.py start BOX...       a .gro of odd names and residues, with velocities
    positions.py compare A B DIGIT  two answers of positions_tool: the same, numbers to within DIGIT

SPDX-License-Identifier: Apache-2.0
"""
import random
import sys

NATOMS = 2500


def start(box):
    rng = random.Random(1)
    names = ["N", "CA", "HG11", "H5'", "O3*", "NA+", "MW", "1HB", "C12A"]
    print(f"odd names t= 1.5\n{NATOMS}")
    for k in range(NATOMS):
        residue = ["SOL", "MET", "NA", "ABCD", "DA"][k // 9 % 5]
        numbers = "".join(f"{rng.uniform(-9.9, 99):13.8f}" for _ in range(3))
        numbers += "".join(f"{rng.gauss(0, 1):13.9f}" for _ in range(3))
        print(f"{(k // 9 + 9800) % 10000:5d}{residue:5s}{names[k % 9]:>5s}{(k + 1) % 100000:5d}{numbers}")
    print(*box)


def read(path):
    title, count, *lines = open(path).read().splitlines()
    natoms, has_v = map(int, count.split())
    assert len(lines) == natoms + 1 and natoms == NATOMS
    return [line.split() for line in lines]


def compare(a, b, digit):
    for number, (ours, theirs) in enumerate(zip(read(a), read(b))):
        nnames = 0 if number == NATOMS else 3
        numbers = list(zip(map(float, ours[nnames:]), map(float, theirs[nnames:])))
        if len(ours) != len(theirs) or ours[:nnames] != theirs[:nnames] or any(abs(x - y) > digit for x, y in numbers):
            sys.exit(f"{a}: atom {number + 1}: {ours}, GROMACS {theirs}")
    print(f"{a}: {NATOMS} atoms and the box as GROMACS reads them")


if sys.argv[1] == "start":
    start(sys.argv[2:])
else:
    compare(sys.argv[2], sys.argv[3], float(sys.argv[4]))
