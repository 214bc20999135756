"""Draw the demo's input pictures: ``python -m training.demo``.

Scenes with sizes, offsets and variants of their own (not from the training seeds), 128 px, with
their object masks; written to ``sdk/retouch/demo``, where ``panels.json`` says what is edited how.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.scenes import Scene, render, tensor_pixels

TARGET: Final = Path(__file__).parents[1] / "sdk" / "retouch" / "demo"

PICTURES: Final[dict[str, Scene]] = {
    "apple": Scene("apple", "red", "meadow", scale=0.655, dx=0.011, dy=-0.006, variant=1),
    "star": Scene("star", "yellow", "blue", scale=0.675, dx=-0.008, dy=0.004),
    "cat": Scene("cat", "", "beach", scale=0.685, dx=0.006, dy=0.012, variant=2),
    "house": Scene("house", "", "snow", scale=0.645, dx=-0.012, dy=0.009, variant=4),
    "rocket": Scene("rocket", "", "space", scale=0.665, dx=0.004, dy=-0.011, variant=3),
}


def _write(pixels: NDArray[np.uint8], path: Path) -> None:
    Image.fromarray(pixels).save(path, optimize=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--target", type=Path, default=TARGET)
    target: Path = parser.parse_args().target
    target.mkdir(parents=True, exist_ok=True)
    for name, scene in PICTURES.items():
        picture, mask = render(scene)
        pixels = tensor_pixels(picture)
        _write(pixels, target / f"{name}.png")
        _write(np.where(mask > 0.02, 255, 0).astype(np.uint8), target / f"{name}-mask.png")
        print(f"{name}: {scene.caption()}")


if __name__ == "__main__":
    main()
