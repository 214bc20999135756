"""Control pictures for adapters: small pure functions from a picture to what an adapter reads.

All take H x W x 3 ``float32`` in [0, 1] (the working picture) and return ``float32`` in [0, 1].
Line pictures are white lines on black, the convention of T2I-Adapter (arXiv:2302.08453).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from retouch.errors import InvalidField, InvalidImage
from retouch.imaging.image import Floats, Pixels
from retouch.imaging.patch import resize
from retouch.imaging.region import Size

KINDS = ("canny", "sketch", "color", "depth")
#: Cells of a palette along the side of a picture of native size: 64 px at 512 (arXiv:2302.08453).
PALETTE_CELLS = 8

_XDOG_SHARPNESS = 20.0  # p in the paper: weight of the difference
_XDOG_WIDTH = 1.6  # k: ratio of the two Gaussians, an approximation of the Laplacian
_XDOG_NOISE = 0.05  # keeps noise in near black from becoming lines
_XDOG_SLOPE = 2.0  # phi: softness of the threshold
_XDOG_REACH = 3.0  # in sigmas: how near to a line no other channel draws


def extract(kind: str, unit: Floats, *, native_size: int) -> Floats:
    """Return what an adapter of ``kind`` reads of a picture: H x W, or H x W x 3 for ``color``.

    The operation and the training of the adapters that ship both call this, so that an adapter
    sees what it was trained on.

    Args:
        kind: ``canny``, ``sketch``, ``color``, or ``depth`` (the picture is a depth map already).
        unit: H x W x 3 in [0, 1] at working size.
        native_size: side in pixels that the model was trained at; sets the palette's cells.

    Raises:
        InvalidField: another kind. InvalidImage: a wrong shape.
    """
    if kind == "canny":
        return canny(unit)
    if kind == "sketch":
        return sketch(unit)
    if kind == "color":
        return color(unit, cell=max(1, native_size // PALETTE_CELLS))
    if kind == "depth":
        return depth(unit, Size(unit.shape[1], unit.shape[0]))
    raise InvalidField("control.kind", kind, ", ".join(KINDS), "use one of these")


def canny(unit: Floats, *, low: float = 100, high: float = 200) -> Floats:
    """Return Canny edges, H x W, exactly 0 or 1.

    Args:
        unit: H x W x 3 in [0, 1].
        low: weaker gradient threshold on the 0-255 scale, 0 <= low <= high.
        high: stronger gradient threshold on the 0-255 scale.

    Raises:
        InvalidField: thresholds out of order. InvalidImage: a wrong shape.
    """
    if not 0 <= low <= high:
        raise InvalidField("canny.low", low, f"0 to high ({high:g})", "lower it or raise high")
    gray = np.rint(_gray(unit) * 255).astype(np.uint8)
    return np.asarray(cv2.Canny(gray, low, high) > 0, dtype=np.float32)


def sketch(unit: Floats, *, sigma: float = 1.0, threshold: float = 0.5) -> Floats:
    """Return soft pencil lines, H x W: extended difference of Gaussians on local contrast.

    XDoG (Winnemoeller et al. 2012, eq. 7-8) inks where S = T + p (G_s - G_ks) of the grey picture
    falls below a threshold, by -tanh(phi (S - threshold)). Here the difference is divided by the
    local brightness and the tone T is 1, so that shadows draw lines and not blots; and 1 is ink,
    so lines are white on black. Where grey draws nothing, red and then blue do: an orange cat on
    sand has an outline too, and an edge still gets one line and not one per channel.

    It stands in for the edge network (PiDiNet) that the published sketch adapters were trained on,
    which is not shipped: its lines are finer than that network's, so scale such an adapter down,
    or give it a drawing with ``preprocess`` off.

    Args:
        unit: H x W x 3 in [0, 1].
        sigma: line scale in pixels, > 0.
        threshold: in [0, 1]; higher draws more, 0.5 inks from 2.5 % of local contrast.

    Raises:
        InvalidField: sigma <= 0 or a threshold out of range. InvalidImage: a wrong shape.
    """
    if not sigma > 0:
        raise InvalidField("sketch.sigma", sigma, "> 0 pixels", "use about 1")
    if not 0 <= threshold <= 1:
        raise InvalidField("sketch.threshold", threshold, "0 to 1", "use about 0.5")
    ink = _ink(_gray(unit), sigma, threshold)
    side = 2 * round(_XDOG_REACH * sigma) + 1
    for channel in (0, 2):
        near = cv2.dilate(ink, np.ones((side, side), np.uint8))
        ink = np.maximum(ink, _ink(unit[..., channel], sigma, threshold) * (1 - near))
    return ink.astype(np.float32)


def _ink(plane: Floats, sigma: float, threshold: float) -> Floats:
    fine = cv2.GaussianBlur(plane, (0, 0), sigma)
    coarse = cv2.GaussianBlur(plane, (0, 0), sigma * _XDOG_WIDTH)
    contrast = (fine - coarse) / (coarse + _XDOG_NOISE)
    below = threshold - (1 + _XDOG_SHARPNESS * contrast)
    return np.asarray(np.clip(np.tanh(_XDOG_SLOPE * below), 0, 1), np.float32)


def color(unit: Floats, *, cell: int = 64) -> Floats:
    """Return a palette of flat cells, H x W x 3, as T2I-Adapter's colour condition.

    Args:
        unit: H x W x 3 in [0, 1].
        cell: side of a cell in pixels, >= 1; the last cells may be larger.

    Raises:
        InvalidField: a cell below 1. InvalidImage: a wrong shape.
    """
    if cell < 1:
        raise InvalidField("color.cell", cell, ">= 1 pixel", "use 64")
    height, width = _checked(unit).shape[:2]
    cells = (max(1, width // cell), max(1, height // cell))
    small = cv2.resize(unit, cells, interpolation=cv2.INTER_AREA)
    flat = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.clip(np.asarray(flat, np.float32).reshape(height, width, 3), 0, 1)


def depth(given: Pixels | None, size: Size, *, near_is_bright: bool = True) -> Floats:
    """Return a given depth map as the condition, H x W: 1 is nearest, 0 is farthest.

    The map's own range is stretched to [0, 1]; a constant map becomes zeros.

    Args:
        given: h x w, or h x w x 3 with equal channels, any numeric depth; None is an error,
            because Retouch ships no depth estimator.
        size: working size in pixels to return.
        near_is_bright: False for maps that store distance.

    Raises:
        InvalidField: no map given. InvalidImage: a wrong shape or values that are not finite.
    """
    if given is None:
        allowed = "a depth map picture (no depth estimator is shipped)"
        raise InvalidField("depth.image", None, allowed, "render or estimate one and pass it")
    values = np.asarray(given, dtype=np.float32)
    values = values.mean(axis=2) if values.ndim == 3 else values
    if values.ndim != 2 or values.size == 0 or not np.isfinite(values).all():
        found = np.asarray(given).shape
        raise InvalidImage("depth.image", found, "h x w, finite", "use one grey channel")
    low, high = float(values.min()), float(values.max())
    unit = (values - low) / (high - low) if high > low else np.zeros_like(values)
    unit = unit if near_is_bright or high == low else 1 - unit
    return np.clip(resize(unit.astype(np.float32), size), 0, 1)


def _gray(unit: Floats) -> npt.NDArray[np.float32]:
    gray = cv2.cvtColor(np.ascontiguousarray(_checked(unit)), cv2.COLOR_RGB2GRAY)
    return np.clip(np.asarray(gray, dtype=np.float32), 0, 1)


def _checked(unit: Floats) -> Floats:
    if unit.ndim != 3 or unit.shape[2] != 3 or 0 in unit.shape or unit.dtype != np.float32:
        found = (unit.shape, unit.dtype.name)
        raise InvalidImage("control picture", found, "H x W x 3 float32", "extract it first")
    return unit
