"""Test pictures of four kinds, all from installed packages or drawn here; nothing is fetched."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Rgb: TypeAlias = npt.NDArray[np.uint8]
Draw: TypeAlias = Callable[[int], Rgb]

_SCIKIT_IMAGE = (
    *("astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png"),
    *("coffee.png", "coins.png", "color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg"),
    *("ihc.png", "moon.png", "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg"),
)
_SCIKIT_LEARN = ("china.jpg", "flower.jpg")
_GRAPHICS = ("logo.png", "text.png")  # of scikit-image, too
_ILLUSTRATIONS, _POSTERS, _LINE_DRAWINGS = 12, 6, 6


def pictures() -> Mapping[str, Draw]:
    """Name -> function that gives the picture at a side in pixels; names begin with the kind."""
    image, learn = _folder("skimage") / "data", _folder("sklearn") / "datasets" / "images"
    drawn: dict[str, Draw] = {}
    for folder, kind, names in (
        (image, "photograph", _SCIKIT_IMAGE),
        (learn, "photograph", _SCIKIT_LEARN),
        (image, "graphic", _GRAPHICS),
    ):
        drawn |= {
            f"{kind} {Path(name).stem}": partial(_photograph, folder / name) for name in names
        }
    drawn |= {f"illustration {i}": partial(_illustration, i) for i in range(_ILLUSTRATIONS)}
    drawn |= {f"graphic poster {i}": partial(_poster, i) for i in range(_POSTERS)}
    return drawn | {f"line drawing {i}": partial(_line_drawing, i) for i in range(_LINE_DRAWINGS)}


def _folder(package: str) -> Path:
    # the package itself is not imported: only its pictures are needed
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is missing: pip install scikit-image scikit-learn")
    return Path(found.origin).parent


def _photograph(path: Path, side: int) -> Rgb:
    """The middle square, scaled."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"cannot read {path.name}: reinstall the package")
    short = min(picture.shape[:2])
    top, left = (picture.shape[0] - short) // 2, (picture.shape[1] - short) // 2
    square = picture[top : top + short, left : left + short, ::-1]
    way = cv2.INTER_AREA if short > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(square), (side, side), interpolation=way))


def _illustration(seed: int, side: int) -> Rgb:
    from retouch.evaluation.scenes.layouts import sample
    from retouch.evaluation.scenes.scene import render

    picture, _ = render(sample(np.random.default_rng(seed)), side)
    return np.rint(picture * 255).astype(np.uint8)


def _poster(seed: int, side: int) -> Rgb:
    """Flat shapes and large letters in few colours."""
    random = np.random.default_rng([seed, 1])
    colours = random.integers(0, 256, (5, 3)).tolist()
    picture = np.full((side, side, 3), colours[0], np.uint8)
    for _ in range(12):
        x, y, size = (int(value * side) for value in random.random(3) * (1, 1, 0.25))
        colour = colours[int(random.integers(1, 5))]
        if random.random() < 0.5:
            cv2.circle(picture, (x, y), size, colour, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(picture, (x, y), (x + 2 * size, y + size), colour, -1)
    scale, place = side / 200, (side // 10, side - side // 8)
    cv2.putText(
        picture,
        "Retouch",
        place,
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        colours[4],
        side // 60,
        cv2.LINE_AA,
    )
    return picture


def _line_drawing(seed: int, side: int) -> Rgb:
    """Dark curves on a white or light ground."""
    random = np.random.default_rng([seed, 2])
    ground = 255 if seed % 2 == 0 else int(random.integers(225, 250))
    picture = np.full((side, side, 3), ground, np.uint8)
    for _ in range(30):
        middle = tuple(int(value) for value in random.integers(0, side, 2))
        axes = tuple(int(value) for value in random.integers(side // 40, side // 4, 2))
        turn, end = int(random.integers(180)), int(random.integers(90, 361))
        width = int(random.integers(1, 4))
        cv2.ellipse(picture, middle, axes, turn, 0, end, (30, 30, 40), width, cv2.LINE_AA)
    return picture
