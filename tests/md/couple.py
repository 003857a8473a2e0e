#!/usr/bin/python3
"""couple.py inputs - writes the systems that couple.sh simulates with GROMACS.
couple.py NAME TOOL - what GROMACS did in NAME.trr and NAME.xvg against what couple_tool makes of its energies.

SPDX-License-Identifier: Apache-2.0
"""
import math
import re
import subprocess
import sys

import trr

CELLS, EDGE, MASS, NFIRST = 5, 2.86, 39.948, 200
BOXES = {
    "cube": ((EDGE, 0, 0), (0, EDGE, 0), (0, 0, EDGE)),
    "leaning": ((EDGE, 0, 0), (0.4, 1.02 * EDGE, 0), (-0.3, 0.5, 0.97 * EDGE)),
}
TOPOLOGY = """[ defaults ]
1 2 no 1.0 1.0
[ atomtypes ]
AR 39.948 0.0 A 0.3405 0.99774
[ moleculetype ]
AR 1
[ atoms ]
1 AR 1 AR AR 1 0.0 39.948
[ system ]
argon
[ molecules ]
AR 500
"""
failed = False


def write_inputs():
    places = [
        [(cell + shift + 0.25) / CELLS for cell, shift in zip((i, j, k), corner)]
        for i in range(CELLS)
        for j in range(CELLS)
        for k in range(CELLS)
        for corner in ((0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5))
    ]
    for name, box in BOXES.items():
        with open(name + ".gro", "w", encoding="ascii") as out:
            out.write(f"argon\n{len(places)}\n")
            for k, place in enumerate(places):
                at = [sum(place[d] * box[d][e] for d in range(3)) for e in range(3)]
                out.write(f"{k + 1:5d}{'AR':5s}{'AR':>5s}{k + 1:5d}{at[0]:11.6f}{at[1]:11.6f}{at[2]:11.6f}\n")
            order = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
            out.write(" ".join(f"{box[d][e]:.6f}" for d, e in order) + "\n")
    with open("argon.top", "w", encoding="ascii") as out:
        out.write(TOPOLOGY)
    with open("groups.ndx", "w", encoding="ascii") as out:
        for name, begin, end in (("System", 0, len(places)), ("A", 0, NFIRST), ("B", NFIRST, len(places))):
            out.write(f"[ {name} ]\n" + "\n".join(str(k + 1) for k in range(begin, end)) + "\n")


def complain(text):
    global failed
    print(f"{name}: {text}")
    failed = True


def energies():
    """{term: [its numbers]}"""
    names, rows = ["Time"], []
    for line in open(name + ".xvg", encoding="ascii"):
        found = re.match(r'@ s\d+ legend "(.*)"', line)
        if found:
            names.append(found[1])
        elif line[0] not in "#@":
            rows.append([float(word) for word in line.split()])
    return dict(zip(names, zip(*rows)))


def kinetic_of(v, begin, end):
    return [MASS / 2 * sum(v[3 * k + d] * v[3 * k + e] for k in range(begin, end)) for d in range(3) for e in range(3)]


def group_energies(v):
    tensors = [kinetic_of(v, 0, NFIRST), kinetic_of(v, NFIRST, len(v) // 3)]
    return [sum(tensor[0::4]) for tensor in tensors], [a + b for a, b in zip(*tensors)]


def tensor_at(terms, what, k):
    return [terms[f"{what}-{a}{b}"][k] for a in "XYZ" for b in "XYZ"]


def change(x, mu):
    """The row x times mu, lower triangular."""
    return [sum(x[d] * mu[3 * d + e] for d in range(e, 3)) for e in range(3)]


def apart_in(box, a, b):
    """How far a is from b, whichever of its images."""
    step = [p - q for p, q in zip(a, b)]
    for d in (2, 1, 0):
        n = round(step[d] / box[3 * d + d])
        step = [s - n * box[3 * d + e] for e, s in enumerate(step)]
    return max(map(abs, step))


class Greatest(dict):
    """The greatest there was of each kind."""

    def note(self, what, value):
        self[what] = max(self.get(what, 0), abs(value) if value == value else math.inf)


def moved(now, then):
    """Velocities of the next frame, before C-rescale divided them by what the box grew by."""
    grown = [then[1][4 * d] / now[1][4 * d] for d in range(3)]
    return [w * grown[k % 3] for k, w in enumerate(then[3])] if is_chance else then[3]


def counted(frames, k):
    """Velocities half a step before step k whose kinetic energy GROMACS counts: with C-rescale those before it changed them."""
    return moved(frames[k - 1], frames[k]) if is_chance and k > 0 else frames[k][3]


def step_atoms(now, then, out):
    """Velocities and places of the next frame, from this one."""
    _, _, x, v, f = now
    next_box, next_x, next_v = then[1], then[2], moved(now, then)
    for k in range(len(x) // 3):
        a, b = out["turns"][0 if k < NFIRST else 1]
        at = slice(3 * k, 3 * k + 3)
        old, force = v[at], f[at]
        new = [sum(a[3 * d + e] * old[e] for e in range(3)) + b * dt * force[d] / MASS for d in range(3)]
        place = change([a + dt * w for a, w in zip(x[at], next_v[at] if is_chance else new)], out["mu"])
        apart.note("places", apart_in(next_box, place, next_x[at]))
        for d in range(3 if not is_chance else 0): # where the temperature is GROMACS's chance, too
            apart.note("velocities", new[d] - next_v[3 * k + d])


def chance_of(now, then, out):
    """GROMACS's own mu of C-rescale, and what of it was by chance, in standard deviations."""
    box, new = now[1], then[1]
    mu = [new[4 * d] / box[4 * d] for d in range(3)]
    pressure, volume = out["theirs"], box[0] * box[4] * box[8]
    unit = dt / float(mdp["tau-p"]) * 2 * 0.00831446261815324 * float(mdp["ref-t"].split()[0]) / volume / 0.0602214076
    beta, reference = [[float(word) for word in mdp[key].split()] for key in ("compressibility", "ref-p")]
    part = dt / float(mdp["tau-p"]) / 3
    if len(beta) == 1:
        drift = part * beta[0] * (sum(pressure[0::4]) / 3 - reference[0])
        return mu, [(math.log(mu[0]) - drift) / math.sqrt(unit * beta[0]) * 3]
    across = part * beta[0] * ((pressure[0] + pressure[4]) / 2 - reference[0])
    along = part * beta[1] * (pressure[8] - reference[1])
    return mu, [
        (math.log(mu[0]) - across) / math.sqrt(unit * beta[0] * 2 / 3) * 2,
        (math.log(mu[2]) - along) / math.sqrt(unit * beta[1] / 3),
    ]


def run_tool(frames, terms):
    lines = []
    for k, (now, then) in enumerate(zip(frames, frames[1:])):
        halves, before = group_energies(counted(frames, k))
        _, after = group_energies(moved(now, then))
        kinetic = [(a + b) / 2 for a, b in zip(before, after)]
        virial = [-2 * a for a in tensor_at(terms, "Vir", k)]
        numbers = halves + kinetic + virial + tensor_at(terms, "Pres", k) + list(now[1])
        lines.append(f"{now[0]} " + " ".join(map(repr, numbers)))
    removed = "0" if mdp.get("comm-mode") == "none" else "3"
    answer = subprocess.run(
        [tool, name + ".mdp", removed, str(NFIRST), str(500 - NFIRST)], input="\n".join(lines), text=True, check=True, capture_output=True
    ).stdout.splitlines()
    return [[float(word) for word in line.split()] for line in answer]


def compare():
    frames, terms = trr.frames(name + ".trr"), energies()
    (freedom, *rows), chances = run_tool(frames, terms), []
    assert len(rows) == len(frames) - 1 == int(mdp["nsteps"]) and len(rows) > 30
    for k, (row, now, then) in enumerate(zip(rows, frames, frames[1:])):
        out = {
            "turns": ((row[0:9], row[9]), (row[10:19], row[19])),
            "pressure": row[20:29],
            "mu": row[29:38],
            "theirs": tensor_at(terms, "Pres", k),
        }
        for a, b in zip(out["pressure"], out["theirs"]):
            apart.note("pressures", a - b)
        for group, (begin, end), nf in zip("AB", ((0, NFIRST), (NFIRST, 500)), freedom):
            energy = sum(sum(kinetic_of(v, begin, end)[0::4]) / 2 for v in (counted(frames, k), moved(now, then)))
            apart.note("temperatures", 2 * energy / (nf * 0.00831446261815324) - terms["T-" + group][k])
        if is_chance:
            mu, numbers = chance_of(now, then, out)
            out["mu"] = [mu[0], 0, 0, 0, mu[1], 0, 0, 0, mu[2]]
            chances.append(numbers)
        for d in range(3):
            wanted = change(now[1][3 * d : 3 * d + 3], out["mu"])
            for e in range(3):
                apart.note("boxes", wanted[e] - then[1][3 * d + e])
        if not (is_chance and k % 20):
            step_atoms(now, then, out)
        if has_masses_of_gromacs(frames[0][1]):
            apart.note("conserved", row[38] - terms["Conserved En."][k] + terms["Total Energy"][k])
    if mdp["pcoupl"] == "parrinello-rahman" and "1e-4 2e-4 3e-4 1e-4" in mdp["compressibility"]:
        check_tilts([row[38] for row in rows], terms)
    return chances


def has_masses_of_gromacs(box):
    """Whether GROMACS counts the box's energy with the masses that it moves with; and not at all what C-rescale does to velocities."""
    is_straight = not any(box[k] for k in (3, 6, 7)) and not is_chance
    return mdp["pcoupl"] == "berendsen" or mdp["pcoupl"] == "no" or (is_straight and len(set(mdp["ref-p"].split()) - {"0"}) == 1)


def check_tilts(energy, terms):
    """Where tilts move what GROMACS says is conserved is not, and ours is."""
    ours, theirs = [a + b for a, b in zip(energy, terms["Total Energy"])], terms["Conserved En."]
    spreads = [max(a) - min(a) for a in (ours, theirs)]
    print(f"{name}: what is conserved varies by {spreads[0]:.3g} kJ/mol, GROMACS's by {spreads[1]:.3g}")
    if not spreads[0] < spreads[1] / 5:
        complain("what should stay does not")


def check_chances(chances):
    """Standard normal, or GROMACS's noise is not what ours is."""
    for column in zip(*chances):
        n = len(column)
        mean, variance = sum(column) / n, sum(a * a for a in column) / n
        print(f"{name}: GROMACS's chance in units of ours: mean {mean:.3f}, variance {variance:.3f}")
        if not (abs(mean) < 4 / math.sqrt(n) and abs(variance - 1) < 4 * math.sqrt(2 / n)):
            complain("GROMACS's chance is not of our size")


name = sys.argv[1]
if name == "inputs":
    write_inputs()
    sys.exit()
tool = sys.argv[2]
mdp = {key.strip(): value.strip() for key, value in (line.split("=") for line in open(name + ".mdp", encoding="ascii"))}
dt = float(mdp["dt"])
is_chance = mdp["pcoupl"] == "c-rescale"
apart = Greatest()
check_chances(compare())
# GROMACS's energies have twelve decimals, its boxes and velocities all their bits; its bar is 3.5e-10 smaller.
BOUNDS = {"pressures": 5e-6, "temperatures": 1e-9, "velocities": 1e-11, "places": 1e-12, "boxes": 1e-12, "conserved": 3e-7}
print(f"{name}: " + ", ".join(f"{what} differ by {value:.2g}" for what, value in apart.items()))
for what, value in apart.items():
    if not value <= BOUNDS[what]:
        complain(f"{what} differ by {value:.3g}, more than {BOUNDS[what]:g}")
sys.exit(failed)
