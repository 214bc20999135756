"""Train the 8-channel InstructPix2Pix denoiser: ``python -m training.instruct``.

Starts from the base; the four new input channels start at zero (arXiv 2211.09800). They take the
source picture's latents UNSCALED, as diffusers' pipeline gives them. The text encoder stays frozen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel

from training import base, latents, loop, network


def load(out: Path) -> UNet2DConditionModel:
    """Return the averaged InstructPix2Pix denoiser."""
    unet = network.build_unet(in_channels=8)
    unet.load_state_dict(loop.averaged(out / "instruct.pt", "unet"))
    return unet.eval()


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=60)
    parser.set_defaults(lr=5e-4)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    source, text, words = base.load(args.out, args.device)
    text.requires_grad_(False)
    unet = network.build_unet(in_channels=8)
    network.widen(unet, source.state_dict())
    network.prepare_unet(unet, args.device)
    run = loop.Run("instruct", {"unet": unet}, args)
    torch.manual_seed(args.seed + 1000 * run.rank + run.step)
    rng = np.random.default_rng([args.seed, run.rank, run.step])
    pairs = latents.load(args.out)
    noise = network.Noise().to(args.device)
    for _ in run.steps():
        rows = rng.integers(len(pairs.edits), size=args.batch)
        both = torch.from_numpy(pairs.latents[rows, :2].astype(np.float32)).to(args.device)
        before, after = both[:, 0], both[:, 1] * pairs.scaling
        # What either picture shows of any object is what may change.
        changed = pairs.masks[rows].reshape(args.batch, 4, *pairs.masks.shape[-2:]).max(axis=1)
        # 5 % without instruction, 5 % without picture, 5 % without both.
        draw = rng.random(args.batch)
        keep = torch.from_numpy((draw >= 0.10).astype(np.float32)).view(-1, 1, 1, 1)
        texts = [
            "" if d < 0.05 or 0.10 <= d < 0.15 else pairs.edits[int(row)].instruction
            for row, d in zip(rows, draw, strict=True)
        ]
        ids = torch.from_numpy(words.encode(texts)).to(args.device)
        noised, timesteps, velocity = noise(after)
        inputs = torch.cat([noised, before * keep.to(args.device)], dim=1)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        with loop.autocast(args.device):
            with torch.no_grad():
                states = text(ids).last_hidden_state
            output = unet(inputs, timesteps, states).sample
        mask = torch.from_numpy(changed.astype(np.float32) / 255)[:, None].to(args.device)
        run.update(network.velocity_loss(output, velocity, mask))


if __name__ == "__main__":
    main()
