"""Reading and writing the XMP packet of a PNG, JPEG, WebP or TIFF file.

Pixels are never decoded: the packet is put into the container, all other bytes stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from retouch_safety.provenance.errors import InvalidProvenance
from retouch_safety.provenance.file_kind import FileKind, required_kind
from retouch_safety.provenance.jpeg_metadata import read_jpeg_xmp, write_jpeg_xmp
from retouch_safety.provenance.png_metadata import read_png_xmp, write_png_xmp
from retouch_safety.provenance.tiff_metadata import read_tiff_xmp, write_tiff_xmp
from retouch_safety.provenance.webp_metadata import read_webp_xmp, write_webp_xmp
from retouch_safety.provenance.xmp import SourceMetadata, facts_in, packet_with

_READERS: Final[dict[FileKind, Callable[[bytes], bytes | None]]] = {
    FileKind.PNG: read_png_xmp,
    FileKind.JPEG: read_jpeg_xmp,
    FileKind.WEBP: read_webp_xmp,
    FileKind.TIFF: read_tiff_xmp,
}
_WRITERS: Final[dict[FileKind, Callable[[bytes, bytes], bytes]]] = {
    FileKind.PNG: write_png_xmp,
    FileKind.JPEG: write_jpeg_xmp,
    FileKind.WEBP: write_webp_xmp,
    FileKind.TIFF: write_tiff_xmp,
}


def with_source_metadata(data: bytes, facts: SourceMetadata) -> bytes:
    """Return a file whose XMP says how the picture came about; the rest of its XMP stays.

    Args:
        data: a PNG, JPEG, WebP or TIFF file, whole.
        facts: what to say.

    Raises:
        InvalidProvenance: another kind of file, or a damaged one.
    """
    kind = required_kind(data)
    try:
        return _WRITERS[kind](data, packet_with(facts, _READERS[kind](data)))
    except ValueError as error:
        fix = "open and export the picture again"
        raise InvalidProvenance("file", f"{kind.name}: {error}", "a whole file", fix) from error


def source_metadata(data: bytes) -> SourceMetadata:
    """Return what a file's XMP says; all empty when it has none or cannot be read."""
    try:
        return facts_in(_READERS[required_kind(data)](data))
    except (ValueError, InvalidProvenance):
        return SourceMetadata("")
