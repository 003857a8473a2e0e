"""trr.py - the frames of a .trr file, for the tests of what was simulated: big-endian, a head, then box, positions, velocities,
forces.

SPDX-License-Identifier: Apache-2.0
"""
import struct


def frames(name):
    """[(step, box, x, v, f)]: flat lists; () where there is none"""
    data, at, found = open(name, "rb").read(), 0, []
    while at < len(data):
        nbytes = struct.unpack_from(">10i", data, at + 24)
        natoms, step = struct.unpack_from(">2i", data, at + 64)
        size = nbytes[2] // 9
        at += 24 + 4 * 13 + 2 * size
        parts = []
        for part in (nbytes[2], nbytes[7], nbytes[8], nbytes[9]):
            parts.append(struct.unpack_from(f">{part // size}{'d' if size == 8 else 'f'}", data, at))
            at += part
        assert len(parts[1]) in (0, 3 * natoms)
        found.append((step, *parts))
    return found
