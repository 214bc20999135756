"""Fourier transforms of tiles in single precision; real input, so half a spectrum says it all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from retouch_safety.tilemark.pattern import TILE, Plane, Spectrum


def spectrum_of_plane(plane: Plane) -> Spectrum:
    """Return the ... x 128 x 65 spectra of ... x 128 x 128 tiles."""
    spectrum: Spectrum = np.fft.rfft2(plane).astype(np.complex64)
    return spectrum


def plane_of_spectrum(spectrum: npt.NDArray[np.inexact]) -> Plane:
    """Return the 128 x 128 tile of a 128 x 65 spectrum."""
    plane: Plane = np.fft.irfft2(spectrum, (TILE, TILE)).astype(np.float32)
    return plane
