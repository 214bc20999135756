"""Scenes as specifications: one dataclass gives the picture, its caption and its object mask.

Because a scene is a specification, editing one attribute and drawing it again gives an exact
before/after pair (see ``training.edits``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from training import data
from training.backgrounds import VARIANTS, Picture, background
from training.vocabulary import CLASHES, COLOURS, NIGHT_PLACES, NOUNS, PLACE_NAMES, PLACES, article

#: Horizontal centre of the object, as a share of the width.
POSITIONS: Final[dict[str, float]] = {"left": 0.29, "centre": 0.5, "right": 0.71}
_NIGHT_TINT: Final = np.array([0.74, 0.76, 0.92], np.float32)


@dataclass(frozen=True)
class Scene:
    """A picture's specification; ``noun`` is empty for a scene without an object.

    ``colour`` is empty for the natural colour; ``place`` is a key of PLACES or COLOURS; ``scale``
    (object's longest side) and the offsets are shares of the picture's width.
    """

    noun: str
    colour: str
    place: str
    night: bool = False
    position: str = "centre"
    scale: float = 0.64
    dx: float = 0.0
    dy: float = 0.0
    variant: int = 0

    def caption(self) -> str:
        """Return the plain caption, as in ``"a red apple on a meadow at night"``."""
        place = place_phrase(self.place, bare=not self.noun)
        night = " at night" if self.night else ""
        if not self.noun:
            return place + night
        side = "" if self.position == "centre" else f" on the {self.position}"
        return f"{object_phrase(self.noun, self.colour)}{side} {place}{night}"

    def valid(self) -> bool:
        """Return whether the object can be told from its background and the night exists."""
        if self.night and self.place not in NIGHT_PLACES:
            return False
        if not self.noun:
            return True
        if self.night and self.colour == "black":
            return False
        return self.colour != self.place and (self.colour, self.place) not in CLASHES


def object_phrase(noun: str, colour: str) -> str:
    """Return ``"a red cat"``, or ``"an apple"`` without a colour."""
    words = f"{colour} {noun}" if colour else noun
    return f"{article(words)} {words}"


def place_phrase(place: str, bare: bool = False) -> str:
    """Return ``"on a meadow"``; bare (no object in front of it): ``"a meadow"``."""
    if place in COLOURS:
        phrase = f"{article(place)} {place} background"
        return phrase if bare else f"on {phrase}"
    return PLACE_NAMES[place] if bare else PLACES[place]


@lru_cache(maxsize=1)
def _sprites(folder: Path) -> dict[str, data.Pixels]:
    return data.load(folder)


@lru_cache(maxsize=2048)
def sprite(noun: str, colour: str) -> tuple[Picture, Picture]:
    """Return (128, 128, 3) straight colour and (128, 128, 1) alpha, both in [0, 1].

    A named colour replaces hue and saturation; the drawing's light and dark parts stay.
    """
    pixels: Picture = _sprites(data.cache_dir())[noun].astype(np.float32) / np.float32(255)
    rgb, alpha = pixels[..., :3], pixels[..., 3:]
    if not colour:
        return rgb, alpha
    light = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    level = max(float(np.median(light[alpha[..., 0] > 0.5])), 0.12)
    target = np.array(COLOURS[colour], np.float32)
    darker = (light / level)[..., None] * target
    span = max(1 - level, 0.15)
    share = np.clip((light - level) / span, 0, 1)[..., None] * 0.75
    lighter = target + (1 - target) * share
    tinted = np.where((light <= level)[..., None], darker, lighter)
    return np.clip(tinted, 0, 1).astype(np.float32), alpha


def render(scene: Scene, size: int = 128) -> tuple[Picture, Picture]:
    """Return the (size, size, 3) picture and the (size, size) object mask, both in [0, 1]."""
    picture = background(scene.place, scene.night, scene.variant, size)
    if not scene.noun:
        return picture.copy(), np.zeros((size, size), np.float32)
    rgb, alpha = sprite(scene.noun, scene.colour)
    scale = scene.scale * size / data.SPRITE
    left = (POSITIONS[scene.position] + scene.dx - scene.scale / 2) * size
    top = (0.53 + scene.dy - scene.scale / 2) * size
    # Pixel centres map as x' = scale * (x + 0.5) - 0.5 + left.
    move = np.array([[scale, 0, left + (scale - 1) / 2], [0, scale, top + (scale - 1) / 2]])
    layer = np.concatenate([rgb * alpha, alpha], axis=2)
    if scale < 0.75:
        layer = cv2.GaussianBlur(layer, (0, 0), 0.35 / scale)
    layer = cv2.warpAffine(layer, move, (size, size), flags=cv2.INTER_LINEAR)
    cover, colours = layer[..., 3:], layer[..., :3]
    if scene.night:
        colours = colours * _NIGHT_TINT
    composed = picture * (1 - cover) + colours
    return np.clip(composed, 0, 1).astype(np.float32), cover[..., 0].astype(np.float32)


def sample(rng: np.random.Generator, empty: float = 0.06) -> Scene:
    """Draw a random valid scene; ``empty`` is the share of scenes without an object."""
    while True:
        plain = rng.random() < 0.35
        place = str(rng.choice(list(COLOURS if plain else PLACES)))
        night = place in NIGHT_PLACES and rng.random() < 0.3
        natural = rng.random() < 0.25
        position = str(rng.choice(["centre"] * 8 + ["left", "right"]))
        noun = "" if rng.random() < empty else str(rng.choice(NOUNS))
        aside = position != "centre"
        scene = Scene(
            noun=noun,
            colour="" if natural or not noun else str(rng.choice(list(COLOURS))),
            place=place,
            night=night,
            position=position if noun else "centre",
            scale=float(rng.uniform(0.46, 0.52) if aside else rng.uniform(0.60, 0.70)),
            dx=float(rng.uniform(-0.02, 0.02)),
            dy=float(rng.uniform(-0.02, 0.02)),
            variant=int(rng.integers(VARIANTS)),
        )
        if scene.valid():
            return scene


def vary(caption: str, scene: Scene, rng: np.random.Generator) -> str:
    """Return the caption, sometimes in another wording or without the background."""
    draw = rng.random()
    if draw < 0.04 and scene.noun:
        return object_phrase(scene.noun, scene.colour)
    if draw < 0.08:
        return f"a picture of {caption}"
    if draw < 0.11:
        return caption.replace(" at night", ", at night")
    return caption


def tensor_pixels(picture: Picture) -> NDArray[np.uint8]:
    """Return the picture as (H, W, 3) uint8."""
    return np.round(picture * 255).astype(np.uint8)
