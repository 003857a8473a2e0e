# SPDX-License-Identifier: Apache-2.0
"""Packets between the processes of an executor, and parcels: objects on their way.

A packet is one pickled object on a Unix socket that keeps packets apart (SOCK_SEQPACKET), with file descriptors beside it
where needed: whole or not at all, so that a process that dies leaves no half of one. What is larger than PACKET_BYTES never
goes by packet: it is put into memory of its own (a memfd), and the packet carries its descriptor. The receiver maps that memory, and
arrays it unpickles lie in the mapping: they are copied once, by the sender. When the last of them dies, the memory is
released; nothing has a name in a file system, so that nothing can be left behind.
"""
import io
import mmap
import os
import pickle
import socket
import weakref

PACKET_BYTES = 1 << 16  # at most; a socket holds three times as much by default
INLINE_BYTES = 1 << 13  # a parcel up to this goes within the packet
MAX_PARCELS = 16  # with memory of their own, in one packet
_ALIGN = 64  # of arrays in a parcel's memory: a cache line, and what any vector asks for

_ends = weakref.WeakSet()  # sockets that belong to this process, not to what it forks


def _close_inherited_ends():
    """In a child: an end that it kept open would hide from the other side that this process has ended."""
    for end in list(_ends):
        end.close()
    _ends.clear()


os.register_at_fork(after_in_child=_close_inherited_ends)


class Channel:
    """One end of a connection."""

    def __init__(self, end):
        self._socket = end
        _ends.add(end)

    def keep_over_fork(self):
        """This end is handed to the child that is about to be forked."""
        _ends.discard(self._socket)

    def fileno(self):
        return self._socket.fileno()

    def set_blocking(self, blocking):
        self._socket.setblocking(blocking)

    def close(self):
        self._socket.close()

    def send(self, message, fds=()):
        self.send_bytes(pickle.dumps(message, 5), fds)

    def send_bytes(self, packet, fds=()):
        if fds:
            socket.send_fds(self._socket, [packet], fds)
        else:
            self._socket.send(packet)

    def receive_bytes(self):
        """The next packet and its descriptors; no bytes at all when the other side has ended."""
        try:
            packet, fds, _, _ = socket.recv_fds(self._socket, PACKET_BYTES, MAX_PARCELS,
                                                socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:  # it died with packets unread
            return b"", []
        return packet, fds

    def receive(self):
        """The next message and its descriptors; (None, []) when the other side has ended."""
        packet, fds = self.receive_bytes()
        return (pickle.loads(packet), fds) if packet else (None, fds)


def channel_pair():
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Channel(first), Channel(second)


def channel_of_fd(fd):
    return Channel(socket.socket(fileno=fd))


def new_memory(name, nbytes):
    """A descriptor of nbytes of memory without a name in any file system."""
    fd = os.memfd_create("allot-" + name, os.MFD_CLOEXEC)
    try:
        os.ftruncate(fd, nbytes)
    except BaseException:
        os.close(fd)
        raise
    return fd


class Parcel:
    """A pickled object: its bytes, and views of the buffers that it shares with the object (pickle 5, out of band)."""

    __slots__ = ("data", "buffers", "nbytes", "need")

    def __init__(self, data, buffers=(), need=0):
        self.data = data
        self.need = need  # the generation of engines that can read it: _inherit
        self.buffers = [buffer.raw() for buffer in buffers]
        self.nbytes = len(data)
        for buffer in self.buffers:
            self.nbytes += buffer.nbytes + 64

    def inline(self):
        """What goes within a packet, for `open_inline`. Buffers are copied, as writable as they were."""
        if not self.buffers:
            return self.data
        return self.data, [bytes(b) if b.readonly else bytearray(b) for b in self.buffers]

    def store(self):
        """(descriptor, layout) of memory that holds it, for `open_stored`. The caller closes the descriptor."""
        layout, offset = [(0, len(self.data), True)], len(self.data)
        for buffer in self.buffers:
            offset = -(-offset // _ALIGN) * _ALIGN
            layout.append((offset, buffer.nbytes, buffer.readonly))
            offset += buffer.nbytes
        fd = new_memory("parcel", max(offset, 1))
        try:
            for part, (start, _, _) in zip([self.data, *self.buffers], layout):
                _write_at(fd, part, start)
        except BaseException:
            os.close(fd)
            raise
        return fd, layout


def _write_at(fd, part, offset):
    """write(), not a mapping: it fails where memory lacks, and a mapping would be killed."""
    view = memoryview(part)
    done = 0
    while done < len(view):
        try:
            done += os.pwrite(fd, view[done:done + (1 << 30)], offset + done)
        except OSError as error:
            raise MemoryError(f"no memory for {len(view)} bytes on their way between processes: {error}") from None


def open_inline(inline):
    if isinstance(inline, bytes):
        return pickle.loads(inline)
    return pickle.loads(inline[0], buffers=inline[1])


def open_stored(fd, layout):
    """The object; takes the descriptor."""
    try:
        area = mmap.mmap(fd, 0)
    finally:
        os.close(fd)
    view = memoryview(area)
    parts = []
    for start, nbytes, readonly in layout:
        part = view[start:start + nbytes]
        parts.append(part.toreadonly() if readonly else part)
    return pickle.loads(parts[0], buffers=parts[1:])


_PLAIN = frozenset((int, float, complex, str, bytes, bool, type(None)))


def pack(obj, pickler=pickle.Pickler):
    """A Parcel of obj, made by this class of pickler. Numbers and strings do not need one."""
    if type(obj) in _PLAIN:
        return Parcel(pickle.dumps(obj, 5))
    buffers, out = [], io.BytesIO()
    writer = pickler(out, 5, buffer_callback=buffers.append)
    writer.dump(obj)
    return Parcel(out.getvalue(), buffers, getattr(writer, "need", 0))
