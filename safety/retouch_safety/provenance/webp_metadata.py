"""XMP in WebP: a chunk ``XMP `` of the extended format (RFC 9649, section 2.7)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_HEADER: Final = 12
_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_START_CODE: Final = b"\x9d\x01\x2a"


def read_webp_xmp(data: bytes) -> bytes | None:
    """Return the packet of a WebP file, or None.

    Raises:
        ValueError: the file is cut or damaged.
    """
    for name, body in webp_chunks(data):
        if name == b"XMP ":
            return body
    return None


def write_webp_xmp(data: bytes, packet: bytes) -> bytes:
    """Return the file with this packet in place of any other, in the extended format.

    Raises:
        ValueError: the file is cut or damaged.
    """
    chunks = [(name, body) for name, body in webp_chunks(data) if name != b"XMP "]
    if not chunks:
        raise ValueError("no picture in it")
    if chunks[0][0] != b"VP8X":
        chunks.insert(0, (b"VP8X", _extended_header(*chunks[0])))
    header = bytearray(chunks[0][1])
    if len(header) < 10:
        raise ValueError("its header is cut")
    header[0] |= _XMP_FLAG
    chunks[0] = (b"VP8X", bytes(header))
    chunks.append((b"XMP ", packet))
    body = b"WEBP" + b"".join(_chunk(name, content) for name, content in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body + data[webp_end(data) :]


def webp_end(data: bytes) -> int:
    """Return where the last chunk ends. Raises ValueError: the file is cut."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < _HEADER or end > len(data):
        raise ValueError(f"cut at byte {len(data)}")
    return end


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of every chunk.

    Raises:
        ValueError: the file is cut or damaged.
    """
    position, end = _HEADER, webp_end(data)
    while position + 8 <= end:
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        start = position + 8
        if start + length > end:
            raise ValueError(f"a chunk at byte {position} is cut")
        yield data[position : position + 4], data[start : start + length]
        position = start + length + length % 2


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _extended_header(name: bytes, body: bytes) -> bytes:
    width, height, alpha = _size(name, body)
    flags = _ALPHA_FLAG if alpha else 0
    return (
        bytes([flags, 0, 0, 0])
        + (width - 1).to_bytes(3, "little")
        + ((height - 1).to_bytes(3, "little"))
    )


def _size(name: bytes, body: bytes) -> tuple[int, int, bool]:
    """Return width, height and whether there is alpha (RFC 9649, 3.4; RFC 6386, 9.1)."""
    if name == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    if name == b"VP8 " and len(body) >= 10 and body[3:6] == _START_CODE:
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF, False
    raise ValueError(f"its first chunk {name!r} is not a picture")
