#!/usr/bin/python3
"""essay.py - the textbook's parallel map in Python, side by side.

    python3 examples/python/essay.py [--only NAME,...] [--quick]

    results = map(lambda x: x**10, range(3000))

A loop does it in a millisecond. Textbooks then hand the same items to engines, one message an item, and are
ten thousand times slower; cut by hand into one share an engine, they are still slower than the loop, for it
is too short to be shared at all. The right cut depends on what an item costs, which nobody knows before
having done some. `allot.map` does some, looks at the clock, and stays the loop that it is until the rest is
worth a fork.

Each way computes three maps: short, long, and of few items that take a while. Times are medians, taken by
turns with the loop in the same process; starting pools and clusters is not counted (it takes them from 10
ms to 8 s). All ways must give the same results: the exit status says whether they did. A way whose package
is missing is skipped, and said to be.

The cells (# %%) are those that Jupyter, Spyder and VS Code know.

SPDX-License-Identifier: Apache-2.0
"""
# %% What is computed
import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time

ENGINES = len(os.sched_getaffinity(0))


def power(x):
    """The essay's lambda, with a name: most ways cannot send a lambda to another process."""
    return x**10


def while_long(x):
    """An item that takes about a millisecond."""
    total = x
    for step in range(16_000):
        total = (total * 5 + step) % 1_000_003
    return total


MAPS = [
    ("x**10, range(3000)", power, range(3000)),
    ("x**10, range(300000)", power, range(300_000)),
    ("200 items of 1 ms", while_long, range(200)),
]


# %% The ways: each opens what it needs and gives {its name: a function that maps}
@contextlib.contextmanager
def open_allot():
    import allot

    yield {"allot.map": allot.map}


@contextlib.contextmanager
def open_multiprocessing():
    import multiprocessing

    with multiprocessing.Pool(ENGINES) as pool:
        pool.map(power, range(ENGINES))
        yield {"multiprocessing": pool.map}


@contextlib.contextmanager
def open_joblib():
    import joblib

    def mapped(f, items):
        return joblib.Parallel(n_jobs=ENGINES)(joblib.delayed(f)(x) for x in items)

    mapped(power, range(ENGINES))
    yield {"joblib": mapped}


@contextlib.contextmanager
def open_ipyparallel():
    import ipyparallel

    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = folder
        cluster = ipyparallel.Cluster(n=ENGINES, log_level=40)
        client = cluster.start_and_connect_sync()
        try:
            yield {
                "ipyparallel, naive": client.load_balanced_view().map_sync,
                "ipyparallel, chunked": cut_by_hand(client[:].map_sync),
            }
        finally:
            client.close()
            cluster.stop_cluster_sync()


def cut_by_hand(mapping):
    """One share of the items an engine, as the textbook repairs it."""

    def mapped(f, items):
        shares = [items[len(items) * k // ENGINES : len(items) * (k + 1) // ENGINES] for k in range(ENGINES)]
        return [y for share in mapping(lambda share: [f(x) for x in share], shares) for y in share]

    return mapped


# allot comes first: the others leave threads in this process, with which it does not fork but uses a server.
WAYS = {
    "allot": open_allot,
    "multiprocessing": open_multiprocessing,
    "joblib": open_joblib,
    "ipyparallel": open_ipyparallel,
}
REMEDIES = {
    "allot": "pip install ./bindings/python, or PYTHONPATH=build/release/python",
    "joblib": "apt-get install python3-joblib",
    "ipyparallel": "apt-get install python3-ipyparallel",
}
ORDER = ["ipyparallel, naive", "ipyparallel, chunked", "multiprocessing", "joblib", "allot.map"]
HOPELESS = {("ipyparallel, naive", "x**10, range(300000)")}  # half an hour


# %% The clock
def seconds(call):
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


def compare(mapped, f, items, budget_s):
    """(median of the loop, median of mapped, all results were right): by turns, as often as fits."""
    loops, times, right = [], [], True
    begin = time.perf_counter()
    while not times or (time.perf_counter() - begin < budget_s and len(times) < 25):
        loop_s, expected = seconds(lambda: [f(x) for x in items])
        way_s, results = seconds(lambda: mapped(f, items))
        loops.append(loop_s)
        times.append(way_s)
        right = right and list(results) == expected
    return statistics.median(loops), statistics.median(times), right


def run_ways(names, budget_s):
    """{(way, map): (loop s, way s, right)}; what cannot run is said to be skipped."""
    found = {}
    for name in names:
        try:
            with WAYS[name]() as ways:
                for way, mapped in ways.items():
                    for title, f, items in MAPS:
                        if (way, title) not in HOPELESS:
                            found[way, title] = compare(mapped, f, items, budget_s)
        except ImportError as error:
            print(f"SKIPPED: {name}: {error}; {REMEDIES.get(name, 'it comes with Python')}", file=sys.stderr)
    return found


# %% The table
def cell(seconds_taken, ratio):
    return f"{seconds_taken * 1e3:12.2f} ms {ratio:9.2f}x"


def print_table(found):
    print(f"\n{ENGINES} engines; time, and time over the serial loop's\n")
    print(" " * 22 + "".join(f"{title:>26}" for title, _, _ in MAPS))
    print(f"{'serial':22}", end="")
    for title, _, _ in MAPS:
        loops = [loop_s for (_, key), (loop_s, _, _) in found.items() if key == title]
        print("  " + cell(statistics.median(loops), 1.0), end="")
    print()
    for way in ORDER:
        cells = [found.get((way, title)) for title, _, _ in MAPS]
        if any(cells):
            texts = [cell(found_s[1], found_s[1] / found_s[0]) if found_s else f"{'–':>24}" for found_s in cells]
            print(f"{way:22}" + "".join("  " + text for text in texts))


def main():
    parser = argparse.ArgumentParser(description="The textbook's parallel map, side by side.")
    parser.add_argument("--only", default=",".join(WAYS), help="some of " + ", ".join(WAYS))
    parser.add_argument("--quick", action="store_true", help="everything once: does it work?")
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    unknown = [name for name in names if name not in WAYS]
    if unknown:
        parser.error(f"no such way: {', '.join(unknown)}; there are {', '.join(WAYS)}")
    found = run_ways(sorted(names, key=list(WAYS).index), 0.0 if arguments.quick else 1.0)
    if not found:
        sys.exit("essay.py: nothing could be run")
    print_table(found)
    wrong = sorted({f"{way}: {title}" for (way, title), (_, _, right) in found.items() if not right})
    if wrong:
        sys.exit("essay.py: WRONG RESULTS: " + "; ".join(wrong))
    print("\nAll gave the same results.")


if __name__ == "__main__":
    main()
