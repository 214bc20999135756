"""A picture file reduced to its one picture and to words about it.

Detectors see the pixels that a decoder gives. Files hold more: a film behind a JPEG's end, an
index of further pictures, thumbnails, layers, makers' notes. Programs show some of it, so it must
not leave under our signature unseen. What is needed to show the picture stays byte for byte, and
so do words; all else is taken out and named. A file that *shows* several pictures is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from retouch_safety.errors import InvalidInput
from retouch_safety.one_picture.jpeg_file import sieved_jpeg
from retouch_safety.one_picture.left_out import LeftOut, SeveralPictures, Sieved
from retouch_safety.one_picture.png_file import sieved_png
from retouch_safety.one_picture.tiff_file import sieved_tiff
from retouch_safety.one_picture.webp_file import sieved_webp
from retouch_safety.provenance.file_kind import FileKind, required_kind

_SIEVES: Final[dict[FileKind, Callable[[bytes], Sieved]]] = {
    FileKind.PNG: sieved_png,
    FileKind.JPEG: sieved_jpeg,
    FileKind.WEBP: sieved_webp,
    FileKind.TIFF: sieved_tiff,
}


@dataclass(frozen=True, eq=False, repr=False)
class OnlyPicture:
    """A file with one picture.

    Attributes:
        data: the file.
        left_out: what it held besides; content credentials are not listed.
    """

    data: bytes
    left_out: tuple[LeftOut, ...]


def only_picture(data: bytes) -> OnlyPicture:
    """Return a file without anything but its picture and words.

    Pixels are not decoded: whoever signs must see that they are what they were.

    Args:
        data: a PNG, JPEG, WebP or TIFF file, whole.

    Raises:
        InvalidInput: another kind of file, a damaged one, or one that shows several pictures.
    """
    kind = required_kind(data)
    try:
        clean, left_out = _SIEVES[kind](data)
    except SeveralPictures as error:
        fix = "export a single picture"
        raise InvalidInput("file", f"{kind.name}: {error}", "one still picture", fix) from error
    except Exception as error:  # hostile bytes raise anything, from struct.error to IndexError
        fix = "open and export the picture again"
        raise InvalidInput("file", f"{kind.name}: {error}", "a whole file", fix) from error
    return OnlyPicture(clean, tuple(left_out))
