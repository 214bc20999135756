"""Precompute the latents of scene pairs: ``python -m training.latents``.

Each of N edits gives two scenes. Files in ``<out>/latents``: ``latents.npy`` (N, 2, 4, 16, 16)
float16, unscaled as the encoder gives them; ``masks.npy`` (N, 2, 16, 16) uint8 share of the object
in 0..255; ``edits.pkl``. The f4 encoder reads the scene averaged to 64 px, which is what the f8
encoder imitates (``training.autoencoder``) at a quarter of the cost.
"""

from __future__ import annotations

import argparse
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from training import autoencoder, loop
from training.data import cache_dir
from training.edits import Edit, sample_edit
from training.scenes import Scene, render

#: Seeds of the training scenes; everything else (tests, demo pictures) draws from other seeds.
TRAINING_SEEDS = range(0, 10_000_000)


#: Side of the averaged pictures and of their latents.
SIZE: Final = 64
CELLS: Final = 16


def draw(scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return picture (64, 64, 3) in [-1, 1] and mask (16, 16) in [0, 1] of a 128 px drawing."""
    picture, mask = render(scene, 2 * SIZE)
    picture = cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    mask = cv2.resize(mask, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return (picture * 2 - 1).astype(np.float32), mask.astype(np.float32)


@dataclass(frozen=True)
class Pairs:
    """The precomputed pairs and the factor that brings the latents to unit deviation."""

    latents: NDArray[np.float16]
    masks: NDArray[np.uint8]
    edits: list[Edit]
    scaling: float


def load(out: Path) -> Pairs:
    """Return the pairs, memory-mapped."""
    folder = out / "latents"
    edits = pickle.loads((folder / "edits.pkl").read_bytes())
    latents: Any = np.load(folder / "latents.npy", mmap_mode="r")
    masks: Any = np.load(folder / "masks.npy", mmap_mode="r")
    return Pairs(latents, masks, edits, scaling_factor(out))


def scaling_factor(out: Path) -> float:
    """Return 1 / standard deviation of the latents of 256 scenes, measured once."""
    path = out / "scaling.json"
    if not path.exists():
        rng = np.random.default_rng(TRAINING_SEEDS.stop + 7)
        scenes = [sample_edit(rng).before for _ in range(256)]
        pictures = torch.from_numpy(np.stack([draw(scene)[0] for scene in scenes]))
        with torch.no_grad():
            z = autoencoder.load(out, factor=4).encode(pictures.permute(0, 3, 1, 2)).latents
        path.write_text(json.dumps({"scaling_factor": round(1 / float(z.std()), 4)}))
    return float(json.loads(path.read_text())["scaling_factor"])


def compute(out: Path, count: int, device: str, batch: int = 32) -> None:
    """Draw ``count`` edits and write both scenes' latents and masks."""
    folder = out / "latents"
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(TRAINING_SEEDS.start)
    edits = [sample_edit(rng) for _ in range(count)]
    shape = (count, 2, 4, CELLS, CELLS)
    latents = open_memmap(folder / "latents.npy", "w+", np.float16, shape)
    masks = open_memmap(folder / "masks.npy", "w+", np.uint8, (count, 2, CELLS, CELLS))
    encoder = autoencoder.load(out, device, 4).encoder
    for start in range(0, count, batch):
        part = edits[start : start + batch]
        drawn = [draw(s) for edit in part for s in (edit.before, edit.after)]
        x = torch.from_numpy(np.stack([picture for picture, _ in drawn])).permute(0, 3, 1, 2)
        x = x.to(device).contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), loop.autocast(device):
            z = encoder(x).float().cpu().numpy()
        rows = slice(start, start + len(part))
        latents[rows] = z.reshape(len(part), *shape[1:])
        stacked = np.stack([mask for _, mask in drawn])
        masks[rows] = np.round(stacked.reshape(len(part), 2, CELLS, CELLS) * 255)
    (folder / "edits.pkl").write_bytes(pickle.dumps(edits))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--count", type=int, default=20_000, help="edits (two scenes each)")
    args = parser.parse_args()
    compute(args.out, args.count, args.device)
    print(f"{args.count} pairs, scaling factor {scaling_factor(args.out)}")


if __name__ == "__main__":
    main()
