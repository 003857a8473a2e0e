"""Values as bytes and back, in whichever way is the fastest for them.

Numbers go as they are in memory, texts by marshal, the rest by pickle 5, with the buffers of large arrays apart: these
are copied once, by the sender, and what arrives is an array that looks into the memory that was sent.

SPDX-License-Identifier: Apache-2.0
"""
import marshal
import pickle
import struct

from allot import _engines

NUMBERS, MARSHAL, PICKLE = range(3)
#: Buffers shorter than this go within the pickle: a mapping costs more than a copy.
APART_NBYTES = 64 * 1024
_TABLE_ROW = struct.Struct("=qq")  # where a buffer begins, and its bytes


class Packed:
    """Values as bytes: the encoding, the data, and the buffers that were left out of it."""

    __slots__ = ("encoding", "data", "buffers")

    def __init__(self, encoding, data, buffers=()):
        self.encoding = encoding
        self.data = data
        self.buffers = buffers

    @property
    def nbytes(self):
        return len(self.data) + sum(buffer.nbytes for buffer in self.buffers)

    def parts(self):
        """What is sent as one piece of memory: the buffers, the data, the table of where each of them is."""
        table = []
        offset = 0
        for buffer in self.buffers:
            offset = -(-offset // 64) * 64
            table.append(_TABLE_ROW.pack(offset, buffer.nbytes))
            offset += buffer.nbytes
        return (*self.buffers, self.data, b"".join(table))


def pack(values):
    """A list as bytes. Raises what pickle raises where a value cannot be pickled."""
    kind = _engines.uniform(values)
    if kind is float or kind is int:
        data = _engines.pack_numbers(values)
        if data is not None:
            return Packed(NUMBERS, data)
    elif kind is str or kind is bytes:
        return Packed(MARSHAL, marshal.dumps(values))
    buffers = []

    def is_within(buffer):
        view = buffer.raw()
        if view.nbytes < APART_NBYTES:
            return True
        buffers.append(view)
        return False

    return Packed(PICKLE, pickle.dumps(values, 5, buffer_callback=is_within), tuple(buffers))


def unpack(encoding, data):
    """The list that these bytes are; they may be read over after that."""
    if encoding == NUMBERS:
        return _engines.unpack_numbers(data)
    if encoding == MARSHAL:
        return marshal.loads(data)
    return pickle.loads(data)


def unpack_parts(encoding, memory, nbytes, nbuffers):
    """The list that was packed with nbytes of data, from the memory that its parts() are in. Arrays go on looking
    into it."""
    view = memoryview(memory)
    table = view[len(view) - nbuffers * _TABLE_ROW.size :] if nbuffers else view[:0]
    buffers = []
    end = 0
    for offset, length in _TABLE_ROW.iter_unpack(table):
        buffers.append(view[offset : offset + length])
        end = offset + length
    begin = -(-end // 64) * 64
    data = view[begin : begin + nbytes]
    if encoding == PICKLE:
        return pickle.loads(data, buffers=buffers)
    return unpack(encoding, data)
