#!/usr/bin/python3
"""charged.py - forty sodium ions and no others, in a box that is a little smaller, and one that is a little larger: the virial's part of the
pressure is -dE/dV, the background's, which makes the whole neutral, included (E of it goes with 1/V, at an ewald coefficient that is the same).

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import random
import subprocess
import sys

NATOMS, EDGE, APART, CHANGE = 40, 3.0, 0.3, 1e-4
BAR = 0.0602214076  # kJ/mol a nm^3
TOPOLOGY = f"""[ defaults ]
1 2 yes 1 1
[ atomtypes ]
NA 11 22.99 1.0 A 0.2 0.1
[ moleculetype ]
NA 1
[ atoms ]
1 NA 1 NA NA 1 1.0 22.99
[ system ]
ions
[ molecules ]
NA {NATOMS}
"""
PARAMETERS = """integrator = md
nsteps = 0
coulombtype = PME
rcoulomb = 1.2
rvdw = 1.2
rlist = 1.2
vdw-modifier = none
verlet-buffer-tolerance = -1
ewald-rtol = 1e-9
fourier-nx = 64
fourier-ny = 64
fourier-nz = 64
pme-order = 6
comm-mode = none
continuation = yes
"""


def places():
    random.seed(1)
    found = []
    while len(found) < NATOMS:
        p = [random.random() * EDGE for _ in range(3)]
        if all(sum(min(abs(a - b), EDGE - abs(a - b)) ** 2 for a, b in zip(p, q)) > APART**2 for q in found):
            found.append(p)
    return found


def energies(name, scale):
    with open(name + ".g96", "w", encoding="ascii") as file:
        file.write("TITLE\nions\nEND\nPOSITION\n")
        for k, p in enumerate(places(), 1):
            file.write("%5d NA    NA   %7d%15.9f%15.9f%15.9f\n" % (k, k, *(x * scale for x in p)))
        file.write("END\nBOX\n" + 3 * "%15.9f" % (3 * (EDGE * scale,)) + "\nEND\n")
    subprocess.run(
        [os.environ["ALLOT"], "md", "-f", "run.mdp", "-c", name + ".g96", "-p", "ions.top", "-o", name, "--precision", "double", "-q"],
        check=True, stdout=subprocess.DEVNULL)
    with open(name + "/energies.jsonl", encoding="ascii") as file:
        return json.loads(file.readline())


with open("ions.top", "w", encoding="ascii") as file:
    file.write(TOPOLOGY)
with open("run.mdp", "w", encoding="ascii") as file:
    file.write(PARAMETERS)
here, smaller, larger = energies("here", 1), energies("smaller", 1 - CHANGE), energies("larger", 1 + CHANGE)
dv = EDGE**3 * ((1 + CHANGE) ** 3 - (1 - CHANGE) ** 3)
wanted = (-(larger["potential"] - smaller["potential"]) / dv + 2 * here["kinetic"] / 3 / EDGE**3) / BAR
off = abs(here["pressure"] - wanted)
print(f"pressure {here['pressure']:.4f} bar, by energies {wanted:.4f} bar")
if not off < 0.02:  # places have nine digits; the background's part is hundreds of bar
    sys.exit("WRONG: the pressure of a charged system")
