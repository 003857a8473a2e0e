"""What this machine charges: processors, forks, moving results. Measured, and remembered for the next call.

SPDX-License-Identifier: Apache-2.0
"""
import os
import time

from allot import _parcel, _plan

#: Before the first fork: a process of a few megabytes, and what each gigabyte adds to it for its tables of pages.
FORK_NS = 1_000_000
FORK_NS_PER_BYTE = 8e6 / 2**30
#: Copying into memory that is new, which the sender does, and looking into it, which the receiver does.
COPY_NS_PER_BYTE = 0.5
LOOK_NS_PER_BYTE = 0.05
#: Results that are packed to see what it costs: so many, or as many as take about so long if one takes long.
SAMPLES = 128
SAMPLE_NS = 1_000_000

_PAGE_NBYTES = os.sysconf("SC_PAGE_SIZE")
_measured_fork_ns = None
_measured_at_nbytes = 1


def _resident_nbytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * _PAGE_NBYTES


def fork_ns():
    """What a fork is expected to take."""
    nbytes = _resident_nbytes()
    if _measured_fork_ns is None:
        return FORK_NS + FORK_NS_PER_BYTE * nbytes
    return _measured_fork_ns * max(1.0, nbytes / _measured_at_nbytes)


def note_fork(ns):
    """A fork took this long."""
    global _measured_fork_ns, _measured_at_nbytes
    _measured_at_nbytes = _resident_nbytes()
    if _measured_fork_ns is None or ns < _measured_fork_ns:
        _measured_fork_ns = ns
    else:  # others may have been at work: the next one is rather like the best so far
        _measured_fork_ns += (min(ns, 4 * _measured_fork_ns) - _measured_fork_ns) / 4


def of(results, before=None):
    """The costs of moving results like the last of these, each; raises what pickling them raises. Where they were
    measured before, the less of the two, since what comes in between makes them seem more."""
    pack, unpack, nbytes = _trial(results[-1:])
    count = 1
    if pack + unpack < SAMPLE_NS and len(results) > 1:  # many, so that what a trial itself costs does not count
        count = max(1, min(len(results), SAMPLES, int(SAMPLE_NS / (pack + unpack))))
        pack, unpack, nbytes = _trial(results[-count:])
    pack_ns = (pack + COPY_NS_PER_BYTE * nbytes) / count
    unpack_ns = (unpack + LOOK_NS_PER_BYTE * nbytes) / count
    if before is not None:
        pack_ns, unpack_ns = min(pack_ns, before.pack_ns), min(unpack_ns, before.unpack_ns)
    return _plan.Costs(fork_ns(), pack_ns, unpack_ns)


def _trial(results):
    """What it takes to pack and unpack these, in ns each, and their bytes."""
    begin = time.perf_counter_ns()
    packed = _parcel.pack(results)
    middle = time.perf_counter_ns()
    if not packed.buffers:
        _parcel.unpack(packed.encoding, packed.data)
    return middle - begin, time.perf_counter_ns() - middle, packed.nbytes
