"""Photographs that lie inside of installed packages."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

Rgb = npt.NDArray[np.uint8]

_LONGEST = 640  # pixels
_FILES = {
    "skimage/data": (
        *("astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png"),
        *("clock_motion.png", "coffee.png", "coins.png", "color.png", "grass.png", "gravel.png"),
        *("hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "page.png"),
        *("retina.jpg", "rocket.jpg", "text.png"),
    ),
    "sklearn/datasets/images": ("china.jpg", "flower.jpg"),
    "matplotlib/mpl-data/sample_data": ("grace_hopper.jpg",),
}
_GRIDS, _ROWS, _COLUMNS, _FACE = 5, 4, 5, 96
#: multiplied with grey faces
TINTS = {
    "grey": (255, 255, 255),
    "light": (246, 225, 205),
    "brown": (190, 140, 100),
    "dark": (110, 75, 58),
}


def photographs() -> Mapping[str, Callable[[], Rgb]]:
    """Name -> function that reads the photograph, at most 640 pixels long."""
    return {
        Path(name).stem: partial(_read, _folder(folder) / name)
        for folder, names in _FILES.items()
        for name in names
    }


def face_grids() -> Mapping[tuple[int, str], Callable[[], Rgb]]:
    """Number and tint -> grid of 20 faces, of the Labeled Faces in the Wild in scikit-image."""
    return {
        (number, name): partial(_grid, number, tint)
        for number in range(_GRIDS)
        for name, tint in TINTS.items()
    }


def _folder(inside: str) -> Path:
    package, _, rest = inside.partition("/")
    # the package itself is not imported: only its pictures are needed
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is missing: pip install scikit-image scikit-learn matplotlib")
    return Path(found.origin).parent / rest


def _read(path: Path) -> Rgb:
    with Pillow.open(path) as opened:
        picture = np.asarray(opened.convert("RGB"))
    scale = min(1.0, _LONGEST / max(picture.shape[:2]))
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(picture, dtype=np.uint8)


def _grid(number: int, tint: tuple[int, int, int]) -> Rgb:
    faces = np.load(_folder("skimage/data") / "lfw_subset.npy")[:100].astype(np.float32)
    mine = faces[number * _ROWS * _COLUMNS :][: _ROWS * _COLUMNS]
    large = [cv2.resize(face, (_FACE, _FACE), interpolation=cv2.INTER_CUBIC) for face in mine]
    rows = [np.hstack(large[i * _COLUMNS : (i + 1) * _COLUMNS]) for i in range(_ROWS)]
    grey = np.clip(np.vstack(rows), 0, 1)
    coloured = grey[..., None] * np.array(tint, np.float32)
    return np.asarray(np.rint(coloured), dtype=np.uint8)
