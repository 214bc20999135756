"""How strong the mark may be at each pixel: by the detail that hides it, sparse where none does."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from retouch_safety.tilemark.pattern import TILE, Plane

_NEAR: Final = 7  # pixels
_PER_DEVIATION: Final = 0.08
_FLAT: Final = 0.4  # grey levels, root mean square, where there is no detail
_MOST: Final = 6.0  # grey levels, whatever the strength
_SOFTEN: Final = 2.0  # pixels
_PATCH: Final = 24  # pixels: larger than the blocks of the usual compressors
_PATCH_SOFTEN: Final = 3.0  # pixels
_FEWEST: Final = 0.15  # share of a flat area that is written
_COPIES: Final = 2.4  # of every chip, in flat areas alone


def relief(luma: Plane, random: np.random.Generator) -> Plane:
    """Return H x W: how much each pixel hides, in grey levels of a mark of strength 1.

    Detail masks a change in proportion to the local deviation (contrast masking). In flat areas
    compression rounds small coefficients to nothing, so one strong copy of the tile survives where
    many faint ones of the same energy do not: the energy goes to scattered soft patches.

    Args:
        luma: H x W, 0 to 255.
        random: places the patches.
    """
    mean, square = _mean(luma), _mean(luma * luma)
    deviation = np.sqrt(np.maximum(square - mean * mean, 0))
    flat = np.float32(_FLAT) * _patches(luma.shape[0], luma.shape[1], random)
    return (flat + np.float32(_PER_DEVIATION) * deviation).astype(np.float32)


def gain(relief: Plane, strength: float) -> Plane:
    """Return H x W: root mean square change in grey levels of a mark of a strength."""
    strong = np.minimum(np.float32(strength) * relief, np.float32(_MOST))
    smooth: Plane = cv2.GaussianBlur(strong, (0, 0), _SOFTEN, borderType=cv2.BORDER_REFLECT)
    return smooth


def _patches(height: int, width: int, random: np.random.Generator) -> Plane:
    """Return H x W of mean square 1: soft squares on zero, few in large pictures."""
    share = float(np.clip(_COPIES * TILE * TILE / (height * width), _FEWEST, 1))
    if share == 1:
        return np.ones((height, width), np.float32)
    rows, columns = -(-height // _PATCH), -(-width // _PATCH)
    written = np.zeros(rows * columns, np.float32)
    written[random.permutation(rows * columns)[: max(1, round(share * rows * columns))]] = 1
    squares = written.reshape(rows, columns).repeat(_PATCH, axis=0).repeat(_PATCH, axis=1)
    soft: Plane = cv2.GaussianBlur(squares[:height, :width], (0, 0), _PATCH_SOFTEN)
    soft = soft / np.float32(np.sqrt((soft * soft).mean()))
    return soft


def _mean(plane: Plane) -> Plane:
    near: Plane = cv2.blur(plane, (_NEAR, _NEAR), borderType=cv2.BORDER_REFLECT)
    return near
