"""Copies of content that the gate makes: of its own, blurred, and for good."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from retouch_safety.content import Content, Inside, Pixels, white_of
from retouch_safety.errors import Refused
from retouch_safety.job import InputPicture
from retouch_safety.refusal import BROKEN

#: Longer side in pixels that a first preview is shrunk to, and blurred there.
_BLURRED: Final = 48
_SIGMA: Final = 3.0


def own_copy(content: Content, document: InputPicture | None) -> Content:
    """Return a copy, so that nobody who still holds the arrays can change them after the check.

    Pixels of a layer are set to zero where its alpha is 0: nothing unchecked hides there. Of a
    composite, whatever is not the document's own counts as edited, whoever says otherwise.

    Args:
        content: what was sealed.
        document: the picture that the gate looked at before the edit, None without one.

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
    if content.form == "composite":
        edited = np.where(_foreign(pixels, document) & (edited <= 0), np.float32(1), edited)
    else:
        edited = np.where(alpha == 0, np.float32(0), edited)
        pixels[edited <= 0] = 0
    return replace(content, pixels=pixels, edited=np.clip(edited, 0, 1), alpha=alpha)


def _foreign(pixels: Pixels, document: InputPicture | None) -> Inside:
    """Return H x W, True where a pixel is not the document's own."""
    known = None if document is None else document.pixels
    if known is None or known.shape != pixels.shape or known.dtype != pixels.dtype:
        return np.ones(pixels.shape[:2], np.bool_)
    differs: Inside = (known != pixels).any(axis=2)
    return differs


def blurred(content: Content) -> Content:
    """Blur what is shown; weighting by opacity keeps the black of hidden pixels out of it.

    Shrunk first: a blur as wide as this takes minutes on the pixels of a large document.
    """
    height, width = content.pixels.shape[:2]
    shrink = min(1.0, _BLURRED / max(height, width))
    small = max(1, round(width * shrink)), max(1, round(height * shrink))
    weight = (content.edited > 0).astype(np.float32)
    shown = content.pixels.astype(np.float32) * weight[..., None]
    planes = np.dstack([shown, weight])
    planes = cv2.GaussianBlur(
        cv2.resize(planes, small, interpolation=cv2.INTER_AREA), (0, 0), _SIGMA
    )
    planes = cv2.resize(planes, (width, height), interpolation=cv2.INTER_LINEAR)
    mean = planes[..., :3] / np.maximum(planes[..., 3:], np.float32(1e-6))
    mean = np.where(weight[..., None] > 0, np.clip(mean, 0, white_of(content.pixels)), 0)
    whole = np.rint(mean) if content.pixels.dtype.kind == "u" else mean
    return replace(content, pixels=whole.astype(content.pixels.dtype))


def immutable(content: Content) -> Content:
    """Return content whose arrays are backed by bytes: they cannot be made writeable again."""
    alpha = None if content.alpha is None else _immutable(content.alpha)
    return replace(content, pixels=_immutable(content.pixels), alpha=alpha)


def _immutable(array: Pixels) -> Pixels:
    return np.frombuffer(array.tobytes(), dtype=array.dtype).reshape(array.shape)
