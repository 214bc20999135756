"""A perceptual hash: pictures that look alike have hashes that differ in few bits.

A mark can be lifted from one picture onto another; the receipt's fingerprint shows it.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from retouch_safety.color_profile import is_srgb, shown
from retouch_safety.content import Pixels, to_8bit

_SAMPLES: Final = 32
#: Longest side of a picture whose colours are converted.
_SHRUNK: Final = 256
_KEPT: Final = 8


def fingerprint(pixels: Pixels, icc: bytes | None = None) -> str:
    """Return 64 bits as 16 hexadecimal digits: signs of low frequencies about their median.

    Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), DCT hash.

    Args:
        pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32`` where 1.0 is white.
        icc: ICC profile bytes: what counts is what is seen.
    """
    longest = max(pixels.shape[:2])
    if longest > _SHRUNK and not is_srgb(icc):  # to convert all of a large picture takes seconds
        height, width = (max(1, side * _SHRUNK // longest) for side in pixels.shape[:2])
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    pixels = shown(pixels, icc)
    grey = cv2.cvtColor(to_8bit(pixels), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SAMPLES, _SAMPLES), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:_KEPT, :_KEPT].ravel()
    bits = low > np.median(low[1:])  # the mean brightness alone says nothing
    return np.packbits(bits).tobytes().hex()


def difference(one: str, other: str) -> int:
    """Return how many of the 64 bits differ; unlike pictures differ in about 32.

    Raises:
        ValueError: not two fingerprints.
    """
    return (int(one, 16) ^ int(other, 16)).bit_count()
