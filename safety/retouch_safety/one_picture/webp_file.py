"""WebP: the chunks of one still picture (RFC 9649, section 2.7), and words beside it."""

from __future__ import annotations

import struct
from typing import Final

from retouch_safety.one_picture.exif_block import words_of_exif
from retouch_safety.one_picture.left_out import LeftOut, SeveralPictures, Sieved
from retouch_safety.one_picture.words import words_of_xmp
from retouch_safety.provenance.webp_metadata import webp_chunks, webp_end

_ANIMATION_FLAG, _XMP_FLAG, _EXIF_FLAG = 0x02, 0x04, 0x08
_PICTURES: Final = (b"VP8 ", b"VP8L")
_ONCE: Final = (b"VP8X", b"ICCP", b"ALPH", *_PICTURES)
_EXIF_HEADER: Final = b"Exif\0\0"  # some programs write JPEG's, too
_CREDENTIALS: Final = b"C2PA"


def sieved_webp(data: bytes) -> Sieved:
    """Return the file with one picture in it.

    Raises:
        ValueError: cut or damaged.
        SeveralPictures: animated, or two pictures in one.
    """
    kept: list[tuple[bytes, bytes]] = []
    left_out = list[LeftOut]()
    for name, content in webp_chunks(data):
        if name in _PICTURES and any(known in _PICTURES for known, _ in kept):
            raise SeveralPictures("a second picture")
        body, gone = _sieved(name, content)
        left_out += gone
        if body is not None:
            kept.append((name, body))
    end = webp_end(data) + webp_end(data) % 2
    if end < len(data):
        left_out.append(LeftOut("data behind the end of the picture", len(data) - end))
    body = b"WEBP" + b"".join(_chunk(*chunk) for chunk in _flagged(kept))
    return b"RIFF" + struct.pack("<I", len(body)) + body, left_out


def _sieved(name: bytes, body: bytes) -> tuple[bytes | None, list[LeftOut]]:
    """Return what stays of a chunk, None for nothing, and what was left out."""
    if name in (b"ANIM", b"ANMF") or (name == b"VP8X" and body[:1] and body[0] & _ANIMATION_FLAG):
        raise SeveralPictures("an animation")
    if name in _ONCE:
        return body, []
    if name == _CREDENTIALS:
        return None, []  # what becomes of them is said where they are read
    if name == b"EXIF":
        block, gone = words_of_exif(body.removeprefix(_EXIF_HEADER))
        return block or None, gone
    if name == b"XMP ":
        words, lost = words_of_xmp(body)
        return words, [LeftOut("pictures in XMP", lost)] if lost else []
    return None, [LeftOut(f"chunk {name.decode('ascii', 'replace').strip()}", len(body))]


def _flagged(chunks: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return chunks whose header says which of them there are."""
    if not chunks or chunks[0][0] != b"VP8X":
        return chunks
    names = [name for name, _ in chunks]
    flags = chunks[0][1][0] & ~(_XMP_FLAG | _EXIF_FLAG)
    flags |= _XMP_FLAG * (b"XMP " in names) | _EXIF_FLAG * (b"EXIF" in names)
    return [(b"VP8X", bytes([flags]) + chunks[0][1][1:]), *chunks[1:]]


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
