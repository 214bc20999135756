"""The two sizes at which a tile is written: fine, and a coarse negative four times as large.

The fine tile hides in detail, repeats every 128 pixels and so outlives crops and pastes. In flat
areas strong compression rounds it to nothing: there a change of the same visibility survives only
at frequencies low enough to fill few, large coefficients. The coarse tile has chips of 8 pixels and
repeats every 512. It reads as a fine one in the negative of the picture at a quarter of its size;
because it is a negative, a picture that was scaled by four does not take one for the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import cv2
import numpy as np

from retouch_safety.content import Box
from retouch_safety.tilemark.found import Claim, FoundMark
from retouch_safety.tilemark.pattern import CHIP, TILE, Plane
from retouch_safety.tilemark.residual import residual

#: Coarse pixels for each pixel.
COARSE: Final = 4
_WHITE: Final = 255.0
_CUT_OFF: Final = 254.5  # luma: white from here on
_STEP: Final = TILE // 2
_MOST_PARTS: Final = 16  # of a picture up to 1280 pixels square
_MUCH: Final = 0.05  # share of a picture
_DISAGREEING: Final = 4  # one in so many of the chips at which sync and message disagree


def coarse_tile(chips: Plane) -> Plane:
    """Return the 512 x 512 negative of a tile's 64 x 64 chips, in squares of -1, 0 and 1.

    Whole grey levels in squares that fill a compressor's blocks: nothing is lost to rounding, and
    what is written is a block's mean or one of its lowest frequencies. Most of the chips at which
    sync and message disagree stay 0: the others say both at once.
    """
    agree = np.abs(chips) > 1  # the sum of both, of unequal size and mean square 1
    some = np.arange(chips.size).reshape(chips.shape) % _DISAGREEING == 0
    signs = np.where(agree | some, np.sign(chips), 0)
    squares = np.ones((CHIP * COARSE, CHIP * COARSE))
    negative: Plane = -np.kron(signs, squares).astype(np.float32)
    return negative


def coarse_view(luma: Plane) -> Plane:
    """Return the negative of H x W luma, 0 to 255, at a quarter of its size, rounded up.

    The last row and column are repeated where H or W is not a multiple of four.
    """
    height, width = luma.shape
    padded = np.pad(luma, ((0, -height % COARSE), (0, -width % COARSE)), mode="edge")
    size = (padded.shape[1] // COARSE, padded.shape[0] // COARSE)
    small: Plane = cv2.resize(padded, size, interpolation=cv2.INTER_AREA)
    return np.float32(_WHITE) - small


class View(NamedTuple):
    """A picture, or a part of it, as a layer's mark is read in it.

    Attributes:
        plane: h x w luma or residual.
        factor: pixels of the picture for each of its own.
        x: pixels of the picture left of it.
        y: and above it.
    """

    plane: Plane
    factor: int = 1
    x: int = 0
    y: int = 0

    def corner(self, of_picture: tuple[int, int]) -> tuple[float, float]:
        """Return where a tile begins in the view that begins at a row and column of the picture."""
        row, column = of_picture
        return (row - self.y) / self.factor, (column - self.x) / self.factor

    def placed(self, box: Box, shape: tuple[int, int]) -> Box:
        """Return where a box of the view lies in the picture of H x W."""
        x, y, width, height = (side * self.factor for side in box)
        left, top = x + self.x, y + self.y
        return Box(left, top, min(width, shape[1] - left), min(height, shape[0] - top))


def views(luma: Plane) -> Iterator[View]:
    """Yield the view of each layer that fits into H x W luma: fine, then coarse."""
    yield View(luma)
    if min(luma.shape) >= TILE:
        yield View(coarse_view(luma), COARSE)


def details(luma: Plane, first: int = 1) -> Iterator[View]:
    """Yield the residual of every view of H x W luma, the likeliest one first.

    Then parts of the coarse view, one tile each: of a small picture pasted into a larger one, the
    whole has too much else in it. Where much is white, a brightened picture may have lost its mark
    there: last comes what the other pixels hold, without the edges of the white.

    Args:
        luma: 0 to 255.
        first: factor of the view to begin with: the coarse one costs least.
    """
    coarse_fits = min(luma.shape) >= TILE
    factors = (1, COARSE) if coarse_fits else (1,)
    seen: dict[int, View] = {}
    for factor in sorted(factors, key=lambda one: one != first):
        view = luma if factor == 1 else coarse_view(luma)
        seen[factor] = View(residual(view), factor)
        yield seen[factor]
    if coarse_fits:
        yield from _parts(seen[COARSE])
    kept = luma < _CUT_OFF
    if np.count_nonzero(kept) < (1 - _MUCH) * kept.size:
        yield View(seen[1].plane * kept)


def _parts(view: View) -> Iterator[View]:
    """Yield squares of one tile that overlap by half, of views with few of them."""
    height, width = view.plane.shape
    rows, columns = (range(0, max(1, side - _STEP), _STEP) for side in (height, width))
    if 1 < len(rows) * len(columns) <= _MOST_PARTS:
        for y in rows:
            for x in columns:
                part = view.plane[y : y + TILE, x : x + TILE]
                yield View(part, view.factor, x * view.factor, y * view.factor)


def together(fine: Sequence[FoundMark], coarse: Sequence[FoundMark]) -> list[FoundMark]:
    """Return the marks of two views, one for each message, those of the first view first.

    What is only present gives way to what is read at the same place in the other view.
    """
    added = [mark for mark in coarse if not any(_says(other, mark) for other in fine)]
    kept = [mark for mark in fine if not any(_says(other, mark) for other in added)]
    return kept + added


def found_in_layers(
    views: Iterable[View],
    shape: tuple[int, int],
    look: Callable[[Plane], list[FoundMark]],
    enough: Callable[[list[FoundMark]], bool],
) -> list[FoundMark]:
    """Return the marks of all layers, looking no further than is enough.

    Args:
        views: of :func:`views` or :func:`details`.
        shape: H, W of the picture.
        look: finds the marks of a plane.
        enough: whether the marks that were found so far will do.
    """
    found: list[FoundMark] = []
    for view in views:
        marks = look(view.plane)
        here = [replace(mark, region=view.placed(mark.region, shape)) for mark in marks]
        found = together(found, here)
        if enough(found):
            break
    return found


def _says(first: FoundMark, second: FoundMark) -> bool:
    """Return whether the first of two marks of different views makes the second one needless."""
    if second.claim is Claim.PRESENT:
        return _overlap(first.region, second.region)
    return first.payload == second.payload


def _overlap(first: Box, second: Box) -> bool:
    across = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
    down = min(first.y + first.height, second.y + second.height) - max(first.y, second.y)
    return across > 0 and down > 0
