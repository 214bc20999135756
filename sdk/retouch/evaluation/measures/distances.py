"""How far one picture is from another: pixels, structure, edges, masks, features.

Pictures are (H, W, 3) in [0, 1]; a mask is (H, W), and its pixels over 0.5 are those that count
(``outside`` turns an edit's mask into the mask of what must stay).
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from retouch.evaluation.judge.judge import Judge
from retouch.imaging.control import canny
from retouch.imaging.image import Floats

Bools = NDArray[np.bool_]

#: PSNR of equal pictures, so that means stay finite: that of one step of 16 bits.
MOST_PSNR: Final = 96.0
#: Standard deviation and radius of the window of SSIM (Wang et al. 2004, section III.B).
_SIGMA: Final = 1.5
_RADIUS: Final = 5
#: Which of the judge's maps the structure distance compares: 16 x 16.
_STRUCTURE: Final = 2


def outside(mask: Floats, margin: int = 0) -> Floats:
    """Return the mask of what is outside ``mask``, at least ``margin`` pixels away from it."""
    inside = np.asarray(mask > 0.5, np.uint8)
    if margin:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
        inside = np.asarray(cv2.dilate(inside, disc), np.uint8)
    return np.asarray(1 - inside, np.float32)


def psnr(a: Floats, b: Floats, mask: Floats | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB, at most ``MOST_PSNR``.

    Raises:
        ValueError: other shapes, or a mask without pixels.
    """
    error = mse(a, b, mask)
    return MOST_PSNR if error <= 0 else min(MOST_PSNR, -10 * math.log10(error))


def mse(a: Floats, b: Floats, mask: Floats | None = None) -> float:
    """Return the mean squared error. Raises ValueError as ``psnr``."""
    _check(a, b, mask)
    return float(np.mean(_counting((a.astype(np.float64) - b) ** 2, mask)))


def ssim(a: Floats, b: Floats, mask: Floats | None = None) -> float:
    """Return the structural similarity in [-1, 1] (Wang et al. 2004, equation 13), mean of R, G, B.

    A Gaussian window of sigma 1.5 and the population's covariance, as in the paper; the border of
    the window's radius does not count. Raises ValueError as ``psnr``.
    """
    _check(a, b, mask)
    x, y = a.astype(np.float64), b.astype(np.float64)
    mx, my = _window(x), _window(y)
    vx, vy = _window(x * x) - mx * mx, _window(y * y) - my * my
    cov = _window(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    values = ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    inner = np.zeros(a.shape[:2], np.float32)
    inner[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS] = 1
    counted = inner if mask is None else inner * (mask > 0.5)
    return float(np.mean(_counting(values, np.asarray(counted, np.float32))))


def _window(x: NDArray[np.float64]) -> NDArray[np.float64]:
    side = 2 * _RADIUS + 1
    return np.asarray(cv2.GaussianBlur(x, (side, side), _SIGMA, borderType=cv2.BORDER_REFLECT))


def _check(a: Floats, b: Floats, mask: Floats | None) -> None:
    if a.shape != b.shape or a.ndim != 3:
        raise ValueError(f"pictures must both be (H, W, 3), not {a.shape} and {b.shape}")
    if mask is not None and mask.shape != a.shape[:2]:
        raise ValueError(f"the mask must be {a.shape[:2]}, not {mask.shape}")


def _counting(values: NDArray[np.float64], mask: Floats | None) -> NDArray[np.float64]:
    """Return the values under the mask."""
    chosen = values if mask is None else values[mask > 0.5]
    if chosen.size == 0:
        raise ValueError("the mask holds no pixel that counts")
    return chosen


def mask_iou(a: Floats, b: Floats) -> float:
    """Return intersection over union of two masks in [0, 1]; 1 when both are empty."""
    first, second = a > 0.5, b > 0.5
    union = int(np.sum(first | second))
    return 1.0 if union == 0 else int(np.sum(first & second)) / union


def edges(picture: Floats) -> Bools:
    """Return the (H, W) Canny edges, as the T2I-Adapter's control picture has them."""
    return np.asarray(canny(np.clip(picture, 0, 1)) > 0)


def edge_iou(a: Bools, b: Bools, tolerance: int = 1) -> float:
    """Return intersection over union of two edge maps; an edge may lie ``tolerance`` px beside.

    Matched edges of ``a`` and of ``b`` are counted by their mean, so the result is symmetric, and
    equals plain intersection over union at tolerance 0. It is 1 when both are empty.
    """
    if not a.any() and not b.any():
        return 1.0
    hits_a, hits_b = np.sum(a & _grown(b, tolerance)), np.sum(b & _grown(a, tolerance))
    matched = (float(hits_a) + float(hits_b)) / 2
    return matched / (float(np.sum(a)) + float(np.sum(b)) - matched)


def _grown(edge: Bools, by: int) -> Bools:
    square = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    return np.asarray(cv2.dilate(edge.astype(np.uint8), square) > 0)


def perceptual(
    judge: Judge, a: NDArray[np.float32], b: NDArray[np.float32], masks: Floats | None = None
) -> list[float]:
    """Return the perceptual distance of each pair; 0 means alike to the judge.

    Zhang et al. 2018 (LPIPS, equation 1) without its learnt channel weights, on the judge's maps:
    channels are normalised to unit length at every place, squared differences are summed over the
    channels and averaged over places, then over scales. ``a`` and ``b`` are (N, H, W, 3);
    ``masks`` (N, H, W) weighs the places by how much of them counts.

    Raises:
        ValueError: other shapes, or a mask without pixels.
    """
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in shape: {a.shape} and {b.shape}")
    totals = torch.zeros(len(a))
    pairs = list(zip(judge.features(a), judge.features(b), strict=True))
    for first, second in pairs:
        error = (_unit(first) - _unit(second)).square().sum(1)
        weight = torch.ones_like(error) if masks is None else _shrunk(masks, error.shape[1:])
        totals += (error * weight).sum((1, 2)) / weight.sum((1, 2))
    return [float(total) / len(pairs) for total in totals]


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features, dim=1, eps=1e-10)


def _shrunk(masks: Floats, size: torch.Size) -> Tensor:
    chosen = torch.from_numpy((masks > 0.5).astype(np.float32))
    if not bool(chosen.flatten(1).any(1).all()):
        raise ValueError("a mask holds no pixel that counts")
    return functional.adaptive_avg_pool2d(chosen[:, None], (size[0], size[1]))[:, 0]


def structure(judge: Judge, a: NDArray[np.float32], b: NDArray[np.float32]) -> list[float]:
    """Return the structure distance of each pair of (N, H, W, 3) pictures; 0 means the same layout.

    The mean squared error between the self-similarities of deep features (Tumanyan et al. 2022,
    2201.00424, equations 4 and 5; the metric of PIE-Bench, 2310.01506), with the judge in DINO's
    place.

    Raises:
        ValueError: other shapes.
    """
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in shape: {a.shape} and {b.shape}")
    first, second = (_self_similarity(judge.features(x)[_STRUCTURE]) for x in (a, b))
    return [float(value) for value in (first - second).square().mean((1, 2))]


def _self_similarity(features: Tensor) -> Tensor:
    """Return the (N, HW, HW) cosines between the places of (N, C, H, W) features."""
    places = functional.normalize(features.flatten(2), dim=1, eps=1e-10)
    return places.transpose(1, 2) @ places
