"""JPEG: from the start of the picture to its end (ITU T.81, annex B), and words beside it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from retouch_safety.one_picture.exif_block import words_of_exif
from retouch_safety.one_picture.left_out import LeftOut, Sieved
from retouch_safety.one_picture.words import are_words, words_of_xmp

_APP0, _APP1, _APP2, _APP11, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEB, 0xEE, 0xEF
_SCAN, _END, _COMMENT = 0xDA, 0xD9, 0xFE
_TABLES: Final = (0xC4, 0xCC, 0xDB, 0xDC, 0xDD)  # Huffman, arithmetic, quantisation, lines, restart
_FRAMES: Final = tuple(m for m in range(0xC0, 0xD0) if m not in (0xC4, 0xC8, 0xCC))
_EXIF_HEADER: Final = b"Exif\0\0"
_XMP_HEADER: Final = b"http://ns.adobe.com/xap/1.0/\0"
_JFIF_LENGTH, _ADOBE_LENGTH = 14, 12  # without a thumbnail; without what programs add
_LARGEST: Final = 65_533
_NEXT_MARKER: Final = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


class _Segment(NamedTuple):
    marker: int
    body: bytes
    scan: bytes  # coded data behind the segment
    after: int  # where the file goes on; behind the end marker at the last


def sieved_jpeg(data: bytes) -> Sieved:
    """Return the file from its start to the end of its picture, without further pictures.

    Raises:
        ValueError: cut or damaged.
    """
    kept, left_out, frames, end = [b"\xff\xd8"], list[LeftOut](), 0, 2
    for segment in _segments(data):
        end = segment.after
        frames += segment.marker in _FRAMES
        body, gone = _sieved(segment)
        left_out += gone
        if body is not None:
            length = struct.pack(">H", len(body) + 2)
            kept += [bytes([0xFF, segment.marker]), length, body, segment.scan]
    if frames != 1:
        raise ValueError(f"{frames} pictures in one")
    if end < len(data):
        left_out.append(LeftOut("data behind the end of the picture", len(data) - end))
    return b"".join([*kept, b"\xff\xd9"]), left_out


def _segments(data: bytes) -> Iterator[_Segment]:
    position, last = 2, False
    while not last:
        position = _past_fill(data, position)
        marker = data[position]
        if marker == _END:
            raise ValueError("no picture in it")
        length = int.from_bytes(data[position + 1 : position + 3], "big")
        start, end = position + 3, position + 1 + length
        if marker < 0xC0 or 0xD0 <= marker <= 0xD8 or length < 2 or end > len(data):
            raise ValueError(f"damaged at byte {position}")
        following = end
        if marker == _SCAN:
            found = _NEXT_MARKER.search(data, end)
            if found is None:
                raise ValueError("its end is missing")
            following = found.start()
        behind = _past_fill(data, following)
        last = data[behind] == _END
        position = behind + 1 if last else following
        yield _Segment(marker, data[start:end], data[end:following], position)


def _past_fill(data: bytes, position: int) -> int:
    """Return where the marker's second byte is: any number of fill bytes may be before it."""
    start = position
    while data[position : position + 1] == b"\xff":
        position += 1
    if position == start or position >= len(data):
        raise ValueError(f"no segment at byte {start}")
    return position


def _sieved(segment: _Segment) -> tuple[bytes | None, list[LeftOut]]:
    """Return what stays of a segment, None for nothing, and what was left out."""
    marker, body = segment.marker, segment.body
    if marker in _TABLES or marker in _FRAMES or marker == _SCAN:
        return body, []
    if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= _JFIF_LENGTH:
        rest = len(body) - _JFIF_LENGTH
        gone = [LeftOut("the thumbnail in JFIF", rest)] if rest else []
        return body[: _JFIF_LENGTH - 2] + b"\0\0", gone
    if marker == _APP1 and body.startswith(_EXIF_HEADER):
        block, gone = words_of_exif(body[len(_EXIF_HEADER) :])
        return (_EXIF_HEADER + block if block else None), gone
    if marker == _APP1 and body.startswith(_XMP_HEADER):
        return _sieved_xmp(body[len(_XMP_HEADER) :])
    if marker == _APP2 and body.startswith(b"ICC_PROFILE\0"):
        return body, []
    if marker == _APP14 and body.startswith(b"Adobe"):
        return body[:_ADOBE_LENGTH], []
    if marker == _COMMENT and are_words(body):
        return body, []
    if marker == _APP11 and body.startswith(b"JP"):
        return None, []  # content credentials: what becomes of them is said where they are read
    return None, [LeftOut(_name(marker, body), len(body))]


def _sieved_xmp(packet: bytes) -> tuple[bytes | None, list[LeftOut]]:
    words, gone = words_of_xmp(packet)
    if words is None or len(words) + len(_XMP_HEADER) > _LARGEST:
        return None, [LeftOut("XMP that cannot be read", len(packet))]
    return _XMP_HEADER + words, [LeftOut("pictures in XMP", gone)] if gone else []


def _name(marker: int, body: bytes) -> str:
    if marker == _COMMENT:
        return "a comment"
    if not _APP0 <= marker <= _APP15:
        return f"segment {marker:02x}"
    told = re.match(rb"[ -~]{0,40}", body)
    name = told.group().decode("ascii").strip() if told else ""
    return f"segment APP{marker - _APP0} {name}".rstrip()
