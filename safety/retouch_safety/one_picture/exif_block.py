"""EXIF: words and numbers stay; thumbnails, previews and makers' notes do not."""

from __future__ import annotations

from retouch_safety.one_picture.directories import (
    first_directory,
    is_kept,
    laid_out,
    order_of,
    words_below,
)
from retouch_safety.one_picture.left_out import LeftOut

_NOTED = 256  # bytes: less is padding


def words_of_exif(block: bytes) -> tuple[bytes, list[LeftOut]]:
    """Return an EXIF block, from its byte order on, with its words and numbers alone.

    A block that cannot be read comes back empty.
    """
    try:
        order, directory = order_of(block), first_directory(block)
    except ValueError:
        return b"", [LeftOut("EXIF that cannot be read", len(block))]
    kept = [field for field in directory.fields.values() if is_kept(field)]
    clean = laid_out(order, b"", kept, words_below(block, order, directory.fields))
    gone = max(0, len(block) - len(clean))
    if directory.following:
        return clean, [LeftOut("the thumbnail in EXIF", gone)]
    return clean, [LeftOut("previews and makers' notes in EXIF", gone)] if gone > _NOTED else []
