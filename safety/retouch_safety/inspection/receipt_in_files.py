"""The receipt in a file's metadata: where ``encode`` put it, as text that nobody has checked.

PNG: a text chunk of its own. JPEG, WebP, TIFF: the image description (EXIF and TIFF tag 270).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

from PIL import JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from retouch_safety.encode import RECEIPT_KEY
from retouch_safety.provenance.file_kind import FileKind, kind_of

_DESCRIPTION: Final = 270
_LONGEST: Final = 1 << 20  # characters


def receipt_text(data: bytes) -> str:
    """Return the text that a receipt would be in, empty without one.

    Args:
        data: a file whose pixels could be decoded: nothing is allocated for a claimed size that
            was not checked before.
    """
    kind = kind_of(data)
    try:
        text = "" if kind is None else _READERS[kind](data)
    except Exception:  # hostile bytes raise anything, and a file need not have a receipt
        return ""
    return text if isinstance(text, str) and len(text) <= _LONGEST else ""


def _png(data: bytes) -> object:
    with PngImagePlugin.PngImageFile(io.BytesIO(data)) as opened:
        return opened.info.get(RECEIPT_KEY, "")


def _jpeg(data: bytes) -> object:
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as opened:
        return opened.getexif().get(_DESCRIPTION, "")


def _webp(data: bytes) -> object:
    with WebPImagePlugin.WebPImageFile(io.BytesIO(data)) as opened:
        return opened.getexif().get(_DESCRIPTION, "")


def _tiff(data: bytes) -> object:
    stream = io.BytesIO(data)  # the tags alone: Pillow cannot open float colour
    tags = TiffImagePlugin.ImageFileDirectory_v2(stream.read(8))
    stream.seek(tags.next)
    tags.load(stream)
    return tags.get(_DESCRIPTION, "")


_READERS: Final[dict[FileKind, Callable[[bytes], object]]] = {
    FileKind.PNG: _png,
    FileKind.JPEG: _jpeg,
    FileKind.WEBP: _webp,
    FileKind.TIFF: _tiff,
}
