"""One file for given pixels, so that a signature can cover pixels that have no file.

Pixels that go into a host's layer are never a file of ours. Their manifest is bound to the file
below, which anyone who has the same pixels can write again, bit for bit: TIFF 6.0, little-endian,
uncompressed, one strip, no metadata. It is hashed and thrown away.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from retouch_safety.content import Pixels
from retouch_safety.provenance.errors import InvalidProvenance

_SHORT, _LONG = 3, 4  # TIFF field types
_HEADER: Final = 8
_LARGEST: Final = 2**32 - 2**16


def canonical_tiff(pixels: Pixels, alpha: Pixels | None) -> bytes:
    """Return the canonical file of a picture.

    Args:
        pixels: H x W x 3, ``uint8``, ``uint16`` or ``float32``.
        alpha: H x W at the same depth, straight, or None.

    Raises:
        InvalidProvenance: another shape or depth, or 4 GB of pixels.
    """
    _check(pixels, alpha)
    array = pixels if alpha is None else np.concatenate([pixels, alpha[..., None]], axis=2)
    body = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False)).tobytes()
    body += b"\0" * (len(body) % 2)  # the directory starts on an even byte
    directory = _HEADER + len(body)
    if directory > _LARGEST:
        raise InvalidProvenance("pixels", f"{len(body)} bytes", "under 4 GB", "split the picture")
    return b"II*\0" + struct.pack("<I", directory) + body + _directory(array, directory)


def _check(pixels: Pixels, alpha: Pixels | None) -> None:
    shape, depth = pixels.shape, pixels.dtype.name
    fix = "pass the pixels as they were released"
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise InvalidProvenance("pixels.shape", shape, "H x W x 3, not empty", fix)
    if depth not in ("uint8", "uint16", "float32"):
        raise InvalidProvenance("pixels.dtype", depth, "uint8, uint16 or float32", fix)
    if alpha is not None and (alpha.shape != shape[:2] or alpha.dtype != pixels.dtype):
        given = f"{alpha.shape} {alpha.dtype.name}"
        raise InvalidProvenance("alpha", given, f"{shape[:2]} {depth}", fix)


def _directory(array: Pixels, start: int) -> bytes:
    height, width, channels = array.shape
    sample = 3 if array.dtype.kind == "f" else 1
    fields: list[tuple[int, int, list[int]]] = [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [array.dtype.itemsize * 8] * channels),
        (259, _SHORT, [1]),  # uncompressed
        (262, _SHORT, [2]),  # RGB
        (273, _LONG, [_HEADER]),
        (277, _SHORT, [channels]),
        (278, _LONG, [height]),
        (279, _LONG, [height * width * channels * array.dtype.itemsize]),
        (284, _SHORT, [1]),  # interleaved
        *([(338, _SHORT, [2])] if channels == 4 else []),  # straight alpha
        (339, _SHORT, [sample] * channels),
    ]
    entries, tail = b"", b""
    tail_start = start + 2 + 12 * len(fields) + 4
    for tag, kind, values in fields:
        data = struct.pack(f"<{len(values)}{'H' if kind == _SHORT else 'I'}", *values)
        held = data.ljust(4, b"\0")
        if len(data) > 4:
            held = struct.pack("<I", tail_start + len(tail))
            tail += data
        entries += struct.pack("<HHI", tag, kind, len(values)) + held
    return struct.pack("<H", len(fields)) + entries + bytes(4) + tail
