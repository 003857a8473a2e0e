#!/usr/bin/python3
"""keys.py - keys of run parameters that change which atoms move how, and from when on: what keys.sh made in this folder (md.gro, md.trr,
topol.top, groups.ndx), ten steps by GROMACS and by `allot md`; what .xtc files have; and what no other program is asked about.

SPDX-License-Identifier: Apache-2.0
"""
import json
import re
import subprocess
import sys

import numpy
import trr
from physics import Bounds, Comparison, nearest, read_gro, simulate
from steps import BASE, compare_steps, write_start

PME = "coulombtype = PME\nfourierspacing = 0.12\n"
FIELD = "coulombtype = Reaction-Field\nepsilon-rf = 78\n"
H_BONDS, FREE = "constraints = h-bonds\ndt = 0.002\n", "define = -DFLEXIBLE\nconstraints = none\ndt = 0.0005\n"
ON, ANEW = "continuation = yes\n", "continuation = no\n"
LEAP_FROG, VERLET, DESCENT = "integrator = md\n", "integrator = md-vv\n", "integrator = sd\n"
BATHS = "tc-grps = Protein Water\ntau-t = 0.1 0.2\nref-t = 300 310\n"
BERENDSEN = "tcoupl = berendsen\n" + BATHS
CHAINS = "tcoupl = nose-hoover\n" + BATHS
FRICTION = BATHS.replace("0.1 0.2", "0.01 0.02")
SLOPE = "freezegrps = slope pillar\nfreezedim = Y N N N Y Y\n"
INDEX = ("-n", "groups.ndx"), ("--index", "groups.ndx")
RANKS = ("-n", "4", "-j", "1", "--grid", "2x2x1")
BOUNDS = Bounds(energy=1e-6, force=2e-6, virial=1e-6, x=5e-7, v=3e-5)
compare = Comparison()


def try_steps(number, parameters, index=False, more=(), **options):
    what = ", ".join(line.split(" = ")[1] for line in parameters.split("\n") if line)
    grompp, ours = INDEX if index else ((), ())
    return compare_steps(compare, f"keys{number}", what, parameters, BOUNDS, grompp, (*ours, *more), **options)


def check_times():
    """Steps and times in every file, in those that a restart goes on with, too."""
    parameters = PME + H_BONDS + LEAP_FROG + ON + "tinit = 2.5\ninit-step = 1200\nnstxout-compressed = 5\n" + BERENDSEN + "nsttcouple = 4\n"
    try_steps("time", parameters, first=1200)
    times = {
        name: [float(line.split()[0]) for line in open(name, encoding="ascii") if line[0] not in "#@"]
        for name in ("keystime.xvg", "keystime.double/out/energies.xvg")
    }
    theirs, ours = times.values()
    rows = [json.loads(line)["time"] for line in open("keystime.double/out/energies.jsonl", encoding="ascii")]
    for a, b, c in zip(theirs, ours, rows, strict=True):
        compare.hold("times", "ps", max(abs(a - b), abs(a - c)), 1e-6)
    frames = [dump_xtc(f"keystime.{name}") for name in ("xtc", "double/out/trajectory.xtc")]
    if [frame[:2] for frame in frames[0]] != [frame[:2] for frame in frames[1]] or len(frames[0]) != 3:
        compare.complain(f"steps and times of frames: {[[frame[:2] for frame in file] for file in frames]}")
    with open("keystime.mdp", encoding="ascii") as file:
        before = file.read().replace("tinit = 2.5", "tinit = -3.5")  # GROMACS writes such, and cannot read its energies then
    with open("keystime.mdp", "w", encoding="ascii") as file:
        file.write(before)
    files = {}
    for name, parts in {"whole": [["--steps", "40"]], "parts": [["--steps", "20"], ["--steps", "40", "--resume"]]}.items():
        for options in parts:
            allot("keystime.mdp", "--renew", "20", "-j", "1", "-o", "time." + name, *options)
        files[name] = [open(f"time.{name}/{file}", "rb").read() for file in ("final.gro", "energies.jsonl", "energies.xvg", "trajectory.xtc")]
    if files["whole"] != files["parts"] or files["whole"][2].count(b"\n") < 41:
        compare.complain("a restart with tinit and init-step is not what it would have been")


def allot(parameters, *options):
    command = [simulate_command, "md", "-f", parameters, "-c", "start.gro", "-p", "topol.top", "-q", *options]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        compare.complain(f"{' '.join(command)}: status {done.returncode}: {done.stderr[-500:]}")


def dump_xtc(name):
    """[(step, time, x)] as gmx dump has them"""
    text = subprocess.run(["gmx", "-quiet", "dump", "-f", name], capture_output=True, text=True, check=True).stdout
    frames = []
    for part in re.split(r"(?m)^\S+ frame \d+:\n", text)[1:]:
        step, time = re.search(r"step= *(\d+) +time=(\S+)", part).groups()
        x = [list(map(float, row)) for row in re.findall(r"x\[ *\d+\]=\{ *(\S+), *(\S+), *(\S+)\}", part)]
        frames.append((int(step), float(time), numpy.array(x)))
    return frames


def check_compressed():
    """Frames of some atoms: GROMACS's, but for whose image an atom is."""
    parameters = PME + H_BONDS + LEAP_FROG + ON + "nstxout-compressed = 5\ncompressed-x-grps = ends Protein\n"
    for number, (groups, more) in enumerate((("ends Protein", ()), ("pillar", RANKS))):
        _, run = try_steps(f"xtc{number}", parameters.replace("ends Protein", groups), index=True, more=more)
        name = f"keysxtc{number}."
        theirs, ours = dump_xtc(name + "xtc"), dump_xtc(name + "double/out/trajectory.xtc")
        for a, b in zip(theirs, ours, strict=True):
            if a[:2] != b[:2] or a[2].shape != b[2].shape:
                compare.complain(f"{groups}: frames of {b[2].shape} atoms at {b[:2]}, in GROMACS {a[2].shape} at {a[:2]}")
            else:
                compare.hold("frames of " + groups, "nm", float(abs(nearest(a[2] - b[2], run.box)).max()), 0.00101)


def check_motion():
    """Groups whose motion is taken out are still, and what is in none keeps it."""
    momentum = (read_gro("start.gro")[1] * read_masses()[:, None])[:NPROTEIN].sum(axis=0)
    if not abs(momentum).max() > 1:
        compare.complain("the peptide is still before it is made so: this test shows nothing")
    for number, (groups, more) in enumerate((("Protein Water", ()), ("Protein Water", RANKS), ("Protein", ()))):
        parameters = FIELD + H_BONDS + LEAP_FROG + ON + f"comm-grps = {groups}\nnstcomm = 10\ninit-step = 2\n" + BERENDSEN + "nsttcouple = 4\n"
        try_steps(f"still{number}", parameters, more=more, first=2, forgiven=is_removed)


def is_removed(step, name):
    """GROMACS counts the motion that was taken out after step 10 as kinetic energy of half a step after it all the same."""
    return step == 11 and (name in ("Kinetic_En.", "Total_Energy", "Temperature") or name.startswith("Pres"))


def read_masses():
    """By the first letters of names."""
    lines = open("start.gro", encoding="ascii").read().split("\n")[2:-2]
    return numpy.array([{"H": 1.008, "C": 12.01, "N": 14.01, "O": 16.0}[re.sub("[0-9 ]", "", line[10:15])[0]] for line in lines])


def check_frozen():
    """Along some directions: with both integrators, and on ranks; with friction, of which chance is ours; and in a minimisation."""
    runs = [
        try_steps("freeze0", FIELD + FREE + LEAP_FROG + ANEW + SLOPE, index=True)[1],
        try_steps("freeze1", PME + FREE + VERLET + ANEW + SLOPE + "comm-mode = none\n" + BERENDSEN + "nsttcouple = 2\n", index=True, more=RANKS)[1],
        simulate("friction", BASE + FIELD + FREE + DESCENT + ON + SLOPE + FRICTION, "start.gro", "topol.top", *INDEX[1]),
    ]
    x, _, box = read_gro("start.gro")
    groups = read_groups()
    for run in runs:
        apart = nearest(run.frames[10][0] - x, box)
        for group, along in (("slope", [0]), ("pillar", [1, 2])):
            still, moved = apart[groups[group]][:, along], numpy.delete(apart[groups[group]], along, axis=1)
            if not abs(still).max() < 1e-8 or not abs(moved).min() > 1e-9 or (run.frames[10][1][groups[group]][:, along] != 0).any():
                compare.complain(f"{group} is not frozen along {along} alone: {abs(still).max()}, {abs(moved).min()}")
    all_along_x = "freezegrps = System\nfreezedim = Y N N\n"
    run = simulate("sheets", BASE + FIELD + FREE + DESCENT + ON + all_along_x + FRICTION, "start.gro", "topol.top")
    conserved = [row["Conserved_En."] for row in run.rows]
    off = (max(conserved) - min(conserved)) / run.rows[0]["Kinetic_En."]
    compare.hold("friction on frozen atoms", "what is conserved by the kinetic energy", off, 0.05)
    with open("descent.mdp", "w", encoding="ascii") as file:
        file.write("integrator = steep\nnsteps = 10\nrcoulomb = 0.85\nrvdw = 0.85\n" + FIELD + FREE.split("dt")[0] + all_along_x)
    allot("descent.mdp", "-o", "descent")
    apart = nearest(read_gro("descent/final.gro")[0] - x, box)
    if not abs(apart[:, 0]).max() < 1e-6 < 1e-3 < abs(apart[:, 1]).max():
        compare.complain(f"a minimisation moves atoms along x, where they are frozen, by {abs(apart[:, 0]).max()} nm")


def read_groups():
    groups, name = {}, None
    for line in open("groups.ndx", encoding="ascii"):
        if line[0] == "[":
            name = line.split()[1]
            groups[name] = []
        else:
            groups[name] += [int(word) - 1 for word in line.split()]
    return groups


def check_chains():
    """Nosé-Hoover's with velocity Verlet, and what is conserved; GROMACS counts it before the step's thermostat does its first half."""
    for number, (more, options) in enumerate(
        (("nsttcouple = 1\n", ()), ("nsttcouple = 3\nnh-chain-length = 3\n", RANKS), ("nsttcouple = 2\nnh-chain-length = 1\n", ()))
    ):
        parameters = (PME if number else FIELD) + (FREE if number == 2 else H_BONDS) + VERLET + ON + CHAINS + more
        rows, run = try_steps(f"chain{number}", parameters, more=options)
        for theirs, ours in zip(rows, run.rows):
            off = abs(theirs["Conserved_En."] - ours["Conserved_En."]) / theirs["Kinetic_En."]
            compare.hold(f"chain {number}", "what is conserved by the kinetic energy", off, 1e-7)
        if number:
            continue
        for name, parts in {"whole": [["--steps", "40"]], "parts": [["--steps", "20"], ["--steps", "40", "--resume"]]}.items():
            for option in parts:
                allot("keyschain0.mdp", "--renew", "20", "-j", "1", "-o", "chain." + name, *option)
        if open("chain.whole/final.gro", "rb").read() != open("chain.parts/final.gro", "rb").read():
            compare.complain("a restart of chains is not what it would have been")


def check_whole():
    """final.gro has molecules in one piece, where frames have them only if it was asked for."""
    with open("whole.mdp", "w", encoding="ascii") as file:
        file.write(BASE + FIELD + H_BONDS + LEAP_FROG + ON)
    spread = {}
    for name, options in {"apart": [], "whole": ["--whole"]}.items():
        allot("whole.mdp", "-c", "torn.gro", "-o", "whole." + name, *options)
        _, box, x, *_ = trr.frames(f"whole.{name}/trajectory.trr")[-1]
        spread[name] = numpy.array(x).reshape(-1, 3)[:NPROTEIN].ptp(axis=0).max()
        final = read_gro(f"whole.{name}/final.gro")[0][:NPROTEIN]
        if not final.ptp(axis=0).max() < 1.2 < 1.9 < box[0]:
            compare.complain(f"the peptide of final.gro is {final.ptp(axis=0)} nm long")
    if not spread["whole"] < 1.2 or not spread["apart"] > 1.9:
        compare.complain(f"the peptide in frames is {spread} nm long")


simulate_command, NPROTEIN = sys.argv[1], 22
write_start()
for check in (check_times, check_compressed, check_motion, check_frozen, check_chains, check_whole):
    check()
try_steps("epsilon0", PME + H_BONDS + LEAP_FROG + ON + "epsilon-r = 2\n")
try_steps("epsilon1", FIELD + FREE + LEAP_FROG + ON + "epsilon-r = 1.5\n")
try_steps("verlet", PME + H_BONDS + VERLET + ON)
try_steps("told", PME + H_BONDS + VERLET + ON + BERENDSEN + "nsttcouple = 2\n")
print(f"{compare.nwrong} wrong")
sys.exit(compare.nwrong > 0)
