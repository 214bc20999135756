"""Write the SDXL message where readers of ``invisible-watermark`` look for it.

In addition to our own mark, for readers that know only this one: without a key, a search or error
correction it proves nothing. Written again here because the package imports torch, loops over
blocks in Python, exchanges two wavelet bands, and moves values so that a neighbour may become the
largest in their place. Here a block is moved as little as reads right, up (one value) or down (all
that stand out), and of the blocks of each bit only the cheapest three quarters.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from retouch_safety.content import Bytes8, Inside, Pixels
from retouch_safety.foreign_marks.dwt_dct import BLOCK, STEP, Plane
from retouch_safety.foreign_marks.messages import SDXL, Bits

_SMALLEST_SIDE: Final = 256
_CELL: Final = 2 * BLOCK  # pixels
_MARGIN: Final = 5.0  # of a residue to where it would read as the other bit
#: Of the blocks of each bit, those that are cheapest to write: readers take the majority.
_SHARE: Final = 0.75
_WRONG: Final = 0.01  # share of the written blocks that may read wrong
#: Both ways, then the way that is not clipped: white cannot become bluer, nor black yellower.
_ATTEMPTS: Final = ("nearest", "down", "up", "nearest")
#: Change of red, green and blue for a change of 1 in U; luma stays (OpenCV's YUV).
_PER_U: Final = np.array([0.0, -0.395, 2.032], np.float32)


@dataclass(frozen=True, eq=False)
class CompatibilityMark:
    """A picture with, or without, the compatibility mark.

    Attributes:
        pixels: as they were given where nothing was written.
        written: whether every bit was read back from these very pixels.
        note: why nothing was written, else empty.
    """

    pixels: Pixels
    written: bool
    note: str


def write_compatibility_mark(
    pixels: Pixels, edited: Inside | npt.NDArray[np.float32]
) -> CompatibilityMark:
    """Write the 48 bits of Stable Diffusion XL into a wholly edited picture.

    Write it before the picture's own mark, which changes all channels alike and so leaves it.

    Args:
        pixels: H x W x 3 RGB.
        edited: H x W, bool or 0 to 1: 0 where a pixel must keep its bits, because it is the
            source's own or transparent.

    Returns:
        The marked picture. The same pixels, with the reason, unless they are ``uint8``, at least
        256 x 256 and all of them edited: the mark fills whole pictures and leaves nothing out.
    """
    reason = _reason_against(pixels, edited)
    if reason:
        return CompatibilityMark(pixels, False, reason)
    written = _written(pixels, SDXL.bits)
    if not bool((package_bits(written, SDXL.bits.size) == SDXL.bits).all()):
        return CompatibilityMark(pixels, False, "it could not be read back from this picture")
    return CompatibilityMark(written, True, "")


def package_bits(rgb: Bytes8, length: int) -> Bits:
    """Return the bits that ``invisible-watermark`` reads from H x W x 3 pixels.

    A value halfway between 0 and 1 counts half: there the package's rounding errors decide.
    """
    residue = _values(rgb)[..., 1:].max(axis=-1).ravel() % STEP
    votes = np.where(residue % (STEP / 2) == 0, 0.5, residue > STEP / 2)
    carried = np.arange(votes.size) % length
    ones = np.bincount(carried, votes, length) / np.bincount(carried, minlength=length)
    # its own words: mean * 255 > 127
    read: Bits = ones * 255 > 127
    return read


def _reason_against(pixels: Pixels, edited: npt.NDArray[np.bool_ | np.float32]) -> str:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        return f"only 8-bit RGB can carry it, not {pixels.dtype.name} of shape {pixels.shape}"
    if min(pixels.shape[:2]) < _SMALLEST_SIDE:
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        return f"too small: {size} pixels, it needs {_SMALLEST_SIDE}x{_SMALLEST_SIDE}"
    if edited.shape != pixels.shape[:2] or not bool((edited > 0).all()):
        return "not all of the picture was edited, and the mark leaves nothing out"
    return ""


def _written(rgb: Bytes8, bits: Bits) -> Bytes8:
    """Write the chosen blocks, then again those where rounding or clipping undid it."""
    values = _values(rgb)
    wanted = bits[np.arange(values[..., 0].size) % bits.size].reshape(values.shape[:2])
    chosen = _cheapest(_energy(_change(values, wanted, "nearest")), bits.size)
    wrong = chosen
    for way in _ATTEMPTS:
        rgb = _added(rgb, np.where(wrong[..., None], _change(values, wanted, way), np.float32(0)))
        values = _values(rgb)
        wrong = chosen & (_votes(values) != wanted)
        if np.count_nonzero(wrong) <= _WRONG * np.count_nonzero(chosen):
            break
    return rgb


def _cheapest(cost: Plane, length: int) -> Bits:
    """Return rows x columns: the share of each bit's blocks that costs least."""
    flat = cost.ravel()
    chosen = np.zeros(flat.size, np.bool_)
    for bit in range(length):
        mine = np.argsort(flat[bit::length], kind="stable")
        chosen[bit + length * mine[: ceil(_SHARE * mine.size)]] = True
    return chosen.reshape(cost.shape)


def _values(rgb: Bytes8) -> Plane:
    """Return rows x columns x 16: the low band of U, exactly as the package sees it."""
    rows, columns = rgb.shape[0] // _CELL, rgb.shape[1] // _CELL
    used = np.ascontiguousarray(rgb[: rows * _CELL, : columns * _CELL])
    u = cv2.cvtColor(used, cv2.COLOR_RGB2YUV)[..., 1].astype(np.float32)
    low = u.reshape(rows * BLOCK, 2, columns * BLOCK, 2).sum(axis=(1, 3)) / 2
    cut = low.reshape(rows, BLOCK, columns, BLOCK).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(cut).reshape(rows, columns, BLOCK * BLOCK)


def _votes(values: Plane) -> Bits:
    read: Bits = values[..., 1:].max(axis=-1) % STEP > STEP / 2
    return read


def _change(values: Plane, wanted: Bits, way: str) -> Plane:
    """Return the smallest change of rows x columns x 16 values that makes the blocks read right."""
    carriers = values[..., 1:]
    largest = carriers.max(axis=-1)
    residue = largest % STEP
    low = np.where(wanted, STEP / 2 + _MARGIN, _MARGIN)
    high = low + STEP / 2 - 2 * _MARGIN
    right = (residue >= low) & (residue <= high)
    rise, fall = (low - residue) % STEP, (residue - high) % STEP
    upwards = np.zeros_like(values)
    first = carriers.argmax(axis=-1)[..., None] + 1
    np.put_along_axis(upwards, first, rise[..., None].astype(np.float32), axis=-1)
    downwards = np.zeros_like(values)
    downwards[..., 1:] = np.minimum((largest - fall)[..., None] - carriers, 0)
    up = _energy(upwards) <= _energy(downwards)
    if way != "nearest":
        up = np.full_like(up, way == "up")
    change = np.where(up[..., None], upwards, downwards)
    least: Plane = np.where(right[..., None], np.float32(0), change)
    return least


def _energy(change: Plane) -> Plane:
    total: Plane = (change * change).sum(axis=-1)
    return total


def _added(rgb: Bytes8, change: Plane) -> Bytes8:
    """Add a change of the low band, rows x columns x 16, to the pixels."""
    rows, columns = change.shape[:2]
    cut = change.reshape(rows, columns, BLOCK, BLOCK).transpose(0, 2, 1, 3)
    u = cut.reshape(rows * BLOCK, columns * BLOCK).repeat(2, axis=0).repeat(2, axis=1) / 2
    result = rgb.copy()
    part = result[: rows * _CELL, : columns * _CELL]
    part[...] = np.clip(np.rint(part + u[..., None] * _PER_U), 0, 255).astype(np.uint8)
    return result
