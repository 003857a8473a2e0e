"""Engines: processes that are forked from this one, given tasks and asked for results.

This is the seam between what is to be done (_map, _executor) and how it gets done:

    with Crew(2) as crew:
        k = crew.start(body)        # forks engine 1, which calls body(engine) and ends; it has everything that is here
        crew.give(k, data)          # bytes for engine.receive(); False if it has too much unread
        event = crew.take(timeout)  # a Parcel, a Death, or None when nothing came within timeout seconds (None: for ever)
        event.open()                # of a Parcel: the values; raises what unpickling raises

and in the engine:

    def body(engine):
        while (data := engine.receive()) is not None:  # None: no more will come
            engine.ship([...], tag, first)

Bodies are closures: nothing is pickled to start an engine. What is given is bytes (a user's pickle, mostly); what is
shipped is a list, packed in the fastest way for its values. An engine sends an exception with
engine.ship_error(error, item): a Parcel with the tag ERROR, whose single value is for _faults.decode(). Where
engines come from elsewhere (a fork server), make a class of Crew that has its own start(), pid(), pidfd(), kill(),
reap() and __exit__(), hands crew.area.fd and one of _engines.link_pair() over, and calls _add(number, link).

When the `with` block is left, engines that live are killed and reaped, in C, so that no KeyboardInterrupt can come in
between; memory under way is given back by the kernel. `crew.close(k)` tells an engine that no more tasks come;
`crew.join()` waits until those that were told, or have nothing to wait for, have ended.

The memory that all share (crew.area, an _engines.Area) says who does which item: the caller is worker 0, engine k
worker k.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import gc
import select
import struct
import sys

from allot import _engines, _faults, _parcel

pack = _parcel.pack
RESULTS, ERROR, WORD = range(3)  # tags; others are the users' own
_INLINE, _RING, _MEMORY = range(3)
_HEAD = struct.Struct("=BBBxIqqqQQ")  # tag, encoding, where, buffers, first, count, took_ns, position, bytes of data
_INLINE_NBYTES = 4096
RING_NBYTES = 1 << 21
_SHARE_OF_RING = 4  # a parcel longer than a fourth of the ring has memory of its own

#: True in an engine: a map there runs in series.
inside = False


class Parcel:
    """A list that one side shipped to the other: `tag`, `first`, `count`, `took_ns`, and the values. Ones in a ring
    must be opened in the order in which they came."""

    __slots__ = ("engine", "tag", "first", "count", "took_ns", "_area", "_encoding", "_where", "_memory", "_nbytes", "_nbuffers", "_position")

    def __init__(self, engine, message, memory, area):
        self.engine = engine
        self._area = area
        (self.tag, self._encoding, self._where, self._nbuffers, self.first, self.count, self.took_ns, self._position,
         self._nbytes) = _HEAD.unpack_from(message)
        self._memory = message[_HEAD.size :] if memory is None else memory

    def open(self):
        """The values. Raises what unpickling them raises."""
        if self._where == _MEMORY:
            return _parcel.unpack_parts(self._encoding, self._memory, self._nbytes, self._nbuffers)
        if self._where == _INLINE:
            return _parcel.unpack(self._encoding, self._memory)
        begin = self._area.where(self.engine, self._position)
        try:
            with memoryview(self._area) as view, view[begin : begin + self._nbytes] as data:
                return _parcel.unpack(self._encoding, data)
        finally:
            self._area.release(self.engine, self._position + self._nbytes)


def _ship(link, packed, count, tag, first, took_ns, wait, area=None, engine=0):
    """Send what was packed, by the way that fits its size; the ring is that of an engine in an area."""
    nbytes = len(packed.data)

    def head(where, position=0):
        return _HEAD.pack(tag, packed.encoding, where, len(packed.buffers), first, count, took_ns, position, nbytes)

    if not packed.buffers:
        if nbytes <= _INLINE_NBYTES:
            return link.send(head(_INLINE) + packed.data, (), wait)
        if area is not None and nbytes <= area.ring_nbytes // _SHARE_OF_RING:
            position = area.put(engine, packed.data)
            if position is not None:
                is_sent = link.send(head(_RING, position), (), wait)
                if not is_sent:
                    area.take_back(engine, position)
                return is_sent
    return link.send(head(_MEMORY), packed.parts(), wait)


class Death:
    """An engine ended: `status` as os.waitpid() gives it, `item` what it was doing (-1: between items)."""

    __slots__ = ("engine", "status", "item")

    def __init__(self, engine, status, item):
        self.engine = engine
        self.status = status
        self.item = item

    def error(self, number):
        """The exception for it; number is what the item is called, None for none."""
        return _faults.death(self.status, number)


class Engine:
    """An engine's own view of itself, in its process."""

    def __init__(self, number, area, link):
        self.number = number
        self.area = area
        self._link = link

    def receive(self, wait=True):
        """The next bytes that the caller gave; None when there will be no more, or there are none now and wait is
        false."""
        message = self._link.receive(wait)
        if message is None or not message[0]:
            return None
        data, memory = message
        return data[1:] if memory is None else memory

    def take(self, wait=True):
        """The next Parcel that the caller shipped; None when there will be no more, or there is none now and wait is
        false."""
        message = self._link.receive(wait)
        return Parcel(self.number, *message, None) if message is not None and message[0] else None

    def ship(self, values, tag=RESULTS, first=0, took_ns=0, wait=True):
        """Send a list to the caller. False if wait is false and it has too much unread; raises what pickling raises."""
        return self.ship_packed(_parcel.pack(values), len(values), tag, first, took_ns, wait)

    def ship_packed(self, packed, count, tag=RESULTS, first=0, took_ns=0, wait=True):
        return _ship(self._link, packed, count, tag, first, took_ns, wait, self.area, self.number)

    def ship_error(self, error, item=-1):
        """Send an exception; it arrives as the only value of a parcel with the tag ERROR, for _faults.decode()."""
        self.ship([_faults.encode(error)], ERROR, item)


class Crew(_engines.Processes):
    """Engines 1 to nengines, as they are started, and the memory that they share with the caller."""

    def __init__(self, nengines, ring_nbytes=RING_NBYTES):
        self.area = _engines.Area(nengines, ring_nbytes)
        self._nengines = nengines
        self._links = {}  # engine -> our end of its socket
        self._engine_at = {}  # file number -> engine
        self._poll = select.poll()
        self._ready = collections.deque()

    @property
    def living(self):
        """The engines that have been started and whose death has not been told, in order."""
        return sorted(self._links)

    def start(self, body):
        """Fork an engine that calls body(engine) and ends. @return its number, the lowest that is free"""
        number = next(k for k in range(1, self._nengines + 1) if k not in self._links)
        ours, theirs = _engines.link_pair()

        def be_engine():
            global inside
            inside = True
            gc.freeze()  # what is here already is looked at no more, so its pages stay shared
            ours.close()
            for link in self._links.values():
                link.close()
            _reseed()
            try:
                body(Engine(number, self.area, theirs))
            except BrokenPipeError:  # the caller is gone, or wants no more
                pass

        self.area.rest(number)
        self.fork(number, be_engine)
        theirs.close()
        self._add(number, ours)
        return number

    def _add(self, number, link):
        self._links[number] = link
        for fd in (link.fileno(), self.pidfd(number)):
            if fd >= 0:
                self._engine_at[fd] = number
                self._poll.register(fd, select.POLLIN)

    def give(self, engine, data, wait=False):
        """Bytes for an engine. False if wait is false and it has too much unread, or it is gone (its Death will be
        told)."""
        link = self._links[engine]
        try:
            if len(data) <= _INLINE_NBYTES:
                return link.send(b"=" + bytes(data), (), wait)
            return link.send(b"+", (data,), wait)
        except (BrokenPipeError, ConnectionResetError):
            return False

    def ship(self, engine, values, tag=RESULTS, first=0, wait=False, count=None):
        """A list for an engine.take(). False as with give(); raises what pickling raises."""
        try:
            count = len(values) if count is None else count
            return _ship(self._links[engine], _parcel.pack(values), count, tag, first, 0, wait)
        except (BrokenPipeError, ConnectionResetError):
            return False

    def close(self, engine):
        """No more will be given to this engine."""
        self._links[engine].finish()

    def take(self, timeout=0.0):
        """The next Parcel or Death; None if none comes within timeout seconds (None: wait for ever)."""
        while True:
            while self._ready:
                event = self._take_from(self._ready[0])
                if event is not None:
                    return event
                self._ready.popleft()
            if not self._links:
                return None
            found = self._poll.poll(None if timeout is None else max(0, round(timeout * 1000 + 0.499)))
            self._ready.extend(dict.fromkeys(self._engine_at[fd] for fd, _ in found))
            if not found:
                return None

    def _take_from(self, engine):
        """What this engine has to say: a Parcel, its Death, or None."""
        link = self._links.get(engine)
        if link is None:
            return None
        message = link.receive(False)
        if message is None or not message[0]:
            status = self.reap(engine, message is not None)
            if status is None:
                return None
            message = message or link.receive(False)  # its last words may have come in between
            if message is None or not message[0]:
                return self._bury(engine, status)
        return Parcel(engine, *message, self.area)

    def _bury(self, engine, status):
        for fd in [fd for fd, k in self._engine_at.items() if k == engine]:
            self._poll.unregister(fd)
            del self._engine_at[fd]
        self._links.pop(engine).close()
        return Death(engine, status, self.area.at(engine)[0])

    def join(self):
        """Wait for the end of every engine; what it still ships is dropped."""
        for engine in self.living:
            self.close(engine)
        while self._links:
            self.take(None)


def _reseed():
    """NumPy's common generator would give the same numbers in each engine; Python's own is seen to by os.fork()."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()
