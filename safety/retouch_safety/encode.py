"""Encoding released pixels: PNG, JPEG, WebP and TIFF, with profile and receipt inside.

PNG holds 8 and 16 bits (float is rounded to 16), TIFF all three depths, JPEG and WebP 8 bits.
PNG, WebP and TIFF are lossless, so pixels outside the edit stay bit-identical in the file, at a
depth the format can hold. JPEG is written at quality 95 without chroma subsampling; it has no
transparency, so that is flattened onto white.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pillow

from retouch_safety.content import Pixels, from_unit, to_8bit, white_of
from retouch_safety.errors import CannotSave

SUFFIXES: Mapping[str, str] = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WebP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
RECEIPT_KEY = "retouch:receipt"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

LONGEST_SIDE = {"PNG": 2**31 - 1, "JPEG": 65_500, "WebP": 16_383, "TIFF": 2**31 - 1}
_DESCRIPTION, _SOFTWARE = 270, 305  # TIFF and EXIF tags
_STRIP_BYTES = 1 << 20
_SHORT, _LONG, _ASCII, _BYTES = 3, 4, 2, 7  # TIFF field types


@dataclass(frozen=True, eq=False)
class Picture:
    """What goes into a file.

    Attributes:
        pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32``.
        alpha: H x W at the same depth, or None.
        icc: ICC profile bytes, or None.
        receipt: one line of ASCII JSON.
    """

    pixels: Pixels
    alpha: Pixels | None
    icc: bytes | None
    receipt: str


def encode(picture: Picture, kind: str) -> bytes:
    """Return the bytes of a whole file.

    Args:
        picture: pixels, profile and receipt.
        kind: ``PNG``, ``JPEG``, ``WebP`` or ``TIFF``.

    Raises:
        CannotSave: a side longer than the format allows.
    """
    height, width = picture.pixels.shape[:2]
    if max(height, width) > LONGEST_SIDE[kind]:
        allowed = f"sides up to {LONGEST_SIDE[kind]} in {kind}"
        raise CannotSave("out.size", f"{width}x{height}", allowed, "save as PNG or TIFF")
    encoders = {"PNG": _png, "JPEG": _jpeg, "WebP": _webp, "TIFF": _tiff}
    return encoders[kind](picture)


def _png(picture: Picture) -> bytes:
    """Let OpenCV write the pixels (Pillow has no 16-bit colour), then add the other chunks."""
    array = _with_alpha(picture)
    if array.dtype == np.float32:
        array = from_unit(np.clip(array, 0, 1), np.empty(0, np.uint16))
    order = [2, 1, 0, 3][: array.shape[2]]
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(array[..., order]))
    if not done:
        raise CannotSave("out", "PNG", "a picture that OpenCV can encode", "save as TIFF")
    written = encoded.tobytes()
    after_header = 8 + 25  # signature, IHDR chunk
    extra = b"".join(
        _chunk(b"tEXt", f"{key}\0{text}".encode("latin-1")) for key, text in _texts(picture)
    )
    if picture.icc:
        extra = _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.icc)) + extra
    return written[:after_header] + extra + written[after_header:]


def _texts(picture: Picture) -> tuple[tuple[str, str], ...]:
    return (
        ("Software", "Retouch"),
        ("DigitalSourceType", SOURCE_TYPE),
        (RECEIPT_KEY, picture.receipt),
    )


def _chunk(name: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def _jpeg(picture: Picture) -> bytes:
    rgb = to_8bit(picture.pixels)
    if picture.alpha is not None:
        opacity = (picture.alpha.astype(np.float32) / white_of(picture.alpha))[..., None]
        flat = np.rint(255 + (rgb.astype(np.float32) - 255) * opacity).astype(np.uint8)
        rgb = np.where(opacity == 1, rgb, flat)
    return _pillow(rgb, picture, "JPEG", quality=95, subsampling=0)


def _webp(picture: Picture) -> bytes:
    # exact: keep the colour of transparent pixels; lossless: lossy WebP would lose the mark
    return _pillow(to_8bit(_with_alpha(picture)), picture, "WebP", lossless=True, exact=True)


def _pillow(array: Pixels, picture: Picture, kind: str, **options: Any) -> bytes:
    exif = Pillow.Exif()
    exif[_DESCRIPTION], exif[_SOFTWARE] = picture.receipt, "Retouch"
    stream = io.BytesIO()
    image = Pillow.fromarray(np.ascontiguousarray(array))
    image.save(stream, format=kind, icc_profile=picture.icc, exif=exif, **options)
    return stream.getvalue()


def _with_alpha(picture: Picture) -> Pixels:
    if picture.alpha is None:
        return picture.pixels
    return np.concatenate([picture.pixels, picture.alpha[..., None]], axis=2)


def _tiff(picture: Picture) -> bytes:
    """Write a little-endian TIFF 6.0 with Deflate strips: all depths, profile, transparency."""
    array = _with_alpha(picture)
    strips = _strips(array)
    offset, starts = 8, []
    for strip in strips:
        starts.append(offset)
        offset += len(strip)
    if offset > 2**32 - 2**20:
        raise CannotSave("out.size", f"{offset} bytes", "under 4 GB in TIFF", "save as PNG")
    body = b"".join(strips)
    padding = b"\0" * (offset % 2)
    directory = _directory(_tiff_fields(picture, array, starts, strips), offset + len(padding))
    head = b"II*\0" + struct.pack("<I", offset + len(padding))
    return head + body + padding + directory


def _strips(array: Pixels) -> list[bytes]:
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    rows = _rows_per_strip(array)
    return [zlib.compress(little[y : y + rows].tobytes(), 6) for y in range(0, len(array), rows)]


def _rows_per_strip(array: Pixels) -> int:
    return min(len(array), max(1, _STRIP_BYTES // int(array[0].nbytes)))


def _tiff_fields(
    picture: Picture, array: Pixels, starts: list[int], strips: list[bytes]
) -> list[tuple[int, int, list[int] | bytes]]:
    height, width, channels = array.shape
    bits, sample = array.dtype.itemsize * 8, 3 if array.dtype.kind == "f" else 1
    fields: list[tuple[int, int, list[int] | bytes]] = [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [bits] * channels),
        (259, _SHORT, [8]),  # Deflate
        (262, _SHORT, [2]),  # RGB
        (_DESCRIPTION, _ASCII, picture.receipt.encode("ascii") + b"\0"),
        (273, _LONG, starts),
        (277, _SHORT, [channels]),
        (278, _LONG, [_rows_per_strip(array)]),
        (279, _LONG, [len(strip) for strip in strips]),
        (284, _SHORT, [1]),  # interleaved
        (_SOFTWARE, _ASCII, b"Retouch\0"),
        (339, _SHORT, [sample] * channels),
    ]
    if channels == 4:
        fields.insert(-1, (338, _SHORT, [2]))  # straight alpha
    if picture.icc:
        fields.append((34675, _BYTES, picture.icc))
    return fields


def _directory(fields: list[tuple[int, int, list[int] | bytes]], start: int) -> bytes:
    entries, tail = b"", b""
    tail_start = start + 2 + 12 * len(fields) + 4
    for tag, kind, value in fields:
        letter = {_SHORT: "H", _LONG: "I"}.get(kind, "")
        data = value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{letter}", *value)
        held = data.ljust(4, b"\0")
        if len(data) > 4:
            held = struct.pack("<I", tail_start + len(tail))
            tail += data + b"\0" * (len(data) % 2)
        entries += struct.pack("<HHI", tag, kind, len(value)) + held
    return struct.pack("<H", len(fields)) + entries + struct.pack("<I", 0) + tail
