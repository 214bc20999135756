"""Flat graphics, line art and pages of text, by seed."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]

_SIDE = 384
_WORDS = (
    *("the", "river", "carries", "small", "boats", "past", "old", "houses", "and", "gardens"),
    *("while", "rain", "falls", "over", "fields", "of", "wheat", "in", "late", "summer"),
)
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)


def flat_graphic(seed: int) -> Rgb:
    """Bars, discs and polygons in five colours, as logos and charts have them."""
    random = np.random.default_rng([seed, 5])
    colours = random.integers(0, 256, (5, 3)).tolist()
    picture = np.full((_SIDE, _SIDE, 3), colours[0], np.uint8)
    for _ in range(int(random.integers(4, 14))):
        colour = colours[int(random.integers(1, 5))]
        x, y = (int(v) for v in random.integers(0, _SIDE, 2))
        size = int(random.integers(_SIDE // 12, _SIDE // 3))
        kind = int(random.integers(3))
        if kind == 0:
            cv2.circle(picture, (x, y), size, colour, -1, cv2.LINE_AA)
        elif kind == 1:
            cv2.rectangle(picture, (x, y), (x + size, _SIDE), colour, -1)
        else:
            corners = random.integers(-size, size, (5, 2)) + np.array([x, y])
            cv2.fillPoly(picture, [corners.astype(np.int32)], colour, cv2.LINE_AA)
    return picture


def line_art(seed: int) -> Rgb:
    """Dark or light curves on paper or board."""
    random = np.random.default_rng([seed, 6])
    light = seed % 3 != 0
    picture = np.full((_SIDE, _SIDE, 3), 250 if light else 25, np.uint8)
    ink = (30, 30, 40) if light else (230, 225, 210)
    for _ in range(int(random.integers(8, 40))):
        start, turn = random.random(2) * _SIDE, random.standard_normal(24).cumsum() * 0.3
        steps = np.stack((np.cos(turn), np.sin(turn)), axis=1) * _SIDE / 20
        curve = (start + steps.cumsum(axis=0)).astype(np.int32)
        cv2.polylines(picture, [curve], False, ink, int(random.integers(1, 4)), cv2.LINE_AA)
    return picture


def text_page(seed: int) -> Rgb:
    """Lines of words in one size, black on white or coloured."""
    random = np.random.default_rng([seed, 7])
    plain = seed % 2 == 0
    ground = (255, 255, 255) if plain else tuple(random.integers(180, 256, 3).tolist())
    ink = (20, 20, 20) if plain else tuple(random.integers(0, 120, 3).tolist())
    picture = np.full((_SIDE, _SIDE, 3), ground, np.uint8)
    font, scale = _FONTS[seed % len(_FONTS)], float(random.uniform(0.35, 1.2))
    step = int(34 * scale) + 4
    for y in range(step, _SIDE - step // 2, step):
        line = " ".join(random.choice(_WORDS, 10))
        cv2.putText(picture, line, (12, y), font, scale, ink, 1 + int(scale), cv2.LINE_AA)
    return picture


KINDS: dict[str, Callable[[int], Rgb]] = {
    "flat graphic": flat_graphic,
    "line art": line_art,
    "text page": text_page,
}
