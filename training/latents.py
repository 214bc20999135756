"""Precompute the latents of edits: ``python -m training.latents --shard 0`` (``--close-ups``).

Each of N edits gives three pictures: before, after, and after with a hole (mid-grey, as diffusers'
inpainting pipelines fill it): whole scenes of 128 px, c = 32, or close-ups of 64 px, c = 16
(``training.pictures``). Shards are independent, so that several can be computed at once and more
can be added later. Files in ``<out>/latents/<shard>`` or ``<out>/closeups/<shard>``:
``latents.npy`` (N, 3, 4, c, c) float16, unscaled as the encoder gives them; ``masks.npy``
(N, 2, 2, c, c) uint8, the share in 0..255 of up to two objects before and after; ``holes.npy``
(N, c, c) uint8, 0 or 255; ``edits.pkl``. With ``--controls``, ``<control>.npy``
(N, channels, H, W) uint8 too: what a T2I-Adapter reads of the picture after.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from retouch.evaluation.scenes.edits import KINDS, Edit, sample_edit
from retouch.evaluation.scenes.places import Picture
from retouch.evaluation.scenes.scene import Scene, coverage, render
from training import autoencoder, control_pictures, loop, pictures
from training.art import cache_dir
from training.pictures import Drawn

#: Seeds of the training scenes; everything else (tests, evaluation) draws from other seeds.
SEED: Final = 7_000_000
NEAR_SEED: Final = 8_000_000
#: Pixels per cell of the latents, along one side.
PIXELS: Final = 4
#: Edits encoded at once.
BATCH: Final = 16


@dataclass(frozen=True)
class Pairs:
    """The precomputed pairs of all shards and the factor that brings latents to unit deviation."""

    latents: NDArray[np.float16]
    masks: NDArray[np.uint8]
    holes: NDArray[np.uint8]
    edits: list[Edit]
    scaling: float


def load(out: Path, *, near: bool = False) -> Pairs:
    """Return the pairs of every finished shard, in memory: 30 KB each, 7 KB if ``near``."""
    folders = sorted(p.parent for p in folder_of(out, near).glob("*/edits.pkl"))
    if not folders:
        option = " --close-ups" if near else ""
        raise FileNotFoundError(f"no latents: run python -m training.latents{option} --shard 0")
    edits = [e for f in folders for e in pickle.loads((f / "edits.pkl").read_bytes())]
    stacked: dict[str, Any] = {
        name: np.concatenate([np.load(f / f"{name}.npy") for f in folders])
        for name in ("latents", "masks", "holes")
    }
    return Pairs(**stacked, edits=edits, scaling=scaling_factor(out))


class Mixture:
    """Draws indices of labelled things, the labels in given shares, however many have each."""

    def __init__(self, labels: Sequence[str], shares: Mapping[str, float]) -> None:
        places = {label: np.flatnonzero(np.array(labels) == label) for label in shares}
        self._places = {label: found for label, found in places.items() if len(found)}
        weights = np.array([shares[label] for label in self._places])
        self._weights = weights / weights.sum()

    def draw(self, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return ``size`` indices."""
        known = list(self._places.values())
        drawn = rng.choice(len(known), size=size, p=self._weights)
        return np.array([known[k][rng.integers(len(known[k]))] for k in drawn])


class Turns:
    """Says which batches are close-ups.

    Counted, not drawn: all processes take the same kind at the same step, so none waits.
    """

    def __init__(self, share: float) -> None:
        self._share, self._due = share, 0.0

    def near(self) -> bool:
        """Return whether the next batch is of close-ups; ``share`` of them are, evenly spread."""
        self._due += self._share
        near = self._due >= 1
        self._due -= near
        return near


class Stock:
    """What batches are drawn from: whole scenes, close-ups, or both in turn.

    Args:
        args: ``close_ups`` is the share of the batches that are close-ups. A batch of whole scenes
            holds ``batch`` pictures, one of close-ups, each a quarter as large, twice as many.
        labels: the labels of an edit, equally many for each.
        shares: label -> its share of the batches.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        labels: Callable[[Edit], tuple[str, ...]],
        shares: Mapping[str, float],
    ) -> None:
        share: float = args.close_ups
        self._turns = Turns(share)
        self._count: int = args.batch
        self._stocks: dict[bool, tuple[Pairs, Mixture]] = {}
        for near, wanted in ((False, share < 1), (True, share > 0)):
            if wanted:
                pairs = load(args.out, near=near)
                known = [label for edit in pairs.edits for label in labels(edit)]
                self._stocks[near] = pairs, Mixture(known, shares)

    def draw(self, rng: np.random.Generator) -> tuple[Pairs, NDArray[np.int64]]:
        """Return the pairs of the next batch and which of all labels it holds."""
        near = self._turns.near() or False not in self._stocks
        pairs, mixture = self._stocks[near]
        return pairs, mixture.draw(self._count * (1 + near), rng)

    def pairs(self) -> dict[bool, Pairs]:
        """Return what batches are drawn from: whole scenes under False, close-ups under True."""
        return {near: pairs for near, (pairs, _) in self._stocks.items()}


def folder_of(out: Path, near: bool) -> Path:
    """Return the folder of the shards of whole scenes, or of close-ups."""
    return out / ("closeups" if near else "latents")


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


def hole(masks: list[Picture], side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a (side, side) mask in {0, 1} for inpainting.

    Two thirds are boxes or ellipses around one object (all of several equal ones), with a margin;
    the rest are anywhere, up to the whole picture.
    """
    canvas = np.zeros((side, side), np.uint8)
    if masks and rng.random() < 0.67:
        mask = coverage(masks, side) if rng.random() < 0.4 else masks[int(rng.integers(len(masks)))]
        rows, columns = np.nonzero(mask > 0.1)
        if len(rows):
            margin = rng.integers(2, 14, size=4)
            top, left = rows.min() - margin[0], columns.min() - margin[1]
            bottom, right = rows.max() + margin[2], columns.max() + margin[3]
            _stamp(canvas, (left, top, right, bottom), bool(rng.random() < 0.4))
            return canvas.astype(np.float32)
    if rng.random() < 0.12:
        return np.ones((side, side), np.float32)
    width, height = rng.integers(28, side - 16 if side > 64 else 60, size=2)
    left, top = rng.integers(0, side - width + 1), rng.integers(0, side - height + 1)
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
    cells = len(mask) // PIXELS
    small = cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA)
    return np.round(small * 255).astype(np.uint8)


def _slots(scene: Scene, masks: list[Picture], cells: int) -> NDArray[np.uint8]:
    """Return (2, c, c): the masks of two different objects, or all equal ones in the first."""
    slots = np.zeros((2, cells, cells), np.uint8)
    if scene.relation:
        slots[0], slots[1] = _small(masks[0]), _small(masks[1])
    elif masks:
        slots[0] = _small(coverage(masks, cells * PIXELS))
    return slots


def compute(
    folder: Path,
    encoder: nn.Module,
    draw: Callable[[np.random.Generator], Drawn],
    count: int,
    rng: np.random.Generator,
    *,
    controls: Sequence[str] = (),
    seconds: float = float("inf"),
) -> int:
    """Write the latents, masks and holes of edits into the folder of a shard; return how many.

    ``count`` of them, or what is drawn in ``seconds``; ``controls`` are the pictures to keep.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = next(encoder.parameters()).device
    edits: list[Edit] = []
    files: dict[str, Any] = {}
    begun = time.monotonic()
    for start in range(0, count, BATCH):
        if edits and time.monotonic() - begun > seconds:
            break
        drawn = [draw(rng) for _ in range(min(BATCH, count - start))]
        side = len(drawn[0].before)
        cells = side // PIXELS
        files = files or {
            "latents": np.zeros((count, 3, 4, cells, cells), np.float16),
            "masks": np.zeros((count, 2, 2, cells, cells), np.uint8),
            "holes": np.zeros((count, cells, cells), np.uint8),
            **{
                kind: np.zeros((count, control_pictures.CONTROLS[kind], side, side), np.uint8)
                for kind in controls
            },
        }
        pixels = []
        for row, d in enumerate(drawn, start):
            edits.append(d.edit)
            mask = hole(d.new, side, rng)
            pixels += [d.before, d.after, np.where(mask[..., None] > 0.5, 0.5, d.after)]
            slots = _slots(d.edit.before, d.old, cells), _slots(d.edit.after, d.new, cells)
            files["masks"][row] = np.stack(slots)
            # Nearest, as diffusers scales the mask to the latents.
            files["holes"][row] = mask[::PIXELS, ::PIXELS] * 255
            for kind in controls:
                files[kind][row] = control_pictures.packed(kind, np.ascontiguousarray(d.after))
        x = torch.from_numpy(np.stack(pixels).astype(np.float32) * 2 - 1).permute(0, 3, 1, 2)
        x = x.to(device).contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), loop.autocast(device.type):
            z = encoder(x).float().cpu().numpy()
        files["latents"][start : start + len(drawn)] = z.reshape(-1, 3, 4, cells, cells)
    for name, array in files.items():
        np.save(folder / f"{name}.npy", array[: len(edits)])
    (folder / "edits.pkl").write_bytes(pickle.dumps(edits))
    return len(edits)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shard", type=int, default=0, help="number of the shard; seeds it")
    parser.add_argument("--count", type=int, default=10_000, help="edits (three pictures each)")
    parser.add_argument("--close-ups", action="store_true", help="windows of 64 px")
    parser.add_argument("--controls", nargs="*", default=(), choices=control_pictures.CONTROLS)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so many")
    parser.add_argument("--kind", choices=tuple(KINDS), help="of all edits; default: a mixture")
    args = parser.parse_args()
    near: bool = args.close_ups
    rng = np.random.default_rng([NEAR_SEED if near else SEED, args.shard])
    encoder = autoencoder.load(args.out, args.device).to(memory_format=torch.channels_last).encoder
    folder = folder_of(args.out, near) / f"{args.shard:03d}"
    draw = pictures.near if near else partial(pictures.whole, kind=args.kind)
    wanted = {"controls": args.controls, "seconds": args.seconds}
    count = compute(folder, encoder, draw, args.count, rng, **wanted)
    print(f"{count} pairs, scaling factor {scaling_factor(args.out)}")


if __name__ == "__main__":
    main()
