"""A closed loop: the faintest mark that survives ordinary handling of this very picture.

Pictures differ: what grass hides and JPEG keeps, a blue sky shows and JPEG removes. So the strength
is searched for each picture, between a mark that is lost and one that is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from retouch_safety.content import Pixels
from retouch_safety.receipt import MarkStatus
from retouch_safety.tilemark.compression import jpeg_loss, webp_loss
from retouch_safety.tilemark.embedding import (
    Canvas,
    Corner,
    Marked,
    Mask,
    canvas_of,
    reads,
    unmarked,
    verified,
)
from retouch_safety.tilemark.fidelity import psnr, ssim
from retouch_safety.tilemark.keys import Keys
from retouch_safety.tilemark.layers import COARSE, View, coarse_view
from retouch_safety.tilemark.pattern import Plane
from retouch_safety.tilemark.payload import Payload
from retouch_safety.tilemark.residual import residual
from retouch_safety.tilemark.search import Search
from retouch_safety.tilemark.visibility import BRIGHT, LARGE, coarse_patches

Loss = Callable[[Plane], Plane]

_LEVELS: Final = tuple(0.4 * 1.2**step for step in range(17))
_SURE: Final = 11.5  # z: about 8 is needed, and the losses are modelled
_UNSURE: Final = 3  # levels that are added where no coarse tile survives by itself
_PART: Final = 0.68  # of a side
#: Level that small pictures need most often; large ones need the lowest.
_USUAL_IN_SMALL: Final = 6
_ROOM: Final = 3  # level that has to be within the limits, too, when the coarse tile is chosen


@dataclass(frozen=True)
class Limits:
    """What the closed loop keeps to, measured on luma in the box around the edit.

    Attributes:
        psnr: at least, in dB.
        ssim: at least.
    """

    psnr: float
    ssim: float


ORDINARY: Final = Limits(psnr=39.0, ssim=0.99)
#: A small picture holds few copies of the tile, so each has to be stronger.
SMALL: Final = Limits(psnr=38.0, ssim=0.98)


def halved(luma: Plane) -> Plane:
    """Return H x W luma after it was shown at half its size and enlarged again."""
    height, width = luma.shape
    small = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    large: Plane = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.rint(large), 0, 255)


def strongly_compressed(luma: Plane) -> Plane:
    """Return luma after JPEG at quality 25."""
    return jpeg_loss(luma, 25)


def compressed(luma: Plane) -> Plane:
    """Return luma after JPEG at quality 50: what survives 25 by luck of rounding may not do so."""
    return jpeg_loss(luma, 50)


def _first_part(luma: Plane) -> Plane:
    """Return the part of H x W luma at the top left, nearly half of its area."""
    height, width = luma.shape
    return luma[: round(height * _PART), : round(width * _PART)]


def _last_part(luma: Plane) -> Plane:
    """Return the part of H x W luma at the bottom right, nearly half of its area."""
    height, width = luma.shape
    return luma[height - round(height * _PART) :, width - round(width * _PART) :]


def brightened(luma: Plane) -> Plane:
    """Return luma a fifth brighter: what was bright is white then, and holds nothing any more."""
    bright: Plane = np.clip(np.rint(luma * np.float32(1.2)), 0, 255)
    return bright


LOSSES: Final[tuple[Loss, ...]] = (strongly_compressed, compressed, halved)
#: Losses that leave everything where it was.
_IN_PLACE: Final[tuple[Loss, ...]] = (*LOSSES, webp_loss, _first_part, brightened)


def embed_surviving(
    pixels: Pixels,
    edited: Mask,
    payload: Payload,
    keys: Keys,
    *,
    limits: Limits | None = None,
    losses: Sequence[Loss] | None = None,
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
        losses: each is applied alone, to luma; None takes those that the picture may not survive.
        alpha: see there.
        random: see there.

    Returns:
        The marked picture, read back as it is; ``METADATA_ONLY`` where even the strongest mark
        within the limits cannot be read.

    Raises:
        InvalidMarkRequest: wrong shape, depth or range.
    """
    random = random or np.random.default_rng()
    canvas = canvas_of(pixels, edited, payload, keys, alpha, random)
    if isinstance(canvas, Marked):
        return canvas
    losses = _losses_of(canvas) if losses is None else losses
    small = canvas.luma.size < LARGE
    limits = limits or (SMALL if small else ORDINARY)
    chosen, sure = canvas, True
    if losses:
        chosen, sure = _with_enough_coarse(canvas, limits, payload, keys, random)
    enough = _first(
        len(_LEVELS),
        lambda i: _survives(chosen, _LEVELS[i], losses, payload, keys),
        _USUAL_IN_SMALL if small else 0,
    )
    wanted = enough if sure else enough + _UNSURE
    level = _allowed(chosen, min(wanted, len(_LEVELS) - 1), limits)
    if level is None:
        allowance = f"{limits.psnr:g} dB and an SSIM of {limits.ssim:g}"
        return unmarked(pixels, f"too flat: even a faint mark is beyond {allowance}")
    return _read_back(chosen, level, limits, payload, keys)


def _allowed(canvas: Canvas, level: int, limits: Limits) -> int | None:
    """Return a level if it is within the limits, else the highest below that is, else None."""
    if _within(canvas, _LEVELS[level], limits):
        return level
    beyond = _first(level, lambda i: not _within(canvas, _LEVELS[i], limits))
    return beyond - 1 if beyond else None


def _read_back(canvas: Canvas, level: int, limits: Limits, payload: Payload, keys: Keys) -> Marked:
    """Return the faintest mark from a level on, within the limits, that is read as it is."""
    marked = unmarked(canvas.pixels, "")
    for strength in _LEVELS[level:]:
        if strength > _LEVELS[level] and not _within(canvas, strength, limits):
            break
        marked = verified(canvas, canvas.written(strength), strength, payload, keys)
        if marked.status is MarkStatus.EMBEDDED:
            break
    return marked


def _losses_of(canvas: Canvas) -> tuple[Loss, ...]:
    """Return the losses to survive.

    Detail that takes no coarse tile keeps a mark in WebP that JPEG at quality 25 does not destroy,
    and keeps it in every part of a picture. Brightening costs only bright pictures much.
    """
    luma = canvas.luma
    flat = (webp_loss, _first_part, _last_part) if canvas.coarse.any() else ()
    bright = (brightened,) if np.count_nonzero(luma > BRIGHT) > luma.size / 2 else ()
    return (*flat, *LOSSES, *bright)


def _with_enough_coarse(
    canvas: Canvas,
    limits: Limits,
    payload: Payload,
    keys: Keys,
    random: np.random.Generator,
) -> tuple[Canvas, bool]:
    """Return the canvas with the faintest coarse tile that surely survives compression, and True.

    The fine tile may seem to survive by luck of rounding, in flat areas; this one has to be sure.
    Where none survives that leaves room for the fine one, the canvas as it was, and False.
    """
    even = canvas.coarse
    if not even.any():
        return canvas, True
    uneven = even * (1 + coarse_patches(canvas.luma, random))
    for coarse in (even, uneven, 2 * even):
        tried = replace(canvas, coarse=coarse)
        if not _within(tried, _LEVELS[_ROOM], limits):
            break
        if _coarse_survives(tried, payload, keys):
            return tried, True
    return canvas, False


def _coarse_survives(canvas: Canvas, payload: Payload, keys: Keys) -> bool:
    """Return whether the coarse tile survives compression by itself, with some to spare."""
    marked, reader = canvas.marked_luma(_LEVELS[0]), keys.reader()
    corner = View(marked, COARSE).corner(canvas.corners[COARSE])
    views = (coarse_view(loss(marked)) for loss in (webp_loss, strongly_compressed))
    return all(Search(residual(view), reader).holds(payload, corner, _SURE) for view in views)


def _first(count: int, holds: Callable[[int], bool], guess: int = 0) -> int:
    """Return the first of 0 to count - 1 at which a monotone condition holds, else count.

    Args:
        count: how many there are.
        holds: the condition.
        guess: what it may be: numbers near it take the fewest tries.
    """
    low, high, step = 0, count, 1  # it is in low .. high
    at = min(guess, count - 1)
    while low < high and low <= at < high:
        if holds(at):
            high, at = at, at - step
        else:
            low, at = at + 1, at + step
        step *= 2
        if high < count and low > 0:
            break
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
    first = COARSE if canvas.coarse.any() else 1
    return all(
        reads(loss(part), payload, keys, first, _corners_after(loss, canvas)) for loss in losses
    )


def _corners_after(loss: Loss, canvas: Canvas) -> Mapping[int, Corner] | None:
    """Return where the tiles begin in what a loss leaves; None where it is not known."""
    return canvas.corners if loss in _IN_PLACE else None
