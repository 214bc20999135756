"""What a manifest store holds, box by box (JUMBF, ISO 19566-5; C2PA 2.1, section 11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

#: Descriptions, CBOR, JSON, salt, padding, and names of files; what is compressed is none of them.
_WORDS: Final = (b"jumd", b"cbor", b"json", b"c2sh", b"free", b"bfdb")
_FILE, _SUPERBOX = b"bidb", b"jumb"


def files_in(store: bytes) -> tuple[bytes, ...] | None:
    """Return the files in a manifest store, thumbnails as a rule; None where it cannot be told.

    Args:
        store: of one manifest or several, as it lies in a file.
    """
    files: list[bytes] = []
    try:
        for name, content in _boxes(store):
            if name == _FILE:
                files.append(content)
            elif name not in _WORDS:
                return None
    except (ValueError, RecursionError):
        return None
    return tuple(files)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of every box that is no superbox. Raises ValueError: cut."""
    position = 0
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        name, head = data[position + 4 : position + 8], 8
        if length == 1:
            length, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        elif length == 0:
            length = len(data) - position
        if length < head or position + length > len(data):
            raise ValueError(f"a box at byte {position} is cut")
        content = data[position + head : position + length]
        if name == _SUPERBOX:
            yield from _boxes(content)
        else:
            yield name, content
        position += length
