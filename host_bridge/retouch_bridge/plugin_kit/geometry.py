"""Rectangles of an edit: which part of a document is read, and where the result goes.

Everything is whole pixels; x grows to the right, y grows downwards. A document's bounds may begin
at negative coordinates, as a layer's do that hangs over the edge.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Tuple, Union

#: Shapes that models work at: pictures of other shapes are completed by reflection.
RATIOS = (1.0, 4 / 3, 3 / 4, 16 / 9, 9 / 16)


class Rect(NamedTuple):
    """A rectangle in pixels; ``x``, ``y`` is its top left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column right of it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row below it."""
        return self.y + self.height

    @property
    def empty(self) -> bool:
        """Whether no pixel is inside."""
        return self.width <= 0 or self.height <= 0

    def shifted(self, dx: int, dy: int) -> Rect:
        """Return it moved by ``dx`` to the right and ``dy`` downwards."""
        return Rect(self.x + dx, self.y + dy, self.width, self.height)

    def grown(self, pixels: int) -> Rect:
        """Return it with every side moved outwards; inwards where negative, down to nothing."""
        width, height = max(0, self.width + 2 * pixels), max(0, self.height + 2 * pixels)
        return Rect(self.x - pixels, self.y - pixels, width, height)

    def clipped(self, other: Rect) -> Rect:
        """Return the common part; it is empty where there is none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Rect(x, y, max(0, right - x), max(0, bottom - y))

    def contains(self, other: Rect) -> bool:
        """Tell whether all of ``other`` lies inside."""
        inside_x = self.x <= other.x and other.right <= self.right
        return inside_x and self.y <= other.y and other.bottom <= self.bottom

    def to_json(self) -> dict[str, int]:
        """Return it as ``retouch.v1.Rect`` in JSON."""
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height}

    @classmethod
    def of(cls, message: dict[str, Any]) -> Rect:
        """Return the rectangle of a ``retouch.v1.Rect`` in JSON, whose zeros are left out."""
        return cls(*(int(message.get(name, 0)) for name in ("x", "y", "width", "height")))


#: A document's bounds, or its width and height where it begins at (0, 0).
Canvas = Union[Rect, Tuple[int, int]]


def canvas_rect(canvas: Canvas) -> Rect:
    """Return the bounds of a canvas that is given as such or by its width and height."""
    return Rect(*canvas) if len(canvas) == 4 else Rect(0, 0, canvas[0], canvas[1])


def region(
    selection: Rect | None,
    canvas: Canvas,
    padding_fraction: float = 0.25,
    shortest_side: int = 64,
) -> Rect:
    """Return the part of the document to read and send, in document pixels.

    The selection gets surroundings on each side; the whole is grown to the nearest shape that
    models work at, and shifted as little as possible to lie inside the canvas. It always contains
    the selection's part on the canvas and never leaves the canvas.

    Args:
        selection: what is edited; None or one that covers nothing of the canvas = the whole canvas.
        canvas: bounds of the document, or its width and height.
        padding_fraction: surroundings on each side, as a fraction of the selection's longer side,
            0 to 4; at least 16 pixels unless it is 0.
        shortest_side: the crop's sides are at least so long where the canvas allows it; give the
            model's native size for small selections (``panel_form.native_size``).
    """
    bounds = canvas_rect(canvas)
    area = bounds if selection is None else selection.clipped(bounds)
    if area.empty:
        area = bounds
    return _with_surroundings(area, bounds, padding_fraction, shortest_side)


def relative(rect: Rect, crop: Rect) -> Rect:
    """Return a rectangle of the document in pixels of the crop that was sent."""
    return rect.shifted(-crop.x, -crop.y)


def placed(bounds: Rect, crop: Rect) -> Rect:
    """Return where a patch goes in the document: its bounds in the crop, shifted by the crop."""
    return bounds.shifted(crop.x, crop.y)


class Expansion(NamedTuple):
    """How a canvas is expanded. All rectangles are in pixels of the old document.

    Attributes:
        canvas: the new canvas; its ``x``, ``y`` are negative where it grows to the left or top.
        crop: the part of the new canvas to send; partly outside the old one.
        kept: the part of the crop whose pixels stay as they are; may be empty.
        offset: where the old canvas's corner lies in the new one: (left, top).
        read: the part of the old canvas to read: where it and the crop meet.
    """

    canvas: Rect
    crop: Rect
    kept: Rect
    offset: tuple[int, int]
    read: Rect


def expansion(
    canvas: Canvas,
    left: int = 0,
    top: int = 0,
    right: int = 0,
    bottom: int = 0,
    overlap: int = 0,
    padding_fraction: float = 0.25,
    shortest_side: int = 64,
) -> Expansion:
    """Plan how a canvas is expanded.

    Args:
        canvas: bounds of the document, or its width and height.
        left, top, right, bottom: pixels to add on each side, 0 or more, not all 0.
        overlap: pixels of the old canvas along its expanded edges that may change, for a soft seam.
        padding_fraction, shortest_side: as of :func:`region`.

    Raises:
        ValueError: a negative number, or nothing to add.
    """
    old, sides = canvas_rect(canvas), (left, top, right, bottom)
    if min(sides) < 0 or max(sides) == 0:
        words = f"{left}, {top}, {right}, {bottom}"
        raise ValueError(f"Expand by {words} pixels is not possible. Fix: add pixels to a side.")
    new = Rect(old.x - left, old.y - top, old.width + left + right, old.height + top + bottom)
    kept = _shrunk(old, overlap, sides)
    crop = _with_surroundings(_around_new(new, kept, sides), new, padding_fraction, shortest_side)
    # Of the old canvas the crop has at least a strip: what is made anew must fit something.
    return Expansion(new, crop, kept.clipped(crop), (left, top), old.clipped(crop))


def _shrunk(old: Rect, overlap: int, sides: tuple[int, int, int, int]) -> Rect:
    """The old canvas without a strip along its expanded edges; never less than half of it."""
    across, down = min(overlap, old.width // 4), min(overlap, old.height // 4)
    left, top = (across if sides[0] else 0), (down if sides[1] else 0)
    right, bottom = (across if sides[2] else 0), (down if sides[3] else 0)
    return Rect(old.x + left, old.y + top, old.width - left - right, old.height - top - bottom)


def _around_new(new: Rect, kept: Rect, sides: tuple[int, int, int, int]) -> Rect:
    """The smallest rectangle with everything that is not kept."""
    x = kept.right if sides[2] and not (sides[0] or sides[1] or sides[3]) else new.x
    y = kept.bottom if sides[3] and not (sides[0] or sides[1] or sides[2]) else new.y
    right = kept.x if sides[0] and not (sides[1] or sides[2] or sides[3]) else new.right
    bottom = kept.y if sides[1] and not (sides[0] or sides[2] or sides[3]) else new.bottom
    return Rect(x, y, right - x, bottom - y)


def _with_surroundings(area: Rect, bounds: Rect, fraction: float, shortest: int) -> Rect:
    """An area with its padding, at a shape that models know, inside the bounds."""
    fraction = min(max(fraction, 0.0), 4.0)
    padding = max(16, round(fraction * max(area.width, area.height))) if fraction else 0
    padded = area.grown(padding).clipped(bounds)
    width, height = _shaped(
        min(max(padded.width, shortest), bounds.width),
        min(max(padded.height, shortest), bounds.height),
        bounds,
    )
    x = padded.x - (width - padded.width) // 2
    y = padded.y - (height - padded.height) // 2
    x = min(max(x, bounds.x), bounds.right - width)
    y = min(max(y, bounds.y), bounds.bottom - height)
    return Rect(x, y, width, height)


def _shaped(width: int, height: int, bounds: Rect) -> tuple[int, int]:
    """The size grown to the ratio that wastes least; never beyond the bounds."""
    sizes = [
        (
            min(bounds.width, max(width, math.ceil(round(height * ratio, 6)))),
            min(bounds.height, max(height, math.ceil(round(width / ratio, 6)))),
        )
        for ratio in RATIOS
    ]
    return min(sizes, key=lambda size: (_misfit(size), size[0] * size[1]))


def _misfit(size: tuple[int, int]) -> int:
    """How far a size is from the nearest known shape, in steps of a tenth of an octave."""
    ratio = math.log2(size[0] / size[1])
    return round(10 * min(abs(ratio - math.log2(known)) for known in RATIOS))


def default_feather(selection: Rect) -> int:
    """Return a feather in pixels that suits a hard-edged selection: 1/16 of its shorter side.

    What a model paints differs a little from its surroundings in colour, even where it changes
    nothing: over a hard edge that is a seam of 3 to 17 of 255 levels, over 8 pixels below 1 each.
    """
    shorter = min(selection.width, selection.height)
    return 0 if shorter < 16 else max(2, min(32, shorter // 16))


def fitted(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """Return a size with the same shape whose longer side is at most ``longest_side``."""
    scale = min(1.0, longest_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
