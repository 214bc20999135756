"""Train the 9-channel inpainting denoiser: ``python -m training.inpaint``.

Starts from the base; the new input channels, the mask and the SCALED latents of the picture with
its hole filled with mid-grey, start at zero, as Stable Diffusion's inpainting model does. The text
encoder stays frozen.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch.nn import functional

from retouch.evaluation.scenes.captions import object_phrase, vary
from retouch.evaluation.scenes.scene import Scene
from training import base, latents, loop, network
from training.batches import Batch, stream
from training.tokenizer import Words

#: Share of captions left empty.
DROPPED: Final = 0.12


def load(out: Path) -> UNet2DConditionModel:
    """Return the averaged inpainting denoiser."""
    unet = network.build_unet(in_channels=9)
    unet.load_state_dict(loop.averaged(out / "inpaint.pt", "unet"))
    return unet.eval()


def _text(scene: Scene, rng: np.random.Generator) -> str:
    """Return the caption, sometimes only the object's: users name what shall fill the hole."""
    if rng.random() < DROPPED:
        return ""
    if scene.things and rng.random() < 0.25:
        thing = scene.things[int(rng.integers(len(scene.things)))]
        return object_phrase(thing.noun, thing.colour)
    return vary(scene, rng)


class Holes:
    """Random pictures with a hole: latents of both, the hole, the objects and the caption."""

    def __init__(self, args: argparse.Namespace, words: Words) -> None:
        self.stock = latents.Stock(args, lambda edit: base.kinds_of(edit)[1:], base.SHARES)
        self.words = words

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return whole and holed (N, 4, h, w), hole and objects (N, 1, h, w) and ids (N, 77)."""
        pairs, rows = self.stock.draw(rng)
        z = torch.from_numpy(pairs.latents[rows, 1:].astype(np.float32)) * pairs.scaling
        objects = pairs.masks[rows, 1].max(axis=1, keepdims=True)
        texts = [_text(pairs.edits[int(row)].after, rng) for row in rows]
        return {
            "whole": z[:, 0],
            "holed": z[:, 1],
            "hole": torch.from_numpy(pairs.holes[rows].astype(np.float32) / 255)[:, None],
            "objects": torch.from_numpy(objects.astype(np.float32) / 255),
            "ids": torch.from_numpy(self.words.encode(texts)),
        }


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=40, close_ups=True)
    parser.set_defaults(lr=5e-4)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    source, text, words = base.load(args.out, args.device)
    text.requires_grad_(False)
    unet = network.build_unet(in_channels=9)
    network.widen(unet, source.state_dict())
    network.prepare_unet(unet, args.device)
    run = loop.Run("inpaint", {"unet": unet}, args)
    holes = Holes(args, words)
    noise = network.Noise().to(args.device)
    for batch in stream(holes.draw, run, args):
        noised, timesteps, velocity = noise(batch["whole"])
        inputs = torch.cat([noised, batch["hole"], batch["holed"]], dim=1)
        with loop.autocast(args.device):
            with torch.no_grad():
                states = base.states_of(text, batch["ids"], noised)
            output = unet(inputs, timesteps, states).sample
        # Outside the hole the answer lies in the input: what counts is the hole and its rim.
        rim = functional.max_pool2d(batch["hole"], 3, stride=1, padding=1)
        weight = 0.2 + rim * (1 + 3 * batch["objects"])
        error = (output.float() - velocity).square()
        run.update((weight * error).mean() / weight.mean(), count=len(noised))


if __name__ == "__main__":
    main()
