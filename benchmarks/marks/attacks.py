"""What happens to pictures after they leave: one function for each row of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from marks.pictures import Rgb

Random = np.random.Generator


class Attack(NamedTuple):
    """A row.

    Attributes:
        apply: from a picture and a random generator to what is left of the picture.
        placed: whether scale or direction change, so that a blind search is needed.
    """

    apply: Callable[[Rgb, Random], Rgb]
    placed: bool = False


def attacks() -> Mapping[str, Attack]:
    """Row -> attack, in the order of the table."""
    rows = {"none": Attack(lambda rgb, random: rgb)}
    rows |= {
        f"JPEG {q}": Attack(partial(_coded, ".jpg", cv2.IMWRITE_JPEG_QUALITY, q))
        for q in (95, 75, 50)
    }
    rows |= {
        f"WebP {q}": Attack(partial(_coded, ".webp", cv2.IMWRITE_WEBP_QUALITY, q)) for q in (80, 50)
    }
    rows |= {f"scale {f:g} and back": Attack(partial(_there_and_back, f)) for f in (0.5, 0.75, 2)}
    rows |= {f"scale {f:g}": Attack(partial(_scaled, f), True) for f in (0.5, 0.75, 1.5, 2)}
    rows |= {f"crop {p} % of the area": Attack(partial(_cropped, p)) for p in (10, 25, 50)}
    rows["blur 1"] = Attack(lambda rgb, random: cv2.GaussianBlur(rgb, (0, 0), 1))
    rows["noise 5"] = Attack(_noisy)
    rows["brightness 1.2"] = Attack(lambda rgb, random: _rounded(rgb * np.float32(1.2)))
    rows["gamma 0.8"] = Attack(lambda rgb, random: _rounded(255 * (rgb / np.float32(255)) ** 0.8))
    rows["screenshot"] = Attack(_screenshot, True)
    rows["pasted on 4x area"] = Attack(_pasted)
    rows["pasted, JPEG 75"] = Attack(
        lambda rgb, random: _coded(
            ".jpg", cv2.IMWRITE_JPEG_QUALITY, 75, _pasted(rgb, random), random
        )
    )
    rows["pasted, feathered ellipse"] = Attack(_feathered)
    rows |= {f"turned {90 * n}": Attack(partial(_quarters, n), True) for n in (1, 2, 3)}
    rows["mirrored"] = Attack(lambda rgb, random: np.ascontiguousarray(rgb[:, ::-1]), True)
    rows |= {f"turned {d:+g}": Attack(partial(_turned, d), True) for d in (1.0, -3.0, 3.0)}
    return rows


def _coded(suffix: str, parameter: int, quality: int, rgb: Rgb, random: Random) -> Rgb:
    done, data = cv2.imencode(suffix, np.ascontiguousarray(rgb[..., ::-1]), [parameter, quality])
    if not done:
        raise RuntimeError(f"OpenCV cannot write {suffix}")
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def _scaled(factor: float, rgb: Rgb, random: Random) -> Rgb:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=way))


def _there_and_back(factor: float, rgb: Rgb, random: Random) -> Rgb:
    way = cv2.INTER_CUBIC if factor < 1 else cv2.INTER_AREA
    size = (rgb.shape[1], rgb.shape[0])
    return np.asarray(cv2.resize(_scaled(factor, rgb, random), size, interpolation=way))


def _cropped(percent: int, rgb: Rgb, random: Random) -> Rgb:
    height, width = (round(side * (1 - percent / 100) ** 0.5) for side in rgb.shape[:2])
    top = int(random.integers(rgb.shape[0] - height + 1))
    left = int(random.integers(rgb.shape[1] - width + 1))
    return np.ascontiguousarray(rgb[top : top + height, left : left + width])


def _noisy(rgb: Rgb, random: Random) -> Rgb:
    return _rounded(rgb + random.normal(0, 5, rgb.shape).astype(np.float32))


def _screenshot(rgb: Rgb, random: Random) -> Rgb:
    """Shown at 1.25 times its size, not on whole pixels, saved as JPEG 85."""
    x, y = random.random(2)
    size = tuple(round(side * 1.25) for side in rgb.shape[1::-1])
    move = np.array([[1.25, 0, x], [0, 1.25, y]])
    shown = cv2.warpAffine(rgb, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _coded(".jpg", cv2.IMWRITE_JPEG_QUALITY, 85, shown, random)


def _pasted(rgb: Rgb, random: Random) -> Rgb:
    return _blended(rgb, np.ones(rgb.shape[:2], np.float32), random)


def _feathered(rgb: Rgb, random: Random) -> Rgb:
    height, width = rgb.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = np.hypot((2 * x + 1) / width - 1, (2 * y + 1) / height - 1)
    return _blended(rgb, np.clip((1 - radius) / 0.15, 0, 1), random)


def _blended(rgb: Rgb, opacity: np.ndarray, random: Random) -> Rgb:
    """Lay the picture at a random place on soft coloured noise of twice its sides."""
    height, width = rgb.shape[:2]
    coarse = random.uniform(30, 225, (12, 12, 3)).astype(np.float32)
    canvas = cv2.resize(coarse, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    canvas += 4 * random.standard_normal((*canvas.shape[:2], 1), np.float32)
    top, left = int(random.integers(height + 1)), int(random.integers(width + 1))
    below = canvas[top : top + height, left : left + width]
    below += (rgb - below) * opacity[..., None]
    return _rounded(canvas)


def _quarters(count: int, rgb: Rgb, random: Random) -> Rgb:
    return np.ascontiguousarray(np.rot90(rgb, count))


def _turned(degrees: float, rgb: Rgb, random: Random) -> Rgb:
    height, width = rgb.shape[:2]
    move = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(rgb, move, (width, height), flags=cv2.INTER_LINEAR))


def _rounded(values: np.ndarray) -> Rgb:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
