"""PNG: the chunks of one still picture (PNG 3rd edition, section 11), and words beside it."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from retouch_safety.one_picture.exif_block import words_of_exif
from retouch_safety.one_picture.left_out import LeftOut, SeveralPictures, Sieved
from retouch_safety.one_picture.words import are_words, words_of_xmp
from retouch_safety.provenance.png_metadata import png_chunks, png_xmp_in, xmp_body

_PIXELS: Final = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")
_COLOUR: Final = (b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD")
_NEEDED: Final = frozenset((*_PIXELS, *_COLOUR, b"hIST", b"pHYs", b"tIME"))
_ANIMATION: Final = (b"acTL", b"fcTL", b"fdAT")
_CREDENTIALS: Final = b"caBX"


def sieved_png(data: bytes) -> Sieved:
    """Return the file up to the end of its picture, without further pictures.

    Raises:
        ValueError: cut or damaged.
        SeveralPictures: animated.
    """
    kept, left_out = [data[:8]], list[LeftOut]()
    end = 8
    for name, start, stop in png_chunks(data):
        end = stop + 4
        body, gone = _sieved(name, data[start:stop])
        left_out += gone
        if body is not None:
            kept.append(_chunk(name, body))
    if end < len(data):
        left_out.append(LeftOut("data behind the end of the picture", len(data) - end))
    return b"".join(kept), left_out


def _sieved(name: bytes, body: bytes) -> tuple[bytes | None, list[LeftOut]]:
    """Return what stays of a chunk, None for nothing, and what was left out."""
    if name in _ANIMATION:
        raise SeveralPictures("an animation")
    if name in _NEEDED:
        return body, []
    if name == _CREDENTIALS:
        return None, []  # what becomes of them is said where they are read
    if name == b"eXIf":
        block, gone = words_of_exif(body)
        return block or None, gone
    if name == b"iTXt" and (packet := png_xmp_in(body)) is not None:
        words, lost = words_of_xmp(packet)
        gone = [LeftOut("pictures in XMP", lost)] if lost else []
        return (None if words is None else xmp_body(words)), gone
    plain = name == b"tEXt" or (name == b"iTXt" and body.partition(b"\0")[2][:1] == b"\0")
    if plain and are_words(body):
        return body, []
    return None, [LeftOut(f"chunk {name.decode('ascii', 'replace')}", len(body))]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
