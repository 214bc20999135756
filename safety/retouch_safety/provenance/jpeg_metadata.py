"""XMP in JPEG: a segment APP1 that begins with a namespace (XMP Specification Part 3, 1.1.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_HEADER: Final = b"http://ns.adobe.com/xap/1.0/\0"
_APP0, _APP1, _SCAN, _END = 0xE0, 0xE1, 0xDA, 0xD9
_ALONE: Final = (0x01, *range(0xD0, 0xD9))  # markers without a length
_LARGEST: Final = 65_533 - len(_HEADER)


def read_jpeg_xmp(data: bytes) -> bytes | None:
    """Return the packet of a JPEG file, or None.

    Raises:
        ValueError: the file is cut or damaged.
    """
    for marker, start, end in _segments(data):
        if marker == _APP1 and data[start:end].startswith(_HEADER):
            return data[start + len(_HEADER) : end]
    return None


def write_jpeg_xmp(data: bytes, packet: bytes) -> bytes:
    """Return the file with this packet, after JFIF and EXIF, in place of any other.

    Raises:
        ValueError: the file is cut or damaged, or the packet is over 64 KB.
    """
    if len(packet) > _LARGEST:
        raise ValueError(f"its XMP would have {len(packet)} bytes, JPEG holds {_LARGEST}")
    length = struct.pack(">H", 2 + len(_HEADER) + len(packet))
    segment = b"\xff\xe1" + length + _HEADER + packet
    before: list[bytes] = [data[:2]]
    after: list[bytes] = []
    position = 2
    for marker, start, end in _segments(data):
        whole = data[position:end]
        position = end
        if marker == _APP1 and data[start:end].startswith(_HEADER):
            continue
        leads = marker == _APP0 or (marker == _APP1 and data[start:end].startswith(b"Exif\0"))
        (before if leads and not after else after).append(whole)
    return b"".join([*before, segment, *after]) + data[position:]


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of every segment's content, up to the first scan."""
    position = 2
    while True:
        start = position
        while data[position : position + 1] == b"\xff":  # any number of fill bytes
            position += 1
        if position == start or position + 3 > len(data):
            raise ValueError(f"no segment at byte {start}")
        marker = data[position]
        if marker in (_SCAN, _END):
            if data.find(bytes([0xFF, _END]), start) < 0:
                raise ValueError("its end is missing")
            return
        if marker in _ALONE:
            position += 1
            yield marker, position, position
            continue
        length = int.from_bytes(data[position + 1 : position + 3], "big")
        end = position + 1 + length
        if length < 2 or end > len(data):
            raise ValueError(f"cut at byte {len(data)}")
        yield marker, position + 3, end
        position = end
