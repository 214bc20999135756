"""How large the work of a request is, told from headers: the front decodes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from retouch.imaging.header import read_header
from retouch.v1 import edit_pb2, image_pb2
from retouch_daemon.front.named_blobs import parts_of
from retouch_daemon.storage.disk import size_of
from retouch_daemon.storage.reading import blob_file

#: What is read of a file to find its size.
_HEAD_BYTES: Final = 1 << 20
#: No limit is higher, and the sum of all jobs that may be kept is still a number of the database's.
MOST: Final = 1 << 40


def pixels_of(edit: edit_pb2.EditRequest, blobs: Path) -> int:
    """Return the pixels of a request's pictures; the source counts once per variant.

    A file whose header does not say its size counts as many pixels as it has bytes. Never more than
    ``MOST``.

    Args:
        edit: whose digests have been checked.
        blobs: folder of the blobs.
    """
    return min(MOST, _pixels_of(edit, blobs))


def _pixels_of(edit: edit_pb2.EditRequest, blobs: Path) -> int:
    again = max(0, edit.output.count - 1) * _pixels(edit.canvas.source, blobs)
    pictures = (part for part in parts_of(edit) if isinstance(part, image_pb2.ImageRef))
    return again + sum(_pixels(picture, blobs) for picture in pictures)


def _pixels(ref: image_pb2.ImageRef, blobs: Path) -> int:
    if ref.HasField("raw"):
        return ref.raw.size.width * ref.raw.size.height
    file = blob_file(blobs, ref.sha256)
    try:
        with file.open("rb") as opened:
            header = read_header(opened.read(_HEAD_BYTES))
    except Exception:  # hostile bytes raise anything; the worker says what is wrong with them
        header = None
    return header.size.width * header.size.height if header else size_of(file)
