"""python_worker.py - one runtime of bench/python, in a process of its own.

    python_worker.py RUNTIME             answers requests, a line of JSON each, until its input ends
    python_worker.py RUNTIME --fresh     answers one request, with nothing opened before it is timed

A request is {"case", "way", "pairs", "budget_s", "scale", "loop_first"}; the answer {"base": [s], "peer":
[s], "extra": number or null} or {"error": text}. Base and peer go by turns in the process. What they are depends on
the case:

  pow10-N, items-MS     base: [f(x) for x in items]; peer: the way's map
  input                 the same, over slices of a 1 GB array; extra: MB that an engine has to itself
  results               peer: 500 MB of arrays come back from a map; base: numbers do, from the same map;
                        extra: the part of the arrays that came from another process
  first-3000 (fresh)    as pow10-3000, first thing in the process, opening included
  start (fresh)         peer: opening, and a map of 100 items of 1 ms; base: the same map once more, warm

How many steps take a millisecond comes in $ALLOT_BENCH_STEPS, so that all processes do the same work.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import functools
import importlib
import json
import os
import statistics
import sys
import time

import python_ways

STEPS_PER_MS = int(os.environ.get("ALLOT_BENCH_STEPS", "16000"))
INPUT = None  # the 1 GB array: made before anything is opened, so that whoever forks inherits it


# ---- what is mapped ----


def power(x):
    return x**10


def burn(steps):
    """About 1 ms for STEPS_PER_MS steps; one function for all lengths, so that it can be sent by name."""
    total = steps
    for step in range(steps):
        total = (total * 5 + step) % 1_000_003
    return total


def sum_of_slice(array, k):
    length = len(array) // 100
    return float(array[k * length : (k + 1) * length].sum())


def sum_of_inherited(k):
    return sum_of_slice(INPUT, k)


def private_mb(k):
    """(process, MB of memory that it shares with no other), once it has read slice k."""
    sum_of_inherited(k)
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        kilobytes = sum(int(line.split()[1]) for line in file if line.startswith("Private_"))
    return os.getpid(), kilobytes / 1e3


def array_of(item):
    import numpy

    steps, nbytes = item
    array = numpy.full(nbytes // 8, float(burn(steps)))
    array[1] = os.getpid()
    return array


def first_of_array(item):
    return float(array_of(item)[0])


# ---- the cases: (base, peer), two calls that are timed ----


def loop_and_map(f, items, mapped):
    return (lambda: [f(x) for x in items]), (lambda: mapped(f, items))


def calls_of(request, runtime, mapped):
    case, scale = request["case"], request["scale"]
    if case == "input":
        # Who forks inherits it. joblib is given it, and puts it into a file that all map.
        f = functools.partial(sum_of_slice, INPUT) if runtime == "joblib" else sum_of_inherited
        return loop_and_map(f, range(100), mapped)
    if case == "results":
        items = [(5 * STEPS_PER_MS // scale + k, 5_000_000 // scale) for k in range(100)]
        return (lambda: mapped(first_of_array, items)), (lambda: mapped(array_of, items))
    kind, size = case.split("-")
    if kind == "items":
        steps = int(size) * STEPS_PER_MS
        return loop_and_map(burn, range(steps, steps + max(200 // scale, 2)), mapped)
    return loop_and_map(power, range(int(size) // scale), mapped)


def are_same(base, peer, case):
    if case == "results":
        peer = [float(array[0]) for array in peer]
    return list(base) == list(peer)


def seconds(call):
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


def time_pair(base, peer, case, loop_first=True):
    """(base s, peer s, extra); results are compared, and given back before anything else is timed."""
    if loop_first:
        base_s, expected = seconds(base)
    peer_s, results = seconds(peer)
    if not loop_first:
        base_s, expected = seconds(base)
    if not are_same(expected, results, case):
        raise ValueError(f"{case}: wrong results")
    extra = sum(array[1] != os.getpid() for array in results) / len(results) if case == "results" else None
    return base_s, peer_s, extra


def time_pairs(base, peer, request):
    """As many pairs as were asked for and fit, after one that does not count if it was short."""
    begin = time.perf_counter()
    first = time_pair(base, peer, request["case"])
    pairs = [] if first[0] + first[1] < request["budget_s"] / 4 else [first]
    while len(pairs) < request["pairs"] and (not pairs or time.perf_counter() - begin < request["budget_s"]):
        pairs.append(time_pair(base, peer, request["case"]))
    return {"base": [pair[0] for pair in pairs], "peer": [pair[1] for pair in pairs], "extra": first[2]}


def answer(request, runtime, ways):
    mapped = ways[request["way"]]
    timed = time_pairs(*calls_of(request, runtime, mapped), request)
    if request["case"] == "input" and runtime != "joblib":
        found = [mb for pid, mb in mapped(private_mb, range(100)) if pid != os.getpid()]
        timed["extra"] = max(found, default=None)
    return timed


# ---- fresh: the first thing that a process does ----


def answer_fresh(request, opener):
    way = request["way"]
    with contextlib.ExitStack() as stack:
        opened = []

        def mapped(f, items):
            if not opened:
                opened.append(stack.enter_context(opener())[way])
            return opened[0](f, items)

        if request["case"] == "start":
            steps = range(STEPS_PER_MS, STEPS_PER_MS + max(100 // request["scale"], 2))
            peer_s, _ = seconds(lambda: mapped(burn, steps))
            base_s = statistics.median(seconds(lambda: mapped(burn, steps))[0] for _ in range(3))
        else:
            base, peer = loop_and_map(power, range(3000), mapped)
            base_s, peer_s, _ = time_pair(base, peer, request["case"], request["loop_first"])
    return {"base": [base_s], "peer": [peer_s], "extra": None}


# ---- asked line by line ----


def make_input(request):
    global INPUT
    if request["case"] == "input" and INPUT is None:
        import numpy

        INPUT = numpy.ones(125_000_000 // request["scale"])


def answers(runtime):
    """One answer a request. Opening waits for the first one: what can be inherited is made before."""
    opener = python_ways.RUNTIMES[runtime]
    with contextlib.ExitStack() as stack:
        ways = None
        for line in sys.stdin:
            request = json.loads(line)
            make_input(request)
            ways = ways or stack.enter_context(opener())
            yield answer(request, runtime, ways)


def main():
    runtime, fresh = sys.argv[1], "--fresh" in sys.argv
    replies, sys.stdout = sys.stdout, sys.stderr  # what packages print is no answer
    try:
        for module in python_ways.MODULES.get(runtime, [runtime]):
            importlib.import_module(module)
        if fresh:
            found = [answer_fresh(json.loads(sys.stdin.readline()), python_ways.RUNTIMES[runtime])]
        else:
            found = answers(runtime)
        for each in found:
            print(json.dumps(each), file=replies, flush=True)
    except ImportError as error:
        print(json.dumps({"error": str(error), "missing": True}), file=replies, flush=True)
    except Exception as error:  # bench/python says it, and goes on with the others
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=replies, flush=True)


if __name__ == "__main__":
    main()
