"""Which parts of a picture are looked at, each on its own.

Networks see a part squeezed to 224 pixels: what is under about an eighth of its side vanishes
(measured with faces on a 2048 pixel canvas). So the edited region is looked at apart from the
rest, and large regions in tiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from retouch_safety.content import Box, Bytes8
from retouch_safety.errors import DetectorFailed

_REGION_GROWTH: Final = 1.5
_TILE, _TILED_ABOVE = 768, 1024
# Tiles of 768 hold only a part of what is larger, and the whole picture shows it too small once
# it is more than eight times as large as a tile. Every level of tiles is four times the one below.
_LEVEL: Final = 4
# A part is not squeezed to a square from more than this many times as long as it is wide, unless
# that makes tiles of under 256 pixels, in which no more shows.
_LONGEST, _SHORTEST_TILE = 3, 256


def require_8bit_rgb(rgb: Bytes8) -> None:
    """Refuse what networks would take for another picture, or for none.

    Raises:
        DetectorFailed: not H x W x 3 ``uint8`` with at least one pixel.
    """
    if rgb.dtype.name != "uint8" or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise DetectorFailed(
            f"picture: got {rgb.shape} {rgb.dtype}; allowed: H x W x 3 uint8 RGB. "
            "Fix: convert it with retouch_safety.content.to_8bit."
        )


def views(rgb: Bytes8, region: Box | None) -> Iterator[tuple[str, Box]]:
    """Yield name and box of every part to look at; names are unique.

    The whole picture first; then the region, grown 1.5 times; then, where that is larger than 1024
    pixels or very long, overlapping tiles that cover it. What lies outside of the grown region is
    not tiled: it was looked at as an input.

    Args:
        rgb: H x W x 3.
        region: the rectangle that is new. None: all of the picture is to be looked at.

    Raises:
        DetectorFailed: a region without pixels, or one that is not inside of the picture.
    """
    height, width = rgb.shape[:2]
    whole = Box(0, 0, width, height)
    yield "whole", whole
    grown = whole if region is None else _grown(region, whole)
    if grown != whole:
        yield "region", grown
    yield from _tiles(grown)


def _grown(region: Box, whole: Box) -> Box:
    right, bottom = region.x + region.width, region.y + region.height
    inside = 0 <= region.x < right <= whole.width and 0 <= region.y < bottom <= whole.height
    if not inside:
        raise DetectorFailed(
            f"region: got {tuple(region)}; allowed: x, y, width, height of at least one pixel "
            f"inside of {whole.width}x{whole.height}. Fix: clip it, or give None."
        )
    dx = round(region.width * (_REGION_GROWTH - 1) / 2)
    dy = round(region.height * (_REGION_GROWTH - 1) / 2)
    x, y = max(0, region.x - dx), max(0, region.y - dy)
    return Box(x, y, min(whole.width, right + dx) - x, min(whole.height, bottom + dy) - y)


def _tiles(part: Box) -> Iterator[tuple[str, Box]]:
    longest = max(part.width, part.height)
    side = _TILE if longest > _TILED_ABOVE else longest
    before = (part.width, part.height)
    while side <= longest:
        width, height = _limited(part.width, part.height, side)
        if (width, height) == before:
            return
        label = "tile" if side <= _TILED_ABOVE else f"tile of {side}"
        for y in _starts(part.y, part.height, height):
            for x in _starts(part.x, part.width, width):
                yield f"{label} {x},{y}", Box(x, y, width, height)
        before, side = (width, height), side * _LEVEL


def _limited(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the size of tiles that are at most ``side`` long and not very long for their width."""
    longest = max(_SHORTEST_TILE, _LONGEST * min(width, height))
    return min(width, side, longest), min(height, side, longest)


def _starts(start: int, length: int, tile: int) -> list[int]:
    """Return even starts of overlapping tiles that cover start .. start + length."""
    if length <= tile:
        return [start]
    # an eighth of overlap: content on a seam is whole in one of the two
    count = -(-(length - tile) // (tile * 7 // 8)) + 1
    return [start + round(i * (length - tile) / (count - 1)) for i in range(count)]
