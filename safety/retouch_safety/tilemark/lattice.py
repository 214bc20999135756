"""How a picture was scaled and turned, seen from the mark's own repetition (after Kutter 1998).

The tile repeats every 128 pixels both ways, so a marked picture correlates with itself on a square
lattice. Scaling and turning the picture scales and turns the lattice; no key is needed to see it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from retouch_safety.tilemark.pattern import TILE, Plane
from retouch_safety.tilemark.residual import residual

_LARGEST: Final = 1024  # pixels: of a larger picture, its middle
_SCALES: Final = np.exp(np.arange(np.log(0.4), np.log(2.7), 0.006))
_TURNS: Final = np.arange(-45.0, 45.0, 0.4)  # degrees; a square lattice repeats every 90
_VECTORS: Final = ((1, 0), (0, 1), (1, 1), (-1, 1), (2, 0), (0, 2))
_OVERLAP: Final = 0.3  # of a side: at larger lags too little is left to compare
_BACKGROUND: Final = 15  # bins or lags
_APART: Final = 3  # grid steps: nearer maxima are one


class Similarity(NamedTuple):
    """Scale, and counter-clockwise turn in degrees, that a picture has undergone."""

    scale: float
    degrees: float


def likely(luma: Plane, count: int) -> list[Similarity]:
    """Return the similarities whose lattices correlate best in H x W luma, best first."""
    top, left = (max(0, (side - _LARGEST) // 2) for side in luma.shape)
    middle = luma[top : top + _LARGEST, left : left + _LARGEST]
    scores = _lattice_scores(_self_correlation(residual(middle)))
    result = []
    for _ in range(count):
        row, column = np.unravel_index(int(scores.argmax()), scores.shape)
        if not np.isfinite(scores[row, column]):
            break
        result.append(Similarity(float(_SCALES[row]), float(_TURNS[column])))
        rows = slice(max(0, row - _APART), row + _APART + 1)
        columns = slice(max(0, column - _APART), column + _APART + 1)
        scores[rows, columns] = -np.inf
    return result


def _self_correlation(detail: Plane) -> Plane:
    """Return lags 0 to H by -W to W, in deviations of what chance gives at that overlap.

    Row r, column c holds the lag (r, c - W); lags with little overlap are zero.
    """
    height, width = detail.shape
    size = (cv2.getOptimalDFTSize(2 * height), cv2.getOptimalDFTSize(2 * width))
    power = np.abs(np.fft.rfft2(detail, size)) ** 2
    # even out the spectrum, so that the picture's own texture does not repeat near every peak
    level = cv2.blur(power, (_BACKGROUND, _BACKGROUND))
    lags = np.fft.irfft2(power / (level + level.mean() * 0.01), size)
    lags = np.roll(lags, width, axis=1)[:height, : 2 * width].astype(np.float32)
    lags -= cv2.blur(lags, (_BACKGROUND, _BACKGROUND))
    down = 1 - np.arange(height) / height
    across = 1 - np.abs(np.arange(2 * width) - width) / width
    overlap = np.outer(down, across).astype(np.float32)
    enough = overlap > _OVERLAP**2
    lags = np.where(enough, lags / np.sqrt(np.maximum(overlap, _OVERLAP**2)), np.float32(0))
    # neighbours, so that a coarse grid does not miss a peak
    spread: Plane = cv2.dilate(lags / np.float32(lags.std() + 1e-12), np.ones((3, 3), np.uint8))
    return spread


def _lattice_scores(correlation: Plane) -> npt.NDArray[np.float64]:
    """Return scales x turns: the sum over a lattice's vectors over the root of their number."""
    height, width = correlation.shape[0], correlation.shape[1] // 2
    turns = np.deg2rad(_TURNS)
    total = np.zeros((len(_SCALES), len(_TURNS)))
    count = np.zeros_like(total)
    for x, y in _VECTORS:
        length = TILE * _SCALES[:, None]
        # rows point down, so a counter-clockwise turn takes (x, y) to (cos, -sin)
        across = length * (x * np.cos(turns) + y * np.sin(turns))[None, :]
        down = length * (y * np.cos(turns) - x * np.sin(turns))[None, :]
        sign = np.where(down < 0, -1, 1)  # the correlation is symmetric
        rows = np.rint(down * sign).astype(int)
        columns = np.rint(across * sign).astype(int) + width
        inside = (rows < height) & (columns >= 0) & (columns < 2 * width)
        values = correlation[np.where(inside, rows, 0), np.where(inside, columns, 0)]
        total += np.where(inside, values, 0)
        count += inside & (values != 0)
    return np.where(count > 0, total / np.sqrt(np.maximum(count, 1)), -np.inf)
