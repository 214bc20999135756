"""Precompute the latents of close-ups: ``python -m training.closeups --shard 0``.

A close-up is a 64 px window of a 128 px picture around one object. It costs the denoiser a quarter
of the picture, so it shows the nouns' outlines, which take longest to learn, 2.6 times as often per
second as whole scenes do (those hold 1.55 objects on average). Files in ``<out>/closeups/<shard>``:
``latents.npy`` (N, 4, 16, 16) float16, unscaled; ``masks.npy`` (N, 16, 16) uint8, the share in
0..255 of the object; ``scenes.pkl``.
"""

from __future__ import annotations

import argparse
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from retouch.evaluation.scenes.layouts import sample
from retouch.evaluation.scenes.places import Picture
from retouch.evaluation.scenes.scene import Scene, Thing, render
from training import autoencoder, latents, loop
from training.art import cache_dir

SEED: Final = 8_000_000
#: Side of the window in pixels and in cells of the latents.
WINDOW: Final = 64
CELLS: Final = 16
#: Longest side of the object as a share of the 128 px: as in scenes of two to four.
SIZES: Final = (0.38, 0.49)
#: Pixels by which the object may lie off the window's centre.
OFF: Final = 5


@dataclass(frozen=True)
class CloseUps:
    """The precomputed close-ups of all shards."""

    latents: NDArray[np.float16]
    masks: NDArray[np.uint8]
    scenes: list[Scene]


def load(out: Path) -> CloseUps:
    """Return the close-ups of every finished shard, in memory (about 2 KB each)."""
    folders = sorted(p.parent for p in (out / "closeups").glob("*/scenes.pkl"))
    scenes = [s for f in folders for s in pickle.loads((f / "scenes.pkl").read_bytes())]
    arrays = (
        np.concatenate([np.load(f / f"{name}.npy") for f in folders])
        for name in ("latents", "masks")
    )
    return CloseUps(*arrays, scenes)


def draw(rng: np.random.Generator) -> tuple[Picture, Picture, Scene]:
    """Return the (64, 64, 3) window, its object's (64, 64) mask, and the scene that it shows.

    The scene says nothing of where the object lies: its window has it in the middle.
    """
    scene = sample(rng, "single")
    size = float(rng.uniform(*SIZES))
    x, y = rng.uniform(size / 2, 1 - size / 2, size=2)
    thing = Thing(scene.things[0].noun, scene.things[0].colour, float(x), float(y), size)
    picture, masks = render(replace(scene, things=(thing,)), latents.SIZE)
    corner = np.array([y, x]) * latents.SIZE - WINDOW / 2 + rng.uniform(-OFF, OFF, size=2)
    top, left = np.clip(np.round(corner), 0, latents.SIZE - WINDOW).astype(int)
    window = np.s_[top : top + WINDOW, left : left + WINDOW]
    told = replace(scene, things=(replace(thing, size=0.6),), position="centre")
    return picture[window], masks[0][window], told


def compute(out: Path, shard: int, count: int, device: str, batch: int = 64) -> None:
    """Draw ``count`` close-ups of a shard and write their latents and masks."""
    folder = out / "closeups" / f"{shard:03d}"
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([SEED, shard])
    codes = np.zeros((count, 4, CELLS, CELLS), np.float16)
    masks = np.zeros((count, CELLS, CELLS), np.uint8)
    scenes: list[Scene] = []
    encoder = autoencoder.load(out, device).to(memory_format=torch.channels_last).encoder
    for start in range(0, count, batch):
        drawn = [draw(rng) for _ in range(min(batch, count - start))]
        pictures, covers, told = zip(*drawn, strict=True)
        scenes += told
        small = [cv2.resize(c, (CELLS, CELLS), interpolation=cv2.INTER_AREA) for c in covers]
        stop = start + len(drawn)
        masks[start:stop] = np.round(np.stack(small) * 255)
        x = torch.from_numpy(np.stack(pictures).astype(np.float32) * 2 - 1).permute(0, 3, 1, 2)
        x = x.to(device).contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), loop.autocast(device):
            codes[start:stop] = encoder(x).float().cpu().numpy()
    np.save(folder / "latents.npy", codes)
    np.save(folder / "masks.npy", masks)
    (folder / "scenes.pkl").write_bytes(pickle.dumps(scenes))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shard", type=int, default=0, help="number of the shard; seeds it")
    parser.add_argument("--count", type=int, default=30_000)
    args = parser.parse_args()
    compute(args.out, args.shard, args.count, args.device)
    print(f"{args.count} close-ups")


if __name__ == "__main__":
    main()
