"""steps.py - what protein.py and keys.py share: some steps of one system by GROMACS in double precision and by `allot md`, from the same
files, and every number of each beside the other's.

SPDX-License-Identifier: Apache-2.0
"""
import subprocess

import numpy
import trr
from physics import Bounds, read_xvg, simulate

NSTEPS = 10
# LINCS of such an order leaves nothing over that would be seen.
BASE = f"""nsteps = {NSTEPS}
nstlist = 1
verlet-buffer-tolerance = -1
nstcalcenergy = 1
nstenergy = 1
nstxout = {NSTEPS}
nstvout = {NSTEPS}
nstfout = {NSTEPS}
rlist = 0.95
rcoulomb = 0.85
rvdw = 0.85
lincs-order = 24
lincs-iter = 4
"""
DOUBLE = Bounds(energy=1e-7, force=1e-7, virial=1e-6, x=5e-7, v=3e-5)
# Lengths that pressure has scaled are put right by what keeps them: LINCS and we differ there by a little more.
PRESSED = Bounds(energy=1e-5, force=3e-7, virial=2e-5, x=5e-7, v=3e-5)


def write_start():
    """start.gro: the last of md.trr, to nine decimals, with the names of md.gro."""
    _, box, x, v, _ = trr.frames("md.trr")[-1]
    lines = open("md.gro", encoding="ascii").read().split("\n")
    with open("start.gro", "w", encoding="ascii") as file:
        file.write("\n".join(lines[:2]) + "\n")
        for k, line in enumerate(lines[2:-2]):
            file.write(line[:20] + "".join(f"{c:14.9f}" for c in x[3 * k : 3 * k + 3]))
            file.write("".join(f"{c:14.10f}" for c in v[3 * k : 3 * k + 3]) + "\n")
        file.write(" ".join(f"{box[k]:.9f}" for k in (0, 4, 8, 1, 2, 3, 5, 6, 7)) + "\n")


def ask_gromacs(name, *options):
    """Steps by gmx_d: rows of energies, frames. @param options  of grompp"""
    every = "".join(f"{k}\n" for k in range(1, 70)) + "0\n"
    for command, text in (
        (f"grompp -f {name}.mdp -c start.gro -r start.gro -p topol.top -o {name}.tpr -po out.mdp -maxwarn 5 {' '.join(options)}", ""),
        (f"mdrun -s {name}.tpr -deffnm {name} -ntmpi 1 -ntomp 1", ""),
        (f"energy -f {name}.edr -o {name}.xvg -dp", every),
    ):
        done = subprocess.run(["gmx_d", *command.split()], input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"gmx_d {command}\n{done.stderr[-3000:]}")
    frames = {step: [numpy.array(part).reshape(-1, 3) for part in parts] for step, _, *parts in trr.frames(name + ".trr")}
    return read_xvg(name + ".xvg")[1], frames


def compare_steps(compare, name, what, parameters, bounds, grompp=(), allot=(), first=0, forgiven=lambda step, name: False):
    """Ten steps by both. @param first  init-step @param forgiven  numbers that differ for a reason @return GROMACS's rows and our run"""
    with open(name + ".mdp", "w", encoding="ascii") as file:
        file.write(BASE + parameters)
    rows, frames = ask_gromacs(name, *grompp)
    run = simulate(name + ".double", BASE + parameters, "start.gro", "topol.top", "-r", "start.gro", "--precision", "double", *allot)
    steps = list(range(first, first + NSTEPS + 1))
    if not run.steps == steps or len(rows) != NSTEPS + 1 or sorted(run.frames) != [step for step in steps if step % NSTEPS == 0]:
        compare.complain(f"{what}: steps {run.steps}, {len(rows)} in GROMACS, frames {list(run.frames)}")
    for step, theirs, ours in zip(steps, rows, run.rows):
        theirs = {name: ours[name] if name in ours and forgiven(step, name) else value for name, value in theirs.items()}
        compare.row(f"{what}: step {step}", ours, theirs, run.box, bounds)
    for step in run.frames:
        still = (run.frames[step][1] == 0).all(axis=1)  # virtual sites, whose velocities say nothing, and what is frozen
        frames[step][1][still] = 0
        compare.forces(f"{what}: step {step}", run.frames[step][2], frames[step][2], bounds)
        compare.atoms(f"{what}: step {step}", run.frames[step], frames[step], run.boxes[step], bounds)
    compare.tell(what)
    return rows, run
