"""The thread that feeds the engines of an executor.

All decisions are made by this thread, which no signal interrupts.

A short call is given to an engine together with others and ahead of time, by what calls of its function have cost so
far; one of unknown cost is given alone. An engine that has nothing left takes back half of what another one has not
begun (Arena.claim), so that a wrong guess costs little. An engine that dies breaks the call it had claimed, and no
other.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import os
import pickle
import select
import signal
import threading
from concurrent import futures

from allot import _engines, _faults, _serve, _server, _wire
from allot._engine import Engine
from allot._inbox import Inbox

_AHEAD_SECONDS = 0.012  # of work that an engine holds when it is given more: a change of threads here takes up to 5 ms
_PACKET_NBYTES = 40_000  # of calls, before the last one; _wire.PACKET_NBYTES with their framing
_STILLBORN = 3  # engines that end before any answer, one after another: there is no use in more
_FRAME_NBYTES = 128  # what a call's slot, ident and the like take in a packet, and more
_COSTS = 4096  # functions whose cost is remembered
_AGAIN_MS = 10  # until what the kernel had no room for is tried again


class Feeder(Inbox):
    def __init__(self, nengines, initializer):
        super().__init__()
        self.nengines = nengines
        self._initializer = initializer  # of engines (_executor), or None
        self._templates = {}  # by descriptor
        self._engines = {}  # by number
        self._by_fd = {}
        self._next_number = self._next_ident = 0
        self._costs = {}
        self._stillborn = 0
        self._poll = select.poll()

    def _attend(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are the main thread's
        with self.lock:
            if self.thread is not None or self.finished.is_set():
                return  # another was started after a Ctrl-C, or it is over
            self.thread = threading.current_thread()
        self._poll.register(self._bell, select.POLLIN)
        self._poll.register(self._life, select.POLLIN)
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
            try:
                received = engine.link.receive(False)
            except MemoryError as error:  # there is none for what came with this packet
                received = error.allot_message, error
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
        """One more engine if there is work for it, in place of an idle one that does not know the next call's
        function."""
        need = self.pending[0].need
        at_work = [engine for engine in self._engines.values() if not engine.retired]
        if len(at_work) >= self.nengines:
            old = next((e for e in at_work if not e.held and e.generation < need), None)
            if old is None:
                return False
            old.retire()
        template = self._template
        if template.ended:
            return self._start_without(need)
        return template.generation >= need and self._start(template)

    def _start_without(self, need):
        """The template was killed. What only a fork knows is lost with it; for the rest there are fresh
        interpreters."""
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
            engine = Engine(self._next_number, template, ours, _serve.Arena(fd))
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
        engine.send([(slot, _serve.INITIALIZER, sealed)])

    def _feed(self, engine):
        """As much as keeps it busy for a while: short calls in one packet, a long one in its own."""
        calls, nbytes = [], 0
        fair = -(-len(self.pending) // max(len(self._engines), 1))
        for _ in range(fair):
            if nbytes >= _PACKET_NBYTES:
                self._send_or_put_back(engine, calls)
                calls, nbytes = [], 0
            call, seconds = (None, 0.0) if engine.full or engine.retired else self._next_for(engine)
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
        if calls and (engine.full or not engine.send(calls)):
            self._put_back([engine.unsent(ident) for _, ident, _ in calls])

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
                engine.retire()
        return not self._engines

    def _end(self):
        with self.lock:
            self.closing = True
        for engine in self._engines.values():
            engine.close()
        self._end_templates()
        with self.lock:
            self._hang_up()

    def _end_templates(self):
        self._meet_templates()
        for template in list(self._templates.values()):
            self._drop(template)


class BrokenEngines(futures.BrokenExecutor):
    """No engine can be started, or none can be made ready: nothing more can be done."""


def _complete(call, ok, form, memory):
    """Gives the answer; where it cannot be had, that is the call's failure, and never this thread's end."""
    with contextlib.suppress(futures.InvalidStateError):  # somebody else has given the future an answer
        try:
            if isinstance(memory, MemoryError):
                raise memory
            value = _serve.open_form(form, memory)
            if ok:
                call.succeed(value)
            else:
                call.fail(_faults.decode(value))
        except futures.InvalidStateError:
            raise
        except MemoryError as error:
            call.fail(error)
        except BaseException as error:
            failure = pickle.UnpicklingError(f"the result of {call.name(0)} cannot be read: {error!r}")
            failure.__cause__ = error
            call.fail(failure)
