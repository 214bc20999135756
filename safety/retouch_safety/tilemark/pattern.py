"""The tile: a keyed pattern of 128x128 pixels, repeated over the picture.

All randomness is a stream of bytes, block i being HMAC-SHA256(pattern key, "tilemark/pattern/1" and
i as four big-endian bytes), so that a detector can be written in any language. It gives, in order:

1. 4096 bits, the sync chips in raster order (64x64); 1 is +1, 0 is -1, high bit first;
2. 4096 big-endian 64-bit words; their stable ascending order is the permutation;
3. 4096 bits, the signs, as in 1.

A code word of 16 symbols selects 16 rows of the 256x256 Hadamard matrix (Sylvester's order); the
4096 values, times the signs, go to the chips that the permutation names. A chip is a square of 2x2
pixels under a Laplacian of Gaussian: pictures have most energy at low frequencies and compression
leaves little at high ones, so the mark keeps to those between.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from retouch_safety.tilemark.galois import Symbols
from retouch_safety.tilemark.reed_solomon import LENGTH

Plane: TypeAlias = npt.NDArray[np.float32]
Spectrum: TypeAlias = npt.NDArray[np.complex64]

TILE: Final = 128  # pixels
CHIP: Final = 2  # pixels
CHIPS: Final = TILE // CHIP
#: Share of the tile's energy that finds it; the rest says what it says.
SYNC_SHARE: Final = 0.2
_BLUR: Final = 0.8  # standard deviation of the Laplacian of Gaussian in pixels
_ROW: Final = 256


@dataclass(frozen=True, eq=False)
class Pattern:
    """What a pattern key determines.

    Attributes:
        sync: 64 x 64 of -1 and 1.
        permutation: 4096 chip indices in raster order.
        signs: 4096 of -1 and 1.
    """

    sync: Plane
    permutation: npt.NDArray[np.int64]
    signs: Plane

    def tile(self, symbols: Symbols) -> Plane:
        """Return the 128 x 128 tile of a code word; its mean square is about 1."""
        pixels = np.fft.irfft2(spectrum_of(self.chips(symbols)), (TILE, TILE))
        return pixels.astype(np.float32)

    def chips(self, symbols: Symbols) -> Plane:
        """Return the 64 x 64 chips of a code word, sync and message together."""
        message = np.empty(CHIPS * CHIPS, np.float32)
        message[self.permutation] = hadamard()[symbols].ravel() * self.signs
        together = math.sqrt(SYNC_SHARE) * self.sync
        together += math.sqrt(1 - SYNC_SHARE) * message.reshape(CHIPS, CHIPS)
        return together.astype(np.float32)

    def correlations(self, chips: Plane) -> npt.NDArray[np.float64]:
        """Return 16 x 256: how 64 x 64 received chips agree with every symbol."""
        rows = (chips.ravel()[self.permutation] * self.signs).reshape(LENGTH, _ROW)
        return (rows @ hadamard()).astype(np.float64)


@lru_cache(maxsize=32)
def pattern_of(key: bytes) -> Pattern:
    """Derive the pattern of a pattern key."""
    count = CHIPS * CHIPS
    sizes = (count // 8, count * 8, count // 8)
    blocks = -(-sum(sizes) // hashlib.sha256().digest_size)
    label = b"tilemark/pattern/1"
    stream = b"".join(
        hmac.digest(key, label + i.to_bytes(4, "big"), hashlib.sha256) for i in range(blocks)
    )
    sync, words, signs = (stream[sum(sizes[:i]) : sum(sizes[: i + 1])] for i in range(len(sizes)))
    order = np.argsort(np.frombuffer(words, ">u8"), kind="stable")
    return Pattern(_signs(sync).reshape(CHIPS, CHIPS), order, _signs(signs))


@lru_cache(maxsize=1)
def hadamard() -> Plane:
    """Return Sylvester's 256 x 256 matrix of -1 and 1; it is its own transpose."""
    matrix = np.ones((1, 1), np.float32)
    while len(matrix) < _ROW:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    matrix.setflags(write=False)
    return matrix


@lru_cache(maxsize=1)
def chip_spectrum() -> Spectrum:
    """Return the spectrum, 128 x 65, of one chip at the origin.

    Scaled so that a tile of independent chips of -1 and 1 has mean square 1.
    """
    rows, columns = np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :]
    square = rows**2 + columns**2
    # minus the Laplacian of Gaussian, without its constant factor
    band = square * np.exp(-2 * (np.pi * _BLUR) ** 2 * square)
    block = np.zeros((TILE, TILE))
    block[:CHIP, :CHIP] = 1
    shape = np.fft.irfft2(np.fft.rfft2(block) * band, (TILE, TILE))
    # CHIPS^2 chips fill TILE^2 pixels, so each brings CHIP^2
    shape *= CHIP / np.sqrt((shape**2).sum())
    spectrum: Spectrum = np.fft.rfft2(shape).astype(np.complex64)
    spectrum.setflags(write=False)
    return spectrum


def spectrum_of(chips: Plane) -> Spectrum:
    """Return the spectrum, 128 x 65, of the pixels of 64 x 64 chips."""
    impulses = np.zeros((TILE, TILE), np.float32)
    impulses[::CHIP, ::CHIP] = chips
    spectrum: Spectrum = np.fft.rfft2(impulses).astype(np.complex64) * chip_spectrum()
    return spectrum


def _signs(packed: bytes) -> Plane:
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    return bits.astype(np.float32) * 2 - 1
