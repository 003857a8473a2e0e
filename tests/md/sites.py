"""Virtual sites against GROMACS, for sites.sh.

    sites.py start KINDS N SEED      a .gro of N molecules; KINDS: "S" (sites.top), "tip4p", "tip5p"
    sites.py compare OURS TRR XVG    sites_tool's answer, and of gmx_d positions, forces and virial

SPDX-License-Identifier: Apache-2.0
"""
import math
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import trr

ATOMS = {"S": ["C1", "C2", "C3"] + [f"M{k}" for k in range(1, 7)],
         "tip4p": ["OW", "HW1", "HW2", "MW"], "tip5p": ["OW", "HW1", "HW2", "LP1", "LP2"]}
BOX = 12


def start(kind, n, seed):
    """Molecules of three atoms, bent, each turned; where the sites are is nonsense."""
    rng, names, residue = random.Random(seed), ATOMS[kind], "S" if kind == "S" else "SOL"
    length = 0.15 if kind == "S" else 0.096
    print(f"{kind}\n{n * len(names)}")
    for k in range(n):
        at = [BOX / 2 + 0.55 * (k // 3 ** d % 3) + rng.uniform(-0.05, 0.05) for d in range(3)]
        u = [rng.gauss(0, 1) for _ in range(3)]
        v = [rng.gauss(0, 1) for _ in range(3)]
        uu = math.sqrt(sum(a * a for a in u))
        u = [a / uu for a in u]
        uv = sum(a * b for a, b in zip(u, v))
        v = [b - uv * a for a, b in zip(u, v)]
        vv = math.sqrt(sum(a * a for a in v))
        angle = math.radians(rng.uniform(95, 115))
        v = [math.cos(angle) * a + math.sin(angle) * b / vv for a, b in zip(u, v)]
        l1, l2 = (length * rng.uniform(0.95, 1.05) for _ in range(2))
        places = [at, [a + l1 * b for a, b in zip(at, u)], [a + l2 * b for a, b in zip(at, v)]]
        for j, name in enumerate(names):
            x = places[j] if j < 3 else at
            print(f"{k + 1:5d}{residue:5s}{name:>5s}{(k * len(names) + j + 1) % 100000:5d}" +
                  "".join(f"{a:13.8f}" for a in x))
    print(BOX, BOX, BOX)


def apart(ours, theirs):
    """The root of the mean square of what differs, over that of what is there."""
    off = sum((a - b) ** 2 for a, b in zip(ours, theirs))
    return math.sqrt(off / sum(b * b for b in theirs))


def compare(path, trr_path, xvg):
    rows = [list(map(float, line.split())) for line in open(path)]
    ours, virial = rows[:-1], rows[-1]
    step, box, x, v, f = trr.frames(trr_path)[0]
    is_site = [all(a == 0 for a in row[3:]) for row in ours]
    assert any(is_site)
    x_off = max(abs(row[d] - x[3 * k + d]) for k, row in enumerate(ours) for d in range(3))
    keep = [k for k, site in enumerate(is_site) if not site] # what GROMACS writes of a site is what acted on it
    f_off = apart([ours[k][3 + d] for k in keep for d in range(3)], [f[3 * k + d] for k in keep for d in range(3)])
    theirs = list(map(float, [line for line in open(xvg) if line[0] not in "#@"][0].split()[1:]))
    vir_off = apart(virial, theirs)
    print(f"{os.path.basename(path)}: positions apart by {x_off:.1e} nm, forces by {f_off:.1e}, virial by {vir_off:.1e}")
    return x_off < 1e-12 and f_off < 1e-10 and vir_off < 1e-9


if sys.argv[1] == "start":
    start(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    sys.exit(0 if compare(*sys.argv[2:5]) else 1)
