#!/usr/bin/python3
"""protein.py FORCE_FIELD - what protein.sh made in this folder (md.gro, md.trr, topol.top), ten steps by GROMACS and by `allot md`.

SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess
import sys

from physics import Bounds, Comparison, read_gro, simulate
from steps import BASE, DOUBLE, PRESSED, compare_steps, write_start

PME = "coulombtype = PME\nfourierspacing = 0.12\n"
FIELD = "coulombtype = Reaction-Field\nepsilon-rf = 78\n"
SHIFT = "vdw-modifier = Potential-shift\nDispCorr = EnerPres\n"
FORCE_SWITCH = "vdw-modifier = Force-switch\nrvdw-switch = 0.7\n"
POTENTIAL_SWITCH = "vdw-modifier = Potential-switch\nrvdw-switch = 0.7\n"
FREE = "constraints = none\ndt = 0.0005\n"
H_BONDS, ALL_BONDS = "constraints = h-bonds\ndt = 0.002\n", "constraints = all-bonds\ndt = 0.002\n"
# Positions as they are, velocities of half a step before; or both made to fit what is kept, velocities of now.
ON, ANEW = "continuation = yes\n", "continuation = no\n"
LEAP_FROG, VERLET = "integrator = md\n", "integrator = md-vv\n"
# What holds temperature and pressure, all that depends on no chance; conserved sums are ours, not GROMACS' (docs/decisions).
GROUPS = "tc-grps = Protein non-Protein\ntau-t = 0.1 0.2\nref-t = 300 310\nnsttcouple = 2\n"
PRESS = "nstpcouple = 2\ntau-p = 1\n"
WEAK = "tcoupl = berendsen\npcoupl = berendsen\nref-p = 1\ncompressibility = 4.5e-4\n" + GROUPS + PRESS
EXTENDED = (
    "tcoupl = nose-hoover\npcoupl = parrinello-rahman\npcoupltype = anisotropic\nref-p = 1 20 300 0 0 0\n"
    "compressibility = 4.5e-4 4.5e-4 4.5e-4 1e-4 1e-4 1e-4\n" + GROUPS + PRESS
)
CHANCE = "tcoupl = v-rescale\npcoupl = C-rescale\nref-p = 1\ncompressibility = 4.5e-4\n" + GROUPS + PRESS
HELD = "define = -DPOSRES\nrefcoord-scaling = com\n"
FROZEN = "freezegrps = Protein\nfreezedim = Y Y Y\n"
CASES = {
    "amber99sb-ildn": [
        PME + SHIFT + H_BONDS + LEAP_FROG + ON,
        PME + SHIFT + H_BONDS + VERLET + ANEW,
        FIELD + POTENTIAL_SWITCH + ALL_BONDS + LEAP_FROG + ANEW,
        PME + SHIFT + H_BONDS + LEAP_FROG + ON + WEAK + HELD,
    ],
    "amber03": [PME + SHIFT + H_BONDS + LEAP_FROG + ANEW],
    "charmm27": [PME + FORCE_SWITCH + H_BONDS + LEAP_FROG + ON + EXTENDED, FIELD + FORCE_SWITCH + FREE + VERLET + ANEW],
    "oplsaa": [PME + POTENTIAL_SWITCH + H_BONDS + LEAP_FROG + ON, FIELD + SHIFT + FREE + LEAP_FROG + ANEW + FROZEN],
}
MIXED = Bounds(energy=1e-4, force=2e-5, virial=1e-4)
compare = Comparison()


def try_case(number, parameters):
    bounds = PRESSED if "pcoupl" in parameters or "freezegrps" in parameters else DOUBLE
    name, what = f"case{number}", f"{force_field} " + ", ".join(line.split(" = ")[1] for line in parameters.split("\n") if line)
    # GROMACS takes degrees of freedom of frozen atoms twice: docs/formats/mdp.md
    forgiven = lambda step, name: "freezegrps" in parameters and name == "Temperature"
    rows, run = compare_steps(compare, name, what, parameters, bounds, forgiven=forgiven)
    mixed = simulate(name + ".mixed", BASE + parameters, "start.gro", "topol.top", "-r", "start.gro", "--precision", "mixed", "--steps", "0")
    theirs = {name: mixed.rows[0][name] if forgiven(0, name) else value for name, value in rows[0].items()}
    compare.row(f"{what}, mixed", mixed.rows[0], theirs, run.box, MIXED)
    compare.forces(f"{what}, mixed", mixed.frames[0][2], run.frames[0][2], MIXED)
    compare.tell("  mixed")


def try_restart(number, parameters):
    """Forty steps at once, and twenty and then the others: the same to the last bit."""
    name = f"restart{number}"
    with open(name + ".mdp", "w", encoding="ascii") as file:
        file.write(BASE.replace("nstxout = 10\nnstvout = 10\nnstfout = 10\n", "") + parameters)
    runs = {"whole": [["--steps", "40"]], "parts": [["--steps", "20"], ["--steps", "40", "--resume"]]}
    files = {}
    for run, parts in runs.items():
        folder = f"{name}.{run}"
        for options in parts:
            command = [os.environ["ALLOT"], "md", "-f", name + ".mdp", "-c", "start.gro", "-p", "topol.top", "-q", "-j", "1"]
            subprocess.run(command + ["--renew", "20", "-o", folder] + options, stdout=subprocess.DEVNULL, check=True)
        files[run] = [open(f"{folder}/{name}", "rb").read() for name in ("final.gro", "energies.jsonl")]
    if files["whole"] != files["parts"]:
        compare.complain(f"a restart of {parameters.split()} is not what it would have been")


force_field = sys.argv[1]
write_start()
x, _, _ = read_gro("start.gro")
print(f"{len(x)} atoms")
for number, parameters in enumerate(CASES[force_field]):
    try_case(number, parameters)
if force_field == "charmm27":
    for number, more in enumerate((EXTENDED, CHANCE, "integrator = sd\ntc-grps = System\ntau-t = 0.5\nref-t = 300\n")):
        leap_frog = "" if "integrator" in more else LEAP_FROG
        try_restart(number, PME + FORCE_SWITCH + H_BONDS + leap_frog + ON + more)
print(f"{compare.nwrong} wrong")
sys.exit(compare.nwrong > 0)
