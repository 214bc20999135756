"""How far a marked picture is from the unmarked one: PSNR and SSIM on luma."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from retouch_safety.tilemark.pattern import Plane

_SIDE: Final = 7
_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2


def psnr(first: Plane, second: Plane) -> float:
    """Return the peak signal-to-noise ratio of two H x W planes, 0 to 255, in dB."""
    error = float(np.mean((first - second).astype(np.float64) ** 2))
    return 10 * math.log10(255**2 / error) if error > 0 else math.inf


def ssim(first: Plane, second: Plane) -> float:
    """Return the structural similarity (Wang et al. 2004) of two H x W planes, 0 to 255.

    Uniform 7 x 7 windows that lie inside the picture, as scikit-image's default.
    """
    mean_1, mean_2 = _mean(first), _mean(second)
    # sample (n - 1) variances, as scikit-image
    unbiased = _SIDE**2 / (_SIDE**2 - 1)
    var_1 = unbiased * (_mean(first * first) - mean_1 * mean_1)
    var_2 = unbiased * (_mean(second * second) - mean_2 * mean_2)
    both = unbiased * (_mean(first * second) - mean_1 * mean_2)
    light = (2 * mean_1 * mean_2 + _C1) / (mean_1**2 + mean_2**2 + _C1)
    found = light * (2 * both + _C2) / (var_1 + var_2 + _C2)
    edge = _SIDE // 2
    return float(found[edge:-edge, edge:-edge].mean())


def _mean(plane: Plane) -> Plane:
    near: Plane = cv2.blur(plane, (_SIDE, _SIDE))
    return near
