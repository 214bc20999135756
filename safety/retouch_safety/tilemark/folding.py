"""Cells of one tile each, their noise, and their sums: what repeats adds up, the rest does not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from retouch_safety.tilemark.fourier import plane_of_spectrum, spectrum_of_plane
from retouch_safety.tilemark.pattern import TILE, Plane

Cells: TypeAlias = npt.NDArray[np.float32]

SAMPLED: Final = 64  # cells whose spectra are averaged
_FEW: Final = 8
_NARROW: Final = 1.5  # smoothing of the spectrum in bins, with many cells
_WIDE: Final = 3.0  # and with few
_LEAST: Final = 0.3  # of the mean: no frequency is free of noise
#: Power of a cell's bins, at least: its residual varies by a thousandth. A few cells may be empty
#: although others are not, and nothing may be divided by their noise.
_SILENCE: Final = TILE * TILE * 1e-6
_WINDOWS: Final = (8, 4, 2, 1)  # cells


class Window(NamedTuple):
    """A rectangle of cells."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, eq=False)
class Folder:
    """A residual cut into cells.

    Attributes:
        cells: rows x columns x 128 x 128; the picture is padded with zeros on the right and below.
        noise: 128 x 65 mean power spectrum of a cell, smoothed.
    """

    cells: Cells
    noise: Plane

    def fold(self, window: Window) -> Plane:
        """Return the 128 x 128 sum of a window's cells."""
        part = self.cells[
            window.row : window.row + window.rows, window.column : window.column + window.columns
        ]
        fold: Plane = part.sum(axis=(0, 1))
        return fold

    def windows(self) -> Iterator[Window]:
        """Yield the whole picture, then ever smaller windows that overlap by half."""
        rows, columns = self.cells.shape[:2]
        yield Window(0, 0, rows, columns)
        for side in _WINDOWS:
            high, wide = min(side, rows), min(side, columns)
            if (high, wide) == (rows, columns):
                continue
            for row in _starts(rows, high):
                for column in _starts(columns, wide):
                    yield Window(row, column, high, wide)


def folder_of(residual: Plane, sampled: int = SAMPLED) -> Folder:
    """Cut an H x W residual into cells and measure their noise, on so many cells at most."""
    cells = in_cells(residual)
    return Folder(cells, _noise(cells, sampled))


def in_cells(plane: Plane) -> Cells:
    """Return H x W as rows x columns x 128 x 128, padded with zeros."""
    height, width = plane.shape
    rows, columns = math.ceil(height / TILE), math.ceil(width / TILE)
    if (height % TILE, width % TILE) != (0, 0):
        plane = np.pad(plane, ((0, rows * TILE - height), (0, columns * TILE - width)))
    return plane.reshape(rows, TILE, columns, TILE).swapaxes(1, 2)


def smoothed_spectrum(power: Plane, width: float) -> Plane:
    """Return a 128 x 65 power spectrum, smoothed by a periodic Gaussian of a width in bins.

    Smoothing a spectrum is weighting its autocorrelation.
    """
    lag = np.fft.fftfreq(TILE, 1 / TILE)
    near = np.exp(-2 * (np.pi * width / TILE * lag) ** 2).astype(np.float32)
    correlation = plane_of_spectrum(power) * (near[:, None] * near[None, :])
    return spectrum_of_plane(correlation).real


def _noise(cells: Cells, sampled: int) -> Plane:
    every = cells.reshape(-1, TILE, TILE)
    if len(every) > sampled:
        every = every[np.linspace(0, len(every) - 1, sampled).astype(int)]
    power = (np.abs(spectrum_of_plane(every)) ** 2).mean(axis=0)
    smooth = smoothed_spectrum(power, _NARROW if len(every) > _FEW else _WIDE)
    least = max(float(smooth.mean()) * _LEAST, _SILENCE)
    return np.maximum(smooth, 0) + np.float32(least)


def _starts(length: int, window: int) -> list[int]:
    step = max(1, window // 2)
    return sorted({*range(0, length - window + 1, step), length - window})
