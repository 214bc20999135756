"""Colour profiles as documents have them, and as they should not."""

from __future__ import annotations

import struct

import imagecodecs

#: CIE xyY of ITU-R BT.709, the primaries of sRGB, and of its white D65.
_PRIMARIES = [0.64, 0.33, 1.0, 0.30, 0.60, 1.0, 0.15, 0.06, 1.0]
_WHITE = [0.3127, 0.3290, 1.0]
#: XYZ of the white D50 that profiles relate to.
_D50 = (0.9642, 1.0, 0.8249)
#: Where the header holds when a profile was created (ICC.1:2001-04, 6.1): a second later the same
#: call would give other bytes.
_CREATED = slice(24, 36)


def linear_profile() -> bytes:
    """Return a profile with the primaries of sRGB and no curve: Krita's default for floats."""
    made = imagecodecs.cms_profile("rgb", whitepoint=_WHITE, primaries=_PRIMARIES, gamma=1.0)
    undated = bytearray(made)
    undated[_CREATED] = bytes(12)
    return bytes(undated)


def one_way_profile() -> bytes:
    """Return a scanner's profile that shows everything inverted, and knows no way back.

    ICC.1:2001-04: header (6.1), tags ``A2B0`` (a table of two levels a channel, ``mft1``, 6.5.8),
    ``wtpt``, ``cprt`` and ``desc``.
    """
    corners = [(r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
    table = b"".join(bytes([round(255 * (1 - sum(each) / 3)), 128, 128]) for each in corners)
    curve = bytes(range(256)) * 3
    identity = _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    tags = {
        b"A2B0": b"mft1" + bytes(4) + bytes([3, 3, 2, 0]) + identity + curve + table + curve,
        b"wtpt": b"XYZ " + bytes(4) + _fixed(*_D50),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78),
    }
    begins, entries, bodies = 128 + 4 + 12 * len(tags), b"", b""
    for name, body in tags.items():
        entries += name + struct.pack(">II", begins + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    header = bytearray(128)
    struct.pack_into(">I", header, 0, begins + len(bodies))
    header[8:12] = bytes([2, 0x40, 0, 0])
    header[12:24] = b"scnrRGB Lab "
    header[36:40] = b"acsp"
    header[68:80] = _fixed(*_D50)
    return bytes(header) + struct.pack(">I", len(tags)) + entries + bodies


def _fixed(*values: float) -> bytes:
    """s15Fixed16Number, ICC.1:2001-04, 5.3.4."""
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)
