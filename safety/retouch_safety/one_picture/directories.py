"""Directories of fields, as TIFF files and EXIF blocks are made of (TIFF 6.0, section 2).

A directory says by offsets where its values lie. It is read into values and laid out anew, so
that what no kept field refers to is gone.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from retouch_safety.one_picture.words import are_words, shows_picture

EXIF, GPS = 34665, 34853  # fields that hold the offset of a directory of words and numbers
LONG, SHORT = 4, 3
_ASCII: Final = 2
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_ENTRY: Final = 12
_MOST_BYTES: Final = 1024  # of a value that is no text
#: Offsets and lengths of other directories and pictures, and what programs keep for themselves.
_POINTERS: Final = (273, 279, 288, 289, 324, 325, 330, 400, 513, 514, 519, 520, 521, EXIF, GPS)
_PRIVATE: Final = (700, 34377, 37500, 37724, 40965, 50341, 52545)
_NEVER: Final = frozenset((*_POINTERS, *_PRIVATE))


class Field(NamedTuple):
    """One field: what it is, its type, how many values, and those in the order of its file."""

    tag: int
    kind: int
    length: int
    value: bytes


class Directory(NamedTuple):
    """Fields by tag, and where the next directory is; 0 for none."""

    fields: dict[int, Field]
    following: int


def order_of(data: bytes) -> str:
    """Return the byte order for ``struct``. Raises ValueError: neither a TIFF nor EXIF."""
    orders = {b"II*\0": "<", b"MM\0*": ">"}
    if data[:4] not in orders or len(data) < 8:
        raise ValueError("no directory of fields")
    return orders[data[:4]]


def first_directory(data: bytes) -> Directory:
    """Return what the header points at. Raises ValueError: cut or damaged."""
    order = order_of(data)
    return directory_at(data, order, struct.unpack(order + "I", data[4:8])[0])


def directory_at(data: bytes, order: str, position: int) -> Directory:
    """Return a directory. A field that is damaged is left out: broken ones are common.

    Raises:
        ValueError: cut, or its values are larger than the file that they are in.
    """
    head = data[position : position + 2]
    if len(head) < 2:
        raise ValueError("its directory is cut")
    end = position + 2 + struct.unpack(order + "H", head)[0] * _ENTRY
    if end + 4 > len(data):
        raise ValueError("its directory is cut")
    fields: dict[int, Field] = {}
    for at in range(position + 2, end, _ENTRY):
        tag, kind, count = struct.unpack(order + "HHI", data[at : at + 8])
        size = _SIZES.get(kind, 0) * count
        start = at + 8 if size <= 4 else struct.unpack(order + "I", data[at + 8 : at + 12])[0]
        if size and start + size <= len(data):
            fields.setdefault(tag, Field(tag, kind, count, data[start : start + size]))
    if sum(len(field.value) for field in fields.values()) > len(data):
        raise ValueError("its fields share what they hold")
    return Directory(fields, struct.unpack(order + "I", data[end : end + 4])[0])


def is_kept(field: Field, needed: Collection[int] = ()) -> bool:
    """Whether a field stays: it is needed to show the picture, or holds words or numbers."""
    if field.tag in needed:
        return True
    if field.tag in _NEVER:
        return False
    if field.kind == _ASCII:
        return are_words(field.value)
    return len(field.value) <= _MOST_BYTES and not shows_picture(field.value)


def words_below(data: bytes, order: str, fields: Mapping[int, Field]) -> dict[int, list[Field]]:
    """Return what stays of the directories of EXIF and GPS, by the field that points at them."""
    found: dict[int, list[Field]] = {}
    for tag in (EXIF, GPS):
        pointer = fields.get(tag)
        if pointer is None or len(pointer.value) != 4:
            continue
        try:
            below = directory_at(data, order, struct.unpack(order + "I", pointer.value)[0])
        except ValueError:  # its words are lost, not the picture
            continue
        found[tag] = [field for field in below.fields.values() if is_kept(field)]
    return found


def laid_out(
    order: str, body: bytes, fields: Iterable[Field], below: Mapping[int, list[Field]]
) -> bytes:
    """Return a whole TIFF file or EXIF block.

    Args:
        order: of bytes, as for ``struct``.
        body: what lies behind the header of 8 bytes, which fields may refer to.
        fields: of the first directory.
        below: fields of further directories, by the field that points at them.
    """
    data = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4) + body)
    pointers = []
    for tag, inner in below.items():
        pointers.append(Field(tag, LONG, 1, struct.pack(order + "I", _append(data, order, inner))))
    start = _append(data, order, [*fields, *pointers])
    data[4:8] = struct.pack(order + "I", start)
    return bytes(data)


def _append(data: bytearray, order: str, fields: Iterable[Field]) -> int:
    """Append a directory and its values; return where it starts."""
    data += bytes(len(data) % 2)
    start, entries, values = len(data), b"", bytearray()
    ordered = sorted(fields)
    behind = start + 2 + _ENTRY * len(ordered) + 4
    for tag, kind, count, value in ordered:
        held = value.ljust(4, b"\0")
        if len(value) > 4:
            held = struct.pack(order + "I", behind + len(values))
            values += value + bytes(len(value) % 2)
        entries += struct.pack(order + "HHI", tag, kind, count) + held
    data += struct.pack(order + "H", len(ordered)) + entries + bytes(4) + values
    return start
