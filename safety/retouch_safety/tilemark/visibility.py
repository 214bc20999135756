"""How strong the mark may be at each pixel: by the detail that hides it, sparse where none does."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from retouch_safety.tilemark.pattern import TILE, Plane

_NEAR: Final = 7  # pixels
_PER_DEVIATION: Final = 0.08
_FLAT: Final = 0.4  # grey levels, root mean square, where there is no detail
#: Luma: a picture made brighter by a fifth is white from here on.
BRIGHT: Final = 212.0
_ON_BRIGHT: Final = 0.5  # share of the mark that bright areas get
_MOST: Final = 7.5  # grey levels, whatever the strength
_SOFTEN: Final = 2.0  # pixels
_PATCH: Final = 24  # pixels: larger than the blocks of the usual compressors
_PATCH_SOFTEN: Final = 3.0  # pixels
#: Pixels from which a picture is large: it holds many copies of the fine tile.
LARGE: Final = 384 * 384
_DETAIL: Final = 4.0  # grey levels of local deviation
_FLAT_SHARE: Final = 0.6  # of a picture: from here on a coarse tile is written
_COARSE_PATCH: Final = 96  # pixels, about
_COARSE_SOFTEN: Final = 8.0  # pixels
_COARSE_SHARE: Final = 0.3  # of the area
_CHANCE: Final = 0.5  # a patch may be chosen before one that has so much more to use
_ORDINARY: Final = (0.4, 1.2)  # strengths
#: Luma: beyond, half of the coarse tile would be cut off.
_IN_RANGE: Final = (8.0, 250.0)


class _Patches(NamedTuple):
    """How much of a flat area is written.

    Attributes:
        fewest: share of the area, 0 to 1.
        copies: of every chip, in flat areas alone.
    """

    fewest: float
    copies: float


_IN_LARGE: Final = _Patches(0.05, 0.8)
_IN_SMALL: Final = _Patches(0.15, 2.4)


def relief(luma: Plane, random: np.random.Generator) -> Plane:
    """Return H x W: how much each pixel hides, in grey levels of a fine mark of strength 1.

    Detail masks a change in proportion to the local deviation (contrast masking). In flat areas
    compression rounds small coefficients to nothing, so one strong copy of the tile survives where
    many faint ones of the same energy do not: the energy goes to scattered soft patches.

    Args:
        luma: H x W, 0 to 255.
        random: places the patches.
    """
    flat = np.float32(_FLAT) * _patches(luma.shape[0], luma.shape[1], random)
    return (flat + np.float32(_PER_DEVIATION) * _deviation(luma)).astype(np.float32)


def shade(luma: Plane) -> Plane:
    """Return H x W: the share of the fine tile that each pixel is given for its brightness.

    Bright pixels are cut off when a picture is made brighter, dark ones beside them are not. Small
    pictures hold too few copies to do without them.

    Args:
        luma: H x W, 0 to 255.
    """
    if luma.size < LARGE:
        return np.ones_like(luma)
    return np.where(luma > BRIGHT, np.float32(_ON_BRIGHT), np.float32(1))


def coarse_relief(luma: Plane) -> Plane:
    """Return H x W: grey levels of the coarse tile at an ordinary strength, 0 or about 1.

    Its period is longer than the windows that detail hides a change in, so it is as strong
    everywhere; but where much of a picture has detail, the fine tile survives without it, and a
    small picture holds too few of its chips.

    Args:
        luma: H x W, 0 to 255.
    """
    if luma.size < LARGE:
        return np.zeros_like(luma)
    flat = np.count_nonzero(_deviation(luma) < _DETAIL) / luma.size
    if flat < _FLAT_SHARE:
        return np.zeros_like(luma)
    smooth: Plane = cv2.GaussianBlur(
        _in_range(luma).astype(np.float32), (0, 0), _SOFTEN, borderType=cv2.BORDER_REFLECT
    )
    return smooth


def coarse_patches(luma: Plane, random: np.random.Generator) -> Plane:
    """Return H x W, 0 to 1: soft squares, rather in flat areas.

    Args:
        luma: H x W, 0 to 255.
        random: places the squares.
    """
    height, width = luma.shape
    usable = (_deviation(luma) < _DETAIL) & _in_range(luma)
    size = (-(-width // _COARSE_PATCH), -(-height // _COARSE_PATCH))
    share = cv2.resize(usable.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    count = max(1, round(_COARSE_SHARE * share.size))
    order = np.argsort(-share.ravel() - _CHANCE * random.random(share.size))
    chosen = np.zeros(share.size, np.float32)
    chosen[order[:count]] = 1
    squares = chosen.reshape(size[::-1])
    large = cv2.resize(squares, (width, height), interpolation=cv2.INTER_NEAREST)
    soft: Plane = cv2.GaussianBlur(large, (0, 0), _COARSE_SOFTEN)
    return soft


def _in_range(luma: Plane) -> npt.NDArray[np.bool_]:
    return (luma > _IN_RANGE[0]) & (luma < _IN_RANGE[1])


def coarse_gain(strength: float) -> float:
    """Return what the coarse tile is multiplied by at a strength.

    It does not grow with ordinary strengths: those follow the detail, which hides the fine tile.
    """
    low, high = _ORDINARY
    return min(strength / low, max(1.0, strength / high))


def gain(relief: Plane, strength: float) -> Plane:
    """Return H x W: root mean square change in grey levels of a mark of a strength."""
    strong = np.minimum(np.float32(strength) * relief, np.float32(_MOST))
    smooth: Plane = cv2.GaussianBlur(strong, (0, 0), _SOFTEN, borderType=cv2.BORDER_REFLECT)
    return smooth


def _patches(height: int, width: int, random: np.random.Generator) -> Plane:
    """Return H x W of mean square 1: soft squares on zero, few in large pictures."""
    few = _IN_LARGE if height * width >= LARGE else _IN_SMALL
    share = float(np.clip(few.copies * TILE * TILE / (height * width), few.fewest, 1))
    if share == 1:
        return np.ones((height, width), np.float32)
    rows, columns = -(-height // _PATCH), -(-width // _PATCH)
    written = np.zeros(rows * columns, np.float32)
    written[random.permutation(rows * columns)[: max(1, round(share * rows * columns))]] = 1
    squares = written.reshape(rows, columns).repeat(_PATCH, axis=0).repeat(_PATCH, axis=1)
    soft: Plane = cv2.GaussianBlur(squares[:height, :width], (0, 0), _PATCH_SOFTEN)
    soft = soft / np.float32(np.sqrt((soft * soft).mean()))
    return soft


def _deviation(luma: Plane) -> Plane:
    mean, square = _mean(luma), _mean(luma * luma)
    deviation: Plane = np.sqrt(np.maximum(square - mean * mean, 0))
    return deviation


def _mean(plane: Plane) -> Plane:
    near: Plane = cv2.blur(plane, (_NEAR, _NEAR), borderType=cv2.BORDER_REFLECT)
    return near
