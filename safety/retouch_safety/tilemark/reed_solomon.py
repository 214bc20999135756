"""A (16, 9) Reed-Solomon code as polynomial evaluation (Reed and Solomon 1960).

The nine message bytes are the values at the points 0 to 8 of the one polynomial over GF(256) of
degree 8 or less; the code word is its values at 0 to 15. Any nine values determine the other
seven, so a decoder may choose which nine it trusts.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from retouch_safety.tilemark.galois import LOGARITHMS, ORDER, POWERS, Symbols, multiply

LENGTH: Final = 16
DIMENSION: Final = 9


def encode(message: bytes) -> Symbols:
    """Return the 16 symbols of a 9-byte message; the first nine are the message.

    Raises:
        ValueError: not 9 bytes.
    """
    if len(message) != DIMENSION:
        raise ValueError(f"message: got {len(message)} bytes; allowed: {DIMENSION}")
    known = np.frombuffer(message, np.uint8)
    matrix = interpolation(np.arange(DIMENSION), np.arange(DIMENSION, LENGTH))
    return np.concatenate([known, extend(matrix, known)])


def interpolation(known: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> Symbols:
    """Return Lagrange's matrix, wanted x known, that turns values at points into values at others.

    Args:
        known: distinct points in 0 to 255.
        wanted: points, none of them known.
    """
    to_wanted = LOGARITHMS[wanted[:, None] ^ known[None, :]]
    between = LOGARITHMS[known[:, None] ^ known[None, :]]
    # prod over m != j of (w - x_m) / (x_j - x_m); in logarithms, and the logarithm at m = j is 0
    above = to_wanted.sum(axis=1, keepdims=True) - to_wanted
    matrix: Symbols = POWERS[(above - between.sum(axis=1)[None, :]) % ORDER]
    return matrix


def extend(matrix: Symbols, known: Symbols) -> Symbols:
    """Return the values at the wanted points, ... x wanted, from ... x known values."""
    terms = multiply(matrix, known[..., None, :])
    wanted: Symbols = np.bitwise_xor.reduce(terms, axis=-1)
    return wanted
