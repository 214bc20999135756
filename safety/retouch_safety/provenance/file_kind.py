"""Which of the four kinds of file some bytes are, by what they begin with."""

from __future__ import annotations

from enum import Enum

from retouch_safety.provenance.errors import InvalidProvenance


class FileKind(Enum):
    """A kind of file and its media type."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    WEBP = "image/webp"
    TIFF = "image/tiff"


def kind_of(data: bytes) -> FileKind | None:
    """Return the kind of a file, or None if it is none of the four."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return FileKind.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return FileKind.JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return FileKind.WEBP
    if data[:4] in (b"II*\0", b"MM\0*"):
        return FileKind.TIFF
    return None


def required_kind(data: bytes, field: str = "file") -> FileKind:
    """Return the kind of a file.

    Raises:
        InvalidProvenance: none of the four.
    """
    kind = kind_of(data)
    if kind is None:
        given = f"{len(data)} bytes that begin with {data[:8].hex() or 'nothing'}"
        fix = "export the picture as one of these"
        raise InvalidProvenance(field, given, "a PNG, JPEG, WebP or TIFF file", fix)
    return kind
