"""Train the IP-Adapter (arXiv 2308.06721): ``python -m training.ip_adapter``.

A frozen CLIP vision tower embeds the reference picture; four image tokens reach the frozen base
through new key and value projections of its cross-attention.
"""

from __future__ import annotations

import argparse
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
from training import base, checkpoints, clip, image_tokens, latents, loop, network
from training.batches import Batch, stream
from training.tokenizer import Words

TOKENS: Final = 4


def initial(unet: UNet2DConditionModel) -> dict[str, dict[str, Tensor]]:
    """Return starting weights in the published layout: keys and values copied from the text's.

    ``ip_adapter`` numbers the cross-attention layers 1, 3, 5, ... in the order of diffusers'
    ``unet.attn_processors`` (down, up, mid).
    """
    projection = nn.Linear(clip.PROJECTION, TOKENS * network.WIDTH)
    norm = nn.LayerNorm(network.WIDTH)
    image_proj = {f"proj.{k}": v.detach() for k, v in projection.state_dict().items()}
    image_proj |= {f"norm.{k}": v.detach() for k, v in norm.state_dict().items()}
    state = unet.state_dict()
    layers: dict[str, Tensor] = {}
    names = [n for n in unet.attn_processors if ".attn2." in n]
    for index, name in enumerate(names):
        attention = name.removesuffix(".processor")
        for part in ("k", "v"):
            copied = state[f"{attention}.to_{part}.weight"].clone()
            layers[f"{2 * index + 1}.to_{part}_ip.weight"] = copied
    return {"image_proj": image_proj, "ip_adapter": layers}


class Adapter(nn.Module):
    """The trained part: the image projection and the processors that the UNet already holds."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.projection = unet.encoder_hid_proj
        processors = unet.attn_processors.items()
        self.layers = nn.ModuleList([p for n, p in processors if ".attn2." in n])

    def published(self) -> dict[str, Tensor]:
        """Return the weights under the names of the published IP-Adapter files."""
        projection: Any = self.projection.image_projection_layers[0]
        state = {
            "image_proj.proj.weight": projection.image_embeds.weight,
            "image_proj.proj.bias": projection.image_embeds.bias,
            "image_proj.norm.weight": projection.norm.weight,
            "image_proj.norm.bias": projection.norm.bias,
        }
        for index, layer in enumerate(self.layers):
            processor: Any = layer
            state[f"ip_adapter.{2 * index + 1}.to_k_ip.weight"] = processor.to_k_ip[0].weight
            state[f"ip_adapter.{2 * index + 1}.to_v_ip.weight"] = processor.to_v_ip[0].weight
        return {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}


def attach(unet: UNet2DConditionModel) -> Adapter:
    """Give the UNet fresh IP-Adapter weights; return the module that is trained."""
    unet._load_ip_adapter_weights([initial(unet)])  # diffusers' own loader sets the processors
    return Adapter(unet)


def load(out: Path) -> Adapter:
    """Return the averaged adapter."""
    adapter = attach(base.load(out)[0])
    adapter.load_state_dict(loop.averaged(out / "ip-adapter.pt", "adapter"))
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
        self.stock = latents.Stock(args, lambda edit: base.kinds_of(edit)[1:], base.SHARES)
        self.words = words

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return z (N, 4, h, w), mask, images (N, 3, 64, 64), keep (N, 1) and ids (N, 77)."""
        pairs, rows = self.stock.draw(rng)
        chosen = [reference(pairs.edits[int(row)].after, rng) for row in rows]
        masks = pairs.masks[rows, 1].max(axis=1, keepdims=True)
        return {
            "z": torch.from_numpy(pairs.latents[rows, 1].astype(np.float32)) * pairs.scaling,
            "mask": torch.from_numpy(masks.astype(np.float32) / 255),
            "images": clip.pixels([render(scene)[0] for scene, _ in chosen]),
            "keep": torch.from_numpy((rng.random((len(rows), 1)) >= 0.1).astype(np.float32)),
            "ids": torch.from_numpy(self.words.encode([prompt for _, prompt in chosen])),
        }


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=40, close_ups=True)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    unet, text, words = base.load(args.out, args.device)
    unet.requires_grad_(False)
    adapter = attach(unet.to(memory_format=torch.channels_last)).requires_grad_(True)
    vision = clip.load(args.out, args.device)
    if not checkpoints.exists(args.out / "ip-adapter.pt"):
        projection = adapter.projection.image_projection_layers[0]
        print("image tokens", image_tokens.fit(projection, vision, text, words, args.seed))
    run = loop.Run("ip-adapter", {"adapter": adapter}, args, decay=0.99)
    references = References(args, words)
    noise = network.Noise().to(args.device)
    for batch in stream(references.draw, run, args):
        noised, timesteps, velocity = noise(batch["z"])
        with loop.autocast(args.device):
            with torch.no_grad():
                states = base.states_of(text, batch["ids"], noised)
                hidden = vision.vision_model(pixel_values=batch["images"]).pooler_output
                embeds = vision.visual_projection(hidden) * batch["keep"]
            output = unet(
                noised, timesteps, states, added_cond_kwargs={"image_embeds": [embeds[:, None]]}
            ).sample
        run.update(network.velocity_loss(output, velocity, batch["mask"]))


if __name__ == "__main__":
    main()
