"""From a fold with a known tile corner to the scores of all symbols."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from retouch_safety.tilemark.fourier import plane_of_spectrum, spectrum_of_plane
from retouch_safety.tilemark.pattern import (
    CHIP,
    CHIPS,
    SYNC_SHARE,
    TILE,
    Pattern,
    Plane,
    Spectrum,
    chip_spectrum,
)
from retouch_safety.tilemark.soft_decoder import Scores

_LEAST: Final = 0.05  # of the mean response: keeps frequencies that carry no chips out
_TINY: Final = 1e-9


def symbol_scores(
    fold: Plane, noise: Plane, corner: tuple[float, float], pattern: Pattern, sync: Spectrum
) -> Scores:
    """Return 16 x 256 scores, in standard deviations, of a 128 x 128 fold.

    The linear estimate of the chips with the least mean square error: what the sync pattern
    explains is taken out, the rest is filtered by the chip's shape over the noise (its matched
    filter), sampled once a chip, and equalised at the chips' rate.

    Args:
        fold: weighted sum of cells.
        noise: 128 x 65 power spectrum of the fold's noise.
        corner: row and column in the fold where the tile begins, may be fractional.
        pattern: of the key.
        sync: its sync spectrum (:func:`retouch_safety.tilemark.synchronisation.sync_spectrum`).
    """
    moved = spectrum_of_plane(fold) * shift(-corner[0], -corner[1])
    amplitude = _amplitude(moved, noise, sync)
    shape = chip_spectrum()
    matched = _every_chip((moved - amplitude * sync) * np.conj(shape) / noise)
    response = np.fft.fft2(_every_chip(np.abs(shape) ** 2 / noise)).real
    # chips are white: their power spectrum is their number times the energy of one
    signal = max(amplitude**2 * (1 - SYNC_SHARE) * CHIPS * CHIPS, _TINY)
    equaliser = 1 / (np.maximum(response, 0) + 1 / signal + _LEAST * response.mean())
    chips = np.fft.ifft2(np.fft.fft2(matched) * equaliser).real
    return _in_deviations(pattern.correlations(chips.astype(np.float32)))


def shift(rows: float, columns: float) -> Spectrum:
    """Return the 128 x 65 factor that moves a fold down and to the right, periodically."""
    down = np.exp(-2j * np.pi * rows * np.fft.fftfreq(TILE))
    right = np.exp(-2j * np.pi * columns * np.fft.rfftfreq(TILE))
    factor: Spectrum = (down[:, None] * right[None, :]).astype(np.complex64)
    return factor


def _amplitude(moved: Spectrum, noise: Plane, sync: Spectrum) -> float:
    """Return how strong the sync pattern is in a fold: least squares over whitened bins."""
    agreement = (moved * np.conj(sync)).real / noise
    return float(agreement.sum() / (np.abs(sync) ** 2 / noise).sum())


def _every_chip(spectrum: npt.NDArray[np.inexact]) -> Plane:
    return plane_of_spectrum(spectrum)[::CHIP, ::CHIP]


def _in_deviations(correlations: Scores) -> Scores:
    # the right symbols are not noise: leave the best of each position out
    others = np.sort(correlations, axis=1)[:, :-1]
    deviation = float(np.sqrt(np.mean(others**2)))
    return correlations / (deviation if deviation > 0 else 1.0)
