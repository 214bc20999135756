"""Control pictures and captions for the T2I-Adapters, from shards that hold the pictures.

Latents and control pictures lie on the training's device and are gathered there; processes that
draw ahead pass row numbers and token ids only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from retouch.evaluation.scenes.captions import caption, object_phrase, place_phrase
from retouch.evaluation.scenes.scene import Scene
from training import latents
from training.batches import Batch
from training.tokenizer import Words


def partial_caption(scene: Scene, rng: np.random.Generator) -> str:
    """Return the caption, or only a part of it, so that the control must give the rest."""
    draw = rng.random()
    if draw < 0.10:
        return ""
    if draw < 0.25 and scene.things:
        return object_phrase(scene.things[0].noun, scene.things[0].colour)
    if draw < 0.35:
        return place_phrase(scene.place, bare=True)
    return caption(scene)


def stored(out: Path, kind: str, *, near: bool) -> bool:
    """Return whether every finished shard holds the control pictures of a kind."""
    folders = [path.parent for path in latents.folder_of(out, near).glob("*/edits.pkl")]
    return bool(folders) and all((folder / f"{kind}.npy").exists() for folder in folders)


class _Resident:
    """The pictures after the edits of all shards of one size, on the device."""

    def __init__(self, args: argparse.Namespace, out: Path, near: bool) -> None:
        pairs = latents.load(out, near=near)
        self.scenes = [edit.after for edit in pairs.edits]
        self.scaling = pairs.scaling
        folders = sorted(p.parent for p in latents.folder_of(out, near).glob("*/edits.pkl"))
        lines = np.concatenate([np.load(folder / f"{args.control}.npy") for folder in folders])
        self.latents = torch.from_numpy(np.ascontiguousarray(pairs.latents[:, 1])).to(args.device)
        self.lines = torch.from_numpy(lines).to(args.device)
        self.masks = torch.from_numpy(pairs.masks[:, 1].max(axis=1)).to(args.device)


class StoredControls:
    """Random pictures with their control picture and a caption that may leave things out."""

    def __init__(self, args: argparse.Namespace, words: Words, out: Path | None = None) -> None:
        self.kind: str = args.control
        self.words, self.count = words, args.batch
        self.turns = latents.Turns(args.close_ups)
        sizes = [near for near in (False, True) if not near or args.close_ups > 0]
        self.held = {near: _Resident(args, out or args.out, near) for near in sizes}

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return rows (N) and ids (N, 77): ``--batch`` whole scenes or twice as many close-ups."""
        near = self.turns.near()
        scenes = self.held[near].scenes
        rows = rng.integers(len(scenes), size=self.count * (1 + near))
        texts = [partial_caption(scenes[int(row)], rng) for row in rows]
        return {"rows": torch.from_numpy(rows), "ids": torch.from_numpy(self.words.encode(texts))}

    def gather(self, batch: Batch) -> Batch:
        """Return z (N, 4, h, w), weight (N, 1, h, w), lines (N, C, H, W) and ids (N, 77)."""
        rows = batch["rows"]
        held = self.held[len(rows) > self.count]
        lines = held.lines[rows].float() / 255
        masks = held.masks[rows].float()[:, None] / 255
        weight = masks if self.kind == "color" else functional.max_pool2d(lines, latents.PIXELS)
        z = held.latents[rows].float() * held.scaling
        return {
            "z": _last(z),
            "weight": weight,
            "lines": _last(lines),
            "ids": batch["ids"],
        }

    def fixed(self, count: int) -> Batch:
        """Return the first ``count`` whole scenes with their whole captions."""
        held = self.held[False]
        count = min(count, len(held.scenes), self.count)
        ids = torch.from_numpy(self.words.encode([caption(s) for s in held.scenes[:count]]))
        device = held.latents.device
        return self.gather({"rows": torch.arange(count, device=device), "ids": ids.to(device)})


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)
