"""Adapters with random weights beside a model, written to disk and loaded as published ones are."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from cases.setting import SIZE, checkpoint
from retouch.imaging.image import Image
from retouch.models.adapters import (
    ClipWeights,
    IPAdapterWeights,
    T2IAdapterWeights,
    load_clip,
    load_ip_adapter,
    load_t2i_adapter,
)
from retouch.testing.adapters import (
    plus_projection,
    tiny_t2i_adapter,
    write_clip,
    write_ip_adapter,
    write_t2i_adapter,
)
from retouch.testing.checkpoints import seeded

REFERENCE_SIZE = 32  # what the tiny image encoder reads: nothing is resized on either side


@dataclass(frozen=True)
class Beside:
    """What operations get weights from, and the folder the reference loads the same files from."""

    folder: Path
    known: dict[str, Any]

    def ip_adapter(self, name: str | None, model: Any) -> IPAdapterWeights:
        """The IP-Adapter called ``name``: base or plus."""
        found: IPAdapterWeights = self.known[name or "base"]
        return found

    def t2i_adapter(self, name: str | None, kind: str, model: Any) -> T2IAdapterWeights:
        """The T2I-Adapter of a kind: canny or color."""
        found: T2IAdapterWeights = self.known[name or kind]
        return found

    def clip(self, name: str | None) -> ClipWeights:
        """A CLIP model."""
        found: ClipWeights = self.known["clip"]
        return found


@functools.cache
def beside(family: str = "sd1", deep: bool = True) -> Beside:
    """Adapters that fit the model of ``family``; the folder lives as long as the process."""
    kept = tempfile.TemporaryDirectory(prefix="retouch-adapters-")
    _folders.append(kept)
    folder, weights = Path(kept.name), checkpoint(family, deep=deep)
    known: dict[str, Any] = {}
    for kind in ("base", "plus"):
        file = write_ip_adapter(weights, folder / kind, kind)
        if kind == "plus":
            deepen(file, weights.cross_attention_dim)
        known[kind] = load_ip_adapter(file)
    for seed, (kind, channels) in enumerate((("canny", 1), ("color", 3))):
        adapter = tiny_t2i_adapter(weights, channels, seed=seed)
        known[kind] = load_t2i_adapter(write_t2i_adapter(adapter, folder / kind))
    known["clip"] = load_clip(write_clip(folder / "clip"))
    return Beside(folder, known)


_folders: list[Any] = []


def deepen(file: Path, width: int) -> None:
    """Give a plus adapter the published depth of four, which diffusers takes for granted."""
    layers = {name: t for name, t in load_file(file).items() if name.startswith("ip_adapter.")}
    with seeded(1):
        image = plus_projection(width, depth=4)
    save_file({f"image_proj.{name}": t for name, t in image.items()} | layers, file)


def references(count: int = 1) -> tuple[Image, ...]:
    """Reference pictures."""
    random = np.random.default_rng(5)
    shape = (REFERENCE_SIZE, REFERENCE_SIZE, 3)
    return tuple(Image(random.integers(0, 256, shape, np.uint8)) for _ in range(count))


def lines() -> Image:
    """A control picture of white lines on black."""
    pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
    pixels[16:20], pixels[:, 40:44] = 255, 255
    return Image(pixels)


def shades() -> Image:
    """A control picture of coloured squares."""
    squares = np.random.default_rng(8).integers(0, 256, (8, 8, 3), np.uint8)
    return Image(squares.repeat(SIZE // 8, 0).repeat(SIZE // 8, 1))


def control(image: Image, channels: int) -> Tensor:
    """The same control picture as diffusers takes it, ``[1, channels, H, W]`` in [0, 1]."""
    planes = torch.from_numpy(image.unit().copy()).permute(2, 0, 1)
    return planes[:channels][None]
