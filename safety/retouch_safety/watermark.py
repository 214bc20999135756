"""A 32-bit record id in the pixels, in the dwtDctSvd layout of ``invisible-watermark``.

Any reader of that package finds it: ``WatermarkDecoder("bits", 32).decode(bgr, "dwtDctSvd")`` on
the marked rectangle. Written again here because the package imports torch, loops over blocks in
Python, changes pixels that carry no bit (it swaps two wavelet bands), and cannot leave a masked
pixel alone. The method (Navas et al. 2008, and the package's own code):

1. U of YUV, one level of the Haar transform, low band cut into 4x4 blocks (8x8 pixels each).
2. Block k in raster order carries bit k mod 32: its largest singular value s, modulo 36, lies in
   the lower half for 0 and in the upper half for 1. (The package takes the singular values of the
   block's DCT; a DCT is orthonormal, so they are the block's own.)

Only blocks that lie wholly inside the edited area are written; all others keep their bits. It has
no key, no error correction and no synchronisation: cropping, moving or scaling loses it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from retouch_safety.content import Box, Bytes8, Inside, Pixels, bounding_box, to_8bit, white_of
from retouch_safety.receipt import MarkStatus

BITS = 32
SMALLEST_AREA = 256 * 256  # the package refuses to read less

_STEP = 36.0
_BLOCK = 8  # pixels
# 0: to the nearest value that reads right; -1 and 1: only downwards or upwards, for blocks that
# are white or black, where one way is clipped; each is followed by a correction of what remains
_ATTEMPTS = (0, -1, 0, 1, 0)
_TOLERATED = 0.01  # of the blocks may read wrong: every bit has many
_RED, _GREEN, _BLUE = 0.0, -0.395, 2.032  # change of each channel for a change of 1 in U

_Planes = npt.NDArray[np.float32]
_Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Marked:
    """A picture with, or without, the id in its pixels.

    Attributes:
        pixels: H x W x 3 at the depth that was given.
        status: whether the id can be read back from the pixels.
        area: rectangle to read it from, None without a mark.
        note: why there is no mark, else empty.
    """

    pixels: Pixels
    status: MarkStatus
    area: Box | None
    note: str


class MarkFound(NamedTuple):
    """What a reader sees: an id is always returned, so look at the agreement.

    Attributes:
        record: 32-bit id.
        agreement: mean over the bits of how far their blocks agree, 0 (chance) to 1 (all). A
            flat unmarked picture agrees with itself: ids of one repeated bit mean nothing.
    """

    record: int
    agreement: float


def new_record_id() -> int:
    """Return a random 32-bit id with 8 to 24 ones, so that no flat picture reads as a valid id."""
    while True:
        record = secrets.randbits(BITS)
        if 8 <= record.bit_count() <= 24:
            return record


def mark(pixels: Pixels, edited: Inside, record: int) -> Marked:
    """Write an id into the edited area and read it back.

    Args:
        pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32`` where 1.0 is white. Deeper
            pixels receive the 8-bit change, scaled, and keep their fine values.
        edited: H x W; pixels that are False keep their bits.
        record: 32-bit id.

    Returns:
        The marked picture, or the same pixels with status ``METADATA_ONLY`` and the reason.
    """
    area = bounding_box(edited)
    if area is None:
        return Marked(pixels, MarkStatus.METADATA_ONLY, None, "nothing was edited")
    if area.width * area.height < SMALLEST_AREA:
        note = f"edited area {area.width}x{area.height} is under {SMALLEST_AREA} pixels"
        return Marked(pixels, MarkStatus.METADATA_ONLY, None, note)
    if (area.width // _BLOCK) * (area.height // _BLOCK) < BITS:
        note = f"edited area {area.width}x{area.height} has under {BITS} blocks of 8x8 pixels"
        return Marked(pixels, MarkStatus.METADATA_ONLY, None, note)
    before = to_8bit(pixels[area.slices])
    after = _written(before, edited[area.slices], _bits_of(record))
    result = pixels.copy()
    result[area.slices] = _changed(pixels[area.slices], after.astype(np.int16) - before)
    if read_mark(result, area).record != record:
        note = "the id could not be read back from this picture"
        return Marked(pixels, MarkStatus.METADATA_ONLY, None, note)
    return Marked(result, MarkStatus.EMBEDDED, area, "")


def read_mark(pixels: Pixels, area: Box | None = None) -> MarkFound:
    """Read an id from H x W x 3 RGB pixels of any depth.

    Args:
        pixels: the picture, unscaled.
        area: the rectangle that was marked, see the receipt; None reads the whole picture.

    Raises:
        ValueError: an area under 256x256 pixels, or too narrow for 32 blocks.
    """
    rgb = to_8bit(pixels if area is None else pixels[area.slices])
    if rgb.shape[0] * rgb.shape[1] < SMALLEST_AREA:
        raise ValueError(f"need at least {SMALLEST_AREA} pixels, got {rgb.shape[:2]}")
    count = (rgb.shape[0] // _BLOCK) * (rgb.shape[1] // _BLOCK)
    if count < BITS:
        raise ValueError(f"need at least {BITS} blocks of 8x8 pixels, got {count}")
    votes = _votes(_largest(_blocks(rgb))).ravel().astype(np.float64)
    carried = np.arange(votes.size) % BITS
    ones = np.bincount(carried, votes, BITS) / np.bincount(carried, minlength=BITS)
    # as the package decides: mean * 255 > 127
    packed = np.packbits(ones * 255 > 127).tobytes()
    return MarkFound(int.from_bytes(packed, "big"), float(np.abs(2 * ones - 1).mean()))


def _written(rgb: Bytes8, edited: Inside, bits: _Bits) -> Bytes8:
    """Write the bits, then write again the blocks where rounding or clipping undid them."""
    rows, columns = rgb.shape[0] // _BLOCK, rgb.shape[1] // _BLOCK
    wanted = bits[np.arange(rows * columns) % BITS].reshape(rows, columns)
    whole = edited[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    # A block that is edited for the most part carries its bit too, in the edited pixels alone: a
    # mask with holes cannot strip the mark.
    usable = whole.mean(axis=(1, 3)) >= 0.5
    source, wrong = rgb, usable
    for direction in _ATTEMPTS:
        left, values, right = np.linalg.svd(_blocks(rgb))
        shift = np.where(wrong, _shift(values[..., 0], wanted, direction), 0)
        change = shift[..., None, None] * left[..., :, :1] * right[..., :1, :]
        rgb = np.where(edited[..., None], _apply(rgb, change.astype(np.float32)), source)
        wrong = usable & (_votes(_largest(_blocks(rgb))) != wanted)
        if np.count_nonzero(wrong) <= _TOLERATED * np.count_nonzero(usable):
            break
    return rgb


def _shift(largest: _Planes, wanted: _Bits, direction: int) -> _Planes:
    """Return how far the largest singular value must move to the middle of the wanted half."""
    target = (0.25 + 0.5 * wanted) * _STEP
    nearest = (target - largest + _STEP / 2) % _STEP - _STEP / 2
    if direction < 0:
        nearest = np.where(nearest > 0, nearest - _STEP, nearest)
    if direction > 0:
        nearest = np.where(nearest < 0, nearest + _STEP, nearest)
    # a singular value cannot be negative
    moved = np.where(largest + nearest < 0, nearest + _STEP, nearest)
    return np.asarray(moved, dtype=np.float32)


def _blocks(rgb: Bytes8) -> _Planes:
    """Return the low band of U as rows x columns x 4 x 4, exactly as the package sees it."""
    rows, columns = rgb.shape[0] // _BLOCK, rgb.shape[1] // _BLOCK
    used = np.ascontiguousarray(rgb[: rows * _BLOCK, : columns * _BLOCK])
    u = cv2.cvtColor(used, cv2.COLOR_RGB2YUV)[:, :, 1].astype(np.float32)
    low: _Planes = u.reshape(rows * 4, 2, columns * 4, 2).sum(axis=(1, 3)) / 2
    return low.reshape(rows, 4, columns, 4).transpose(0, 2, 1, 3)


def _apply(rgb: Bytes8, change: _Planes) -> Bytes8:
    """Add a change of the low band, rows x columns x 4 x 4, to the pixels."""
    rows, columns = change.shape[:2]
    low = change.transpose(0, 2, 1, 3).reshape(rows * 4, columns * 4)
    u = low.repeat(2, axis=0).repeat(2, axis=1)[..., None] / 2
    result = rgb.copy()
    part = result[: rows * _BLOCK, : columns * _BLOCK]
    shifted = part + u * np.array([_RED, _GREEN, _BLUE], dtype=np.float32)
    part[...] = np.rint(np.clip(shifted, 0, 255)).astype(np.uint8)
    return result


def _changed(pixels: Pixels, change: npt.NDArray[np.int16]) -> Pixels:
    """Add an 8-bit change to pixels of any depth; where it is 0 the bits stay."""
    if pixels.dtype.kind == "u":
        white = int(white_of(pixels))
        moved = pixels.astype(np.int32) + change.astype(np.int32) * (white // 255)
        clipped: Pixels = np.clip(moved, 0, white).astype(pixels.dtype)
        return clipped
    moved_float: Pixels = pixels + change.astype(np.float32) / 255
    return np.where(change == 0, pixels, moved_float)


def _largest(blocks: _Planes) -> _Planes:
    found: _Planes = np.linalg.svd(blocks, compute_uv=False)[..., 0]
    return found


def _votes(largest: _Planes) -> _Bits:
    return (largest % _STEP) > _STEP * 0.5


def _bits_of(record: int) -> _Bits:
    if not 0 <= record < 1 << BITS:
        raise ValueError(f"a record id has {BITS} bits, got {record}")
    return np.unpackbits(np.frombuffer(record.to_bytes(4, "big"), np.uint8)).astype(np.bool_)
