"""From pixels to the input of CLIP's image encoder (Radford et al. 2021)."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from retouch_safety.content import Bytes8

Planes = npt.NDArray[np.float32]

_MEAN: Final = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
_DEVIATION: Final = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


def inputs(view: Bytes8, side: int) -> Planes:
    """Return what the encoder looks at, N x 3 x side x side; N is 1 for squares, else 2.

    The first is CLIP's own: the shorter side is scaled to ``side`` and the middle square kept. It
    leaves out the ends of long pictures: the second is all of the picture, squeezed.

    Args:
        view: H x W x 3 RGB.
        side: pixels of the encoder's input.
    """
    pictures = [_middle_square(view, side)]
    if view.shape[0] != view.shape[1]:
        pictures.append(_resized(view, side, None))
    stacked = (np.stack(pictures).astype(np.float32) / 255 - _MEAN) / _DEVIATION
    return np.ascontiguousarray(stacked.transpose(0, 3, 1, 2))


def _middle_square(view: Bytes8, side: int) -> Bytes8:
    """Scale the shorter side to ``side`` and keep the middle, without scaling what is cut off."""
    height, width = view.shape[:2]
    short = min(height, width)
    scaled_height, scaled_width = side * height // short, side * width // short
    top, left = (scaled_height - side) // 2, (scaled_width - side) // 2
    step_y, step_x = height / scaled_height, width / scaled_width
    box = (left * step_x, top * step_y, (left + side) * step_x, (top + side) * step_y)
    return _resized(view, side, box)


def _resized(view: Bytes8, side: int, box: tuple[float, float, float, float] | None) -> Bytes8:
    picture = Pillow.fromarray(np.ascontiguousarray(view))
    return np.asarray(picture.resize((side, side), Pillow.Resampling.BICUBIC, box=box))
