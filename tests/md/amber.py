#!/usr/bin/python3
"""amber.py - what amber.sh made in this folder: some steps of each system by GROMACS from its own files and by `allot md` from AMBER's.

A prmtop brings its own constant of Coulomb's law. GROMACS gets it as a permittivity that is almost 1.

SPDX-License-Identifier: Apache-2.0
"""
import math
import os
import random
import sys
import warnings

import numpy
from physics import Bounds, Comparison, read_gro, simulate
from steps import BASE, NSTEPS, ask_gromacs

warnings.simplefilter("ignore")
import parmed

CONSTANT = 138.93545764  # GROMACS'
SCALES = {"amber": 18.2223, "chamber": math.sqrt(332.0716)}  # of charges in the file
PER_PS = 20.455
PARAMETERS = (
    "integrator = md\ndt = 0.0005\ncontinuation = no\ncoulombtype = PME\nfourierspacing = 0.15\nDispCorr = EnerPres\n"
    "vdw-modifier = Potential-shift\n"
)
H_BONDS, FREE = "constraints = h-bonds\n", "constraints = none\n"
FLEXIBLE = FREE + "define = -DFLEXIBLE\n"
SUMS = ("Potential", "Total_Energy", "Conserved_En.")  # of terms that are compared, and that cancel here
# Nine digits of each number.
BOUNDS = Bounds(energy=1e-6, force=2e-6, virial=5e-6, x=5e-7, v=3e-5)
compare = Comparison()


def make_parm(folder, kind):
    """system.prmtop of topol.top; waters of AMBER's own are three bonds."""
    os.chdir(folder)
    system = parmed.load_file("topol.top", xyz="wet.gro")
    if kind == "chamber":
        parm = parmed.amber.ChamberParm.from_structure(system)
    else:
        parm = parmed.amber.AmberParm.from_structure(system)
        close_waters(parm)
    parm.save("system.prmtop", overwrite=True)
    os.chdir("..")


def close_waters(parm):
    """As tleap writes them: a bond between the hydrogens, no angle."""
    waters = [[a for a in residue.atoms if a.element == 1] for residue in parm.residues if residue.name == "SOL"]
    angles = {tuple(sorted((a.atom1.idx, a.atom3.idx))): a for a in parm.angles}
    kinds = {}
    for one, two in waters:
        angle = angles[(one.idx, two.idx)]
        arm = next(bond.type.req for bond in one.bonds if two not in bond)
        length = 2 * arm * math.sin(math.radians(angle.type.theteq) / 2)
        if length not in kinds:
            kinds[length] = parmed.BondType(553.0, length, parm.bond_types)
            parm.bond_types.append(kinds[length])
        parm.bonds.append(parmed.Bond(one, two, kinds[length]))
        angle.delete()
        parm.angles.remove(angle)
    parm.remake_parm()


def write_start(folder):
    """start.gro and start.rst7 of wet.gro: the same positions, velocities and box, to the digits that rst7 has."""
    rng = random.Random(7)
    x, _, box = read_gro(folder + "/wet.gro")
    x = numpy.round(10 * x, 7)
    v = numpy.array([[round(rng.gauss(0, 0.2), 7) for _ in range(3)] for _ in x])
    lengths = [round(10 * math.sqrt((a * a).sum()), 7) for a in box]
    angles = [round(math.degrees(math.acos(box[i] @ box[j] * 100 / lengths[i] / lengths[j])), 7) for i, j in ((1, 2), (0, 2), (0, 1))]
    with open(folder + "/start.rst7", "w", encoding="ascii") as file:
        file.write(f"start\n{len(x):5d}  0.0000000e+00\n")
        for values in (x.flatten(), v.flatten(), lengths + angles):
            for k, value in enumerate(values):
                file.write(f"{value:12.7f}" + ("\n" if k % 6 == 5 or k + 1 == len(values) else ""))
    cosine = [0 if a == 90 else math.cos(math.radians(a)) for a in angles]
    sine = math.sqrt(1 - cosine[2] ** 2)
    zy = (cosine[0] - cosine[1] * cosine[2]) / sine
    a, b, c = (length / 10 for length in lengths)
    box = (a, b * sine, c * math.sqrt(1 - cosine[1] ** 2 - zy**2), 0, 0, b * cosine[2], 0, c * cosine[1], c * zy)
    lines = open(folder + "/wet.gro", encoding="ascii").read().split("\n")
    with open(folder + "/start.gro", "w", encoding="ascii") as file:
        file.write("\n".join(lines[:2]) + "\n")
        for k, line in enumerate(lines[2:-2]):
            file.write(line[:20] + "".join(f"{c / 10:14.9f}" for c in x[k]))
            file.write("".join(f"{c * PER_PS / 10:14.10f}" for c in v[k]) + "\n")
        file.write(" ".join(f"{value:.9f}" for value in box) + "\n")


def compare_files(folder, kind, parameters):
    """Steps by both, and all numbers of them."""
    os.chdir(folder)
    name, what = f"case{len(os.listdir('.'))}", f"{folder} {' '.join(parameters.split()[2::3])}"
    permittivity = CONSTANT / (SCALES[kind] ** 2 * 0.4184)
    with open(name + ".mdp", "w", encoding="ascii") as file:
        file.write(BASE + PARAMETERS + parameters + f"epsilon-r = {permittivity!r}\n")
    rows, frames = ask_gromacs(name)
    run = simulate(name + ".double", BASE + PARAMETERS + parameters, "start.rst7", "system.prmtop", "--precision", "double")
    if len(rows) != NSTEPS + 1 or len(run.rows) != len(rows):
        compare.complain(f"{what}: {len(run.rows)} steps, {len(rows)} in GROMACS")
    for step, (ours, theirs) in enumerate(zip(run.rows, rows)):
        for row in (ours, theirs):
            if "U-B" in row:  # CHARMM's angles are all such in GROMACS' files, and some in AMBER's
                row["U-B"] += row.pop("Angle", 0)
        ours, theirs = ({name: value for name, value in row.items() if name not in SUMS} for row in (ours, theirs))
        compare.row(f"{what}: step {step}", ours, theirs, run.box, BOUNDS)
    for step in run.frames:
        still = (run.frames[step][1] == 0).all(axis=1)  # virtual sites
        frames[step][1][still] = 0
        compare.forces(f"{what}: step {step}", run.frames[step][2], frames[step][2], BOUNDS)
        compare.atoms(f"{what}: step {step}", run.frames[step], frames[step], run.boxes[step], BOUNDS)
    compare.tell(what)
    os.chdir("..")


CASES = (
    ("amber99sb-ildn", "amber", (H_BONDS, FREE)),
    ("charmm27", "chamber", (H_BONDS, FLEXIBLE)),
    ("amber03", "amber", (H_BONDS,)),
)
for folder, kind, cases in CASES:
    make_parm(folder, kind)
    write_start(folder)
    for parameters in cases:
        compare_files(folder, kind, parameters)
print(f"{compare.nwrong} wrong")
sys.exit(compare.nwrong > 0)
