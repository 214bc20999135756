"""The whole set, in groups. Nothing is fetched, and nothing but the seed is random."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benign import drawings, photographs, skin_tones, variants

Rgb: TypeAlias = npt.NDArray[np.uint8]

_SCENES, _DRAWN = 60, 24
_LARGE = ("astronaut", "coffee", "chelsea", "rocket", "china", "grace_hopper")
_LARGE_SIDE = 1400  # pixels: above 1024 it is looked at in tiles, too


@dataclass(frozen=True)
class Benign:
    """One picture.

    Attributes:
        group: what kind it is.
        name: unique.
        source: what it was made of; variants of a photograph have one source.
        draw: makes it, H x W x 3 RGB.
        tone: the skin tone of surfaces, the tint of faces, or empty.
    """

    group: str
    name: str
    source: str
    draw: Callable[[], Rgb]
    tone: str = ""


def benign_pictures() -> Iterator[Benign]:
    """Yield every picture of the set."""
    for name, load in photographs.photographs().items():
        yield Benign("photograph", name, name, load)
        for group, variant, change in variants.VARIANTS:
            changed = partial(_changed, load, change)
            yield Benign(group, f"{name}, {variant}", name, changed)
        if name in _LARGE:
            enlarged = partial(variants.enlarged, load, _LARGE_SIDE)
            yield Benign("large, in tiles", f"{name}, {_LARGE_SIDE} pixels", name, enlarged)
    for (number, tint), load in photographs.face_grids().items():
        yield Benign("faces", f"faces {number}, {tint}", f"faces {number}", load, tint)
    for seed in range(_SCENES):
        yield Benign("drawn scene", f"scene {seed}", f"scene {seed}", partial(scene, seed))
    for group, draw in drawings.KINDS.items():
        for seed in range(_DRAWN):
            yield Benign(group, f"{group} {seed}", f"{group} {seed}", partial(draw, seed))
    for tone in skin_tones.TONES:
        for surface, paint in skin_tones.SURFACES.items():
            name = f"{tone}, {surface}"
            value = skin_tones.TONES[tone]
            yield Benign("skin tone", name, name, partial(paint, value), tone)
            # as light and as smooth, but blue: is it the tone, or is it the plain surface?
            blue = partial(paint, value[::-1])
            yield Benign("skin tone in blue", f"{name}, blue", f"{name}, blue", blue, tone)


def scene(seed: int) -> Rgb:
    """A procedural illustration of 256 pixels."""
    from retouch.evaluation.scenes.layouts import sample
    from retouch.evaluation.scenes.scene import render

    picture, _ = render(sample(np.random.default_rng([seed, 3])), 256)
    return np.rint(picture * 255).astype(np.uint8)


def _changed(load: Callable[[], Rgb], change: Callable[[Rgb], Rgb]) -> Rgb:
    return np.ascontiguousarray(change(load()))
