"""Draw the demo's input pictures: ``python -m training.demo``.

Scenes with sizes, offsets and variants of their own (not from the training seeds), 128 px, with
their object masks; written to ``sdk/retouch/demo``, where ``panels.json`` says what is edited how.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retouch.evaluation.scenes.captions import caption
from retouch.evaluation.scenes.scene import Scene, Thing, coverage, render

TARGET: Final = Path(__file__).parents[1] / "sdk" / "retouch" / "demo"

#: Pixels that a mask is wider than its object.
MARGIN: Final = 4


def _single(noun: str, colour: str, x: float, y: float, size: float, place: str, n: int) -> Scene:
    return Scene((Thing(noun, colour, x, y, size),), place, variant=n)


PICTURES: Final[dict[str, Scene]] = {
    "apple": _single("apple", "red", 0.511, 0.524, 0.655, "meadow", 1),
    "star": _single("star", "yellow", 0.492, 0.534, 0.675, "blue", 0),
    "cat": _single("cat", "", 0.506, 0.542, 0.685, "beach", 2),
    "house": _single("house", "", 0.488, 0.539, 0.645, "snow", 4),
    "rocket": _single("rocket", "", 0.504, 0.519, 0.665, "space", 3),
}


def _rough_mask(cover: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the mask that a user would draw around an object: wider, white."""
    wide = cv2.dilate((cover > 0.02).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=MARGIN)
    return wide * np.uint8(255)


def _write(pixels: NDArray[np.uint8], path: Path) -> None:
    Image.fromarray(pixels).save(path, optimize=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--target", type=Path, default=TARGET)
    target: Path = parser.parse_args().target
    target.mkdir(parents=True, exist_ok=True)
    for name, scene in PICTURES.items():
        picture, masks = render(scene)
        mask = coverage(masks, 128)
        pixels = np.round(picture * 255).astype(np.uint8)
        _write(pixels, target / f"{name}.png")
        _write(_rough_mask(mask), target / f"{name}-mask.png")
        print(f"{name}: {caption(scene)}")


if __name__ == "__main__":
    main()
