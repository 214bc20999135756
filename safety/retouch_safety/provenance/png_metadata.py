"""XMP in PNG: an uncompressed chunk iTXt, ``XML:com.adobe.xmp`` (PNG 3rd edition, 11.3.3.4)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from retouch_safety.provenance.xmp import LARGEST_PACKET

_SIGNATURE: Final = 8
_KEYWORD: Final = b"XML:com.adobe.xmp"


def read_png_xmp(data: bytes) -> bytes | None:
    """Return the packet of a PNG file, or None.

    Raises:
        ValueError: the file is cut or damaged.
    """
    for name, start, end in png_chunks(data):
        if name == b"iTXt" and data[start:end].startswith(_KEYWORD + b"\0"):
            return _text(data[start:end])
    return None


def png_xmp_in(body: bytes) -> bytes | None:
    """Return the packet that a chunk iTXt holds, or None."""
    return _text(body) if body.startswith(_KEYWORD + b"\0") else None


def xmp_body(packet: bytes) -> bytes:
    """Return what a chunk iTXt holds with this packet: not compressed, no language."""
    return _KEYWORD + b"\0\0\0\0\0" + packet


def write_png_xmp(data: bytes, packet: bytes) -> bytes:
    """Return the file with this packet, right after the header, in place of any other.

    Raises:
        ValueError: the file is cut or damaged.
    """
    parts, last = [data[:_SIGNATURE]], _SIGNATURE
    for name, start, end in png_chunks(data):
        last = end + 4
        if name == b"iTXt" and data[start:end].startswith(_KEYWORD + b"\0"):
            continue
        parts.append(data[start - 8 : last])
        if name == b"IHDR":
            parts.append(_chunk(b"iTXt", xmp_body(packet)))
    return b"".join(parts) + data[last:]


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of every chunk, and where its content starts and ends, up to the last.

    Raises:
        ValueError: the file is cut or damaged.
    """
    position, name = _SIGNATURE, b""
    while name != b"IEND":
        if position + 12 > len(data):
            raise ValueError(f"cut at byte {len(data)}")
        length = int.from_bytes(data[position : position + 4], "big")
        name = data[position + 4 : position + 8]
        start, position = position + 8, position + 12 + length
        if position > len(data):
            raise ValueError(f"cut at byte {len(data)}")
        yield name, start, start + length


def _text(body: bytes) -> bytes | None:
    compressed, rest = body[len(_KEYWORD) + 1 : len(_KEYWORD) + 3], body[len(_KEYWORD) + 3 :]
    text = rest.split(b"\0", 2)[-1]  # after the language and the translated keyword
    if compressed[:1] == b"\0":
        return text
    try:
        return zlib.decompressobj().decompress(text, LARGEST_PACKET)
    except zlib.error:
        return None


def _chunk(name: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)
