"""What is made of each photograph: parts of it, turned, in other colours, soft."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
Change = Callable[[Rgb], Rgb]


def enlarged(load: Callable[[], Rgb], longest: int) -> Rgb:
    """The picture, scaled so that its longer side has this many pixels."""
    picture = load()
    scale = longest / max(picture.shape[:2])
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, dtype=np.uint8)


def _part(top: float, left: float, size: float) -> Change:
    def cut(rgb: Rgb) -> Rgb:
        height, width = rgb.shape[:2]
        y, x = int(top * height), int(left * width)
        return rgb[y : y + int(size * height), x : x + int(size * width)]

    return cut


def _curve(multiply: tuple[float, float, float], gamma: float = 1.0) -> Change:
    def changed(rgb: Rgb) -> Rgb:
        unit = (rgb.astype(np.float32) / 255) ** gamma * np.array(multiply, np.float32)
        return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)

    return changed


def _sepia(rgb: Rgb) -> Rgb:
    grey = rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    brown = grey[..., None] * np.array([1.07, 0.87, 0.68], np.float32)
    return np.rint(np.clip(brown, 0, 255)).astype(np.uint8)


def painted(rgb: Rgb) -> Rgb:
    """Smooth areas with sharp edges, as skin in advertisements: the highest scores known before."""
    soft = np.ascontiguousarray(rgb)
    for _ in range(3):
        soft = cv2.bilateralFilter(soft, 9, 75, 75)
    return np.asarray(soft, dtype=np.uint8)


def _coarse(rgb: Rgb) -> Rgb:
    """As small models draw: what is left of it in 32 pixels."""
    small = cv2.resize(np.ascontiguousarray(rgb), (32, 32), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


#: group, name, what is done
VARIANTS: tuple[tuple[str, str, Change], ...] = (
    ("crop", "upper left quarter", _part(0, 0, 0.5)),
    ("crop", "lower right quarter", _part(0.5, 0.5, 0.5)),
    ("crop", "middle third", _part(1 / 3, 1 / 3, 1 / 3)),
    ("turned", "turned by 90 degrees", lambda rgb: np.rot90(rgb)),
    ("turned", "upside down and mirrored", lambda rgb: rgb[::-1]),
    ("colour", "warm", _curve((1.15, 0.95, 0.8))),
    ("colour", "dark", _curve((1.0, 1.0, 1.0), 2.2)),
    ("colour", "sepia", _sepia),
    ("colour", "inverted", lambda rgb: np.asarray(255 - rgb, dtype=np.uint8)),
    ("soft", "painted", painted),
    ("soft", "32 pixels", _coarse),
)
