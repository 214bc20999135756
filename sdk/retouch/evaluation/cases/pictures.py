"""Pictures and masks of the yardstick: (H, W, 3) and (H, W) float32 in [0, 1]."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.imaging.image import Floats, Image, bounding_box, white_of
from retouch_safety.sealed import Released

#: How far masks are grown before they are used, as a share of the longer side: 4 px of 128.
MARGIN: Final = 1 / 32


def eight_bit(picture: Floats) -> Floats:
    """Return the picture as a file of eight bits would hold it."""
    return (np.rint(np.clip(picture, 0, 1) * 255) / 255).astype(np.float32)


def as_image(picture: Floats) -> Image:
    """Return the picture as a document of eight bits."""
    return Image(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))


def unit(picture: Released) -> Floats:
    """Return a released picture as (H, W, 3) float32 in [0, 1]."""
    return np.asarray(picture.pixels / white_of(picture.pixels.dtype), np.float32)


def grey(mask: Floats) -> Floats:
    """Return a mask as a (H, W, 3) picture: white where it is 1."""
    return np.repeat(np.clip(mask, 0, 1)[..., None], 3, axis=2).astype(np.float32)


def grown(mask: Floats, share: float = MARGIN) -> Floats:
    """Return the mask (1 where it is above 0), grown by a share of its longer side."""
    reach = max(1, round(share * max(mask.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    inside = (mask > 0).astype(np.uint8)
    return np.asarray(cv2.dilate(inside, kernel), np.float32)


def around(mask: Floats) -> Floats:
    """Return the filled rectangle around everything above 0; all 0 without anything."""
    box = bounding_box(mask > 0)
    filled = np.zeros(mask.shape, np.float32)
    if box is not None:
        filled[box.slices] = 1
    return filled


def differs(first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Return (H, W): where two pictures differ by more than rounding, in any channel."""
    return np.asarray(np.abs(first - second).max(axis=2) > 1.5 / 255)


def shrunk(picture: Floats, side: int) -> Floats:
    """Return the picture with its longer side at most ``side`` pixels."""
    height, width = picture.shape[:2]
    share = side / max(height, width)
    if share >= 1:
        return picture
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
