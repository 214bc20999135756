"""A new pixel layer with a mask, as the bytes of a PSD."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

import imagecodecs
import numpy as np
import numpy.typing as npt

from retouch.imaging.image import Pixels
from retouch.imaging.region import Rect

_RED, _GREEN, _BLUE, _TRANSPARENCY, _MASK = 0, 1, 2, -1, -2
_RLE, _ZIP = 1, 2
_NAME_BYTES: Final = 255


@dataclass(frozen=True, eq=False)
class NewLayer:
    """A layer to be.

    Attributes:
        name: as users see it.
        pixels: h x w x 3, ``uint8`` or ``uint16``.
        mask: h x w at the same depth: white shows; None for a layer without.
        bounds: its place on the canvas.
        clipped: whether it shows only where the layer below it does.
        number: its id, which no other layer has.
    """

    name: str
    pixels: Pixels
    mask: Pixels | None
    bounds: Rect
    clipped: bool
    number: int


def layer_bytes(layer: NewLayer, *, big: bool) -> tuple[bytes, bytes]:
    """Return a layer's record, and its channels.

    Args:
        layer: what it is.
        big: for a PSB.
    """
    depth = layer.pixels.dtype
    planes = {
        _TRANSPARENCY: np.full(layer.pixels.shape[:2], np.iinfo(depth).max, depth),
        _RED: layer.pixels[..., 0],
        _GREEN: layer.pixels[..., 1],
        _BLUE: layer.pixels[..., 2],
    }
    mask = b""
    if layer.mask is not None:
        planes[_MASK] = layer.mask
        mask = _box(layer.bounds) + struct.pack(">BBH", 0, 0, 0)  # beyond its rectangle it hides
    channels = {number: _channel(plane, big) for number, plane in planes.items()}
    box, form = _box(layer.bounds), ">hQ" if big else ">hI"
    sizes = b"".join(struct.pack(form, number, len(data)) for number, data in channels.items())
    head = box + struct.pack(">H", len(channels)) + sizes
    # normal, opaque, visible
    head += b"8BIMnorm" + struct.pack(">BBBB", 255, int(layer.clipped), 0, 0)
    extra = struct.pack(">I", len(mask)) + mask
    extra += struct.pack(">I", 0)  # no blending ranges
    extra += _pascal(layer.name) + _block(b"luni", _unicode(layer.name))
    extra += _block(b"lyid", struct.pack(">I", layer.number))
    return head + struct.pack(">I", len(extra)) + extra, b"".join(channels.values())


def _box(bounds: Rect) -> bytes:
    x, y = bounds.x, bounds.y
    return struct.pack(">iiii", y, x, y + bounds.height, x + bounds.width)


def _channel(plane: npt.NDArray[np.generic], big: bool) -> bytes:
    """One plane: run lengths at 8 bits, Deflate at 16, as Photoshop itself writes them."""
    rows = np.ascontiguousarray(plane.astype(plane.dtype.newbyteorder(">"), copy=False))
    if plane.dtype.itemsize > 1:
        return struct.pack(">H", _ZIP) + zlib.compress(rows.tobytes(), 6)
    packed = [imagecodecs.packbits_encode(row.tobytes()) for row in rows]
    counts = struct.pack(f">{len(packed)}{'I' if big else 'H'}", *map(len, packed))
    return struct.pack(">H", _RLE) + counts + b"".join(packed)


def _pascal(name: str) -> bytes:
    text = name.encode("mac-roman", "replace")[:_NAME_BYTES]
    packed = bytes((len(text),)) + text
    return packed + b"\0" * (-len(packed) % 4)


def _unicode(name: str) -> bytes:
    text = name.encode("utf-16-be")
    return struct.pack(">I", len(text) // 2) + text


def _block(key: bytes, data: bytes) -> bytes:
    padded = data + b"\0" * (-len(data) % 4)
    return b"8BIM" + key + struct.pack(">I", len(padded)) + padded
