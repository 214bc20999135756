"""Train the 9-channel inpainting denoiser: ``python -m training.inpaint``.

Starts from the base; the new input channels, the mask and the SCALED latents of the picture with
its hole filled with mid-grey, start at zero, as Stable Diffusion's inpainting model does. The text
encoder stays frozen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch.nn import functional

from retouch.evaluation.scenes.captions import object_phrase, vary
from retouch.evaluation.scenes.scene import Scene
from training import base, latents, loop, network

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


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=40)
    parser.set_defaults(lr=5e-4)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    source, text, words = base.load(args.out, args.device)
    text.requires_grad_(False)
    unet = network.build_unet(in_channels=9)
    network.widen(unet, source.state_dict())
    network.prepare_unet(unet, args.device)
    run = loop.Run("inpaint", {"unet": unet}, args)
    torch.manual_seed(args.seed + 1000 * run.rank + run.step)
    rng = np.random.default_rng([args.seed, run.rank, run.step])
    pairs = latents.load(args.out)
    noise = network.Noise().to(args.device)
    for _ in run.steps():
        rows = rng.integers(len(pairs.edits), size=args.batch)
        z = torch.from_numpy(pairs.latents[rows, 1:].astype(np.float32)) * pairs.scaling
        whole, holed = z.to(args.device).unbind(1)
        hole = torch.from_numpy(pairs.holes[rows].astype(np.float32) / 255)[:, None]
        objects = torch.from_numpy(pairs.masks[rows, 1].max(axis=1).astype(np.float32) / 255)
        texts = [_text(pairs.edits[int(row)].after, rng) for row in rows]
        ids = torch.from_numpy(words.encode(texts)).to(args.device)
        noised, timesteps, velocity = noise(whole)
        hole = hole.to(args.device)
        inputs = torch.cat([noised, hole, holed], dim=1)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        with loop.autocast(args.device):
            with torch.no_grad():
                states = text(ids).last_hidden_state
            output = unet(inputs, timesteps, states).sample
        # Outside the hole the answer lies in the input: what counts is the hole and its rim.
        rim = functional.max_pool2d(hole, 3, stride=1, padding=1)
        weight = 0.2 + rim * (1 + 3 * objects[:, None].to(args.device))
        error = (output.float() - velocity).square()
        run.update((weight * error).mean() / weight.mean())


if __name__ == "__main__":
    main()
