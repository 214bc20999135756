"""What is left of a picture when most of the picture is taken out."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from retouch_safety.tilemark.pattern import Plane

_SMOOTH: Final = 1.2  # standard deviation in pixels: coarser than this the mark has little energy
_NEAR: Final = 5  # pixels
_FLOOR: Final = 4.0  # variance in squared grey levels
_MOST: Final = 2.0


def residual(luma: Plane) -> Plane:
    """Return the fine detail of H x W luma, at the same contrast everywhere, in [-2, 2].

    Edges have a hundred times the contrast of the mark; dividing by the local contrast and
    clipping keeps them from drowning it.
    """
    detail = luma - cv2.GaussianBlur(luma, (0, 0), _SMOOTH, borderType=cv2.BORDER_REFLECT)
    power = cv2.blur(detail * detail, (_NEAR, _NEAR), borderType=cv2.BORDER_REFLECT)
    levelled: Plane = detail / np.sqrt(power + np.float32(_FLOOR))
    return np.clip(levelled, -_MOST, _MOST)
