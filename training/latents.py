"""Precompute the latents of scene pairs: ``python -m training.latents --shard 0``.

Each of N edits gives three pictures: before, after, and after with a hole (mid-grey, as diffusers'
inpainting pipelines fill it). Shards are independent, so that several can be computed at once and
more can be added later. Files in ``<out>/latents/<shard>``: ``latents.npy`` (N, 3, 4, 32, 32)
float16, unscaled as the encoder gives them; ``masks.npy`` (N, 2, 2, 32, 32) uint8, the share in
0..255 of up to two objects before and after; ``holes.npy`` (N, 32, 32) uint8, 0 or 255;
``edits.pkl``.
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

from retouch.evaluation.scenes.edits import Edit, sample_edit
from retouch.evaluation.scenes.places import Picture
from retouch.evaluation.scenes.scene import Scene, coverage, render
from training import autoencoder, loop
from training.art import cache_dir
from training.network import CELLS

#: Seeds of the training scenes; everything else (tests, evaluation) draws from other seeds.
SEED: Final = 7_000_000
SIZE: Final = 128


@dataclass(frozen=True)
class Pairs:
    """The precomputed pairs of all shards and the factor that brings latents to unit deviation."""

    latents: NDArray[np.float16]
    masks: NDArray[np.uint8]
    holes: NDArray[np.uint8]
    edits: list[Edit]
    scaling: float


def load(out: Path) -> Pairs:
    """Return the pairs of every finished shard, in memory (about 30 KB each)."""
    folders = sorted(p.parent for p in (out / "latents").glob("*/edits.pkl"))
    edits = [e for f in folders for e in pickle.loads((f / "edits.pkl").read_bytes())]
    stacked: dict[str, Any] = {
        name: np.concatenate([np.load(f / f"{name}.npy") for f in folders])
        for name in ("latents", "masks", "holes")
    }
    return Pairs(**stacked, edits=edits, scaling=scaling_factor(out))


def scaling_factor(out: Path) -> float:
    """Return 1 / standard deviation of the latents of 256 scenes, measured once."""
    path = out / "scaling.json"
    if not path.exists():
        rng = np.random.default_rng(SEED - 1)
        pictures = np.stack([render(sample_edit(rng).before)[0] for _ in range(256)])
        x = torch.from_numpy(pictures * 2 - 1).permute(0, 3, 1, 2)
        with torch.no_grad():
            z = torch.cat([autoencoder.load(out).encode(part).latents for part in x.split(32)])
        path.write_text(json.dumps({"scaling_factor": round(1 / float(z.std()), 4)}))
    return float(json.loads(path.read_text())["scaling_factor"])


def hole(masks: list[Picture], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a (128, 128) mask in {0, 1} for inpainting.

    Two thirds are boxes or ellipses around one object (all of several equal ones), with a margin;
    the rest are anywhere, up to the whole picture.
    """
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    if masks and rng.random() < 0.67:
        mask = coverage(masks, SIZE) if rng.random() < 0.4 else masks[int(rng.integers(len(masks)))]
        rows, columns = np.nonzero(mask > 0.1)
        if len(rows):
            margin = rng.integers(2, 14, size=4)
            top, left = rows.min() - margin[0], columns.min() - margin[1]
            bottom, right = rows.max() + margin[2], columns.max() + margin[3]
            _stamp(canvas, (left, top, right, bottom), bool(rng.random() < 0.4))
            return canvas.astype(np.float32)
    if rng.random() < 0.12:
        return np.ones((SIZE, SIZE), np.float32)
    width, height = rng.integers(28, 112, size=2)
    left, top = rng.integers(0, SIZE - width + 1), rng.integers(0, SIZE - height + 1)
    _stamp(canvas, (left, top, left + width, top + height), bool(rng.random() < 0.4))
    return canvas.astype(np.float32)


def _stamp(canvas: NDArray[np.uint8], box: tuple[int, ...], ellipse: bool) -> None:
    left, top, right, bottom = (int(v) for v in box)
    if ellipse:  # 1.2: the ellipse must still hold most of what the box holds
        centre = ((left + right) // 2, (top + bottom) // 2)
        axes = (int(0.6 * (right - left)), int(0.6 * (bottom - top)))
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, 1, -1)
    else:
        canvas[max(0, top) : bottom + 1, max(0, left) : right + 1] = 1


def _small(mask: Picture) -> NDArray[np.uint8]:
    small = cv2.resize(mask, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return np.round(small * 255).astype(np.uint8)


def _slots(scene: Scene, masks: list[Picture]) -> NDArray[np.uint8]:
    """Return (2, 32, 32): the masks of two different objects, or all equal ones in the first."""
    slots = np.zeros((2, CELLS, CELLS), np.uint8)
    if scene.relation:
        slots[0], slots[1] = _small(masks[0]), _small(masks[1])
    elif masks:
        slots[0] = _small(coverage(masks, SIZE))
    return slots


def compute(out: Path, shard: int, count: int, device: str, batch: int = 16) -> None:
    """Draw ``count`` edits of a shard and write their latents, masks and holes."""
    folder = out / "latents" / f"{shard:03d}"
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([SEED, shard])
    edits = [sample_edit(rng) for _ in range(count)]
    shape = (count, 3, 4, CELLS, CELLS)
    latents = open_memmap(folder / "latents.npy", "w+", np.float16, shape)
    masks = open_memmap(folder / "masks.npy", "w+", np.uint8, (count, 2, 2, CELLS, CELLS))
    holes = open_memmap(folder / "holes.npy", "w+", np.uint8, (count, CELLS, CELLS))
    encoder = autoencoder.load(out, device).to(memory_format=torch.channels_last).encoder
    for start in range(0, count, batch):
        pictures = []
        for row, edit in enumerate(edits[start : start + batch], start):
            (before, old), (after, new) = render(edit.before), render(edit.after)
            mask = hole(new, rng)
            pictures += [before, after, np.where(mask[..., None] > 0.5, 0.5, after)]
            masks[row] = np.stack([_slots(edit.before, old), _slots(edit.after, new)])
            # Nearest, as diffusers scales the mask to the latents.
            cell = SIZE // CELLS
            holes[row] = mask[::cell, ::cell] * 255
        x = torch.from_numpy(np.stack(pictures).astype(np.float32) * 2 - 1).permute(0, 3, 1, 2)
        x = x.to(device).contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), loop.autocast(device):
            z = encoder(x).float().cpu().numpy()
        latents[start : start + len(pictures) // 3] = z.reshape(-1, *shape[1:])
    (folder / "edits.pkl").write_bytes(pickle.dumps(edits))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shard", type=int, default=0, help="number of the shard; seeds it")
    parser.add_argument("--count", type=int, default=10_000, help="edits (three pictures each)")
    args = parser.parse_args()
    compute(args.out, args.shard, args.count, args.device)
    print(f"{args.count} pairs, scaling factor {scaling_factor(args.out)}")


if __name__ == "__main__":
    main()
