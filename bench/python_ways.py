"""python_ways.py - the ways of mapping in Python that bench/python compares, one runtime a function.

Each opens what it needs and gives {way: map(f, items)}. Names that end in -cut are given one share an
engine, as users do who know that their items are short; the others choose for themselves, with their
defaults.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import functools
import os
import tempfile

ENGINES = len(os.sched_getaffinity(0))


def map_share(f, share):
    return [f(x) for x in share]


def shares(items):
    return [items[len(items) * k // ENGINES : len(items) * (k + 1) // ENGINES] for k in range(ENGINES)]


def cut(mapping):
    """A map that is given one share an engine: mapping(function, functions, shares)."""
    return lambda f, items: [y for share in mapping(map_share, [f] * ENGINES, shares(items)) for y in share]


# ---- the runtimes: each opens what it needs and gives {way: map} ----


@contextlib.contextmanager
def open_serial():
    yield {"serial": lambda f, items: [f(x) for x in items]}


@contextlib.contextmanager
def open_allot():
    import allot

    yield {"allot": allot.map}


@contextlib.contextmanager
def open_allot_executor():
    import allot

    with allot.Executor(ENGINES) as executor:
        yield {"allot-executor": lambda f, items: list(executor.map(f, items))}


@contextlib.contextmanager
def open_allot_joblib():
    import allot
    import joblib

    allot.register_joblib()
    with joblib.parallel_backend("allot", n_jobs=ENGINES):
        yield {"allot-joblib": lambda f, items: joblib.Parallel()(joblib.delayed(f)(x) for x in items)}


@contextlib.contextmanager
def open_multiprocessing():
    import multiprocessing

    with multiprocessing.Pool(ENGINES) as pool:
        yield {
            "pool": pool.map,
            "pool-1": functools.partial(pool.map, chunksize=1),
            "pool-cut": cut(lambda f, *lists: pool.starmap(f, zip(*lists), chunksize=1)),
        }


@contextlib.contextmanager
def open_executor():
    import concurrent.futures

    with concurrent.futures.ProcessPoolExecutor(ENGINES) as executor:
        yield {
            "executor": lambda f, items: list(executor.map(f, items)),
            "executor-cut": cut(lambda f, *lists: list(executor.map(f, *lists))),
        }


@contextlib.contextmanager
def open_joblib():
    import joblib

    def mapped(f, items):
        return joblib.Parallel(n_jobs=ENGINES)(joblib.delayed(f)(x) for x in items)

    def map_shares(f, *lists):
        return joblib.Parallel(n_jobs=ENGINES, batch_size=1)(joblib.delayed(f)(*each) for each in zip(*lists))

    yield {"joblib": mapped, "joblib-cut": cut(map_shares)}


@contextlib.contextmanager
def open_ipyparallel():
    import ipyparallel

    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = folder
        cluster = ipyparallel.Cluster(n=ENGINES, log_level=40)
        client = cluster.start_and_connect_sync()
        try:
            yield {
                "ipyparallel": client.load_balanced_view().map_sync,
                "ipyparallel-cut": cut(client[:].map_sync),
            }
        finally:
            client.close()
            cluster.stop_cluster_sync()


@contextlib.contextmanager
def open_dask():
    import dask.bag

    def mapped(f, items):
        return dask.bag.from_sequence(items).map(f).compute(scheduler="processes", num_workers=ENGINES)

    yield {"dask": mapped}


@contextlib.contextmanager
def open_distributed():
    import distributed

    cluster = distributed.LocalCluster(n_workers=ENGINES, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:

        def mapped(f, *lists):
            return client.gather(client.map(f, *lists, pure=False))

        yield {"distributed": mapped, "distributed-cut": cut(mapped)}


RUNTIMES = {
    "serial": open_serial,
    "allot": open_allot,
    "allot-executor": open_allot_executor,
    "allot-joblib": open_allot_joblib,
    "multiprocessing": open_multiprocessing,
    "executor": open_executor,
    "joblib": open_joblib,
    "ipyparallel": open_ipyparallel,
    "dask": open_dask,
    "distributed": open_distributed,
}
# What is imported before anything is timed, where it is not the runtime's name.
MODULES = {
    "serial": [],
    "allot-executor": ["allot"],
    "allot-joblib": ["allot", "joblib"],
    "multiprocessing": ["multiprocessing.pool"],
    "executor": ["concurrent.futures.process"],
    "dask": ["dask.bag"],
}
