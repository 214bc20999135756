"""Where in a picture a tile is, and how much each part of the picture can be trusted."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from retouch_safety.content import Box
from retouch_safety.tilemark.fourier import plane_of_spectrum
from retouch_safety.tilemark.pattern import TILE, Plane, Spectrum
from retouch_safety.tilemark.reading import shift

_SIDE: Final = 97  # pixels: averaging over about a tile
_STILL: Final = 0.05  # variance of the residual below which a part is as good as noiseless
_GRID: Final = 8  # pixels: the map of a region is that coarse
_DEVIATIONS: Final = 3.0
#: Pixels that count as one in a mean: the band of the mark is about that narrow.
_DEPENDENT: Final = 3.0


def whitened_tile(spectrum: Spectrum, noise: Plane, corner: tuple[float, float]) -> Plane:
    """Return the 128 x 128 matched filter of a tile at a corner, scaled to mean square 1."""
    tile = plane_of_spectrum(spectrum * shift(*corner) / noise)
    return tile / np.float32(max(float(np.sqrt((tile**2).mean())), 1e-12))


def agreement(residual: Plane, tile: Plane) -> Plane:
    """Return H x W: mean product of residual and tile around each pixel."""
    height, width = residual.shape
    repeated = np.tile(tile, (-(-height // TILE), -(-width // TILE)))[:height, :width]
    return local_mean(residual * repeated)


def combining_weights(agree: Plane, power: Plane) -> Plane:
    """Return H x W weights of maximal ratio combining: amplitude over noise variance.

    Args:
        agree: agreement with the tile, an estimate of its amplitude.
        power: mean square of the residual around each pixel.
    """
    weights: Plane = np.maximum(agree, 0) / (power + np.float32(_STILL))
    weights /= np.float32(max(float(weights.mean()), 1e-12))
    return weights


def region_of(agree: Plane, power: Plane) -> Box:
    """Return the box around the largest area that agrees with a tile beyond chance."""
    # sums of squares that are kept as differences can fall below zero
    chance = np.sqrt(np.maximum(power, 0) * np.float32(_DEPENDENT)) / np.float32(_SIDE)
    beyond = (agree > np.float32(_DEVIATIONS) * chance)[::_GRID, ::_GRID].astype(np.uint8)
    _, _, areas, _ = cv2.connectedComponentsWithStats(beyond)
    height, width = agree.shape
    if len(areas) < 2:
        return Box(0, 0, width, height)
    x, y, wide, high, _ = areas[1 + int(areas[1:, cv2.CC_STAT_AREA].argmax())] * _GRID
    return Box(int(x), int(y), int(min(wide, width - x)), int(min(high, height - y)))


def local_mean(plane: Plane) -> Plane:
    """Return the mean of the 97 x 97 pixels around each pixel; beyond the border is zero."""
    near: Plane = cv2.blur(plane, (_SIDE, _SIDE), borderType=cv2.BORDER_CONSTANT)
    return near
