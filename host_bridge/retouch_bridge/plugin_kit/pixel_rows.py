"""Rows of pixels as bytes: cut, extend, masks and alpha, with the standard library alone."""

from __future__ import annotations

import struct
from array import array
from operator import itemgetter
from typing import Callable, Iterator

from .geometry import Rect

#: Samples that are converted at once.
_PIECE = 1 << 16
_HALF_MAX = 65504.0
#: Sample type -> bytes of a sample that is 1.0, little-endian.
_ONE = {
    "UINT8": b"\xff",
    "UINT16": b"\xff\xff",
    "FLOAT16": b"\x00\x3c",
    "FLOAT32": b"\x00\x00\x80\x3f",
}


def extended(pixels: bytes, size: tuple[int, int], area: Rect, pixel_bytes: int) -> bytes:
    """Return the pixels of an area that may lie partly outside the picture.

    Outside, the picture is mirrored at its edges: what a model then completes fits better.

    Args:
        pixels: packed rows of a picture of ``size``.
        area: in the picture's pixels; must touch the picture.
        pixel_bytes: bytes per pixel.
    """
    width, height = size
    row_bytes = width * pixel_bytes
    shift = area.x % (2 * width)
    copies = -(-(shift + area.width) // (2 * width))
    rows: list[bytes] = []
    for y in range(area.y, area.bottom):
        source = y % (2 * height)
        source = source if source < height else 2 * height - 1 - source
        row = pixels[source * row_bytes : (source + 1) * row_bytes]
        if area.x >= 0 and area.right <= width:
            rows.append(row[area.x * pixel_bytes : area.right * pixel_bytes])
            continue
        tiles = (row + _reversed(row, pixel_bytes)) * copies
        rows.append(tiles[shift * pixel_bytes : (shift + area.width) * pixel_bytes])
    return b"".join(rows)


def cut(pixels: bytes, size: tuple[int, int], area: Rect, pixel_bytes: int) -> bytes:
    """Return the pixels of an area that lies inside a picture of packed rows."""
    row_bytes, begin = size[0] * pixel_bytes, area.x * pixel_bytes
    starts = (y * row_bytes + begin for y in range(area.y, area.bottom))
    return b"".join(pixels[start : start + area.width * pixel_bytes] for start in starts)


def expansion_mask(size: tuple[int, int], kept: Rect) -> bytes:
    """Return a mask of ``size``: 0 inside ``kept``, 255 outside, for expanding a canvas."""
    return _two_values(size, kept, 0, 255)


def rectangle_mask(size: tuple[int, int], rect: Rect) -> bytes:
    """Return a mask of ``size`` that is 255 inside ``rect`` and 0 elsewhere."""
    return _two_values(size, rect, 255, 0)


def opaque(pixels: bytes, sample_type: str) -> bytes:
    """Return four-channel pixels with full alpha, for a layer whose mask is separate."""
    one = _ONE[sample_type]
    changed, step = bytearray(pixels), 4 * len(one)
    for i, value in enumerate(one):
        first = 3 * len(one) + i
        changed[first::step] = bytes([value]) * (len(pixels) // step)
    return bytes(changed)


def alpha_bytes(pixels: bytes, sample_type: str) -> bytes:
    """Return the alpha of four-channel pixels, one byte per pixel; 16 bits are rounded down."""
    one = len(_ONE[sample_type])
    alpha = bytearray(len(pixels) // 4)
    for i in range(one):
        alpha[i::one] = pixels[3 * one + i :: 4 * one]
    return to_8bit(bytes(alpha), sample_type)


def to_8bit(samples: bytes, sample_type: str) -> bytes:
    """Return samples of any type as UINT8; 16 bits are rounded down, floats clipped to 0..1."""
    if sample_type == "UINT8":
        return samples
    if sample_type == "UINT16":
        return samples[1::2]
    found = bytearray()
    for values in _floats(samples, "e" if sample_type == "FLOAT16" else "f"):
        # not max(0, min(...)): it would let a value that is no number through
        found += bytes(
            [int(255 * v + 0.5) if 0 <= v <= 1 else (255 if v > 1 else 0) for v in values]
        )
    return bytes(found)


def to_half(single: bytes) -> bytes:
    """Return FLOAT32 samples as FLOAT16; what is beyond its range becomes its largest."""
    return b"".join(
        struct.pack(f"<{len(values)}e", *[min(max(v, -_HALF_MAX), _HALF_MAX) for v in values])
        for values in _floats(single, "f")
    )


def scaled(
    pixels: bytes, size: tuple[int, int], wanted: tuple[int, int], pixel_bytes: int
) -> bytes:
    """Return packed rows at another size, nearest neighbour: for previews."""
    (width, height), (new_width, new_height) = size, wanted
    unit = next(each for each in (8, 4, 2, 1) if pixel_bytes % each == 0)
    parts, row_bytes = pixel_bytes // unit, width * pixel_bytes
    columns = [(2 * x + 1) * width // (2 * new_width) for x in range(new_width)]
    chosen = [column * parts + part for column in columns for part in range(parts)]
    take: Callable[[array[int]], tuple[int, ...]] = itemgetter(*chosen, chosen[-1])
    kind = {8: "Q", 4: "I", 2: "H", 1: "B"}[unit]
    rows: list[bytes] = []
    last, made = -1, b""
    for y in range(new_height):
        source = (2 * y + 1) * height // (2 * new_height)
        if source != last:
            row = array(kind, pixels[source * row_bytes : (source + 1) * row_bytes])
            last, made = source, array(kind, take(row)[:-1]).tobytes()
        rows.append(made)
    return b"".join(rows)


def _reversed(row: bytes, pixel_bytes: int) -> bytes:
    found = bytearray(len(row))
    for i in range(pixel_bytes):
        found[i::pixel_bytes] = row[i::pixel_bytes][::-1]
    return bytes(found)


def _two_values(size: tuple[int, int], rect: Rect, inside: int, outside: int) -> bytes:
    width, height = size
    part = rect.clipped(Rect(0, 0, width, height))
    away = bytes([outside]) * width
    if part.empty:
        return away * height
    middle = bytes([inside]) * part.width
    row = away[: part.x] + middle + away[: width - part.right]
    return away * part.y + row * part.height + away * (height - part.bottom)


def _floats(samples: bytes, kind: str) -> Iterator[tuple[float, ...]]:
    bytes_each = struct.calcsize(kind)
    for start in range(0, len(samples), _PIECE * bytes_each):
        piece = samples[start : start + _PIECE * bytes_each]
        yield struct.unpack(f"<{len(piece) // bytes_each}{kind}", piece)
