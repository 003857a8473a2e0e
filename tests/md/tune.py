#!/usr/bin/python3
"""tune.py PARAMETERS CONF TOPOLOGY - electrostatics split by several factors, against sums that have no error left: forces are not
farther off than with the split that is asked for.

SPDX-License-Identifier: Apache-2.0
"""
import sys

import numpy

from physics import Comparison, changed, simulate

# What is left out by pairs that are cut off where erfc is 1e-5, whatever the factor is.
CUT_OFF = {"energy": 0, "virial": 5e-5, "forces": 0}
compare = Comparison()
parameters, conf, topology = open(sys.argv[1], encoding="ascii").read(), *sys.argv[2:4]
parameters = changed(parameters, nsteps=0, nstxout=1, nstvout=1, nstfout=1, pcoupl="no")
nruns = 0


def step_0(keys, *options):
    """(electrostatic energy, virial, forces, the line of the log that says how pairs are found)"""
    global nruns
    nruns += 1
    run = simulate(f"run.{nruns}", changed(parameters, **keys), conf, topology, "--precision", "double", "-j", "1", *options)
    row = run.rows[0]
    told = [line for line in open(f"run.{nruns}/out/md.log", encoding="ascii") if line.startswith("pairs ")]
    virial = numpy.array([row["Vir-" + name] for name in ("XX", "YY", "ZZ", "XY")])
    return row["Coulomb_(SR)"] + row["Coul._recip."], virial, run.frames[0][2], told[0]


def off(one, other):
    """Energy and virial of the energy, forces of the forces."""
    energy, forces = abs(one[0] - other[0]) / abs(other[0]), numpy.sqrt(((one[2] - other[2]) ** 2).sum() / (other[2] ** 2).sum())
    return energy, abs(one[1] - other[1]).max() / abs(other[0]), forces


exact = step_0({"pme-order": 10, "fourierspacing": 0.05, "ewald-rtol": 1e-8, "coulomb-modifier": "none"})
for keys, meshes in (({}, {1.19: 14, 1.4: 12, 1.6: 10}), ({"pme-order": 6, "fourierspacing": 0.1}, {1.3: 16, 1.7: 12})):
    asked = step_0(keys, "--tune-pme", "never")
    of_asked = off(asked, exact)
    print(f"{keys}: as asked for {of_asked}")
    same = step_0(keys, "--tune-pme", "1")
    if same[0] != asked[0] or (same[2] != asked[2]).any():
        compare.complain("a factor of 1 is not what was asked for")
    for factor, mesh in meshes.items():
        found = step_0(keys, "--tune-pme", str(factor))
        of_found = off(found, exact)
        print(f"{keys}, {factor}: {of_found}")
        if f"a mesh of {mesh} x {mesh} x {mesh} " not in found[3] or "by --tune-pme" not in found[3]:
            compare.complain(f"{factor}: {found[3]}")
        if (found[2] == asked[2]).all():
            compare.complain(f"{factor}: nothing has changed")
        for kind, ours, theirs in zip(("energy", "virial", "forces"), of_found, of_asked):
            compare.hold(f"{keys}, {factor}", kind, ours, max(1.02 * theirs, CUT_OFF[kind]))
print(f"{compare.nwrong} wrong")
sys.exit(compare.nwrong > 0)
