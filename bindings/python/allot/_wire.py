"""What an executor's processes are connected by: links, and objects on their way over them.

A link (_engines.Link) carries packets of at most 64 KB, and memory beside them for what is longer. So there are two
forms of an object: within a packet, together with others, or in memory of its own, which is copied once, by the
sender; arrays look into it.

SPDX-License-Identifier: Apache-2.0
"""
import io
import os
import pickle
import socket
import weakref

from allot import _parcel

PACKET_NBYTES = 60_000  # a link takes somewhat more
INLINE_NBYTES = 8192  # an object up to this goes within a packet

_owners = weakref.WeakSet()


def owned_here(owner):
    """owner.link is this process's own, not of what it forks: children close it, for a copy that they kept would
    hide from the other side that this process has ended."""
    _owners.add(owner)


def _close_in_child():
    for owner in list(_owners):
        owner.link.close()
    _owners.clear()


os.register_at_fork(after_in_child=_close_in_child)


class Lifeline:
    """Held by who may give work. When it is dropped, wherever a Ctrl-C comes, `link` closes, and whoever has the
    other end knows."""

    def __init__(self, link):
        self.link = link
        owned_here(self)


def send_with_fds(link, message, fds):
    """An object with files of this process. OSError when the other side has gone."""
    with socket.socket(fileno=os.dup(link.fileno())) as end:
        socket.send_fds(end, [pickle.dumps(message)], fds)


def receive_with_fds(link):
    """(object, files); (None, []) at the end."""
    with socket.socket(fileno=os.dup(link.fileno())) as end:
        try:
            packet, fds, _, _ = socket.recv_fds(end, PACKET_NBYTES, 2, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            packet, fds = b"", []
    return (pickle.loads(packet) if packet else None), fds


class Sealed(_parcel.Packed):
    """An object as bytes and buffers; `need` is the generation of engines that can read it (_inherit)."""

    __slots__ = ("need",)

    def within(self):
        """For a packet; open_within() is the other way. Buffers are copied, as writable as they were."""
        if not self.buffers:
            return self.data
        return self.data, [bytes(view) if view.readonly else bytearray(view) for view in self.buffers]

    def apart(self):
        """The sizes for open_apart(); what is sent are its parts()."""
        return len(self.data), len(self.buffers)

    @property
    def is_short(self):
        return len(self.data) <= INLINE_NBYTES and (
            not self.buffers or self.nbytes + 64 * len(self.buffers) <= INLINE_NBYTES)


PLAIN = frozenset((int, float, complex, str, bytes, bool, type(None)))  # these types exactly: any pickler does the same with them


def seal_plain(obj):
    """Where pickling is nobody's business but pickle's."""
    sealed = Sealed(_parcel.PICKLE, pickle.dumps(obj, 5))
    sealed.need = 0
    return sealed


def seal(obj, pickler):
    """Raises what pickling raises."""
    if type(obj) in PLAIN:
        return seal_plain(obj)
    out, buffers = io.BytesIO(), []
    writer = pickler(out, 5, buffer_callback=buffers.append)
    writer.dump(obj)
    sealed = Sealed(_parcel.PICKLE, out.getvalue(), tuple(buffer.raw() for buffer in buffers))
    sealed.need = getattr(writer, "need", 0)
    return sealed


class SealedCall:
    """A call of a function that is sent again and again, with plain arguments: always short."""

    __slots__ = ("function", "data", "need")
    is_short = True

    def __init__(self, function, need, args):
        self.function, self.need, self.data = function, need, pickle.dumps(args)

    def within(self):
        """The function's bytes are the same object for all of its calls, so a packet has them once."""
        return self.function, self.data


def open_within(form):
    return pickle.loads(form) if isinstance(form, bytes) else pickle.loads(form[0], buffers=form[1])


def open_apart(form, memory):
    return _parcel.unpack_parts(_parcel.PICKLE, memory, *form)
