"""An engine of an executor, as the thread that feeds it sees it: what it holds, and what has been sent to it.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import pickle

from allot import _serve, _wire


class Engine:
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

    def unsent(self, ident):
        """A call that did not reach it."""
        call, slot = self.release(ident)
        self.free_slots.append(slot)
        return call

    def send(self, calls):
        """False: not now, there is no room."""
        try:
            if calls[0][2].is_short:
                packet = b"=" + pickle.dumps([(slot, ident, sealed.within()) for slot, ident, sealed in calls], 5)
                parts = ()
            else:
                [(slot, ident, sealed)] = calls
                packet, parts = b"+" + pickle.dumps((slot, ident, sealed.apart()), 5), sealed.parts()
            self.full = not self.link.send(packet, parts, False)
        except (OSError, MemoryError):  # it has gone, or there are too many open files: later, to whoever is there
            self.full = True
        return not self.full

    def retire(self):
        """It ends when it has done what it holds."""
        self.retired = True
        try:
            self.link.send(b".", (), False)
        except OSError:  # it has ended already
            pass

    def close(self):
        self.link.close()
        self.arena.close()
