"""An engine of an executor: a process that is given calls and answers them.

Beside the link, an engine shares an *arena* with the program:

- a claim for each slot of a call: whoever sets it first has the call. So the program can take back what the engine
  has not begun, and knows, when an engine dies, which call killed it;
- how far a run (several items of one `map`) has come, so that the item can be named;
- answers that have not been sent yet: they outlive the engine. Short ones are sent together.

Packets to an engine: b"=" and a pickled list of (slot, ident, form); b"+" and one such tuple, with memory for its
object; b"." at the end. Answers are pickles one after another, (ident, ok, form, seconds); one whose form is a tuple
of two numbers is alone and has memory. An answer whose ok is None says that the slot, in place of ident, is free:
its call was taken back.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import io
import mmap
import pickle
import signal
import sys
import time

from allot import _crew, _engines, _faults, _inherit, _parcel, _wire

NSLOTS = 256
INITIALIZER = -1  # its ident; no other is negative
_CLAIMS = 64  # where they begin
_PROGRESS = _CLAIMS + NSLOTS
_ANSWERS = 512
ARENA_NBYTES = _ANSWERS + _wire.PACKET_NBYTES
_KEEP_SECONDS = 0.001  # answers are kept for so long at most, or for as long as one more call takes


class Arena:
    """Either side's view of the memory that an engine shares with the program."""

    def __init__(self, fd):
        self._memory = mmap.mmap(fd, ARENA_NBYTES)
        self._words = memoryview(self._memory)[:_ANSWERS].cast("Q")

    def claim(self, slot):
        """True if nobody has had it yet."""
        return _engines.claim(self._memory, _CLAIMS + slot)

    def give_free(self, slot):
        self._memory[_CLAIMS + slot] = 0

    def is_claimed(self, slot):
        return self._memory[_CLAIMS + slot] != 0

    def set_progress(self, index):
        self._words[_PROGRESS // 8] = index

    @property
    def progress(self):
        return self._words[_PROGRESS // 8]

    def keep(self, answer):
        """False: there is no room. The length is written after the bytes, so that half an answer is none."""
        begin = _ANSWERS + self._words[0]
        if begin + len(answer) > ARENA_NBYTES:
            return False
        self._memory[begin : begin + len(answer)] = answer
        self._words[0] += len(answer)
        return True

    def kept(self):
        return self._memory[_ANSWERS : _ANSWERS + self._words[0]]

    def drop_kept(self):
        self._words[0] = 0

    def close(self):
        self._words.release()
        self._memory.close()


def answers_in(packet):
    stream = io.BytesIO(packet)
    while stream.tell() < len(packet):
        yield pickle.load(stream)


def open_form(form, memory):
    """The object that was sent in this form; memory is what came beside the packet."""
    return _wire.open_within(form) if memory is None else _wire.open_apart(form, memory)


class _Interrupt:
    """Ctrl-C reaches engines, too, as the terminal sends it to all: it ends the call, not the engine."""

    armed = False

    def __call__(self, signum, frame):
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt


_interrupt = _Interrupt()


def serve(link, arena):
    """Runs until the program says that it is enough, or has gone."""
    _crew.inside = True
    _crew._reseed()
    signal.signal(signal.SIGINT, _interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # templates block it
    sys.stdin = io.StringIO()  # at its end at once
    answers = _Answers(link, arena)
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
        while True:
            packet, memory = link.receive(True)
            if packet[:1] == b"=":
                for slot, ident, form in pickle.loads(memoryview(packet)[1:]):
                    _answer(slot, ident, form, None, arena, answers)
            elif packet[:1] == b"+":
                _answer(*pickle.loads(memoryview(packet)[1:]), memory, arena, answers)
            else:
                return
            del memory  # arrays that calls have kept hold theirs
            answers.flush()
            flush_output()


def _answer(slot, ident, form, memory, arena, answers):
    if arena.claim(slot):
        arena.set_progress(0)
        answers.add(ident, *_run(form, memory, arena))
    else:
        answers.add_taken_back(slot)


def _run(form, memory, arena):
    """(ok, value or error, seconds). An exception of any kind is the call's answer, not the engine's end."""
    start = time.perf_counter()
    try:
        try:
            function, args, kwargs = _open_call(form, memory)
            if function is run_items:
                kwargs = {"arena": arena}
            _interrupt.armed = True
            value = function(*args, **kwargs)
        finally:
            _interrupt.armed = False
        return True, value, time.perf_counter() - start
    except BaseException as error:
        return False, error, time.perf_counter() - start


_functions = {}  # that were sent again and again: pickle -> function


def _open_call(form, memory):
    if memory is None and type(form) is tuple and type(form[1]) is bytes:  # _wire.SealedCall
        function = _functions.get(form[0])
        if function is None:
            function = _functions[form[0]] = pickle.loads(form[0])
        return function, pickle.loads(form[1]), {}
    return open_form(form, memory)


_FAST = (int, float, str, bytes)  # there is something quicker than pickle for lists of these alone


def pack_items(items):
    """A list, or what open_items() makes one of."""
    if _engines.uniform(items) in _FAST:
        packed = _parcel.pack(items)
        return packed.encoding, packed.data
    return items


def open_items(items):
    return items if isinstance(items, list) else _parcel.unpack(*items)


def run_items(function, items, is_starred, arena):
    """A run of a map: (values up to the first error, this error or None)."""
    values, failure = [], None
    try:
        for index, item in enumerate(open_items(items)):
            arena.set_progress(index)
            values.append(function(*item) if is_starred else function(item))
    except BaseException as error:
        failure = _faults.encode(error)
    return pack_items(values), failure


def flush_output():
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed, or replaced by something that cannot
            stream.flush()


def _seal(value):
    """By name, or by the number that it has; by value what the program knows under neither."""
    try:
        return _wire.seal(value, _inherit.Answering)
    except Exception:
        by_value = _inherit.by_value()
        if by_value is _inherit.ByName:
            raise
        return _wire.seal(value, by_value)


class _Answers:
    """Sent together, after a millisecond or with the last call of a packet at the latest."""

    def __init__(self, link, arena):
        self._link, self._arena = link, arena
        self._sent_at = time.perf_counter()

    def add(self, ident, ok, value, seconds):
        try:
            sealed = _seal(value if ok else _faults.encode(value))
        except BaseException as error:
            ok, sealed = False, _seal(_faults.encode(_cannot_be_sent(value, error)))
        if not sealed.is_short:
            return self._add_apart(ident, ok, sealed, seconds)
        self._keep((ident, ok, sealed.within(), seconds))
        if time.perf_counter() - self._sent_at > _KEEP_SECONDS:
            self.flush()

    def add_taken_back(self, slot):
        self._keep((slot, None, None, 0.0))

    def _keep(self, answer):
        answer = pickle.dumps(answer, 5)
        if not self._arena.keep(answer):
            self.flush()
            self._arena.keep(answer)

    def _add_apart(self, ident, ok, sealed, seconds):
        self.flush()
        try:
            self._link.send(pickle.dumps((ident, ok, sealed.apart(), seconds), 5), sealed.parts(), True)
        except MemoryError as error:
            self.add(ident, False, error, seconds)

    def flush(self):
        packet = self._arena.kept()
        if packet:
            self._link.send(packet, (), True)
            self._arena.drop_kept()
        self._sent_at = time.perf_counter()


def _cannot_be_sent(value, error):
    described = pickle.PicklingError(f"the result, a {type(value).__qualname__}, cannot be sent to the caller: {error}")
    described.__cause__ = error
    return described
