"""Train the 8-channel InstructPix2Pix denoiser: ``python -m training.instruct``.

Starts from the base; the four new input channels start at zero (arXiv 2211.09800). They take the
source picture's latents UNSCALED, as diffusers' pipeline gives them. The text encoder stays frozen.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel

from retouch.evaluation.scenes.edits import KINDS
from training import base, latents, loop, network, validation
from training.batches import Batch, stream
from training.tokenizer import Words


def load(out: Path) -> UNet2DConditionModel:
    """Return the averaged InstructPix2Pix denoiser."""
    unet = network.build_unet(in_channels=8)
    unet.load_state_dict(loop.averaged(out / "instruct.pt", "unet"))
    return unet.eval()


class Pairs:
    """Random edits: both pictures' latents, the instruction and where objects are.

    Latents and masks lie on the training's device and are gathered there; what draws ahead passes
    row numbers and token ids only.
    """

    def __init__(self, args: argparse.Namespace, words: Words) -> None:
        self.stock = latents.Stock(args, lambda edit: (edit.kind,), KINDS)
        self.words, self.count = words, args.batch
        self.held = {near: _resident(p, args.device) for near, p in self.stock.pairs().items()}
        self.scaling = latents.scaling_factor(args.out)

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return rows (N), keep (N): whether the picture before is given, and ids (N, 77)."""
        pairs, rows = self.stock.draw(rng)
        # 5 % without instruction, 5 % without picture, 5 % without both.
        draw = rng.random(len(rows))
        texts = [
            "" if d < 0.05 or 0.10 <= d < 0.15 else pairs.edits[int(row)].instruction
            for row, d in zip(rows, draw, strict=True)
        ]
        return {
            "rows": torch.from_numpy(rows),
            "keep": torch.from_numpy((draw >= 0.10).astype(np.float32)),
            "ids": torch.from_numpy(self.words.encode(texts)),
        }

    def gather(self, batch: Batch) -> Batch:
        """Return before (unscaled), after (N, 4, h, w), mask (N, 1, h, w) and ids (N, 77)."""
        rows = batch["rows"]
        # Close-ups are the only ones whose batches are larger, or there is nothing else.
        pictures, changed = self.held[len(rows) > self.count or False not in self.held]
        before, after = pictures[rows].float().unbind(1)
        return {
            "before": _last(before * batch["keep"].view(-1, 1, 1, 1)),
            "after": _last(after * self.scaling),
            "mask": changed[rows].float()[:, None] / 255,
            "ids": batch["ids"],
        }

    def fixed(self, count: int) -> Batch:
        """Return the first ``count`` edits of whole scenes, both pictures and the instruction."""
        pairs = self.stock.pairs()[False]
        count = min(count, len(pairs.edits), self.count)
        ids = torch.from_numpy(self.words.encode([e.instruction for e in pairs.edits[:count]]))
        device = self.held[False][0].device
        rows = torch.arange(count, device=device)
        keep = torch.ones(count, device=device)
        return self.gather({"rows": rows, "keep": keep, "ids": ids.to(device)})


def _resident(pairs: latents.Pairs, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both pictures' latents, and what either shows of any object: it may change."""
    masks = pairs.masks.reshape(len(pairs.masks), 4, *pairs.masks.shape[-2:]).max(axis=1)
    both = torch.from_numpy(np.ascontiguousarray(pairs.latents[:, :2]))
    return both.to(device), torch.from_numpy(masks).to(device)


def _last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last)


class Objective:
    """The loss of a denoiser, whose text encoder is frozen."""

    def __init__(self, text: CLIPTextModel, device: str) -> None:
        self.text, self.device = network.freeze(text), device
        self.noise = network.Noise().to(device)

    def loss(self, unet: nn.Module, batch: Batch) -> torch.Tensor:
        """Return the loss of a batch as ``Pairs.gather`` returns it."""
        noised, timesteps, velocity = self.noise(batch["after"])
        inputs = torch.cat([noised, batch["before"]], dim=1)
        with loop.autocast(self.device):
            with torch.no_grad():
                states = base.states_of(self.text, batch["ids"], noised)
            output = unet(inputs, timesteps, states).sample
        return network.velocity_loss(output, velocity, batch["mask"])


def _held_out(args: argparse.Namespace, words: Words) -> Batch:
    whole = {**vars(args), "close_ups": 0.0, "out": args.held_out}
    return Pairs(argparse.Namespace(**whole), words).fixed(args.batch)


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=60, close_ups=True)
    parser.add_argument("--held-out", type=Path, help="cache folder of shards to validate on")
    parser.add_argument("--compile", action="store_true", help="compile the denoiser (GPU)")
    parser.set_defaults(lr=5e-4)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    source, text, words = base.load(args.out, args.device)
    unet = network.build_unet(in_channels=8)
    network.widen(unet, source.state_dict())
    network.prepare_unet(unet, args.device)
    run = loop.Run("instruct", {"unet": unet}, args)
    pairs = Pairs(args, words)
    objective = Objective(text, args.device)
    fixed = None if args.held_out is None else _held_out(args, words)

    def validate(when: str) -> None:
        if fixed is not None:
            loss = partial(objective.loss, run.ema["unet"], fixed)
            mean = validation.fixed_loss(loss, args.device, 8)
            print(f"instruct held-out {when} {mean:.5f}", flush=True)

    validate("start")
    if args.compile:
        unet.compile()
    for drawn in stream(pairs.draw, run, args):
        batch = pairs.gather(drawn)
        run.update(objective.loss(unet, batch), count=len(batch["ids"]))
    validate("end")


if __name__ == "__main__":
    main()
