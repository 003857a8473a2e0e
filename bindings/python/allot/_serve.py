# SPDX-License-Identifier: Apache-2.0
"""An engine of an executor: a process that is given calls and answers them.

Beside the connection, an engine shares a page-sized *arena* with the program:

- a claim for each slot of a call: whoever sets it first has the call, so that the program can take back what the engine has not begun,
  and knows, when an engine dies, which call killed it;
- how far a run (several items of one `map`) has come, so that the item can be named;
- answers that have not been sent yet: they outlive the engine. Answers are sent together while calls are short.
"""
import io
import mmap
import os
import pickle
import signal
import sys
import time
import traceback

from . import _inherit, _wire
from ._engines import claim
from ._errors import RemoteError, RemoteTraceback

SLOTS = 256
_CLAIMS = 64  # where they begin
_PROGRESS = _CLAIMS + SLOTS
_ANSWERS = 512
ARENA_BYTES = 1 << 16
_SEND_AFTER_SECONDS = 0.001  # answers are not kept longer, except by a call that takes longer itself

_is_engine = False


def is_engine():
    """Whether this process is one."""
    return _is_engine


class Arena:
    """Either side's view."""

    def __init__(self, fd):
        self._area = mmap.mmap(fd, ARENA_BYTES)
        self._words = memoryview(self._area).cast("Q")

    def claim(self, slot):
        """True if nobody has had it yet."""
        return claim(self._area, _CLAIMS + slot)

    def give_free(self, slot):
        self._area[_CLAIMS + slot] = 0

    def is_claimed(self, slot):
        return self._area[_CLAIMS + slot] != 0

    def set_progress(self, index):
        self._words[_PROGRESS // 8] = index

    @property
    def progress(self):
        return self._words[_PROGRESS // 8]

    @property
    def nbytes_kept(self):
        return self._words[0]

    def keep(self, answer):
        """False: no room. The length is written after the bytes, so that half an answer is none."""
        start = _ANSWERS + self._words[0]
        if start + len(answer) > ARENA_BYTES:
            return False
        self._area[start:start + len(answer)] = answer
        self._words[0] += len(answer)
        return True

    def kept(self):
        return self._area[_ANSWERS:_ANSWERS + self._words[0]]

    def drop_kept(self):
        self._words[0] = 0

    def close(self):
        self._words.release()
        self._area.close()


def answers_of(packet):
    """Answers one after another: (ident, ok, payload, seconds). Where ok is None, ident is the slot of a call that was taken back."""
    stream = io.BytesIO(packet)
    while stream.tell() < len(packet):
        yield pickle.load(stream)


class _Interrupt:
    """Ctrl-C reaches engines, too, as the terminal sends it to all: it ends the call, not the engine."""

    armed = False

    def __call__(self, signum, frame):
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt


_interrupt = _Interrupt()


def serve(channel, arena_fd):
    """Runs until the program says "end" or has gone."""
    global _is_engine
    _is_engine = True
    signal.signal(signal.SIGINT, _interrupt)
    sys.stdin = open(os.devnull)
    arena = Arena(arena_fd)
    os.close(arena_fd)
    answers = _Answers(channel, arena)
    while True:
        message, fds = channel.receive()
        if message is None or message[0] == "end":
            return
        _answer_packet(message[1], fds, arena, answers)
        answers.flush()
        _flush_output()


def _answer_packet(calls, fds, arena, answers):
    """A call with a descriptor for a payload is one with memory of its own."""
    fds = iter(fds)
    for slot, ident, payload in calls:
        fd = next(fds) if isinstance(payload, list) else None
        if arena.claim(slot):
            arena.set_progress(0)
            answers.add(ident, *_run(payload, fd, arena))
        else:  # taken back
            answers.add_skipped(slot)
            if fd is not None:
                os.close(fd)


def _open_call(payload, fd):
    """What a sender made of a parcel: within the packet, or in memory of its own."""
    return _wire.open_inline(payload) if fd is None else _wire.open_stored(fd, payload)


def _run(payload, fd, arena):
    """(ok, value or error, seconds). An exception of any kind is the call's answer, not the engine's end."""
    start = time.perf_counter()
    try:
        try:
            function, args, kwargs = _open_call(payload, fd)
            if function is run_items:
                kwargs = {"arena": arena}
            _interrupt.armed = True
            value = function(*args, **kwargs)
        finally:
            _interrupt.armed = False
        return True, value, time.perf_counter() - start
    except BaseException as error:
        return False, error, time.perf_counter() - start


def run_items(function, items, arena):
    """A run of a `map`: values up to the first error, and this error or None."""
    values = []
    try:
        for index, args in enumerate(items):
            arena.set_progress(index)
            values.append(function(*args))
    except BaseException as error:
        return values, describe_error(error)
    return values, None


def describe_error(error):
    """What travels: the exception itself where it can be pickled, what it says, and where it came from."""
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        pickled = _pack(error).inline()
    except BaseException:
        pickled = None
    try:
        text = str(error)
    except Exception:
        text = "(str() of it fails)"
    return pickled, type(error).__qualname__, text[:10000], trace[-50000:]


def open_error(described):
    """The exception again, with the remote traceback as its cause; a RemoteError if it cannot be made again."""
    pickled, name, text, trace = described
    error = None
    if pickled is not None:
        try:
            error = _wire.open_inline(pickled)
        except BaseException:
            pass
    if not isinstance(error, BaseException):
        error = RemoteError(f"{name}: {text}")
    error.__cause__ = RemoteTraceback(trace)
    return error


def _flush_output():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def _pack(value):
    """By name or by number; by value what the program knows under neither."""
    try:
        return _wire.pack(value, _inherit.Answering)
    except Exception:
        by_value = _inherit.by_value()
        if by_value is _inherit.ByName:
            raise
        return _wire.pack(value, by_value)


class _Answers:
    """Sent together, at the latest after a millisecond or with the last call of a packet."""

    def __init__(self, channel, arena):
        self._channel, self._arena = channel, arena
        self._sent_at = time.perf_counter()

    def add(self, ident, ok, value, seconds):
        try:
            parcel = _pack(value if ok else describe_error(value))
        except BaseException as error:
            ok, parcel = False, _wire.pack(describe_error(_unsendable(value, error)))
        if parcel.nbytes > _wire.INLINE_BYTES:
            return self._send_stored(ident, ok, parcel, seconds)
        self._keep((ident, ok, parcel.inline(), seconds))
        if time.perf_counter() - self._sent_at > _SEND_AFTER_SECONDS:
            self.flush()

    def add_skipped(self, slot):
        self._keep((slot, None, None, 0.0))

    def _keep(self, answer):
        answer = pickle.dumps(answer, 5)
        if not self._arena.keep(answer):
            self.flush()
            self._arena.keep(answer)

    def _send_stored(self, ident, ok, parcel, seconds):
        self.flush()
        try:
            fd, layout = parcel.store()
        except (MemoryError, OSError) as error:
            return self.add(ident, False, error, seconds)
        self._channel.send_bytes(pickle.dumps((ident, ok, layout, seconds), 5), [fd])
        os.close(fd)

    def flush(self):
        packet = self._arena.kept()
        if packet:
            self._channel.send_bytes(packet)
            self._arena.drop_kept()
        self._sent_at = time.perf_counter()


def _unsendable(value, error):
    described = pickle.PicklingError(f"the result, a {type(value).__qualname__}, cannot be sent to the caller: {error}")
    described.__cause__ = error
    return described
