"""Where calls wait for the thread that feeds an executor's engines: what any thread of the program may ask of it.

Who submits only appends to `pending`. Ctrl-C may therefore come at any instant of a submit() without a call being lost
between two lists; all decisions are made by the thread (_feeder), which no signal interrupts.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import os
import signal
import threading
import weakref

from allot import _engines, _serve, _server, _wire


class Inbox:
    def __init__(self):
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
        self._template = None  # the newest
        self._new_templates = collections.deque()  # that the thread does not know yet
        self._bell, self._ringer = _engines.link_pair()
        self._rung = False
        self._life = self._lifeline = None  # our end of it, and a weak reference to the other one
        _server.rests_between(self)

    def lifeline(self):
        """When what this returns is dropped, nothing more is taken, and the thread ends when all is done."""
        self._life, link = _engines.link_pair()
        lifeline = _wire.Lifeline(link)
        self._lifeline = weakref.ref(lifeline)
        return lifeline

    def check(self):
        """Raises RuntimeError when nothing is taken any more."""
        if os.getpid() != self.owner:
            raise RuntimeError(f"this executor belongs to process {self.owner}, of which this one is a fork: make one here")
        if self.broken is not None:
            raise self.broken
        if self.closing:
            raise RuntimeError("cannot schedule new futures after shutdown")

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
        """Sees to it that there are or can be engines of this generation. False: there cannot, as threads are in the
        way of a fork."""
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
                for template in self._new_templates:
                    template.close()
                self._hang_up()

    def join(self):
        """Until the engines have ended. Not in a callback: it is the thread itself that would wait for itself."""
        if os.getpid() == self.owner and threading.current_thread() is not self.thread:
            self.finished.wait()

    def _hang_up(self):
        """Nobody is listening any more. Call it with the lock."""
        self.finished.set()
        self._bell.close()
        self._ringer.close()
        self._life.close()
        lifeline = self._lifeline()
        if lifeline is not None:
            lifeline.link.close()
