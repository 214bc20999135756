"""TIFF: one page, laid out anew with its picture and its words (TIFF 6.0)."""

from __future__ import annotations

import struct
from typing import Final

from retouch_safety.one_picture.directories import (
    LONG,
    SHORT,
    Field,
    first_directory,
    is_kept,
    laid_out,
    order_of,
    words_below,
)
from retouch_safety.one_picture.left_out import LeftOut, SeveralPictures, Sieved
from retouch_safety.one_picture.words import words_of_xmp

_XMP, _XMP_KIND, _CREDENTIALS = 700, 1, 52545
#: Fields of any length that say how the picture is to be shown.
_NEEDED: Final = frozenset((258, 301, 320, 338, 339, 340, 341, 347, 34675))
_PIECES: Final = ((273, 279), (324, 325))  # offsets and lengths of strips, and of tiles
_NAMED: Final = {34377: "Photoshop's resources", 37724: "layers"}
_NOTED: Final = 256  # bytes: less is padding


def sieved_tiff(data: bytes) -> Sieved:
    """Return the file with one page and without anything that its fields do not refer to.

    Raises:
        ValueError: cut or damaged.
        SeveralPictures: several pages.
    """
    order = order_of(data)
    fields, following = first_directory(data)
    if following:
        raise SeveralPictures("several pages")
    body, pieces = _pieces(data, order, fields)
    kept = [field for field in fields.values() if is_kept(field, _NEEDED)] + pieces
    left_out = [
        LeftOut(_NAMED.get(field.tag, f"field {field.tag}"), len(field.value))
        for field in fields.values()
        if len(field.value) > _NOTED
        and not is_kept(field, _NEEDED)
        and field.tag not in (_XMP, _CREDENTIALS, *(tag for pair in _PIECES for tag in pair))
    ]
    if _XMP in fields:
        words, lost = words_of_xmp(fields[_XMP].value)
        kept += [] if words is None else [Field(_XMP, _XMP_KIND, len(words), words)]
        left_out += [LeftOut("pictures in XMP", lost)] if lost else []
    clean = laid_out(order, body, kept, words_below(data, order, fields))
    named = sum(each.size for each in left_out)
    named += len(fields[_CREDENTIALS].value) if _CREDENTIALS in fields else 0
    rest = len(data) - len(clean) - named
    if rest > _NOTED:
        left_out.append(LeftOut("data that does not belong to the picture", rest))
    return clean, left_out


def _pieces(data: bytes, order: str, fields: dict[int, Field]) -> tuple[bytes, list[Field]]:
    """Return the picture's strips or tiles, one behind the other, and the fields that say where."""
    for offsets, lengths in _PIECES:
        if offsets in fields and lengths in fields:
            break
    else:
        raise ValueError("no picture in it")
    starts, sizes = (_numbers(fields[tag], order) for tag in (offsets, lengths))
    ends = [start + size for start, size in zip(starts, sizes, strict=False)]
    if len(starts) != len(sizes) or max(ends) > len(data) or sum(sizes) > len(data):
        raise ValueError("its picture is cut")
    body, placed = bytearray(), []
    for start, size in zip(starts, sizes, strict=True):
        body += bytes(len(body) % 2)
        placed.append(8 + len(body))
        body += data[start : start + size]
    packed = struct.pack(f"{order}{len(placed)}I", *placed)
    return bytes(body), [Field(offsets, LONG, len(placed), packed), fields[lengths]]


def _numbers(field: Field, order: str) -> tuple[int, ...]:
    letter = {SHORT: "H", LONG: "I"}.get(field.kind)
    if letter is None:
        raise ValueError(f"field {field.tag} holds no offsets")
    return struct.unpack(f"{order}{field.length}{letter}", field.value)
