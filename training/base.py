"""Train the denoiser and the text encoder: ``python -m training.base``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from training import latents, loop, network, tokenizer
from training.scenes import vary


def load(
    out: Path, device: str = "cpu"
) -> tuple[UNet2DConditionModel, CLIPTextModel, CLIPTokenizer]:
    """Return the averaged denoiser, text encoder and the tokenizer of the base run."""
    words = tokenizer.load(out)
    unet, text = network.build_unet(), network.build_text_encoder(words)
    unet.load_state_dict(loop.averaged(out / "base.pt", "unet"))
    text.load_state_dict(loop.averaged(out / "base.pt", "text_encoder"))
    return unet.eval().to(device), text.eval().to(device), words


class Batches:
    """Random batches of scenes: scaled latents, object masks and token ids."""

    def __init__(self, pairs: latents.Pairs, words: CLIPTokenizer, seed: list[int]) -> None:
        self.pairs, self.words = pairs, words
        self.rng = np.random.default_rng(seed)

    def draw(self, count: int, device: str) -> tuple[Tensor, Tensor, Tensor]:
        """Return (count, 4, h, w) latents, (count, 1, h, w) masks, (count, 77) ids."""
        rows = self.rng.integers(len(self.pairs.edits), size=count)
        sides = self.rng.integers(2, size=count)
        z = torch.from_numpy(self.pairs.latents[rows, sides].astype(np.float32))
        mask = torch.from_numpy(self.pairs.masks[rows, sides].astype(np.float32) / 255)[:, None]
        texts = []
        for row, side in zip(rows, sides, strict=True):
            edit = self.pairs.edits[int(row)]
            scene = edit.after if side else edit.before
            dropped = self.rng.random() < 0.10
            texts.append("" if dropped else vary(scene.caption(), scene, self.rng))
        ids = torch.from_numpy(tokenizer.encode(self.words, texts).astype(np.int64))
        z = (z * self.pairs.scaling).to(device).contiguous(memory_format=torch.channels_last)
        return z, mask.to(device), ids.to(device)


def main() -> None:
    """Command line."""
    args = loop.options(__doc__, minutes=40).parse_args()
    torch.manual_seed(args.seed)
    words = tokenizer.load(args.out)
    unet, text = network.build_unet(), network.build_text_encoder(words)
    network.prepare_unet(unet, args.device)
    text.to(args.device).train()
    run = loop.Run("base", {"unet": unet, "text_encoder": text}, args)
    torch.manual_seed(args.seed + 1000 * run.rank + run.step)
    seed = [args.seed, run.rank, run.step]
    batches = Batches(latents.load(args.out), words, seed)
    noise = network.Noise().to(args.device)
    for _ in run.steps():
        z, mask, ids = batches.draw(args.batch, args.device)
        noised, timesteps, velocity = noise(z)
        with loop.autocast(args.device):
            states = text(ids).last_hidden_state
            output = unet(noised, timesteps, states).sample
        run.update(network.velocity_loss(output, velocity, mask))


if __name__ == "__main__":
    main()
