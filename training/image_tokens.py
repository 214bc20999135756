"""Train the IP-Adapter's image tokens: ``python -m training.image_tokens``.

The base's cross-attention reads states of its text encoder. So before the denoiser takes part, a
resampler (IP-Adapter plus) over the patches of CLIP's vision tower learns to say what a caption of
the picture would say, and the tower learns on with it. The states are those of four places: the end
of the object's words, the end of the place's, the end token and the one after it.

Less did not do. From tokens that mean nothing, 29,000 scenes taught the adapter colours and hardly
a shape. A linear projection of CLIP's embedding, fitted to the same states, names the noun of 31 %
of the pictures: a regression to the mean, though a linear classifier of the embedding names 87 %.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from torch import Tensor, nn
from transformers import CLIPTextModel

from retouch.evaluation.scenes.captions import object_phrase, place_phrase
from retouch.evaluation.scenes.layouts import sample
from retouch.evaluation.scenes.scene import Scene, render
from retouch.evaluation.scenes.vocabulary import COLOURS, NOUNS
from training import base, clip, loop, network
from training.batches import Batch, stream
from training.tokenizer import Words

TOKENS: Final = 4
#: Token places that a caption of one object needs; the text encoder is causal.
POSITIONS: Final = 24


class ImageTokens(nn.Module):
    """A vision tower and the resampler that reads its last but one hidden states."""

    def __init__(self, vision: nn.Module) -> None:
        super().__init__()
        self.vision = vision
        width: int = vision.config.hidden_size  # type: ignore[union-attr, assignment]
        self.resampler = IPAdapterPlusImageProjection(
            embed_dims=width,
            output_dims=network.WIDTH,
            hidden_dims=network.WIDTH,
            depth=4,
            dim_head=64,
            heads=3,
            num_queries=TOKENS,
        )

    def hidden(self, images: Tensor) -> Tensor:
        """Return the (N, 65, 192) hidden states that the resampler reads of (N, 3, 64, 64)."""
        states = self.vision(pixel_values=images, output_hidden_states=True).hidden_states
        found: Tensor = states[-2]
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 4, 192) image tokens of (N, 3, 64, 64) pictures in [-1, 1]."""
        found: Tensor = self.resampler(self.hidden(images))
        return found


def build(out: Path) -> ImageTokens:
    """Return CLIP's vision tower with an untrained resampler."""
    return ImageTokens(clip.load(out).vision_model)


def load(out: Path, device: str = "cpu") -> ImageTokens:
    """Return the averaged tower and resampler."""
    tokens = build(out)
    tokens.load_state_dict(loop.averaged(out / "image-tokens.pt", "tokens"))
    return tokens.eval().requires_grad_(False).to(device)


def published(resampler: nn.Module) -> dict[str, Tensor]:
    """Return a resampler's weights under the names of the published IP-Adapter plus files."""
    renamed = (
        (".ln0.", ".0.norm1."),
        (".ln1.", ".0.norm2."),
        (".attn.to_out.0.", ".0.to_out."),
        (".attn.to_q.", ".0.to_q."),
        (".ff.0.", ".1.0."),
        (".ff.1.net.0.proj.", ".1.1."),
        (".ff.1.net.2.", ".1.3."),
    )
    state = resampler.state_dict()
    found = {}
    for name, tensor in state.items():
        for old, new in renamed:
            name = name.replace(old, new)
        if name.endswith(".attn.to_k.weight"):
            values = state[name.replace("to_k", "to_v")]
            found[name.replace(".attn.to_k.", ".0.to_kv.")] = torch.cat([tensor, values])
        elif not name.endswith(".attn.to_v.weight"):
            found[name] = tensor
    return {f"image_proj.{name}": tensor for name, tensor in found.items()}


def draw_scene(rng: np.random.Generator) -> Scene:
    """Return a scene of one object; every second time before a plain colour, as a user crops."""
    plain = rng.random() < 0.5
    while True:
        found = sample(rng, "single")
        if plain:
            thing = replace(found.things[0], x=0.5, y=0.5)
            found = Scene((thing,), str(rng.choice(list(COLOURS))))
        if found.valid():
            return found


class CaptionedPictures:
    """Pictures of one object and which states of their captions the tokens shall be."""

    def __init__(self, words: Words, count: int) -> None:
        self.words, self.count = words, count

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return images (N, 3, 64, 64), ids (N, 24) and places (N, 4, 1) among them."""
        scenes = [draw_scene(rng) for _ in range(self.count)]
        phrases = [object_phrase(s.things[0].noun, s.things[0].colour) for s in scenes]
        wholes = [
            f"{phrase} {place_phrase(s.place)}{' at night' if s.night else ''}"
            for phrase, s in zip(phrases, scenes, strict=True)
        ]
        ends = np.array([[last_token(self.words, part) for part in both]
                         for both in zip(phrases, wholes, strict=True)])  # fmt: skip
        places = np.column_stack([ends, ends[:, 1] + 1, ends[:, 1] + 2])[..., None]
        return {
            "images": clip.pixels([clip.drawing(s, rng) for s in scenes]),
            "ids": torch.from_numpy(self.words.encode(wholes)[:, :POSITIONS]),
            "places": torch.from_numpy(places),
        }


def last_token(words: Words, phrase: str) -> int:
    """Return the place of a phrase's last token; the start token has place 0."""
    return len(words.tokenizer(phrase)["input_ids"]) - 2


@torch.no_grad()
def noun_accuracy(
    tokens: ImageTokens, text: CLIPTextModel, words: Words, count: int = 200
) -> float:
    """Return the share, 0 to 1, of ``count`` pictures whose first token is nearest to their noun's.

    The others are the states of all nouns in the same colour.
    """
    rng = np.random.default_rng([0x1A6E, 1])
    device = next(tokens.parameters()).device
    known: dict[str, Tensor] = {}
    right = 0
    for _ in range(count):
        thing = (found := draw_scene(rng)).things[0]
        if thing.colour not in known:
            phrases = [object_phrase(noun, thing.colour) for noun in NOUNS]
            ids = torch.from_numpy(words.encode(phrases)[:, :POSITIONS]).to(device)
            ends = torch.tensor([last_token(words, phrase) for phrase in phrases], device=device)
            states = text(ids).last_hidden_state
            known[thing.colour] = states[torch.arange(len(phrases), device=device), ends]
        token = tokens(clip.pixels([render(found)[0]]).to(device))[0, 0]
        nearest = int((known[thing.colour] - token).square().sum(dim=1).argmin())
        right += NOUNS[nearest] == thing.noun
    return right / count


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=9)
    parser.set_defaults(batch=96)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    _, text, words = base.load(args.out, args.device)
    tokens = build(args.out).requires_grad_(True).to(args.device)
    tokens.vision.encoder.layers[-1].requires_grad_(False)
    tokens.vision.post_layernorm.requires_grad_(False)
    run = loop.Run("image-tokens", {"tokens": tokens}, args, decay=0.995)
    pictures = CaptionedPictures(words, args.batch)
    for batch in stream(pictures.draw, run, args):
        with loop.autocast(args.device):
            with torch.no_grad():
                states = text(batch["ids"]).last_hidden_state
            found = tokens(batch["images"])
        wanted = torch.take_along_dim(states, batch["places"], dim=1)
        run.update((found.float() - wanted.float()).square().mean())
    if run.rank == 0:
        share = noun_accuracy(run.ema["tokens"], text, words)
        print(f"image tokens: {run.samples} pictures, {run.minutes:.1f} min, {share:.2f} named")


if __name__ == "__main__":
    main()
