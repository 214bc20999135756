"""Regions: rectangles with arithmetic, and the plan from an edited area to a working picture.

Pure functions on integers: no pixels here. The plan snaps every edit to one of a few working
shapes, so that edits on different pictures can share one network call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from retouch.errors import InvalidField

_LANDSCAPE_RATIOS = (4 / 3, 16 / 9)
#: Longest working side as a multiple of the model's own: its pictures fall apart above.
_MOST_NATIVE = 4
_SHORTEST_CROP = 0.5  # of the working size: a tiny area is enlarged at most twice for lack of crop


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


@dataclass(frozen=True, order=True)
class Rect:
    """An axis-aligned rectangle in whole pixels; ``x``, ``y`` is the top left corner.

    Raises:
        InvalidField: a negative width or height.
    """

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 0 or self.height < 0:
            size = f"{self.width}x{self.height}"
            raise InvalidField("rect.size", size, ">= 0", "give the top left corner and the size")

    @property
    def right(self) -> int:
        """First column right of the rectangle."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row below the rectangle."""
        return self.y + self.height

    @property
    def size(self) -> Size:
        """Width and height."""
        return Size(self.width, self.height)

    @property
    def area(self) -> int:
        """Number of pixels inside."""
        return self.width * self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices that cut the rectangle out of an H x W array."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def shift(self, dx: int, dy: int) -> Rect:
        """Move by ``dx``, ``dy`` pixels."""
        return Rect(self.x + dx, self.y + dy, self.width, self.height)

    def grow(self, pixels: int) -> Rect:
        """Move every side outwards by ``pixels`` (inwards if negative, down to nothing)."""
        width, height = max(0, self.width + 2 * pixels), max(0, self.height + 2 * pixels)
        return Rect(self.x - pixels, self.y - pixels, width, height)

    def clip(self, other: Rect) -> Rect:
        """Return the common part; its area is 0 when there is none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Rect(x, y, max(0, right - x), max(0, bottom - y))

    def contains(self, other: Rect) -> bool:
        """Tell whether ``other`` lies wholly inside."""
        return self.clip(other) == other

    def inside(self, bounds: Rect) -> Rect:
        """Shift as little as possible to lie inside ``bounds``, which must be large enough."""
        x = min(max(self.x, bounds.x), bounds.right - self.width)
        y = min(max(self.y, bounds.y), bounds.bottom - self.height)
        return Rect(x, y, self.width, self.height)


@dataclass(frozen=True)
class RegionPlan:
    """How one edited area travels to the model and back.

    Attributes:
        crop: the part of the canvas that the model sees, in canvas pixels, inside the canvas.
        working: size of the picture given to the model; both sides are multiples of ``multiple``.
        content: where the crop lies in the working picture, in working pixels. It is the whole
            working picture unless the canvas is too small for the shape; the rest is reflection.
    """

    crop: Rect
    working: Size
    content: Rect

    @property
    def scale(self) -> float:
        """Working pixels per canvas pixel; above 1 enlarges."""
        return max(self.content.width / self.crop.width, self.content.height / self.crop.height)


def working_shapes(
    native_size: int, multiple: int, sizes: tuple[int, ...] | None = None
) -> tuple[Size, ...]:
    """Return the few shapes that a model works at: squares, then 4:3 and 16:9 both ways.

    Args:
        native_size: side in pixels that the model was trained at, for example 128, 512 or 1024.
        multiple: both sides of every shape are multiples of it: the autoencoder's factor times
            ``2 ** (levels of the network - 1)``.
        sizes: sides of the squares; default 1, 1.25 and 1.5 times native from 256 to 768, and
            0.75, 0.875 and 1 times native for larger models, whose quality falls above native
            size; native alone below 256, where a network has seen one size only.

    Raises:
        InvalidField: a size or multiple below 1, or no size given.
    """
    for name, value in (("multiple", multiple), ("native_size", native_size)):
        if value < 1:
            raise InvalidField(f"region.{name}", value, ">= 1", "read it from the model's config")
    if sizes is None:
        factors: tuple[float, ...] = (1.0, 1.25, 1.5)
        if native_size > 768:
            factors = (0.75, 0.875, 1.0)
        elif native_size < 256:
            factors = (1.0,)
        sizes = tuple(round(native_size * factor) for factor in factors)
    if not sizes or min(sizes) < 1:
        raise InvalidField("region.sizes", sizes, "one or more sides >= 1", "leave it out")
    squares = sorted({_snap(side, multiple) for side in sizes})
    shapes = [Size(side, side) for side in squares]
    for ratio in _LANDSCAPE_RATIOS:
        wide = _nearest_shape(native_size, ratio, multiple)
        shapes += [wide, Size(wide.height, wide.width)]
    return tuple(dict.fromkeys(shapes))


def default_padding(area: Rect) -> int:
    """Return the canvas pixels of surroundings that an edited area gets on each side."""
    return max(16, max(area.size) // 4)


def chosen_shapes(working: int | Size, native_size: int, multiple: int) -> tuple[Size, ...]:
    """Return the shapes that a caller's choice of the working size leaves.

    Args:
        working: longer side in pixels, which is rounded; or the exact size.
        native_size, multiple: as of :func:`working_shapes`.

    Raises:
        InvalidField: a side that is too long or, of an exact size, no multiple.
    """
    most = _MOST_NATIVE * native_size
    if isinstance(working, int):
        if not multiple <= working <= most:
            allowed = f"{multiple} to {most} pixels for this model"
            raise InvalidField("working_size", working, allowed, "choose a size in that range")
        side = _snap(working, multiple)
        shorter = [_snap(side / ratio, multiple) for ratio in (1, *_LANDSCAPE_RATIOS)]
        both = [shape for short in shorter for shape in (Size(side, short), Size(short, side))]
        return tuple(dict.fromkeys(both))
    if any(side % multiple or not multiple <= side <= most for side in working):
        allowed = f"sides that are multiples of {multiple}, up to {most}, for this model"
        given = f"{working.width}x{working.height}"
        raise InvalidField("working_size", given, allowed, "choose others, or leave it out")
    return (working,)


def plan_region(
    canvas: Size,
    edit: Rect | None = None,
    *,
    native_size: int,
    multiple: int,
    padding: int | None = None,
    sizes: tuple[int, ...] | None = None,
    working: int | Size | None = None,
) -> RegionPlan:
    """Plan the crop around an edited area and the working size it is edited at.

    The area is padded with its surroundings, grown to the aspect ratio of the working shape that
    wastes least, and shifted to lie inside the canvas. Where the canvas is too small for the
    shape, the crop takes all there is and the working picture is completed by reflection.

    Args:
        canvas: size of the whole picture in pixels, 1x1 or more.
        edit: the edited area in canvas pixels (a mask's bounding box), clipped to the canvas;
            None edits the whole picture.
        native_size: side that the model was trained at; see :func:`working_shapes`.
        multiple: divisor of both working sides; see :func:`working_shapes`.
        padding: canvas pixels of surroundings on each side; default a quarter of the area's
            longer side, at least 16.
        sizes: sides of the square shapes; see :func:`working_shapes`.
        working: longer side of the working picture, or its exact size; None chooses.

    Raises:
        InvalidField: an area outside the canvas, an empty canvas, negative padding, a working size
            that the model cannot have.
    """
    bounds = Rect(0, 0, *canvas)
    if bounds.area == 0:
        raise InvalidField("image.size", f"{canvas[0]}x{canvas[1]}", ">= 1x1", "use a picture")
    area = bounds if edit is None else edit.clip(bounds)
    if area.area == 0:
        allowed = f"overlapping the {canvas[0]}x{canvas[1]} canvas"
        raise InvalidField("region", edit, allowed, "move the region onto the picture")
    if padding is None:
        padding = default_padding(area)
    if padding < 0:
        raise InvalidField("region.padding", padding, ">= 0", "use 0 for no padding")
    padded = area.grow(padding).clip(bounds)
    if working is None:
        shapes = working_shapes(native_size, multiple, sizes)
    else:
        shapes = chosen_shapes(working, native_size, multiple)
    return _fit(padded, bounds, _choose(padded, bounds, shapes))


def _choose(padded: Rect, bounds: Rect, shapes: tuple[Size, ...]) -> Size:
    """Least waste in quarter octaves; then least shrinking; then squares; then the smallest."""

    def cost(shape: Size) -> tuple[int, float, bool, int]:
        scale = _canvas_per_working(padded, bounds, shape)
        seen = scale * scale * shape.width * shape.height
        waste = round(4 * math.log2(seen / padded.area))
        area = shape.width * shape.height
        return waste, round(max(1.0, scale), 3), shape.width != shape.height, area

    return min(shapes, key=cost)


def _canvas_per_working(padded: Rect, bounds: Rect, shape: Size) -> float:
    needed = max(padded.width / shape.width, padded.height / shape.height)
    available = min(bounds.width / shape.width, bounds.height / shape.height)
    return max(needed, min(_SHORTEST_CROP, available))


def _fit(padded: Rect, bounds: Rect, shape: Size) -> RegionPlan:
    scale = _canvas_per_working(padded, bounds, shape)
    # round() before ceil() so that 512 * (300 / 512) does not become 301
    wanted = Size(*(max(1, math.ceil(round(side * scale, 6))) for side in shape))
    width, height = min(wanted.width, bounds.width), min(wanted.height, bounds.height)
    x, y = padded.x - (width - padded.width) // 2, padded.y - (height - padded.height) // 2
    crop = Rect(x, y, width, height).inside(bounds)
    content = Size(
        _content_side(width, wanted.width, shape.width, scale),
        _content_side(height, wanted.height, shape.height, scale),
    )
    left, top = (shape.width - content.width) // 2, (shape.height - content.height) // 2
    return RegionPlan(crop=crop, working=shape, content=Rect(left, top, *content))


def _content_side(crop: int, wanted: int, working: int, scale: float) -> int:
    return working if crop == wanted else min(working, max(1, round(crop / scale)))


def _snap(side: float, multiple: int) -> int:
    return max(multiple, round(side / multiple) * multiple)


def _nearest_shape(native_size: int, ratio: float, multiple: int) -> Size:
    """Return the snapped shape nearest to a ratio and to the native area, errors in octaves."""
    width, height = native_size * math.sqrt(ratio), native_size / math.sqrt(ratio)
    steps = (-multiple, 0, multiple)
    candidates = [
        Size(_snap(width + dx, multiple), _snap(height + dy, multiple))
        for dx in steps
        for dy in steps
    ]

    def error(shape: Size) -> tuple[float, int, int]:
        off_ratio = abs(math.log2(shape.width / shape.height / ratio))
        off_area = abs(math.log2(shape.width * shape.height / native_size**2))
        return round(off_ratio + off_area, 6), shape.width, shape.height

    return min(candidates, key=error)
