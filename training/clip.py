"""Train the small CLIP model: ``python -m training.clip``.

Contrastive on scenes (arXiv 2103.00020), 64 px pictures. It ranks variants, and the
IP-Adapter's image encoder starts from its vision tower. It has the base's vocabulary and a text
tower of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from retouch.evaluation.scenes.captions import caption, vary
from retouch.evaluation.scenes.layouts import sample
from retouch.evaluation.scenes.scene import Scene, render
from retouch.evaluation.scenes.vocabulary import NOUNS
from training import loop, tokenizer
from training.batches import Batch, stream
from training.tokenizer import POSITIONS, Words

SIZE: Final = 64
PROJECTION: Final = 128
#: Kind of batch -> share. Without batches that differ in one thing only, CLIP learns colours and
#: places and leaves the nouns alone.
HARD: Final = {"any": 0.30, "noun": 0.45, "object": 0.25}


def build(words: Words, *, full: bool = False) -> CLIPModel:
    """Return the untrained CLIP model: text 2 x 128, vision 4 x 192 on 8 px patches.

    ``full``: with CLIP's 49,408 embeddings instead of one per known token and one for all others.
    """
    tokens = words.tokenizer
    text: dict[str, Any] = {
        "vocab_size": len(tokens) if full else words.size,
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": POSITIONS,
        "projection_dim": PROJECTION,
        "bos_token_id": tokens.bos_token_id if full else int(words.compact[tokens.bos_token_id]),
        "eos_token_id": tokens.eos_token_id if full else words.end,
        "pad_token_id": tokens.pad_token_id if full else words.end,
    }
    vision: dict[str, Any] = {
        "hidden_size": 192,
        "intermediate_size": 768,
        "num_hidden_layers": 4,
        "num_attention_heads": 3,
        "image_size": SIZE,
        "patch_size": 8,
        "projection_dim": PROJECTION,
    }
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=PROJECTION))


def load(out: Path, device: str = "cpu") -> CLIPModel:
    """Return the averaged CLIP model (known tokens only)."""
    model = build(tokenizer.load(out))
    model.load_state_dict(loop.averaged(out / "clip.pt", "clip"))
    return model.eval().requires_grad_(False).to(device)


def pixels(pictures: list[NDArray[np.float32]]) -> Tensor:
    """Return (N, 3, 64, 64) in [-1, 1] for (H, W, 3) pictures in [0, 1]."""
    small = [cv2.resize(p, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for p in pictures]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2) * 2 - 1


def scenes(rng: np.random.Generator, count: int, kind: str = "any") -> list[Scene]:
    """Return scenes with distinct captions.

    ``noun``: runs of one place, colour and size that differ in the noun; ``object``: one place,
    any objects; ``any``: anything.
    """
    chosen: dict[str, Scene] = {}
    model, nouns = sample(rng, "single"), [str(noun) for noun in rng.permutation(NOUNS)]
    while len(chosen) < count:
        scene = sample(rng) if kind == "any" else sample(rng, "single")
        if kind == "object":
            scene = replace(scene, place=model.place, night=model.night, season=model.season)
        if kind == "noun":
            scene = replace(model, things=(replace(model.things[0], noun=nouns.pop()),))
            if not nouns:
                model, nouns = sample(rng, "single"), [str(n) for n in rng.permutation(NOUNS)]
        if scene.valid():
            chosen[caption(scene)] = scene
    return list(chosen.values())[:count]


def drawing(scene: Scene, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a scene at 128 px; three of ten are blurred, as a generated picture is softer."""
    picture = render(scene, 128)[0]
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 2.0)))
    return picture


def pictures(
    rng: np.random.Generator, count: int, words: Words, kind: str = "any"
) -> tuple[Tensor, Tensor]:
    """Return (count, 3, 64, 64) pictures and (count, 77) ids of scenes with distinct captions."""
    drawn = scenes(rng, count, kind)
    drawings = [drawing(scene, rng) for scene in drawn]
    texts = [vary(scene, rng) for scene in drawn]
    return pixels(drawings), torch.from_numpy(words.encode(texts))


def contrastive_loss(model: CLIPModel, images: Tensor, ids: Tensor) -> Tensor:
    """Return the symmetric cross-entropy of CLIP over the batch."""
    logits = model(input_ids=ids, pixel_values=images).logits_per_image.float()
    labels = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def accuracy(model: CLIPModel, words: Words, kind: str, seed: int = 10_000_033) -> float:
    """Return how often the right one of 100 captions is the nearest, on held-out scenes."""
    images, ids = pictures(np.random.default_rng(seed), 100, words, kind)
    with torch.no_grad():
        logits = model(input_ids=ids, pixel_values=images).logits_per_image
    return float((logits.argmax(1) == torch.arange(100)).float().mean())


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=40)
    parser.set_defaults(batch=96, lr=1e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    words = tokenizer.load(args.out)
    model = build(words).to(args.device)
    run = loop.Run("clip", {"clip": model}, args, decay=0.998)
    kinds, shares = list(HARD), list(HARD.values())

    def draw(rng: np.random.Generator) -> Batch:
        images, ids = pictures(rng, args.batch, words, str(rng.choice(kinds, p=shares)))
        return {"images": images, "ids": ids}

    for batch in stream(draw, run, args):
        with loop.autocast(args.device):
            loss = contrastive_loss(model, batch["images"], batch["ids"])
        run.update(loss)
    if run.rank == 0:
        scores = ", ".join(f"{k} {accuracy(run.ema['clip'], words, k):.2f}" for k in kinds)
        print(f"clip: {run.samples} pairs, {run.minutes:.1f} min, 1 of 100 right: {scores}")


if __name__ == "__main__":
    main()
