"""False accepts: pictures and tiles without a mark, through the detector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from marks.contenders import KEYS
from marks.pictures import Draw, Rgb
from retouch_safety.tilemark import detect

SIDES = (128, 160, 192, 256)
_SEED = 20


def tiles(
    draws: list[Draw], count: int, start: int, sides: tuple[int, ...] = SIDES
) -> Iterator[Rgb]:
    """Yield clean tiles number start to count - 1, each another cut of a picture or generated.

    Cuts are scaled, turned by quarters, mirrored, and shifted in contrast and colour; every fourth
    tile is noise of a random colour, grain and contrast.
    """
    sources = [draw(512) for draw in draws]
    for number in range(start, count):
        random = np.random.default_rng([_SEED, number])
        side = int(random.choice(sides))
        if number % 4 == 3:
            yield _noise(side, random)
        else:
            yield _cut(sources[int(random.integers(len(sources)))], side, random)


def count_accepts(draws: list[Draw], count: int, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the counts after every 100 tiles: tiles, and marks that were claimed."""
    state = {"tiles": 0, "authentic": 0, "read": 0, "present": 0} | known
    # With the auth key, what it does not authenticate is still read as the public detector would.
    reader = KEYS.reader()
    for tile in tiles(draws, count, state["tiles"]):
        for mark in detect(tile, [reader]):
            state[mark.claim.value.lower()] += 1
        state["tiles"] += 1
        if state["tiles"] % 100 == 0 or state["tiles"] == count:
            yield state


def _cut(picture: Rgb, side: int, random: np.random.Generator) -> Rgb:
    size = int(random.integers(96, 400))
    top, left = random.integers(0, picture.shape[0] - size, 2)
    part = picture[top : top + size, left : left + size]
    part = np.rot90(part, int(random.integers(4)))
    if random.random() < 0.5:
        part = part[:, ::-1]
    way = cv2.INTER_AREA if size > side else cv2.INTER_CUBIC
    scaled = cv2.resize(np.ascontiguousarray(part), (side, side), interpolation=way)
    contrast, shift = random.uniform(0.5, 1.5), random.uniform(-40, 40, 3)
    return np.clip(np.rint(scaled * contrast + shift), 0, 255).astype(np.uint8)


def _noise(side: int, random: np.random.Generator) -> Rgb:
    grain = random.normal(0, random.uniform(1, 60), (side, side, 3)).astype(np.float32)
    if random.random() < 0.7:
        grain = cv2.GaussianBlur(grain, (0, 0), float(random.uniform(0.3, 6)))
    return np.clip(np.rint(random.uniform(0, 255, 3) + grain), 0, 255).astype(np.uint8)
