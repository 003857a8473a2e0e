"""python_report.py - what bench/report says of python.tsv, which bench/python wrote.

SPDX-License-Identifier: Apache-2.0
"""
import collections

MAPS = {  # case: (title, allot's bar)
    "first-3000": ("x**10, range(3000), first call", 1.05),
    "pow10-3000": ("x**10, range(3000)", 1.05),
    "pow10-100000": ("x**10, range(100000)", 1.05),
    "pow10-3000000": ("x**10, range(3000000)", 1.0),
    "items-1": ("200 items of 1 ms", 0.53),
    "items-50": ("200 items of 50 ms", 0.51),
}
RESULTS_GB = 0.5
NOISE_S = 10e-3  # what two maps differ by anyway
Cell = collections.namedtuple("Cell", "base_s peer_s ratio extra")  # python_worker.py says what these are


def cells_of(rows):
    return {(row["case"], row["way"]): Cell(float(row["base_s"]), float(row["peer_s"]), float(row["ratio"]),
                                            float(row["extra"]) if row["extra"] else None) for row in rows}


def start_ms(cell):
    return (cell.peer_s - cell.base_s) * 1e3


def results_rate(cell):
    """GB/s of those that came from elsewhere, by the time that results add to a map; None if none did."""
    return RESULTS_GB * cell.extra / max(cell.peer_s - cell.base_s, NOISE_S) if cell.extra else None


def tables(rows):
    """[(title, text, header, rows)]"""
    cells = cells_of(rows)
    ways = list(collections.OrderedDict.fromkeys(way for _, way in cells))
    return [table for table in (maps_table(cells, ways), costs_table(cells, ways)) if table[-1]]


def maps_table(cells, ways):
    def text_of(case, way):
        cell = cells.get((case, way))
        return f"{cell.ratio:.3g} ({cell.peer_s * 1e3:.4g})" if cell else "–"

    shown = [way for way in ways if any((case, way) in cells for case in MAPS)]
    return ("Python: maps",
            "Time over that of the serial list comprehension in the same process (milliseconds). The first call "
            "is the first thing that a process does, opening a pool or a cluster included. -cut: one share an "
            "engine, cut by hand; -1: one item a chunk.",
            ["way"] + [title for title, _ in MAPS.values()],
            [[way] + [text_of(case, way) for case in MAPS] for way in shown])


def costs_table(cells, ways):
    lines = []
    for way in ways:
        start, given, results = (cells.get((case, way)) for case in ("start", "input", "results"))
        if start or given or results:
            rate = results_rate(results) if results else None
            lines.append([way, f"{start_ms(start):.3g} ms" if start else "–",
                          f"{given.ratio:.3g}" if given else "–",
                          f"{given.extra:.3g} MB" if given and given.extra is not None else "–",
                          f"{rate:.3g} GB/s" if rate else "–"])
    return ("Python: starting, and arrays",
            "The first parallel call less a warm one, importing left out; 1 GB of input, summed in 100 slices, "
            "over the loop, and how much memory an engine then has to itself; 500 MB of results: those that "
            "come from other processes, by the time that they add to a map.",
            ["way", "start", "input over the loop", "its own", "results"], lines)


def claims(rows):
    """[(name, bar, value, met)]"""
    cells = {case: cell for (case, way), cell in cells_of(rows).items() if way == "allot"}
    found = []
    for case, (title, bar) in MAPS.items():
        if case in cells:
            ratio = cells[case].ratio
            found.append((f"allot.map, {title}: over the loop", f"<= {bar}", f"{ratio:.3f}", ratio <= bar))
    if "start" in cells:
        value = start_ms(cells["start"])
        name = "allot.map, first parallel call over a warm one"
        found.append((name, "<= 5 ms", f"{value:.2f} ms", value <= 5))
    if "input" in cells:
        value = cells["input"].extra
        said = "in series" if value is None else f"{value:.1f} MB"
        name = "allot.map, 1 GB of input: memory of an engine's own"
        found.append((name, "<= 20 MB", said, value is not None and value <= 20))
    if "results" in cells:
        rate = results_rate(cells["results"])
        said = "in series" if rate is None else f"{rate:.2f} GB/s"
        found.append(("allot.map, 500 MB of results", ">= 2 GB/s", said, rate is not None and rate >= 2))
    return found
