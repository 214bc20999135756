"""Arithmetic in GF(256), the field of Reed-Solomon codes over bytes.

Elements are polynomials over GF(2) modulo x^8 + x^4 + x^3 + x^2 + 1 (0x11d); 2 generates all but
zero. Addition is exclusive or.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Symbols: TypeAlias = npt.NDArray[np.uint8]

ORDER: Final = 255  # of the multiplicative group
_POLYNOMIAL: Final = 0x11D


def _tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    powers, logarithms = np.zeros(2 * ORDER, np.uint8), np.zeros(ORDER + 1, np.int64)
    value = 1
    for exponent in range(ORDER):
        powers[exponent] = powers[exponent + ORDER] = value
        logarithms[value] = exponent
        value <<= 1
        if value > ORDER:
            value ^= _POLYNOMIAL
    powers.setflags(write=False)
    logarithms.setflags(write=False)
    return powers, logarithms


#: ``POWERS[i]`` is 2^i for 0 <= i < 510; ``LOGARITHMS[a]`` its inverse, without meaning for a = 0.
POWERS, LOGARITHMS = _tables()


def multiply(a: Symbols, b: Symbols) -> Symbols:
    """Return the products of two ``uint8`` arrays that broadcast."""
    product = POWERS[LOGARITHMS[a] + LOGARITHMS[b]]
    return np.where((a == 0) | (b == 0), np.uint8(0), product)
