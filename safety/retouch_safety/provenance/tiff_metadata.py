"""XMP in TIFF: tag 700 of the first directory (XMP Specification Part 3, 3.3; TIFF 6.0).

A directory lies anywhere and names where everything else lies, so a new one is written behind
the file and the header is pointed at it. All other bytes stay where they are.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

_TAG: Final = 700
_BYTE: Final = 1
_ENTRY: Final = 12
_MOST: Final = 2**32 - 1


class _Directory(NamedTuple):
    order: str  # of struct: < or >
    entries: list[bytes]
    following: bytes  # where the next directory is


def read_tiff_xmp(data: bytes) -> bytes | None:
    """Return the packet of a TIFF file, or None.

    Raises:
        ValueError: the file is cut or damaged.
    """
    directory = _first(data)
    for entry in directory.entries:
        tag, kind, count, offset = struct.unpack(directory.order + "HHII", entry)
        if tag == _TAG and kind in (_BYTE, 7):
            if count <= 4:
                return entry[8 : 8 + count]
            if offset + count > len(data):
                raise ValueError("its XMP is cut")
            return data[offset : offset + count]
    return None


def write_tiff_xmp(data: bytes, packet: bytes) -> bytes:
    """Return the file with this packet in place of any other.

    Raises:
        ValueError: the file is cut or damaged, or would have over 4 GB.
    """
    order, entries, following = _first(data)
    start = len(data) + len(data) % 2
    kept = [entry for entry in entries if struct.unpack(order + "H", entry[:2])[0] != _TAG]
    directory = start + len(packet) + len(packet) % 2
    if directory + 2 + (len(kept) + 1) * _ENTRY + 4 > _MOST:
        raise ValueError("it would have over 4 GB")
    kept.append(struct.pack(order + "HHII", _TAG, _BYTE, len(packet), start))
    kept.sort(key=lambda entry: int(struct.unpack(order + "H", entry[:2])[0]))
    header = data[:4] + struct.pack(order + "I", directory)
    body = data[8:].ljust(start - 8, b"\0") + packet + b"\0" * (len(packet) % 2)
    return header + body + struct.pack(order + "H", len(kept)) + b"".join(kept) + following


def _first(data: bytes) -> _Directory:
    order = "<" if data[:2] == b"II" else ">"
    if len(data) < 8:
        raise ValueError(f"cut at byte {len(data)}")
    (position,) = struct.unpack(order + "I", data[4:8])
    (count,) = struct.unpack(order + "H", data[position : position + 2].ljust(2, b"\0"))
    end = position + 2 + count * _ENTRY
    if count == 0 or end + 4 > len(data):
        raise ValueError("its directory is cut")
    entries = [data[at : at + _ENTRY] for at in range(position + 2, end, _ENTRY)]
    return _Directory(order, entries, data[end : end + 4])
