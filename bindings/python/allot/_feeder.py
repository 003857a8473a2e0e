"""The engines of an executor, and the thread that feeds them.

All decisions are made by this thread, which no signal interrupts: whoever submits only appends to `pending`. Ctrl-C may
therefore come at any instant of a submit() without a call being lost between two lists.

A short call is given to an engine together with others and ahead of time, by what calls of its function have cost so far; one of
unknown cost is given alone. An engine that has nothing left takes back half of what another one has not begun (Arena.claim),
so that a wrong guess costs little. An engine that dies breaks the call it had claimed, and no other.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import contextlib
import os
import pickle
import reprlib
import select
import signal
import threading
import weakref
from concurrent import futures

from allot import _engines, _faults, _serve, _server, _wire

_AHEAD_SECONDS = 0.012  # of work that an engine holds when it is given more: a change of threads here takes up to 5 ms
_PACKET_NBYTES = 40_000  # of calls, before the last one; _wire.PACKET_NBYTES with their framing
_STILLBORN = 3  # engines that end before any answer, one after another: there is no use in more
_FRAME_NBYTES = 128  # what a call's slot, ident and the like take in a packet, and more
_COSTS = 4096  # functions whose cost is remembered
_AGAIN_MS = 10  # until what the kernel had no room for is tried again


def nprocessors():
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


class Call:
    """One submitted call.

    `need` is the generation of engines that can read it, `key` the function whose cost it shares, `keep` what it names
    by number. Work that is not cut yet has `need`, `key`, take(), cancel() and fail(), too (_map_job).
    """

    __slots__ = ("sealed", "need", "key", "keep", "future", "begun")
    nitems = 1

    def __init__(self, sealed, key, keep, future):
        self.sealed, self.key, self.keep, self.future = sealed, key, keep, future
        self.need = sealed.need
        self.begun = False

    def take(self, cost, nengines):
        """(a call for an engine or None, whether that was all)"""
        self.begun = self.begun or self.future.set_running_or_notify_cancel()
        return (self if self.begun else None), True

    def cancel(self):
        if self.future.cancel():
            self.future.set_running_or_notify_cancel()
        elif self.begun:  # it was given to an engine and came back
            self.future.set_exception(_faults.EngineDied(f"the executor was ended before {self.name(0)} was made"))

    def succeed(self, value):
        self.future.set_result(value)

    def fail(self, error):
        if self.take(None, 0)[0] is not None:
            self.future.set_exception(error)

    def item(self, progress):
        return None

    def name(self, progress):
        function, args, kwargs = self.keep
        words = [reprlib.repr(arg) for arg in args] + [f"{key}={reprlib.repr(kwargs[key])}" for key in kwargs]
        return f"{name_of(function)}({', '.join(words)})"


def name_of(function):
    return getattr(function, "__qualname__", type(function).__qualname__)


class _Engine:
    """The program's side of one."""

    def __init__(self, number, template, link, arena):
        self.number, self.template, self.link, self.arena = number, template, link, arena
        _wire.owned_here(self)
        self.held = {}  # ident -> (call, slot, seconds expected), in the order given
        self.free_slots = collections.deque(range(_serve.NSLOTS))
        self.load = 0.0  # seconds expected of what it holds
        self.full = False  # its connection
        self.retired = False
        self.answered = False

    @property
    def generation(self):
        return self.template.generation

    def release(self, ident):
        call, slot, seconds = self.held.pop(ident)
        self.load = self.load - seconds if self.held else 0.0
        return call, slot

    def take_back(self):
        """Half of the calls it has not begun, the last ones; at least one."""
        waiting = [ident for ident, (_, slot, _) in self.held.items() if not self.arena.is_claimed(slot)]
        calls = []
        for ident in reversed(waiting[len(waiting) // 2:]):
            if not self.arena.claim(self.held[ident][1]):
                break  # it is quicker than we are
            calls.append(self.release(ident)[0])
        return calls[::-1]

    def close(self):
        self.link.close()
        self.arena.close()


class Feeder:
    def __init__(self, nengines, initializer):
        self.nengines = nengines
        self.lock = threading.Lock()  # of pending, closing, broken
        self._starting = threading.Lock()  # of templates, by those who submit
        self.awake = threading.Lock()  # held by the thread unless it only waits (_server.threads_parked)
        self.pending = collections.deque()
        self.closing = False  # nothing is taken any more; what was taken is done
        self.cancelling = False  # nor is what an engine has not been given
        self.abandoned = False  # nor is the rest
        self.broken = None  # why nothing can be done any more
        self.thread = None  # set by itself
        self._has_started = False
        self.finished = threading.Event()
        self.owner = os.getpid()
        self._initializer = initializer  # of engines (_executor), or None
        self._template = None  # the newest
        self._new_templates = collections.deque()  # that the thread does not know yet
        self._templates = {}  # by descriptor
        self._engines = {}  # by number
        self._by_fd = {}
        self._next_number = self._next_ident = 0
        self._costs = {}
        self._stillborn = 0
        self._bell, self._ringer = _engines.link_pair()
        self._rung = False
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._life = self._lifeline = None  # our end, and a weak reference to the other one
        _server.rests_between(self)

    # ---- called by any thread ------------------------------------------------------------------------

    def check(self):
        """Raises RuntimeError when nothing is taken any more."""
        if os.getpid() != self.owner:
            raise RuntimeError(f"this executor belongs to process {self.owner}, of which this one is a fork: make one here")
        if self.broken is not None:
            raise self.broken
        if self.closing:
            raise RuntimeError("cannot schedule new futures after shutdown")

    def lifeline(self):
        """When what this returns is dropped, nothing more is taken, and the thread ends when all is done."""
        self._life, link = _engines.link_pair()
        self._poll.register(self._life, select.POLLIN)
        lifeline = _wire.Lifeline(link)
        self._lifeline = weakref.ref(lifeline)
        return lifeline

    def put(self, work):
        with self.lock:
            self.check()
            if self.thread is None and not self._has_started:
                self._start_thread()
            self.pending.append(work)
            self._ring()

    def _start_thread(self):
        """Without a Ctrl-C in between, after which the threading module would keep a thread that never ran."""
        thread = threading.Thread(target=self._attend, name="allot executor", daemon=True)
        thread.is_parked_for_forks = True
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            thread.start()
            self._has_started = True
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _ring(self):
        """Wakes the thread. Call it with the lock."""
        if not self._rung and not self.finished.is_set():
            self._rung = True  # no signal is acted on between this and the call in the next line
            self._ringer.send(b"!", (), False)

    def ready_for(self, need):
        """Sees to it that there are or can be engines of this generation. False: there cannot, as threads are in the way of a fork."""
        with self._starting:
            template = self._template
            alive = template is not None and not template.ended
            if alive and template.generation >= need:
                return True
            with _server.threads_parked() as in_the_way:
                if not in_the_way:
                    self._adopt(_server.Template.by_fork(_serve.serve))
                    return True
            if not alive:
                self._adopt(_server.Template.fresh(
                    f"the program has threads ({', '.join(in_the_way)}): engines are started from a fresh interpreter "
                    "instead of being forked, and functions are sent to them by pickle"))
            return need == 0

    def knows(self, need):
        template = self._template
        return template is not None and template.generation >= need

    def _adopt(self, template):
        self._new_templates.append(template)
        self._template = template

    def close(self, cancel=False, abandon=False):
        if os.getpid() != self.owner:
            return  # a copy in a child: nothing here is its own
        with self.lock:
            self.closing = True
            self.cancelling |= cancel or abandon
            self.abandoned |= abandon
            if self.thread is not None or self._has_started:
                self._ring()
            elif not self.finished.is_set():
                self._end_templates()
                self.finished.set()

    def join(self):
        """Until the engines have ended. Not in a callback: it is the thread itself that would wait for itself."""
        if os.getpid() == self.owner and threading.current_thread() is not self.thread:
            self.finished.wait()

    # ---- the thread ----------------------------------------------------------------------------------

    def _attend(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are the main thread's
        with self.lock:
            if self.thread is not None or self.finished.is_set():
                return  # another was started after a Ctrl-C, or it is over
            self.thread = threading.current_thread()
        try:
            while not self._is_done():
                again = any(engine.full for engine in self._engines.values())
                ready = self._poll.poll(_AGAIN_MS if again else None)
                with self.awake:
                    self._rung = False
                    self._meet_templates()
                    for fd, _ in ready:
                        self._hear(fd)
                    self._feed_all()
        except BaseException as error:  # a defect of this file: nobody must wait for ever
            self._break(RuntimeError(f"allot's executor failed: {error!r}"))
            raise
        finally:
            self._end()

    def _meet_templates(self):
        while self._new_templates:
            template = self._new_templates.popleft()
            self._templates[template.link.fileno()] = template
            self._poll.register(template.link, select.POLLIN)
        for template in [t for t in self._templates.values() if t is not self._template]:
            if all(engine.template is not template for engine in self._engines.values()):
                self._drop(template)

    def _drop(self, template):
        self._poll.unregister(template.link)
        del self._templates[template.link.fileno()]
        template.close()

    def _hear(self, fd):
        if fd == self._bell.fileno():
            self._bell.receive(False)
        elif fd == self._life.fileno():
            self._poll.unregister(fd)
            with self.lock:
                self.closing = True
        elif fd in self._templates:
            self._hear_template(self._templates[fd])
        elif fd in self._by_fd:
            if not self._read_answers(self._by_fd[fd]):
                self._poll.unregister(fd)  # its template will say how it ended

    def _hear_template(self, template):
        message, _ = _wire.receive_with_fds(template.link)
        if message is None:
            return self._lose(template)
        kind, number, what = message
        if kind == "failed":
            self._break(BrokenEngines(what))
        if number in self._engines:
            self._bury(self._engines[number], what if kind == "ended" else -1)

    def _lose(self, template):
        """It was killed: with nobody to tell how its engines end, they are ended."""
        self._drop(template)
        for engine in [e for e in self._engines.values() if e.template is template]:
            self._bury(engine, -1)

    def _read_answers(self, engine):
        """Whatever is there. False at the end of the link."""
        for _ in range(64):  # the others want to be heard, too
            received = engine.link.receive(False)
            if received is None:
                return True
            packet, memory = received
            if not packet:
                return False
            self._take_answers(engine, packet, memory)
        return True

    def _take_answers(self, engine, packet, memory=None):
        for ident, ok, form, seconds in _serve.answers_in(packet):
            if ok is None:
                engine.arena.give_free(ident)
                engine.free_slots.append(ident)
            elif ident == _serve.INITIALIZER:
                self._initializer_answers(ok, form, memory)
            elif ident in engine.held:
                engine.answered, self._stillborn = True, 0
                call, slot = engine.release(ident)
                engine.arena.give_free(slot)
                engine.free_slots.append(slot)
                self._note_cost(call, seconds)
                _complete(call, ok, form, memory)

    def _initializer_answers(self, ok, form, memory):
        if not ok:
            error = BrokenEngines("an engine's initializer failed, so no call can be made")
            error.__cause__ = _faults.decode(_serve.open_form(form, memory))
            self._break(error)

    def _note_cost(self, call, seconds):
        if len(self._costs) > _COSTS:
            self._costs.clear()
        each = seconds / max(call.nitems, 1)
        before = self._costs.get(call.key)
        self._costs[call.key] = each if before is None else (before + each) / 2

    # ---- engines that end ----------------------------------------------------------------------------

    def _bury(self, engine, status):
        """What it had answered counts, what it had not begun is given to others, what it was doing is broken."""
        self._read_answers(engine)
        self._take_answers(engine, engine.arena.kept())
        broken, waiting = [], []
        for call, slot, _ in engine.held.values():
            (broken if engine.arena.is_claimed(slot) else waiting).append(call)
        self._put_back(waiting)
        self._stillborn += not (engine.answered or broken or engine.retired)
        progress = engine.arena.progress
        del self._engines[engine.number]
        del self._by_fd[engine.link.fileno()]
        with contextlib.suppress(KeyError):  # its end was noticed
            self._poll.unregister(engine.link)
        engine.close()
        how = _faults.how_it_ended(status)
        for call in broken:
            call.fail(_faults.EngineDied(f"an engine {how} while it did {call.name(progress)}", call.item(progress), status))
        if self._stillborn >= _STILLBORN:
            self._break(BrokenEngines(f"engines end before they answer anything; the last one {how}"))

    def _put_back(self, calls):
        with self.lock:
            self.pending.extendleft(reversed(calls))

    def _break(self, error):
        with self.lock:
            self.broken = error
            failing = list(self.pending)
            self.pending.clear()
        for engine in self._engines.values():
            failing += [call for call, _, _ in engine.held.values()]
            engine.held.clear()
        for work in failing:
            work.fail(error)

    def _kill_all(self):
        for engine in self._engines.values():
            if not engine.retired:
                engine.retired = True
                engine.template.kill(engine.number)

    # ---- engines that work ---------------------------------------------------------------------------

    def _feed_all(self):
        if self.cancelling:
            self._cancel_pending()
        if self.abandoned or self.broken:
            return self._kill_all()
        for engine in sorted(self._engines.values(), key=lambda e: e.load):
            engine.full = False
            self._feed(engine)
        while self.pending and self._start_one():
            pass
        if not self.pending:
            self._share()

    def _cancel_pending(self):
        """By this thread, as all that takes from the list: others only append."""
        while self.pending:
            self.pending.popleft().cancel()

    def _start_one(self):
        """One more engine if there is work for it, in place of an idle one that does not know the next call's function."""
        need = self.pending[0].need
        at_work = [engine for engine in self._engines.values() if not engine.retired]
        if len(at_work) >= self.nengines:
            old = next((e for e in at_work if not e.held and e.generation < need), None)
            if old is None:
                return False
            self._retire(old)
        template = self._template
        if template.ended:
            return self._start_without(need)
        return template.generation >= need and self._start(template)

    def _start_without(self, need):
        """The template was killed. What only a fork knows is lost with it; for the rest there are fresh interpreters."""
        if need == 0:
            self._adopt(_server.Template.fresh())
            self._meet_templates()
        else:
            self.pending.popleft().fail(_faults.EngineDied(
                "the process that engines are forked from was killed, and no other knows this call's function: submit it again"))
        return True

    def _start(self, template):
        ours, theirs = _engines.link_pair()
        fd = os.memfd_create("allot-arena", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, _serve.ARENA_NBYTES)
            engine = _Engine(self._next_number, template, ours, _serve.Arena(fd))
            self._next_number += 1
            template.start_engine(engine.number, theirs, fd)
        except (BrokenPipeError, ConnectionResetError):  # it has gone
            engine.close()
            template.ended = True
            return True
        finally:
            theirs.close()
            os.close(fd)
        self._engines[engine.number] = self._by_fd[ours.fileno()] = engine
        self._poll.register(ours, select.POLLIN)
        if self._initializer is not None:
            self._make_ready(engine)
        self._feed(engine)
        return True

    def _make_ready(self, engine):
        try:
            sealed = self._initializer.sealed_for(engine.generation)
        except Exception as error:
            self._break(BrokenEngines(f"the initializer cannot be sent to an engine: {error}"))
            return
        slot = engine.free_slots.popleft()  # not given back
        self._send(engine, [(slot, _serve.INITIALIZER, sealed)])

    def _retire(self, engine):
        engine.retired = True
        try:
            engine.link.send(b".", (), False)
        except OSError:  # it has ended already
            pass

    def _feed(self, engine):
        """As much as keeps it busy for a while: short calls in one packet, a long one in its own."""
        calls, nbytes = [], 0
        fair = -(-len(self.pending) // max(len(self._engines), 1))
        while len(calls) < fair and nbytes < _PACKET_NBYTES and not (engine.full or engine.retired):
            call, seconds = self._next_for(engine)
            if call is None:
                break
            entry = engine.free_slots.popleft(), self._next_ident, call.sealed
            engine.held[self._next_ident] = call, entry[0], seconds
            engine.load += seconds
            self._next_ident += 1
            if call.sealed.is_short:
                calls.append(entry)
                nbytes += len(call.sealed.data) + _FRAME_NBYTES
            else:
                self._send_or_put_back(engine, calls)
                calls, nbytes = [], 0
                self._send_or_put_back(engine, [entry])
        self._send_or_put_back(engine, calls)

    def _send_or_put_back(self, engine, calls):
        if calls and (engine.full or not self._send(engine, calls)):
            self._put_back([self._release(engine, ident) for _, ident, _ in calls])

    def _release(self, engine, ident):
        call, slot = engine.release(ident)
        engine.free_slots.append(slot)
        return call

    def _next_for(self, engine):
        """(a call that this engine should have, the seconds it will take), or (None, 0)."""
        while self.pending and engine.free_slots:
            work = self.pending[0]
            cost = self._costs.get(work.key)
            if work.need > engine.generation or (engine.held and (cost is None or engine.load > _AHEAD_SECONDS)):
                break
            call, was_all = work.take(cost, self.nengines)
            if was_all:
                self.pending.popleft()
            if call is not None:
                return call, (cost or 0.0) * call.nitems
        return None, 0.0

    def _send(self, engine, calls):
        """False: not now, there is no room."""
        try:
            if calls[0][2].is_short:
                packet = b"=" + pickle.dumps([(slot, ident, sealed.within()) for slot, ident, sealed in calls], 5)
                parts = ()
            else:
                [(slot, ident, sealed)] = calls
                packet, parts = b"+" + pickle.dumps((slot, ident, sealed.apart()), 5), sealed.parts()
            engine.full = not engine.link.send(packet, parts, False)
        except (OSError, MemoryError):  # it has gone, or there are too many open files: later, to whoever is there
            engine.full = True
        return not engine.full

    def _share(self):
        """An engine without work takes what another one has not begun."""
        if self.pending:
            return
        for idle in [e for e in self._engines.values() if not e.held and not e.retired]:
            richest = max(self._engines.values(), key=lambda e: len(e.held))
            if len(richest.held) < 2:
                return
            self._put_back(richest.take_back())
            self._feed(idle)

    # ---- the end -------------------------------------------------------------------------------------

    def _is_done(self):
        with self.lock:
            if not (self.closing or self.broken) or (self.pending and not self.abandoned):
                return False
        if any(engine.held for engine in self._engines.values()):
            return False
        for engine in self._engines.values():
            if not engine.retired:
                self._retire(engine)
        return not self._engines

    def _end(self):
        with self.lock:
            self.closing = True
        for engine in self._engines.values():
            engine.close()
        self._end_templates()
        with self.lock:
            self.finished.set()
            self._bell.close()
            self._life.close()
            lifeline = self._lifeline()
            if lifeline is not None:
                lifeline.link.close()
            self._ringer.close()

    def _end_templates(self):
        self._meet_templates()
        for template in list(self._templates.values()):
            self._drop(template)


class BrokenEngines(futures.BrokenExecutor):
    """No engine can be started, or none can be made ready: nothing more can be done."""


def _complete(call, ok, form, memory):
    try:
        value = _serve.open_form(form, memory)
        failure = None if ok else _faults.decode(value)
    except BaseException as error:
        failure = pickle.UnpicklingError(f"the result of {call.name(0)} cannot be read: {error!r}")
        failure.__cause__ = error
    try:
        call.succeed(value) if failure is None else call.fail(failure)
    except futures.InvalidStateError:
        pass  # somebody else has given the future an answer
