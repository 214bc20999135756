"""Where the tile begins: peaks of the correlation with the sync pattern."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from retouch_safety.tilemark.fourier import plane_of_spectrum, spectrum_of_plane
from retouch_safety.tilemark.pattern import (
    SYNC_SHARE,
    TILE,
    Pattern,
    Plane,
    Spectrum,
    spectrum_of,
)

_APART: Final = 4  # pixels: nearer peaks are one peak


class Peak(NamedTuple):
    """A place where the tile may begin.

    Attributes:
        row: of the tile's corner in the fold, in pixels, fractional, 0 to 128.
        column: likewise.
        z: height in standard deviations of the correlation.
    """

    row: float
    column: float
    z: float


def sync_spectrum(pattern: Pattern) -> Spectrum:
    """Return the spectrum, 128 x 65, of the sync pattern in the strength it has in a tile."""
    return spectrum_of(pattern.sync) * np.float32(math.sqrt(SYNC_SHARE))


def correlation(fold: Plane, noise: Plane, template: Spectrum) -> Plane:
    """Return the 128 x 128 whitened correlation of a fold with a template, in deviations."""
    found = plane_of_spectrum(spectrum_of_plane(fold) * np.conj(template) / noise)
    deviation = float(found.std())
    found -= found.mean()
    found /= np.float32(deviation if deviation > 0 else 1)
    return found


def peaks(found: Plane, least: float, count: int) -> list[Peak]:
    """Return the highest peaks of a correlation, highest first, each at least ``least``."""
    rest, result = found.copy(), []
    for _ in range(count):
        row, column = divmod(int(rest.argmax()), TILE)
        if not rest[row, column] >= least:
            break
        result.append(_refined(found, row, column))
        near = np.arange(-_APART, _APART + 1)
        rest[np.ix_((row + near) % TILE, (column + near) % TILE)] = -np.inf
    return result


def _refined(found: Plane, row: int, column: int) -> Peak:
    height = float(found[row, column])
    across = found[row, [(column - 1) % TILE, (column + 1) % TILE]]
    down = found[[(row - 1) % TILE, (row + 1) % TILE], column]
    return Peak(
        (row + vertex(down[0], height, down[1])) % TILE,
        (column + vertex(across[0], height, across[1])) % TILE,
        height,
    )


def vertex(before: float, at: float, after: float) -> float:
    """Return where the parabola through values at -1, 0 and 1 peaks, clipped to that range."""
    bend = before - 2 * at + after
    if bend >= 0:
        return float(np.sign(after - before))
    return float(np.clip(0.5 * (before - after) / bend, -1, 1))
