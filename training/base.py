"""Train the denoiser and the text encoder together: ``python -m training.base``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel

from retouch.evaluation.scenes.captions import vary
from retouch.evaluation.scenes.edits import Edit
from retouch.evaluation.scenes.scene import Scene
from retouch.evaluation.scenes.vocabulary import COLOURS, plural
from training import focus, latents, loop, network, tokenizer
from training.batches import Batch, stream
from training.tokenizer import POSITIONS, Words

#: Share of captions left empty, for classifier-free guidance (arXiv 2207.12598).
DROPPED: Final = 0.10
#: Share of captions that get up to three words outside the known tokens.
ESTRANGED: Final = 0.08
#: Kind of scene -> its share; among the edits scenes of several equal objects are rare.
SHARES: Final = {"single": 0.37, "pair": 0.35, "count": 0.23, "empty": 0.05}
#: Positions of the text encoder that close-ups use: it would take a third of their time. The
#: denoiser sees the last state, of a padding token, in all the places behind.
NEAR_POSITIONS: Final = 20
#: Weight of the attention loss beside the velocity's.
FOCUS: Final = 0.05


def load(out: Path, device: str = "cpu") -> tuple[UNet2DConditionModel, CLIPTextModel, Words]:
    """Return the averaged denoiser, text encoder (known tokens only) and words of the base run."""
    words = tokenizer.load(out)
    unet, text = network.build_unet(), network.build_text_encoder(words)
    unet.load_state_dict(loop.averaged(out / "base.pt", "unet"))
    text.load_state_dict(loop.averaged(out / "base.pt", "text_encoder"))
    return unet.eval().to(device), text.eval().to(device), words


def estrange(text: str, words: Words, rng: np.random.Generator) -> str:
    """Return the caption with up to three words that training does not know."""
    known = words.strangers
    joined = " ".join(known[i] for i in rng.integers(len(known), size=int(rng.integers(1, 4))))
    return f"{joined} {text}" if rng.random() < 0.3 else f"{text}, {joined}"


def states_of(text: CLIPTextModel, ids: Tensor, z: Tensor) -> Tensor:
    """Return the text encoder's (N, 77, D) states of (N, 77) ids for latents of the size of z."""
    if z.shape[-1] == network.CELLS:
        whole: Tensor = text(ids).last_hidden_state
        return whole
    states = text(ids[:, :NEAR_POSITIONS]).last_hidden_state
    padding = states[:, -1:].expand(-1, POSITIONS - NEAR_POSITIONS, -1)
    return torch.cat([states, padding], dim=1)


@torch.no_grad()
def follow(text: CLIPTextModel) -> None:
    """Let the positions that close-ups do not use follow the last one that they do."""
    table = text.embeddings.position_embedding.weight
    table[NEAR_POSITIONS:] = table[NEAR_POSITIONS - 1]


class Pointer:
    """Finds the tokens that name a scene's objects."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self._pieces: dict[str, list[int]] = {}
        self._colours = {words.pieces(colour)[0] for colour in COLOURS}

    def weights(self, scene: Scene, ids: list[int]) -> Tensor:
        """Return (2, 77): averaging weights of the tokens of up to two objects.

        The noun and the colour right before it. A row is zero where the caption has another word
        for the object, or none.
        """
        weights = torch.zeros(2, POSITIONS)
        several = len(scene.things) > 1 and not scene.relation
        start = 1
        for slot, thing in enumerate(scene.things[: 2 if scene.relation else 1]):
            pieces = self._find(plural(thing.noun) if several else thing.noun)
            for place in range(start, POSITIONS - len(pieces)):
                if ids[place : place + len(pieces)] == pieces:
                    first = place - (thing.colour != "" and ids[place - 1] in self._colours)
                    start = place + len(pieces)
                    weights[slot, first:start] = 1 / (start - first)
                    break
        return weights

    def _find(self, noun: str) -> list[int]:
        if noun not in self._pieces:
            self._pieces[noun] = self.words.pieces(noun)
        return self._pieces[noun]


def kinds_of(edit: Edit) -> tuple[str, str]:
    """Return which of SHARES the scenes before and after an edit belong to."""
    before, after = (
        "empty" if not s.things else "pair" if s.relation else "count" if s.things[1:] else "single"
        for s in (edit.before, edit.after)
    )
    return before, after


class Scenes:
    """Random scenes: scaled latents, object masks, token ids and which tokens name an object."""

    def __init__(self, args: argparse.Namespace, words: Words) -> None:
        self.stock = latents.Stock(args, kinds_of, SHARES)
        self.words, self.pointer = words, Pointer(words)

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return z (N, 4, h, w), masks (N, 2, h, w), ids (N, 77) and tokens (N, 2, 77)."""
        pairs, drawn = self.stock.draw(rng)
        rows, sides = drawn // 2, drawn % 2
        edits = [pairs.edits[int(row)] for row in rows]
        scenes = [e.after if side else e.before for e, side in zip(edits, sides, strict=True)]
        ids = self.words.encode([self._text(scene, rng) for scene in scenes])
        both = zip(scenes, ids.tolist(), strict=True)
        masks = pairs.masks[rows, sides].astype(np.float32)
        return {
            "z": torch.from_numpy(pairs.latents[rows, sides].astype(np.float32)) * pairs.scaling,
            "masks": torch.from_numpy(masks / 255),
            "ids": torch.from_numpy(ids),
            "tokens": torch.stack([self.pointer.weights(scene, row) for scene, row in both]),
        }

    def _text(self, scene: Scene, rng: np.random.Generator) -> str:
        if rng.random() < DROPPED:
            return ""
        text = vary(scene, rng)
        return estrange(text, self.words, rng) if rng.random() < ESTRANGED else text


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=300, close_ups=True)
    parser.set_defaults(lr=8e-4)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    words = tokenizer.load(args.out)
    unet, text = network.build_unet(), network.build_text_encoder(words)
    network.prepare_unet(unet, args.device)
    watched = focus.watch(unet)
    text.to(args.device).train()
    run = loop.Run("base", {"unet": unet, "text_encoder": text}, args)
    scenes = Scenes(args, words)
    noise = network.Noise().to(args.device)
    for batch in stream(scenes.draw, run, args):
        noised, timesteps, velocity = noise(batch["z"])
        watched.aim(batch["tokens"], batch["masks"])
        with loop.autocast(args.device):
            states = states_of(text, batch["ids"], noised)
            output = unet(noised, timesteps, states).sample
        together = batch["masks"].amax(dim=1, keepdim=True)
        loss = network.velocity_loss(output, velocity, together)
        total = loss + FOCUS * watched.loss()
        run.update(total, watch={"velocity": loss}, count=len(noised))
        if args.close_ups == 1:
            follow(text)


if __name__ == "__main__":
    main()
