"""Draw the places behind the objects: pictures are (H, W, 3) float32 RGB in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.evaluation.scenes.vocabulary import COLOURS

Picture = NDArray[np.float32]
Rgb = tuple[float, float, float]

#: Number of different drawings of each place.
VARIANTS: Final = 6
_SIZE: Final = 256


def _gradient(top: Rgb, bottom: Rgb, start: int = 0, stop: int = _SIZE) -> Picture:
    ramp = np.clip((np.arange(_SIZE) - start) / max(1, stop - start), 0, 1)[:, None, None]
    band = (1 - ramp) * np.array(top) + ramp * np.array(bottom)
    return np.repeat(band, _SIZE, axis=1).astype(np.float32)


def _fill(picture: Picture, points: NDArray[np.float64], colour: Rgb) -> None:
    cv2.fillPoly(picture, [np.round(points * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)


def _disc(picture: Picture, x: float, y: float, radius: float, colour: Rgb) -> None:
    centre = (round(x * 16), round(y * 16))
    cv2.circle(picture, centre, round(radius * 16), colour, -1, cv2.LINE_AA, 4)


def _hill(picture: Picture, level: float, height: float, phase: float, colour: Rgb) -> None:
    x = np.linspace(0, _SIZE, 65)
    y = level - height * np.sin(x / _SIZE * 2 * np.pi * 0.9 + phase)
    points = np.stack([np.r_[x, _SIZE, 0], np.r_[y, _SIZE, _SIZE]], axis=1)
    _fill(picture, points, colour)


def _clouds(picture: Picture, rng: np.random.Generator, colour: Rgb, lowest: float) -> None:
    for _ in range(3):
        x, y = rng.uniform(10, 246), rng.uniform(18, lowest)
        for dx, radius in ((-20, 12), (0, 17), (20, 12)):
            _disc(picture, x + dx, y, radius, colour)


def _stars(picture: Picture, rng: np.random.Generator, count: int, lowest: float) -> None:
    for _ in range(count):
        _disc(picture, rng.uniform(0, 256), rng.uniform(0, lowest), 1.9, (1.0, 1.0, 0.9))


def _heaven(rng: np.random.Generator, night: bool, horizon: int) -> Picture:
    seed = int(rng.integers(1 << 30))
    if not night:
        return _gradient((0.36, 0.66, 0.95), (0.74, 0.89, 0.99), 0, horizon)
    picture = _gradient((0.03, 0.04, 0.18), (0.12, 0.16, 0.40), 0, horizon)
    # A generator of their own: stars must not move the hills that are drawn after them.
    stars = np.random.default_rng(seed)
    _stars(picture, stars, 30, horizon - 8)
    _disc(picture, float(stars.choice([36.0, 220.0])), 34, 18, (0.98, 0.96, 0.80))
    return picture


def _shade(colour: Rgb, night: bool) -> Rgb:
    return (colour[0] * 0.30, colour[1] * 0.33, colour[2] * 0.52) if night else colour


@dataclass(frozen=True)
class Setting:
    """When a place is drawn: by night or by day, and in which season (empty: summer)."""

    night: bool
    season: str


_GRASS: Final[dict[str, Rgb]] = {
    "": (0.42, 0.74, 0.30),
    "autumn": (0.72, 0.62, 0.25),
    "winter": (0.93, 0.96, 1.0),
}
_LEAVES: Final[dict[str, Rgb]] = {
    "": (0.16, 0.48, 0.22),
    "autumn": (0.86, 0.42, 0.12),
    "winter": (0.80, 0.88, 0.94),
}


def _darker(colour: Rgb, share: float) -> Rgb:
    return (colour[0] * share, colour[1] * share, colour[2] * share)


def _sky(rng: np.random.Generator, when: Setting) -> Picture:
    picture = _heaven(rng, when.night, 256)
    _clouds(picture, rng, _shade((1.0, 1.0, 1.0), when.night), 230)
    return picture


def _meadow(rng: np.random.Generator, when: Setting) -> Picture:
    picture = _heaven(rng, when.night, 150)
    grass = _GRASS[when.season]
    _hill(picture, 140, 14, rng.uniform(0, 6), _shade(_darker(grass, 0.88), when.night))
    _hill(picture, 170, 10, rng.uniform(0, 6), _shade(grass, when.night))
    return picture


def _forest(rng: np.random.Generator, when: Setting) -> Picture:
    picture = _heaven(rng, when.night, 150)
    leaves, grass = _LEAVES[when.season], _GRASS[when.season]
    for row, (base, share) in enumerate(((170, 0.72), (200, 1.0))):
        for x in range(-10 + 18 * row, 290, 44):
            middle, top = x + rng.uniform(-6, 6), base - rng.uniform(110, 150)
            trunk = np.array([[middle - 4, base - 40], [middle + 4, base - 40]])
            trunk = np.vstack([trunk, trunk[::-1] + [0, 60]])
            _fill(picture, trunk, _shade(_darker((0.42, 0.28, 0.17), share), when.night))
            crown = np.array([[middle, top], [middle + 30, base - 20], [middle - 30, base - 20]])
            _fill(picture, crown, _shade(_darker(leaves, share), when.night))
    _hill(picture, 200, 6, rng.uniform(0, 6), _shade(_darker(grass, 0.8), when.night))
    return picture


def _mountains(rng: np.random.Generator, when: Setting) -> Picture:
    picture = _heaven(rng, when.night, 170)
    rock, snow = (0.45, 0.47, 0.56), (0.96, 0.97, 1.0)
    share = 0.75 if when.season == "winter" else 0.32
    for middle, top, half in ((60, 70, 95), (200, 60, 105), (130, 96, 80)):
        x, y = middle + rng.uniform(-14, 14), top + rng.uniform(-12, 12)
        slope = (190 - y) / half
        sides = np.array([[x, y], [x + half, 190], [x - half, 190]])
        _fill(picture, sides, _shade(rock, when.night))
        cut = (190 - y) * share / slope
        cap = np.array([[x, y], [x + cut, y + cut * slope], [x - cut, y + cut * slope]])
        _fill(picture, cap, _shade(snow, when.night))
    _hill(picture, 186, 8, rng.uniform(0, 6), _shade(_GRASS[when.season], when.night))
    return picture


def _beach(rng: np.random.Generator, when: Setting) -> Picture:
    picture = _heaven(rng, when.night, 120)
    picture[110:170] = _shade((0.10, 0.52, 0.76), when.night)
    _hill(picture, 168, 5, rng.uniform(0, 6), _shade((0.97, 0.87, 0.62), when.night))
    return picture


def _snow(rng: np.random.Generator, when: Setting) -> Picture:
    picture = _heaven(rng, when.night, 150)
    if not when.night:
        picture = picture * 0.55 + 0.35
    _hill(picture, 150, 12, rng.uniform(0, 6), _shade((0.93, 0.96, 1.0), when.night))
    for _ in range(26):
        _disc(picture, rng.uniform(0, 256), rng.uniform(0, 256), 3.2, _shade((1, 1, 1), when.night))
    return picture


def _desert(rng: np.random.Generator, when: Setting) -> Picture:
    picture = _heaven(rng, when.night, 140)
    if not when.night:
        _disc(picture, float(rng.choice([40.0, 216.0])), 36, 20, (1.0, 0.93, 0.55))
    _hill(picture, 150, 20, rng.uniform(0, 6), _shade((0.90, 0.66, 0.36), when.night))
    _hill(picture, 190, 14, rng.uniform(0, 6), _shade((0.95, 0.75, 0.45), when.night))
    return picture


def _sea(rng: np.random.Generator, when: Setting) -> Picture:
    del when
    picture = _gradient((0.16, 0.68, 0.80), (0.02, 0.20, 0.42))
    for _ in range(14):
        x, y, radius = rng.uniform(0, 256), rng.uniform(0, 220), rng.uniform(3, 7)
        _disc(picture, x, y, radius, (0.55, 0.87, 0.92))
    _hill(picture, 236, 6, rng.uniform(0, 6), (0.62, 0.56, 0.40))
    return picture


def _city(rng: np.random.Generator, when: Setting) -> Picture:
    picture = _heaven(rng, when.night, 190)
    x = -8
    while x < _SIZE:
        width, top = int(rng.integers(28, 46)), int(rng.integers(50, 130))
        grey = rng.uniform(0.50, 0.66)
        picture[top:200, max(0, x) : x + width] = _shade((grey, grey, grey + 0.06), when.night)
        light = (0.98, 0.88, 0.45) if when.night else (0.82, 0.90, 0.96)
        for row in range(top + 10, 186, 22):
            for column in range(x + 7, x + width - 8, 14):
                if column > 0:
                    picture[row : row + 9, column : column + 6] = light
        x += width + 3
    picture[200:] = _shade((0.38, 0.38, 0.42), when.night)
    return picture


def _space(rng: np.random.Generator, when: Setting) -> Picture:
    del when
    picture = _gradient((0.05, 0.02, 0.12), (0.16, 0.05, 0.26))
    _stars(picture, rng, 60, 256)
    _disc(picture, float(rng.choice([30.0, 226.0])), 216, 24, (0.80, 0.55, 0.35))
    return picture


def _sunset(rng: np.random.Generator, when: Setting) -> Picture:
    del when
    picture = _gradient((0.42, 0.20, 0.52), (0.99, 0.66, 0.32), 0, 170)
    _disc(picture, float(rng.choice([50.0, 206.0])), 160, 30, (1.0, 0.90, 0.50))
    _hill(picture, 176, 5, rng.uniform(0, 6), (0.28, 0.14, 0.30))
    return picture


def _room(rng: np.random.Generator, when: Setting) -> Picture:
    del when
    picture = np.ones((_SIZE, _SIZE, 3), np.float32) * np.array((0.93, 0.88, 0.76), np.float32)
    picture[190:] = (0.60, 0.42, 0.27)
    picture[184:190] = (0.98, 0.96, 0.92)
    left = int(rng.choice([16, 176]))
    picture[30:110, left : left + 64] = (0.99, 0.99, 0.97)
    picture[36:104, left + 6 : left + 58] = (0.66, 0.85, 0.97)
    picture[36:104, left + 30 : left + 34] = (0.99, 0.99, 0.97)
    other = 200 - left + 8
    picture[40:84, other : other + 40] = (0.70, 0.30, 0.30)
    picture[46:78, other + 6 : other + 34] = (0.95, 0.80, 0.55)
    return picture


_DRAW: Final[dict[str, Callable[[np.random.Generator, Setting], Picture]]] = {
    "sky": _sky,
    "meadow": _meadow,
    "beach": _beach,
    "snow": _snow,
    "desert": _desert,
    "sea": _sea,
    "city": _city,
    "space": _space,
    "sunset": _sunset,
    "forest": _forest,
    "mountains": _mountains,
    "room": _room,
}


@lru_cache(maxsize=512)
def background(place: str, night: bool, season: str, variant: int, size: int) -> Picture:
    """Return the read-only (size, size, 3) picture of a place or of a plain colour.

    ``place`` is a key of ``PLACES`` or of ``COLOURS``; ``variant`` seeds the drawing.
    """
    if place in COLOURS:
        plain = np.ones((size, size, 3), np.float32) * np.array(COLOURS[place], np.float32)
        shade = 1.06 - 0.12 * np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
        picture = np.clip(plain * shade, 0, 1).astype(np.float32)
    else:
        # The same variant has the same hills and houses by day, at night and in every season.
        seed = [list(_DRAW).index(place), variant]
        drawn = _DRAW[place](np.random.default_rng(seed), Setting(night, season))
        picture = cv2.resize(drawn, (size, size), interpolation=cv2.INTER_AREA)
        picture = np.clip(picture, 0, 1).astype(np.float32)
    picture.setflags(write=False)
    return picture
