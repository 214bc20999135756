"""Brightness of pictures of any depth, as ITU-R BT.601 luma from 0 to 255."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from retouch_safety.content import Pixels, white_of
from retouch_safety.tilemark.pattern import Plane

_WEIGHTS: Final = np.array([[0.299, 0.587, 0.114]], np.float32)


def luma_of(pixels: Pixels) -> Plane:
    """Return H x W luma, 0 to 255, of H x W x 3 RGB or H x W grey of any depth."""
    plane = pixels.astype(np.float32)
    if pixels.ndim == 3:
        plane = cv2.transform(plane, _WEIGHTS)
    white = white_of(pixels)
    return plane if white == 255 else plane * np.float32(255 / white)
