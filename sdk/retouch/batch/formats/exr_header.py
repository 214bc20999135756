"""The header of an OpenEXR file as bytes: attributes that a library does not know stay as they are.

OpenEXR File Layout: magic, version, one header a part (name, type, size, value of each attribute,
then a zero), tables of chunk offsets, chunks. Python's binding cannot write all types of attributes
(rational, for one), so those of the original are put back as the bytes they were.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_MAGIC: Final = 20000630
_LONG_NAMES, _SEVERAL, _DEEP = 0x400, 0x1000, 0x800
#: Attributes that are of how the file is written, and not of the picture.
_WRITTEN: Final = frozenset(["channels", "compression", "chunkCount", "version", "tiles", "type"])

#: Attributes of one part: name -> type and value.
Attributes = dict[str, tuple[str, bytes]]


@dataclass(frozen=True)
class Headers:
    """All headers of a file.

    Attributes:
        flags: the version word.
        parts: attributes of each part, in order.
        end: offset of the first table of offsets.
    """

    flags: int
    parts: tuple[Attributes, ...]
    end: int


def headers(data: bytes) -> Headers:
    """Read a file's headers.

    Raises:
        ValueError: no OpenEXR file, or one that is cut off.
    """
    if len(data) < 9:
        raise ValueError("too short")
    magic, flags = struct.unpack_from("<II", data)
    if magic != _MAGIC:
        raise ValueError("no OpenEXR signature")
    place, parts, several = 8, [], bool(flags & _SEVERAL)
    while True:
        part: Attributes = {}
        while data[place]:
            name, place = _text(data, place)
            kind, place = _text(data, place)
            (size,) = struct.unpack_from("<i", data, place)
            part[name] = (kind, data[place + 4 : place + 4 + size])
            place += 4 + size
            if size < 0 or place >= len(data):
                raise ValueError("a header is cut off")
        place += 1
        parts.append(part)
        if not several or not data[place]:
            return Headers(flags, tuple(parts), place + several)


def with_attributes(
    written: bytes, original: Headers, added: Sequence[Mapping[str, tuple[str, bytes]]]
) -> bytes:
    """Return a file with the attributes of the one that it is made from, and further ones.

    Args:
        written: a whole file, of as many parts.
        original: headers of what it is made from.
        added: of each part, further attributes.
    """
    found = headers(written)
    parts = []
    for new, old, more in zip(found.parts, original.parts, added, strict=True):
        part = {name: value for name, value in old.items() if name not in _WRITTEN}
        part |= {name: value for name, value in new.items() if name in _WRITTEN or name not in part}
        parts.append(part | dict(more))
    longest = max(len(name) for part in parts for name in part)
    flags = found.flags | (original.flags & _LONG_NAMES) | (_LONG_NAMES if longest > 31 else 0)
    head = struct.pack("<II", _MAGIC, flags) + b"".join(map(_packed, parts))
    head += b"\0" if flags & _SEVERAL else b""
    return head + _moved(written[found.end :], found.end, len(head) - found.end)


def text_attribute(text: str) -> tuple[str, bytes]:
    """Return an attribute of type string."""
    return "string", text.encode("utf-8")


def box_attribute(x: int, y: int, width: int, height: int) -> tuple[str, bytes]:
    """Return an attribute of type box2i; its ends are inclusive."""
    return "box2i", struct.pack("<iiii", x, y, x + width - 1, y + height - 1)


def _packed(part: Attributes) -> bytes:
    found = b"".join(
        name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
        for name, (kind, value) in part.items()
    )
    return found + b"\0"


def _moved(rest: bytes, begins: int, by: int) -> bytes:
    """Tables and chunks: each offset, from the file's beginning, grows by the header's growth."""
    place, first, offsets = 0, len(rest), []
    while place < first:
        (offset,) = struct.unpack_from("<Q", rest, place)
        offsets.append(offset + by)
        first = min(first, offset - begins)  # the tables end where the first chunk begins
        place += 8
    return struct.pack(f"<{len(offsets)}Q", *offsets) + rest[place:]


def _text(data: bytes, place: int) -> tuple[str, int]:
    end = data.index(b"\0", place, place + 256)
    return data[place:end].decode("utf-8", "surrogateescape"), end + 1
