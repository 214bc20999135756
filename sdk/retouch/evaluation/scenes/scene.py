"""Scenes as specifications: one dataclass gives the picture, its caption and its exact masks.

Because a scene is a specification, changing one attribute and drawing it again gives an exact
before/after pair (``retouch.evaluation.scenes.edits``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.evaluation.scenes.places import Picture, background
from retouch.evaluation.scenes.sprites import SIDE, sprite
from retouch.evaluation.scenes.vocabulary import CLASHES, NIGHT_PLACES, SEASON_PLACES

#: Horizontal centre of a single object, as a share of the width.
POSITIONS: Final[dict[str, float]] = {"left": 0.29, "centre": 0.5, "right": 0.71}
#: How the first object of two lies to the second; ``and``: beside it, the first on the left.
RELATIONS: Final[tuple[str, ...]] = ("and", "left", "right", "above", "below")
_NIGHT_TINT: Final = np.array([0.74, 0.76, 0.92], np.float32)


@dataclass(frozen=True)
class Thing:
    """One object; ``colour`` is empty for the natural one.

    ``x`` and ``y`` (centre) and ``size`` (longest side) are shares of the picture's width.
    """

    noun: str
    colour: str
    x: float
    y: float
    size: float


@dataclass(frozen=True)
class Scene:
    """A picture's specification.

    ``things`` is empty for a bare place, one object, two different ones, or two to four equal ones.
    ``place`` is a key of PLACES or of COLOURS (a plain background); ``position`` tells where a
    single object is, ``relation`` how the first of two different ones lies to the second.
    """

    things: tuple[Thing, ...]
    place: str
    night: bool = False
    season: str = ""
    position: str = "centre"
    relation: str = ""
    variant: int = 0

    def valid(self) -> bool:
        """Return whether every object can be told from its background and the setting exists."""
        if self.night and self.place not in NIGHT_PLACES:
            return False
        if self.season and (self.place not in SEASON_PLACES or self.night):
            return False
        return all(self._visible(thing.colour) for thing in self.things)

    def _visible(self, colour: str) -> bool:
        if self.night and colour == "black":
            return False
        behind = (self.place, self.season)
        return colour != self.place and all((colour, word) not in CLASHES for word in behind)


def render(scene: Scene, size: int = 128) -> tuple[Picture, list[Picture]]:
    """Return the (size, size, 3) picture and one (size, size) mask per thing, all in [0, 1].

    Later things lie over earlier ones; masks show what is visible.
    """
    picture = background(scene.place, scene.night, scene.season, scene.variant, size).copy()
    masks: list[Picture] = []
    for thing in scene.things:
        layer = _placed(thing, size)
        cover, colours = layer[..., 3:], layer[..., :3]
        if scene.night:
            colours = colours * _NIGHT_TINT
        picture = picture * (1 - cover) + colours
        masks = [mask * (1 - cover[..., 0]) for mask in masks]
        masks.append(cover[..., 0])
    return np.clip(picture, 0, 1), masks


def _placed(thing: Thing, size: int) -> Picture:
    """Return the (size, size, 4) premultiplied layer that holds the thing alone."""
    scale = thing.size * size / SIDE
    left, top = (thing.x - thing.size / 2) * size, (thing.y - thing.size / 2) * size
    # Pixel centres map as x' = scale * (x + 0.5) - 0.5 + left.
    move = np.array([[scale, 0, left + (scale - 1) / 2], [0, scale, top + (scale - 1) / 2]])
    layer: NDArray[np.uint8] = sprite(thing.noun, thing.colour)
    if scale < 0.75:
        layer = cv2.GaussianBlur(layer, (0, 0), 0.35 / scale)
    layer = cv2.warpAffine(layer, move, (size, size), flags=cv2.INTER_LINEAR)
    return layer.astype(np.float32) / np.float32(255)


def coverage(masks: list[Picture], size: int) -> Picture:
    """Return the (size, size) share covered by any object; all zero without one."""
    together = np.clip(sum(masks), 0, 1) if masks else np.zeros((size, size))
    return np.asarray(together, np.float32)
