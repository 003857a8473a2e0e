#!/bin/bash
# example.sh - examples/md: from a PDB entry to a picture, with a few steps; and what its script and its picture must say no to.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
command -v gmx >/dev/null || { echo "skipped: no gmx (Debian: gromacs)"; exit 77; }
python=/usr/bin/python3
[ -x $python ] || python=python3
$python -c 'import mdtraj' 2>/dev/null || { echo "skipped: no mdtraj (Debian: python3-mdtraj)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*" >&2; exit 1; }
run=$ALLOT_SOURCE/examples/md/run
export ALLOT

# A folder that is someone's is left as it is.
mkdir theirs && touch theirs/precious
if "$run" theirs >out 2>&1; then fail "it emptied a folder that is not its own"; fi
[ -e theirs/precious ] && grep -q 'name another folder' out || fail "$(cat out)"
if ALLOT=$work/none "$run" protein >out 2>&1; then fail "without the command it goes on"; fi
grep -q 'no command allot' out || fail "$(cat out)"

STEPS=10 "$run" protein >out 2>&1 || fail "status $?: $(tail -n 40 out)"
for file in trajectory.xtc final.gro energies.jsonl picture.svg; do
    [ -s "protein/md/$file" ] || fail "no md/$file: $(cat out)"
done
# The tutorial has the same commands, letter by letter.
sed 's/^\$ //' "$ALLOT_SOURCE/docs/tutorial-protein.md" >tutorial
ncommands=0
while IFS= read -r command; do
    ncommands=$((ncommands + 1))
    grep -qxF -- "$command" tutorial || fail "docs/tutorial-protein.md does not say: $command"
done < <(sed -n 's/^\$ //p' out)
[ "$ncommands" = 9 ] || fail "$ncommands commands: $(cat out)"

$python - "$ALLOT_SOURCE/examples/md" <<'END'
import json, sys
import xml.etree.ElementTree as tree
import mdtraj
import numpy
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import picture

whole = mdtraj.load("protein/system.gro")
protein = whole.topology.select("protein")
bonds = [(a.index, b.index) for a, b in whole.topology.bonds if a.residue.is_protein]
assert len(bonds) > 1200

# What allot wrote: the protein, back in one piece, is the crystal's; it has hardly moved.
times, distances = picture.backbone_rmsd("protein/md", "protein/system.gro")
assert len(times) == 2 and abs(times[1] - 0.02) < 1e-6, times
assert 0.001 < distances[0] < 0.05 and 0 < distances[1] < 0.05, distances
drawn = tree.parse("protein/md/picture.svg").getroot()
words = [node.text for node in drawn.iter("{http://www.w3.org/2000/svg}text")]
for word in ("energy (1000 kJ/mol)", "temperature (K)", "RMSD (nm)", "time (ps)", "potential", "total", "backbone"):
    assert word in words, (word, words)
nlines = sum(1 for _ in drawn.iter("{http://www.w3.org/2000/svg}polyline"))
assert nlines >= 4, nlines

# A protein that turns and drifts far, each atom put back into the skewed box: as a body it has not changed. Then it is
# stretched by 10 %: the distance is a tenth of its radius of gyration.
x = whole.xyz[0].astype(float)
box = whole.unitcell_vectors[0].astype(float)
centre = x[protein].mean(0)
frames = []
for k in range(40):
    angle = 0.1 * k
    turn = numpy.array([[numpy.cos(angle), -numpy.sin(angle), 0], [numpy.sin(angle), numpy.cos(angle), 0], [0, 0, 1]])
    moved = (x - centre) @ turn * (1 if k < 39 else 1.1) + centre + 0.4 * k * numpy.array([1, 0.7, 0.3])
    frames.append(moved - numpy.floor(moved @ numpy.linalg.inv(box)) @ box)
turning = mdtraj.Trajectory(numpy.array(frames, dtype=numpy.float32), whole.topology, time=numpy.arange(40))
turning.unitcell_vectors = numpy.repeat(box[None], 40, 0)
turning.save_xtc("protein/em/trajectory.xtc")
_, distances = picture.backbone_rmsd("protein/em", "protein/system.gro")
assert max(distances[:39]) < 0.002, distances
chosen = whole.topology.select("backbone")
radius = numpy.sqrt(((x[chosen] - x[chosen].mean(0)) ** 2).sum(1).mean())
assert abs(distances[39] - 0.1 * radius) < 0.002, (distances[39], radius)

# Axes: ticks at round numbers, inside, enough of them; numbers with the decimals of the step.
for low, high in ((-150.3, -148.1), (0, 0.0123), (298, 301), (-1, 1e5), (0.1, 0.4)):
    marks, step = picture.ticks(low, high, 5)
    assert 3 <= len(marks) <= 6 and low <= marks[0] + 1e-9 and marks[-1] <= high + 1e-9, (low, high, marks)
    assert f"{step:e}"[0] in "125", step
assert picture.text_number(-0.05, 0.05) == "\N{MINUS SIGN}0.05" and picture.text_number(300.0, 20) == "300"
line = picture.Line("x", "red", range(6), [100.0, 50.0, None, 1.0, 3.0, 0.0])
assert line.mean_of_second_half() == 4 / 3 and len(line.points) == 5

# A point is where the ticks beside and below it say.
line = picture.Line("x", "red", [2 * k for k in range(11)], [k * k for k in range(11)])
svg = tree.fromstring(picture.draw("a & b", "", [("x", "nm", [line], False)]))
assert svg.find("{*}title").text == "a & b"
at = {"end": {}, "middle": {}}
for node in svg.findall("{*}text"):
    if node.get("text-anchor") in at and node.text.isdigit():
        at[node.get("text-anchor")][int(node.text)] = float(node.get("y")) - 4, float(node.get("x"))
points = [tuple(map(float, pair.split(","))) for pair in svg.find("{*}polyline").get("points").split()]
for value, (y, _) in at["end"].items():
    assert value ** 0.5 % 1 or abs(points[round(value ** 0.5)][1] - y) < 0.2, (value, y, points)
for time, (_, x) in at["middle"].items():
    assert time % 2 or abs(points[time // 2][0] - x) < 0.2, (time, x, points)
assert 100 in at["end"] and 0 in at["end"] and 10 in at["middle"], at
END

# One row is no line over time.
head -n 1 protein/md/energies.jsonl >row && mv row protein/md/energies.jsonl
if $python protein/picture.py protein/md >out 2>&1; then fail "a picture of one row"; fi
grep -q 'has 1 rows' out || fail "$(cat out)"
