"""Fetch the openly licensed art and pack it as sprites: ``python -m training.art``.

The art comes from npm by package name (``npm pack``); SVG is rasterised by ``resvg-py``. The pack
is committed, because ``retouch eval`` draws its scenes from it (``retouch.evaluation.scenes``).
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retouch.evaluation.scenes.sprites import PACK, SIDE
from retouch.evaluation.scenes.vocabulary import ICONS, NOUNS

PACKAGE: Final = "@iconify-json/fluent-emoji-flat@1.2.6"

Pixels = NDArray[np.uint8]


def cache_dir() -> Path:
    """Return the user's cache folder for training: ``$XDG_CACHE_HOME/retouch-training``."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "retouch-training"


def fetch_icons(folder: Path) -> dict[str, Any]:
    """Return the icon set of ``PACKAGE`` (iconify JSON), downloading it once into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "fluent-emoji-flat.json"
    if not target.exists():
        listed = subprocess.run(
            ["npm", "pack", PACKAGE, "--silent"],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        archive = folder / listed.stdout.strip().splitlines()[-1]
        with tarfile.open(archive) as tar:
            member = tar.extractfile("package/icons.json")
            if member is None:
                raise FileNotFoundError(f"package/icons.json is missing in {archive.name}")
            target.write_bytes(member.read())
    icons: dict[str, Any] = json.loads(target.read_text())
    return icons


def shape_svg(name: str) -> str:
    """Return the SVG (32 x 32 view box) of one of the procedural shapes."""
    main = "#d33"
    if name == "circle":
        body = f'<circle cx="16" cy="16" r="14" fill="{main}"/>'
    elif name == "square":
        body = f'<rect x="3" y="3" width="26" height="26" fill="{main}"/>'
    elif name == "triangle":
        body = f'<path d="M16 3 L30 28 L2 28 Z" fill="{main}"/>'
    elif name == "star":
        points = []
        for k in range(10):
            radius = 15 if k % 2 == 0 else 6.2
            angle = math.pi * k / 5 - math.pi / 2
            x, y = 16 + radius * math.cos(angle), 17 + radius * math.sin(angle)
            points.append(f"{x:.3f},{y:.3f}")
        body = f'<polygon points="{" ".join(points)}" fill="{main}"/>'
    elif name == "heart":
        path = "M16 29 C4 20 2 14 2 10 A7 7 0 0 1 16 8 A7 7 0 0 1 30 10 C30 14 28 20 16 29 Z"
        body = f'<path d="{path}" fill="{main}"/>'
    else:
        raise ValueError(f"unknown shape {name!r}")
    return body


def rasterise(body: str, size: int = SIDE) -> Pixels:
    """Render an SVG body with a 32 x 32 view box to (size, size, 4) uint8 RGBA, trimmed to fit."""
    import resvg_py  # type: ignore[import-not-found]
    from PIL import Image

    big = size * 2
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{big}" height="{big}" '
        f'viewBox="0 0 32 32">{body}</svg>'
    )
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg))
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    box = image.getbbox()
    if box is not None:
        image = image.crop(box)
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    canvas.paste(image, ((size - width) // 2, (size - height) // 2))
    return np.asarray(canvas, dtype=np.uint8)


def build(folder: Path) -> int:
    """Fetch, rasterise and pack every noun; return the size of the pack in bytes."""
    icons = fetch_icons(folder)["icons"]
    sprites = [
        rasterise(icons[ICONS[noun]]["body"] if noun in ICONS else shape_svg(noun))
        for noun in NOUNS
    ]
    np.savez_compressed(PACK, names=np.array(NOUNS), sprites=np.stack(sprites))
    return PACK.stat().st_size


def main() -> None:
    """Command line: build the sprite pack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    size = build(parser.parse_args().out)
    print(f"{len(NOUNS)} sprites -> {PACK} ({size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
