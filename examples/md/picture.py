#!/usr/bin/env python3
"""picture.py FOLDER [REFERENCE.gro] - draw what a simulation by `allot md -o FOLDER` did, in FOLDER/picture.svg.

Energy, temperature, and how far the protein's backbone is from REFERENCE (by default from the first frame), over time.
REFERENCE has the same atoms, and the protein in one piece.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import math
import sys
from xml.sax.saxutils import escape

WIDTH, PANEL, GAP = 720, 170, 34  # pixels: of all, height of a panel, from one to the next
LEFT, RIGHT, TOP = 86, 132, 60  # margins
INK, FAINT = "#333", "#e4e4e4"
BLUE, RED, GREEN, GREY = "#2463a8", "#c8442d", "#2d8653", "#777"


class Line:
    """Values over time, in one colour, with a name."""

    def __init__(self, name, color, times, values, dashes=""):
        self.name, self.color, self.dashes = name, color, dashes
        self.points = [(t, v) for t, v in zip(times, values) if v is not None]

    def mean_of_second_half(self):
        half = self.points[len(self.points) // 2 :]
        return sum(value for _, value in half) / len(half)


def text_number(value, step=0.0):
    """With as many decimals as `step`, the distance between two ticks, has."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    return f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def ticks(low, high, wanted):
    """Round numbers from low to high, about as many as wanted, and the distance between two."""
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [k * step for k in range(first, last + 1)], step


def text(x, y, words, anchor="start", size=12, color=INK, more=""):
    words = escape(words)
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{color}"{more}>{words}</text>'


def panel(top, title, unit, lines, span, from_zero=False):
    """SVG of one panel: a frame, both axes' ticks, and the lines with their names beside them."""
    right = WIDTH - RIGHT
    values = [value for line in lines for _, value in line.points]
    low, high = (0.0 if from_zero else min(values)), max(values)
    room = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    low, high = (low if from_zero else low - room), high + room

    def x(t):
        return LEFT + (t - span[0]) / (span[1] - span[0]) * (right - LEFT)

    def y(v):
        return top + PANEL - (v - low) / (high - low) * PANEL

    out = []
    marks, step = ticks(low, high, 5)
    for v in marks:
        out.append(f'<path d="M{LEFT} {y(v):.1f}H{right}" stroke="{FAINT}"/>')
        out.append(text(LEFT - 7, y(v) + 4, text_number(v, step), "end"))
    marks, step = ticks(*span, 8)
    for t in marks:
        out.append(f'<path d="M{x(t):.1f} {top}V{top + PANEL}" stroke="{FAINT}"/>')
        out.append(text(x(t), top + PANEL + 17, text_number(t, step), "middle"))
    out.append(f'<rect x="{LEFT}" y="{top}" width="{right - LEFT}" height="{PANEL}" fill="none" stroke="{GREY}"/>')
    middle = top + PANEL / 2
    out.append(text(20, middle, f"{title} ({unit})", "middle", 13, INK, f' transform="rotate(-90 20 {middle})"'))
    beside = -1e9
    for line in sorted(lines, key=lambda line: y(line.points[-1][1])):
        points = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in line.points)
        dashes = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
        out.append(
            f'<polyline points="{points}" fill="none" stroke="{line.color}" stroke-width="1.6" stroke-linejoin="round"{dashes}/>'
        )
        beside = max(beside + 16, y(line.points[-1][1]) + 4)
        out.append(text(right + 8, beside, line.name, color=line.color))
    return out


def draw(title, subtitle, panels):
    """The picture: panels (title, unit, lines, from_zero) over one axis of time."""
    span = [end(t for _, _, lines, _ in panels for line in lines for t, _ in line.points) for end in (min, max)]
    height = TOP + len(panels) * (PANEL + GAP) + 18
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="Helvetica, Arial, sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        text(LEFT, 26, title, size=17),
        text(LEFT, 46, subtitle, color=GREY),
    ]
    for k, (name, unit, lines, from_zero) in enumerate(panels):
        out += panel(TOP + k * (PANEL + GAP), name, unit, lines, span, from_zero)
    out.append(text((LEFT + WIDTH - RIGHT) / 2, height - 12, "time (ps)", "middle", 13))
    return "\n".join(out + ["</svg>\n"])


def backbone_rmsd(folder, reference):
    """Times in ps, and nm that the backbone is from the reference after superposition; None where there is no protein.

    Frames have each atom inside the box. What is sought is each atom's image next to where it was a frame before, so that
    the protein of a whole reference stays whole. (mdtraj's image_molecules does not do in skewed boxes.)
    """
    try:
        import mdtraj
        import numpy
    except ImportError:
        remedy = f"apt-get install python3-mdtraj, then /usr/bin/python3 {' '.join(sys.argv)}"
        sys.exit(f"picture.py: {sys.executable} has no mdtraj, which reads trajectories: {remedy}")

    start = mdtraj.load(reference) if reference else None
    frames = mdtraj.load(f"{folder}/trajectory.xtc", top=f"{folder}/final.gro")
    chosen = frames.topology.select("backbone")
    if len(chosen) == 0:
        return None
    frames = frames.atom_slice(chosen)
    start = start.atom_slice(chosen) if start else frames[0]
    before = start.xyz[0]
    for k, box in enumerate(frames.unitcell_vectors):
        moved = frames.xyz[k] - before
        frames.xyz[k] -= numpy.round(moved @ numpy.linalg.inv(box)) @ box
        before = frames.xyz[k]
    return frames.time.tolist(), mdtraj.rmsd(frames, start).tolist()


def main(folder, reference=None):
    with open(f"{folder}/energies.jsonl", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    if len(rows) < 2:
        sys.exit(f"picture.py: {folder}/energies.jsonl has {len(rows)} rows; a line takes 2: lower nstenergy, or --every")
    times = [row["time"] for row in rows]

    def line(member, name, color, scale=1.0, dashes=""):
        values = [None if row.get(member) is None else row[member] * scale for row in rows]
        return Line(name, color, times, values, dashes)

    energies = [line("potential", "potential", BLUE, 1e-3), line("total", "total", RED, 1e-3)]
    if "conserved" in rows[0]:
        energies.append(line("conserved", "conserved", GREEN, 1e-3, "5 3"))
    temperature = line("temperature", "", RED)
    panels = [
        ("energy", "1000 kJ/mol", energies, False),
        ("temperature", "K", [temperature], False),
    ]
    temperature.name = f"mean {text_number(temperature.mean_of_second_half(), 0.1)} K"
    distances = backbone_rmsd(folder, reference)
    if distances:
        panels.append(("RMSD", "nm", [Line("backbone", BLUE, *distances)], True))
    with open(reference or f"{folder}/final.gro", encoding="utf-8") as file:
        title, natoms = file.readline().strip(), file.readline().strip()
    subtitle = f"{natoms} atoms, {times[-1] - times[0]:g} ps by allot md; the mean is that of the second half"
    with open(f"{folder}/picture.svg", "w", encoding="utf-8") as file:
        file.write(draw(title, subtitle, panels))
    print(f"{folder}/picture.svg: {len(rows)} rows of energies" + (f", {len(distances[0])} frames" if distances else ""))


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
