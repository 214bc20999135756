"""Train the 8-channel InstructPix2Pix denoiser: ``python -m training.instruct``.

Starts from the base; the four new input channels start at zero (arXiv 2211.09800). They take the
source picture's latents UNSCALED, as diffusers' pipeline gives them. The text encoder stays frozen.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel

from retouch.evaluation.scenes.edits import KINDS
from training import base, latents, loop, network
from training.batches import Batch, stream
from training.tokenizer import Words


def load(out: Path) -> UNet2DConditionModel:
    """Return the averaged InstructPix2Pix denoiser."""
    unet = network.build_unet(in_channels=8)
    unet.load_state_dict(loop.averaged(out / "instruct.pt", "unet"))
    return unet.eval()


class Pairs:
    """Random edits: both pictures' latents, the instruction and where objects are."""

    def __init__(self, args: argparse.Namespace, words: Words) -> None:
        self.stock = latents.Stock(args, lambda edit: (edit.kind,), KINDS)
        self.words = words

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return before (unscaled), after (N, 4, h, w), mask (N, 1, h, w) and ids (N, 77)."""
        pairs, rows = self.stock.draw(rng)
        size = len(rows)
        before, after = torch.from_numpy(pairs.latents[rows, :2].astype(np.float32)).unbind(1)
        # What either picture shows of any object is what may change.
        changed = pairs.masks[rows].reshape(size, 4, *pairs.masks.shape[-2:]).max(axis=1)
        # 5 % without instruction, 5 % without picture, 5 % without both.
        draw = rng.random(size)
        keep = torch.from_numpy((draw >= 0.10).astype(np.float32)).view(-1, 1, 1, 1)
        texts = [
            "" if d < 0.05 or 0.10 <= d < 0.15 else pairs.edits[int(row)].instruction
            for row, d in zip(rows, draw, strict=True)
        ]
        return {
            "before": before * keep,
            "after": after * pairs.scaling,
            "mask": torch.from_numpy(changed.astype(np.float32) / 255)[:, None],
            "ids": torch.from_numpy(self.words.encode(texts)),
        }


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=60, close_ups=True)
    parser.set_defaults(lr=5e-4)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    source, text, words = base.load(args.out, args.device)
    text.requires_grad_(False)
    unet = network.build_unet(in_channels=8)
    network.widen(unet, source.state_dict())
    network.prepare_unet(unet, args.device)
    run = loop.Run("instruct", {"unet": unet}, args)
    pairs = Pairs(args, words)
    noise = network.Noise().to(args.device)
    for batch in stream(pairs.draw, run, args):
        noised, timesteps, velocity = noise(batch["after"])
        inputs = torch.cat([noised, batch["before"]], dim=1)
        with loop.autocast(args.device):
            with torch.no_grad():
                states = base.states_of(text, batch["ids"], noised)
            output = unet(inputs, timesteps, states).sample
        loss = network.velocity_loss(output, velocity, batch["mask"])
        run.update(loss, count=len(noised))


if __name__ == "__main__":
    main()
