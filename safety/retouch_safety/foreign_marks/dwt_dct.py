"""How the ``dwtDct`` of ``invisible-watermark`` carries a bit, and how to read it.

The package takes U of YUV, the low band of one level of the Haar transform, and cuts it into 4 x 4
blocks (8 x 8 pixels). Block k in raster order carries bit k mod the length of the message: of the
block's values but the first, the one with the largest magnitude is moved so that it lies, modulo
36, at 9 for a 0 and at 27 for a 1. (In spite of the name it applies no DCT.)

The package reads by majority. Two things make that fail where the mark is there: a picture's own
colours decide many blocks alike, and compression flattens the moved value. So a block's evidence is
measured against its neighbours', and there are two kinds of it:

- residue: where the largest value lies modulo 36, as it was written.
- peak: how far it stands out of its block. Of the two values, 27 always stands out more than 9.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from retouch_safety.content import Bytes8
from retouch_safety.foreign_marks.messages import Storage

Plane = npt.NDArray[np.float32]

BLOCK: Final = 4  # values of the low band
STEP: Final = 36.0
#: The package marks nothing smaller.
SMALLEST_AREA: Final = 256 * 256
_NEAR: Final = 9  # blocks
_QUIET: Final = 0.05
#: U of YUV, for red, green, blue; as OpenCV computes it.
_U: Final = 0.492 * np.array([-0.299, -0.587, 1 - 0.114])
#: The same after red and blue were exchanged.
_U_EXCHANGED: Final = _U[::-1]
#: Middle of U: 128 for bytes, 0.5 for floating point; the low band doubles it.
_MIDDLE_OF_BYTES: Final = 256.0
_MIDDLE_OF_FLOATS: Final = 1.0


class Blocks(NamedTuple):
    """Three planes: what the blocks of the low band hold, their first value left out.

    Attributes:
        highest: the largest value of each block.
        lowest: the smallest.
        mean: the mean of all sixteen.
    """

    highest: Plane
    lowest: Plane
    mean: Plane


def low_bands(rgb: Bytes8) -> Plane:
    """Return H/2 x W/2 x 2: the low band of U without its middle, as it is and exchanged."""
    height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
    weights = np.stack([_U, _U_EXCHANGED]).astype(np.float32)
    chroma = cv2.transform(rgb[: 2 * height, : 2 * width].astype(np.float32), weights)
    halved: Plane = cv2.resize(chroma, (width, height), interpolation=cv2.INTER_AREA)
    return 2 * halved


def all_blocks(low: Plane) -> Blocks:
    """Return the blocks that begin at each value of an H x W low band; the last three do not."""
    values = np.ones((BLOCK, BLOCK), np.uint8)
    values[0, 0] = 0
    highest = cv2.dilate(low, values, anchor=(0, 0))
    lowest = cv2.erode(low, values, anchor=(0, 0))
    mean = cv2.blur(low, (BLOCK, BLOCK), anchor=(0, 0))
    return Blocks(highest, lowest, mean)


def aligned_blocks(low: Plane) -> Blocks:
    """Return the blocks of an H x W low band whose first block begins at its corner."""
    height, width = low.shape[0] // BLOCK, low.shape[1] // BLOCK
    cut = low[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK)
    values = cut.transpose(1, 3, 0, 2).reshape(BLOCK * BLOCK, height, width)
    return Blocks(values[1:].max(axis=0), values[1:].min(axis=0), values.mean(axis=0))


def evidence(blocks: Blocks, storage: Storage) -> tuple[Plane, Plane]:
    """Return, for each block, how far it says 1 rather than 0: by its residue, and by its peak."""
    highest, lowest, mean = blocks
    if not storage.floats:  # all values are positive
        largest, peak = highest + np.float32(_MIDDLE_OF_BYTES), highest - mean
    else:
        above, below = highest + np.float32(_MIDDLE_OF_FLOATS), -lowest - _MIDDLE_OF_FLOATS
        largest = np.maximum(above, below)
        peak = np.where(above > below, highest - mean, mean - lowest)
    residue = -np.sin(largest * np.float32(2 * np.pi / STEP))
    # more than a full lift is the picture's own
    return residue, np.minimum(peak, np.float32(0.75 * STEP))


def against_neighbours(votes: Plane) -> Plane:
    """Return rows x columns (x grids) of evidence, less its local mean, over its local spread."""
    votes = votes - _local_mean(votes)
    levelled: Plane = votes / np.sqrt(_local_mean(votes * votes) + np.float32(_QUIET))
    return levelled


def tally(votes: Plane, length: int) -> Plane:
    """Return, for each bit of a message, the sum of the evidence of the blocks that carry it."""
    flat = votes.ravel()
    return np.bincount(np.arange(flat.size) % length, flat, length).astype(np.float32)


def _local_mean(votes: Plane) -> Plane:
    near: Plane = cv2.blur(votes, (_NEAR, _NEAR), borderType=cv2.BORDER_REFLECT)
    return near.reshape(votes.shape)
