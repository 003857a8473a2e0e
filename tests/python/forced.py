"""For the tests: engines from the first item on, whatever they cost; and what must be gone afterwards.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import gc
import os
from unittest import mock

from allot import _job, _plan

PARENT = os.getpid()


def in_engine():
    return os.getpid() != PARENT


@contextlib.contextmanager
def engines_always():
    """Any work is worth a fork."""

    def decide(nitems, item_ns, costs, most):
        engines = max(0, min(most, nitems - 1))
        return _plan.Plan(engines, "forced", 0.0, 1.0)

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(_plan, "decide", decide))
        stack.enter_context(mock.patch.object(_job.Job, "worth_asking_ns", -1))
        for name in ("WORTH_ASKING_NS", "WINDOW_NS_MIN", "ONE_SAMPLE_NS"):
            stack.enter_context(mock.patch.object(_job, name, -1))
        yield


def open_files():
    return set(os.listdir("/proc/self/fd"))


def leftovers():
    """Processes and shared memory that should be gone."""
    gc.collect()
    found = []
    try:
        found.append(f"a child: {os.waitpid(-1, os.WNOHANG)}")
    except ChildProcessError:
        pass
    with open("/proc/self/maps") as maps:
        found += [line.strip() for line in maps if "memfd:allot" in line]
    return found
