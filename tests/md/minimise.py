# minimise.py HOW GMX ALLOT - a minimisation by `gmx mdrun -v` and by `allot md --json`, on standard output each.
#   path  every step whose energy is lower than all before: energy to the six digits that are written; the greatest force,
#         too, for twenty steps, and its atom; afterwards the two paths differ in forces from the fifth digit on. Why was not
#         measured: rounding that grows along the way, or pairs that on one path only are beyond the cut-off
#   end   the lowest energy is at least as low
# SPDX-License-Identifier: Apache-2.0
import json
import re
import sys

how, gmx, allot = sys.argv[1:4]
number = r"=\s*([-+.\deE]+)"
tries = [
    (int(step), float(energy), float(force), int(atom))
    for step, energy, force, atom in re.findall(
        rf"Step\s*=?\s*(\d+),.*?Epot{number}.*?Fmax{number},?\s*\(?atom=?\s*(\d+)", open(gmx).read().replace("\r", "\n")
    )
]
ours = {row["step"]: row for row in map(json.loads, open(allot))}
worst = {"potential": 0.0, "fmax": 0.0, "later fmax": 0.0}
if how == "path":
    lowest = float("inf")
    ncompared = nhigher = 0
    for step, energy, force, atom in tries:
        if not energy < lowest:
            nhigher += 1
            continue
        lowest = energy
        ncompared += 1
        row = ours[step]
        worst["potential"] = max(worst["potential"], abs(row["potential"] / energy - 1))
        which = "fmax" if step <= 20 else "later fmax"
        worst[which] = max(worst[which], abs(row["fmax"] / force - 1))
        assert row["atom"] == atom, (step, row["atom"], atom)
    print(f"{ncompared} steps downhill, {nhigher} not: off by at most", ", ".join(f"{by:.1e} of {what}" for what, by in worst.items()))
    assert ncompared > 25 and nhigher > 3 and len(ours) == 51
    assert worst["potential"] < 6e-6 and worst["fmax"] < 1.5e-5 and worst["later fmax"] < 3e-4
else:
    theirs = float(re.search(rf"Potential Energy\s*{number}", open(gmx).read()).group(1))
    last = ours[max(ours)]
    print(f"{last['potential']:.9g} in {last['step']} steps, theirs {theirs:.9g}")
    assert last["potential"] <= theirs + 1e-5 and last["fmax"] < 0.01
