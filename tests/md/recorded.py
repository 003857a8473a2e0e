#!/usr/bin/python3
"""recorded.py PART REFERENCE WORK - a part of REFERENCE (water, ala2, ubq, gb1, lyso; cuts) as `allot md` computes it in the folder
WORK, against what GROMACS said.

SPDX-License-Identifier: Apache-2.0
"""
import os
import sys

from physics import Bounds, Comparison, changed, read_forces, read_gro, read_list, read_table, simulate

# With the far part of electrostatics, GROMACS' forces are good to 7e-7 of them: it has the near part from a table; so has it 1-4
# pairs, to 1e-7. Its virial is good to what LINCS leaves over.
EXACT = Bounds(energy=1e-9, force=1e-9, virial=1e-9)
TABLES = Bounds(energy=1e-7, force=1e-7, virial=1e-6, x=2e-9, v=2e-7)
DOUBLE = Bounds(energy=1e-6, force=1e-6, virial=1e-5, x=1.5e-6, v=5e-5)
MIXED = Bounds(energy=1e-4, force=1e-5, virial=5e-5)
# Far from the middle of an empty box floats are as coarse as this; GROMACS' own forces in mixed precision are off by 3.8e-5.
EMPTY = Bounds(energy=1e-4, force=1e-4, virial=2e-4)
SETTLED = Bounds(energy=1, force=1, virial=1, x=2e-9, v=1e-9)
# However a box is cut: sums in another order; in mixed precision also positions that count from elsewhere, which single terms of few
# atoms show.
CUT = {"double": Bounds(energy=1e-11, force=1e-12, virial=1e-11), "mixed": Bounds(energy=5e-5, force=1e-5, virial=5e-5)}
# The floats of other positions move the sum of 6,000 atoms by 8e-8 on average, 12 cuts tried; two cuts differ by up to 2.7e-7.
SAME_ENERGY = {"double": 1e-11, "mixed": 4e-7}
compare = Comparison()


class System:
    """A folder of the reference."""

    nruns = 0

    def __init__(self, name, conf="conf.gro", topology="topol.top"):
        self.name, self.folder = name, f"{reference}/{name}/"
        self.conf, self.topology = self.folder + conf, self.folder + topology

    def read(self, name):
        return open(self.folder + name, encoding="ascii").read()

    def run(self, parameters, *options):
        System.nruns += 1
        return simulate(f"{work}/{System.nruns}", parameters, self.conf, self.topology, *options)

    def point(self, mdp, result, bounds, precision):
        """Step 0: energies, tensors, forces."""
        what = f"{self.name} {result} {precision}"
        run = self.run(self.read(mdp), "--precision", precision)
        if run.steps != [0] or list(run.frames) != [0]:
            compare.complain(f"{what}: steps {run.steps}, frames {list(run.frames)}")
        compare.row(what, run.rows[0], read_list(f"{self.folder}{result}.energies.txt"), run.box, bounds)
        compare.forces(what, run.frames[0][2], read_forces(f"{self.folder}{result}.forces.txt"), bounds)
        compare.tell(what)

    def steps(self, parameters, result, bounds, forces, most=100):
        """Energies of every step, forces before the first, atoms after the last; in double precision.
        @param most  steps: atoms are compared if these are all that there are"""
        what = f"{self.name} {result}"
        x, v, box = read_gro(self.folder + result)
        table = read_table(self.folder + result.split(".")[0] + ".energies_each_step.txt")
        nsteps = min(len(table) - 1, most)
        run = self.run(
            changed(parameters, nsteps=nsteps, nstxout=nsteps, nstvout=nsteps, nstfout=nsteps), "--precision", "double"
        )
        if run.steps != list(range(nsteps + 1)) or list(run.frames) != [0, nsteps]:
            compare.complain(f"{what}: steps {run.steps}, frames {list(run.frames)}")
        for step, ours, theirs in zip(run.steps, run.rows, table):
            compare.row(f"{what} step {step}", ours, theirs, box, bounds)
        compare.forces(what, run.frames[0][2], read_forces(f"{self.folder}{forces}.forces.txt"), bounds)
        if nsteps == len(table) - 1:
            compare.atoms(what, run.frames[nsteps], (x, v), box, bounds)
        compare.tell(what)

    def settled(self, mdp, result):
        """Lengths that are made what they must be before the first step."""
        run = self.run(self.read(mdp), "--precision", "double")
        x, v, box = read_gro(self.folder + result)
        compare.atoms(f"{self.name} {result}", run.frames[0], (x, v), box, SETTLED)
        compare.tell(f"{self.name} {result}")

    def converged(self, parameters, result):
        """Electrostatics against sums that have no mesh's error left: ours on a fine mesh, with the same beta."""
        run = self.run(changed(parameters, pme_order=6, fourierspacing=0.03), "--precision", "double")
        theirs = read_list(f"{self.folder}{result}.energies.txt")
        sums = [row["Coulomb_(SR)"] + row["Coul._recip."] for row in (run.rows[0], theirs)]
        compare.hold(f"{self.name} {result}", "electrostatics", abs(sums[0] / sums[1] - 1), 2e-7)
        off = run.frames[0][2] - read_forces(f"{self.folder}{result}.forces.txt")
        compare.hold(f"{self.name} {result}", "forces, kJ/mol/nm", float(abs(off).max()), 0.01)
        compare.tell(f"{self.name} {result}")

    def cuts(self, mdp, precision, cuts):
        """The same energies and forces however the box is cut, and by however many threads; cuts[0] is the one to compare with."""
        first = None
        for cut, nthreads in cuts:
            nranks = cut[0] * cut[1] * cut[2]
            what = f"{self.name} {precision}, {nranks} ranks of {nthreads} threads"
            options = ["--precision", precision, "-j", str(nthreads), "--grid", "x".join(map(str, cut))]
            run = self.run(self.read(mdp), *options, *(["-n", str(nranks)] if nranks > 1 else []))
            first = first or run
            compare.row(what, run.rows[0], first.rows[0], run.box, CUT[precision])
            compare.forces(what, run.frames[0][2], first.frames[0][2], CUT[precision])
            for name in ("Potential", "Total_Energy"):
                compare.hold(what, "sums", abs(run.rows[0][name] / first.rows[0][name] - 1), SAME_ENERGY[precision])
            compare.tell(what)


def water():
    for model in ("tip3p", "spce"):
        one = System("03_water1", topology=f"topol_{model}.top")
        one.settled("settle.mdp", f"settled_{model}.gro")
        many = System("04_water216", f"conf_{model}.gro", f"topol_{model}.top")
        for system, kind, bounds in (
            (one, "flex_rf", EXACT),
            (one, "flex_pme", DOUBLE),
            (many, "cut", EXACT),
            (many, "rf", EXACT),
            (many, "pme", DOUBLE),
            (many, "pme_order6", DOUBLE),
        ):
            system.point(f"{kind}.mdp", f"{model}_{kind}", bounds, "double")
            system.point(f"{kind}.mdp", f"{model}_{kind}", MIXED, "mixed")
        many.steps(changed(many.read("pme.mdp"), dt=0.002), f"{model}_after10.gro", DOUBLE, f"{model}_pme")
        many.converged(many.read("pme_converged.mdp"), f"{model}_pme_converged")


def protein(name, most=100):
    system = System(name)
    system.steps(system.read("after10.mdp"), "after10.gro.gz", DOUBLE, "sp", most)
    system.point("sp.mdp", "sp", MIXED, "mixed")


def ala2():
    vacuum = System("05_ala2_vacuum")
    vacuum.point("sp.mdp", "sp", EMPTY, "mixed")
    vacuum.steps(changed(vacuum.read("sp.mdp"), dt=0.0005), "after100.gro", TABLES, "sp")
    System("06_ala2_tip3p").point("sp.mdp", "sp", DOUBLE, "double")
    protein("06_ala2_tip3p")


def cuts():
    if not os.path.exists(os.environ["ALLOT_BUILD"] + "/allot-md-mpi"):
        print("skipped: built without MPI")
        sys.exit(77)
    alone, halves, quarters, eighths = (1, 1, 1), (2, 1, 1), (1, 2, 2), (2, 2, 2)
    cubic, skewed = System("06_ala2_tip3p"), System("08_gb1_charmm")
    cubic.cuts("sp.mdp", "double", [(alone, 1), (alone, 2), (halves, 1), (halves, 2), (quarters, 1), (eighths, 1)])
    cubic.cuts("sp.mdp", "mixed", [(alone, 1), (alone, 2), (halves, 1), (eighths, 1)])
    skewed.cuts("sp.mdp", "double", [(alone, 2), (eighths, 1)])


part, reference, work = sys.argv[1:4]
{
    "water": water,
    "ala2": ala2,
    "ubq": lambda: protein("07_ubq_amber"),
    "gb1": lambda: protein("08_gb1_charmm"),
    "lyso": lambda: protein("09_lyso_opls", 2),
    "cuts": cuts,
}[part]()
print(f"{compare.nwrong} wrong")
sys.exit(compare.nwrong > 0)
