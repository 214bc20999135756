"""Train the IP-Adapter (arXiv 2308.06721): ``python -m training.ip_adapter``.

The plus kind: a resampler makes four image tokens of the hidden states of a frozen vision tower
(``training.image_tokens``); they reach the frozen base through new key and value projections of its
cross-attention.

What they are taught is the base's own answer to the caption of what the picture shows: the noise
of the data drops out of the goal, and the latents may be of another scene, so they do not give the
object away. The base kind, taught by the data alone, brought the object in 14 of 40.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from retouch.evaluation.scenes.captions import caption, place_phrase
from retouch.evaluation.scenes.layouts import sample, single
from retouch.evaluation.scenes.scene import Scene, render
from training import base, clip, image_tokens, latents, loop, network
from training.batches import Batch, stream
from training.tokenizer import Words

#: Weight of what the base says against the data, in the half whose latents are the scene's own.
TEACHER_WEIGHT: Final = 0.5
#: The object is decided while there is much noise.
NOISE_CENTRE: Final = 1.0
#: Kind of scene -> share; most references show one object.
SHARES: Final = {"empty": 0.05, "single": 0.70, "pair": 0.15, "count": 0.10}


def initial(unet: UNet2DConditionModel, resampler: nn.Module) -> dict[str, dict[str, Tensor]]:
    """Return starting weights in the published layout: keys and values copied from the text's.

    ``ip_adapter`` numbers the cross-attention layers 1, 3, 5, ... in the order of diffusers'
    ``unet.attn_processors`` (down, up, mid).
    """
    names = image_tokens.published(resampler).items()
    state = unet.state_dict()
    layers: dict[str, Tensor] = {}
    for index, name in enumerate(n for n in unet.attn_processors if ".attn2." in n):
        attention = name.removesuffix(".processor")
        for part in ("k", "v"):
            copied = state[f"{attention}.to_{part}.weight"].clone()
            layers[f"{2 * index + 1}.to_{part}_ip.weight"] = copied
    image_proj = {name.removeprefix("image_proj."): t.clone() for name, t in names}
    return {"image_proj": image_proj, "ip_adapter": layers}


class Adapter(nn.Module):
    """The trained part: the resampler and the processors that the UNet already holds."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.projection = unet.encoder_hid_proj
        processors = unet.attn_processors.items()
        self.layers = nn.ModuleList([p for n, p in processors if ".attn2." in n])

    def published(self) -> dict[str, Tensor]:
        """Return the weights under the names of the published IP-Adapter plus files."""
        state = image_tokens.published(self.projection.image_projection_layers[0])
        for index, layer in enumerate(self.layers):
            processor: Any = layer
            state[f"ip_adapter.{2 * index + 1}.to_k_ip.weight"] = processor.to_k_ip[0].weight
            state[f"ip_adapter.{2 * index + 1}.to_v_ip.weight"] = processor.to_v_ip[0].weight
        return {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}


def attach(unet: UNet2DConditionModel, resampler: nn.Module) -> Adapter:
    """Give the UNet IP-Adapter weights that start at the resampler's and the text's."""
    # diffusers' own loader sets the processors
    unet._load_ip_adapter_weights([initial(unet, resampler)])
    return Adapter(unet)


def load(out: Path) -> Adapter:
    """Return the averaged adapter."""
    adapter = attach(base.load(out)[0], image_tokens.load(out).resampler)
    adapter.load_state_dict(loop.averaged(out / "ip-adapter-plus.pt", "adapter"))
    return adapter


def reference(scene: Scene, rng: np.random.Generator) -> tuple[Scene, str]:
    """Return a reference for the scene, and the prompt that goes with it.

    Either the same objects before the same place, drawn anew, with an empty or the full prompt; or
    the same single object elsewhere, with a prompt that names only the place.
    """
    fresh = sample(rng, "empty")
    again = replace(scene, variant=fresh.variant)
    if len(scene.things) != 1:
        return again, "" if rng.random() < 0.7 else caption(scene)
    thing = scene.things[0]
    other = single(rng, replace(fresh, season=""), thing.noun)
    moved = replace(other.things[0], colour=thing.colour)
    if rng.random() < 0.4:
        elsewhere = replace(other, things=(moved,))
        night = " at night" if scene.night else ""
        words = place_phrase(scene.place, bare=bool(rng.integers(2))) + night
        if elsewhere.valid() and not scene.season:
            return elsewhere, words
    again = replace(again, things=(moved,), position=other.position)
    return again, "" if rng.random() < 0.75 else caption(scene)


class References:
    """Random scenes with a reference picture and what the prompt still says."""

    def __init__(self, args: argparse.Namespace, words: Words) -> None:
        self.stock = latents.Stock(args, lambda edit: base.kinds_of(edit)[1:], SHARES)
        self.words = words

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return z (N, 4, h, w), mask, images (N, 3, 64, 64), ids and captions (N, 77).

        ``ids`` is the prompt, ``captions`` what the picture and the prompt say together. A tenth of
        the pictures are zeros (grey), as the plus kind's negative is; then that is the prompt.
        """
        pairs, rows = self.stock.draw(rng)
        scenes = [pairs.edits[int(row)].after for row in rows]
        chosen = [reference(scene, rng) for scene in scenes]
        keep = rng.random(len(rows)) >= 0.1
        both = zip(scenes, chosen, keep, strict=True)
        whole = [caption(scene) if kept else prompt for scene, (_, prompt), kept in both]
        images = clip.pixels([render(scene)[0] for scene, _ in chosen])
        masks = pairs.masks[rows, 1].max(axis=1, keepdims=True)
        return {
            "z": torch.from_numpy(pairs.latents[rows, 1].astype(np.float32)) * pairs.scaling,
            "mask": torch.from_numpy(masks.astype(np.float32) / 255),
            "images": images * torch.from_numpy(keep)[:, None, None, None],
            "ids": torch.from_numpy(self.words.encode([prompt for _, prompt in chosen])),
            "captions": torch.from_numpy(self.words.encode(whole)),
        }


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=20, close_ups=True)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    unet, text, words = base.load(args.out, args.device)
    unet.requires_grad_(False)
    teacher = network.prepare_unet(copy.deepcopy(unet), args.device)
    tokens = image_tokens.load(args.out, args.device)
    adapter = attach(unet.to(memory_format=torch.channels_last), tokens.resampler)
    adapter.requires_grad_(True)
    run = loop.Run("ip-adapter-plus", {"adapter": adapter}, args, decay=0.99)
    references = References(args, words)
    noise = network.Noise(NOISE_CENTRE).to(args.device)
    for batch in stream(references.draw, run, args):
        # The mask stays: it is of the scene that the caption names, whose object shall come.
        z = batch["z"]
        own = torch.arange(len(z), device=z.device).view(-1, 1, 1, 1) % 2 == 1
        z[::2] = z[::2].roll(1, dims=0)  # the noise grows along the batch, so take every second
        noised, timesteps, velocity = noise(z)
        with loop.autocast(args.device):
            with torch.no_grad():
                states = base.states_of(text, torch.cat([batch["ids"], batch["captions"]]), noised)
                states, whole = states.chunk(2)
                taught = teacher(noised, timesteps, whole).sample.float()
                hidden = tokens.hidden(batch["images"])
            output = unet(
                noised, timesteps, states, added_cond_kwargs={"image_embeds": [hidden[:, None]]}
            ).sample
        goal = torch.where(own, torch.lerp(velocity, taught, TEACHER_WEIGHT), taught)
        run.update(network.velocity_loss(output, goal, batch["mask"]), count=len(z))


if __name__ == "__main__":
    main()
