"""Copies of content that the gate makes: of its own, blurred, and for good."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from retouch_safety.content import Content, Pixels
from retouch_safety.errors import Refused
from retouch_safety.refusal import BROKEN

#: Of the longer side: the standard deviation of a first preview's blur.
_BLUR: Final = 1 / 16


def own_copy(content: Content) -> Content:
    """Return a copy, so that nobody who still holds the arrays can change them after the check.

    Pixels of a layer are set to zero where its alpha is 0: nothing unchecked hides there.

    Raises:
        Refused: NaN or infinity.
    """
    # np.array and not .copy(): a subclass could give itself, or hide NaN behind its own mask
    pixels, edited = np.array(content.pixels), np.array(content.edited, np.float32)
    alpha = None if content.alpha is None else np.array(content.alpha)
    for array in (pixels, edited, alpha):
        if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
            advice = "The model produced NaN or infinity. " + BROKEN
            raise Refused("pixels", "not finite", math.nan, math.nan, advice)
    if content.form != "composite":
        edited = np.where(alpha == 0, np.float32(0), edited)
        pixels[edited <= 0] = 0
    return replace(content, pixels=pixels, edited=np.clip(edited, 0, 1), alpha=alpha)


def blurred(content: Content) -> Content:
    """Blur what is shown; weighting by opacity keeps the black of hidden pixels out of it."""
    sigma = max(content.pixels.shape[:2]) * _BLUR
    weight = (content.edited > 0).astype(np.float32)[..., None]
    spread = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    weighted = cv2.GaussianBlur(content.pixels.astype(np.float32) * weight, (0, 0), sigma)
    mean = np.where(weight > 0, weighted / np.maximum(spread, np.float32(1e-6)), 0)
    whole = np.rint(mean) if content.pixels.dtype.kind == "u" else mean
    return replace(content, pixels=whole.astype(content.pixels.dtype))


def immutable(content: Content) -> Content:
    """Return content whose arrays are backed by bytes: they cannot be made writeable again."""
    alpha = None if content.alpha is None else _immutable(content.alpha)
    return replace(content, pixels=_immutable(content.pixels), alpha=alpha)


def _immutable(array: Pixels) -> Pixels:
    return np.frombuffer(array.tobytes(), dtype=array.dtype).reshape(array.shape)
