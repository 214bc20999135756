"""A picture file that is verified or signed: its content and its pixels, with the gate's errors."""

from __future__ import annotations

from pathlib import Path

from retouch.errors import InvalidImage
from retouch_safety.errors import InvalidInput
from retouch_safety.inspection import Decoded


def content_of(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        InvalidInput: missing, a folder, not readable, empty or over 1 GB.
    """
    from retouch.imaging.decode import MAX_BYTES

    try:
        length = path.stat().st_size
        if path.is_file() and 0 < length <= MAX_BYTES:
            return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        fix = "check the path and its permissions"
        given = f"{reason}: {path}"  # the reason first: long values are shortened
        raise InvalidInput("file", given, "a readable file", fix) from error
    given = f"{path}: {length} bytes" if path.is_file() else f"{path}: not a file"
    raise InvalidInput("file", given, f"a file of 1 to {MAX_BYTES} bytes", "name a picture file")


def pixels_of(data: bytes) -> Decoded:
    """Decode a file at its own depth.

    Args:
        data: a PNG, JPEG, WebP or TIFF file, whole.

    Raises:
        InvalidInput: it cannot be decoded, or is too large.
    """
    from retouch.imaging.decode import read_image

    try:
        image = read_image(data, field="file")
    except InvalidImage as problem:
        raise InvalidInput(problem.field, problem.value, problem.allowed, problem.fix) from problem
    return Decoded(image.pixels, image.alpha, image.icc)
