"""A closed loop: the faintest mark that survives ordinary handling of this very picture.

Pictures differ: what grass hides and JPEG keeps, a blue sky shows and JPEG removes. So the strength
is searched for each picture, between a mark that is lost and one that is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from retouch_safety.content import Pixels
from retouch_safety.receipt import MarkStatus
from retouch_safety.tilemark.compression import jpeg_loss
from retouch_safety.tilemark.embedding import Canvas, Marked, Mask, canvas_of, unmarked, verified
from retouch_safety.tilemark.fidelity import psnr, ssim
from retouch_safety.tilemark.keys import Keys
from retouch_safety.tilemark.pattern import Plane
from retouch_safety.tilemark.payload import Payload
from retouch_safety.tilemark.residual import residual
from retouch_safety.tilemark.search import Search

Loss = Callable[[Plane], Plane]

_LEVELS: Final = tuple(0.4 * 1.2**step for step in range(14))


@dataclass(frozen=True)
class Limits:
    """What the closed loop keeps to, measured on luma in the box around the edit.

    Attributes:
        psnr: at least, in dB.
        ssim: at least.
    """

    psnr: float
    ssim: float


ORDINARY: Final = Limits(psnr=40.0, ssim=0.99)
#: A small picture holds few copies of the tile, so each has to be stronger.
SMALL: Final = Limits(psnr=38.0, ssim=0.98)
_SMALL_AREA: Final = 384 * 384  # pixels


def halved(luma: Plane) -> Plane:
    """Return H x W luma after it was shown at half its size and enlarged again."""
    height, width = luma.shape
    small = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    large: Plane = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.rint(large), 0, 255)


def strongly_compressed(luma: Plane) -> Plane:
    """Return luma after JPEG at quality 25, which costs the mark a little more than WebP at 50."""
    return jpeg_loss(luma, 25)


LOSSES: Final[tuple[Loss, ...]] = (strongly_compressed, halved)


def embed_surviving(
    pixels: Pixels,
    edited: Mask,
    payload: Payload,
    keys: Keys,
    *,
    limits: Limits | None = None,
    losses: Sequence[Loss] = LOSSES,
    alpha: Pixels | None = None,
    random: np.random.Generator | None = None,
) -> Marked:
    """Write the faintest mark that survives every loss, or else the strongest within the limits.

    Args:
        pixels: as for :func:`~retouch_safety.tilemark.embedding.embed`, like the rest.
        edited: see there.
        payload: see there.
        keys: see there.
        limits: of what the mark may cost; None takes those for the size of the edit.
        losses: each is applied alone, to luma.
        alpha: see there.
        random: see there.

    Returns:
        The marked picture, read back as it is; ``METADATA_ONLY`` where even the strongest mark
        within the limits cannot be read.

    Raises:
        InvalidMarkRequest: wrong shape, depth or range.
    """
    canvas = canvas_of(pixels, edited, payload, keys, alpha, random)
    if isinstance(canvas, Marked):
        return canvas
    limits = limits or (SMALL if canvas.luma.size < _SMALL_AREA else ORDINARY)
    # levels below `allowed` are within the limits; both searches rely on more being more
    allowed = _first(len(_LEVELS), lambda i: not _within(canvas, _LEVELS[i], limits))
    if allowed == 0:
        allowance = f"{limits.psnr:g} dB and an SSIM of {limits.ssim:g}"
        return unmarked(pixels, f"too flat: even a faint mark is beyond {allowance}")
    enough = _first(allowed, lambda i: _survives(canvas, _LEVELS[i], losses, payload, keys))
    for level in range(min(enough, allowed - 1), allowed):
        strength = _LEVELS[level]
        marked = verified(canvas, canvas.written(strength), strength, payload, keys)
        if marked.status is MarkStatus.EMBEDDED:
            return marked
    return marked


def _first(count: int, holds: Callable[[int], bool]) -> int:
    """Return the first of 0 to count - 1 at which a monotone condition holds, else count."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _within(canvas: Canvas, strength: float, limits: Limits) -> bool:
    marked = canvas.marked_luma(strength)
    near_enough = psnr(canvas.luma, marked) >= limits.psnr
    return near_enough and ssim(canvas.luma, marked) >= limits.ssim


def _survives(
    canvas: Canvas, strength: float, losses: Sequence[Loss], payload: Payload, keys: Keys
) -> bool:
    part = canvas.marked_luma(strength)
    return all(Search(residual(loss(part)), keys.reader()).holds(payload) for loss in losses)
