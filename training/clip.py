"""Train the small CLIP model that ranks variants: ``python -m training.clip``.

Contrastive on scenes (arXiv 2103.00020), 64 px pictures; its vision tower is the IP-Adapter's
image encoder. It shares the base's tokenizer and has its own text tower.
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
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from training import loop, tokenizer
from training.scenes import render, sample, vary
from training.vocabulary import NOUNS

SIZE: Final = 64
PROJECTION: Final = 128


def build(words: CLIPTokenizer) -> CLIPModel:
    """Return the untrained CLIP model: text 2 x 128, vision 3 x 128 on 8 px patches."""
    text: dict[str, Any] = {
        "vocab_size": len(words),
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 77,
        "projection_dim": PROJECTION,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }
    vision: dict[str, Any] = {
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "image_size": SIZE,
        "patch_size": 8,
        "projection_dim": PROJECTION,
    }
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=PROJECTION))


def load(out: Path, device: str = "cpu", name: str = "clip") -> CLIPModel:
    """Return the averaged CLIP model of the checkpoint ``name``."""
    model = build(tokenizer.load(out))
    model.load_state_dict(loop.averaged(out / f"{name}.pt", "clip"))
    return model.eval().requires_grad_(False).to(device)


def pixels(pictures: list[NDArray[np.float32]]) -> Tensor:
    """Return (N, 3, 64, 64) in [-1, 1] for (H, W, 3) pictures in [0, 1]."""
    small = [cv2.resize(p, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for p in pictures]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2) * 2 - 1


def batch(
    rng: np.random.Generator, count: int, words: CLIPTokenizer, hard: bool = False
) -> tuple[Tensor, Tensor]:
    """Return (count, 3, 64, 64) pictures and (count, 77) ids of scenes with distinct captions.

    ``hard``: runs of scenes that differ in nothing but the noun. Without them the model learns
    colours and places and leaves the nouns alone.
    """
    pictures: list[NDArray[np.float32]] = []
    texts: list[str] = []
    seen: set[str] = set()
    while len(texts) < count:
        if hard and len(texts) % len(NOUNS) == 0:
            model = sample(rng, empty=0.0)
            nouns = rng.permutation(NOUNS)
        scene = sample(rng)
        if hard:
            noun = str(nouns[len(texts) % len(NOUNS)])
            scene = replace(model, noun=noun, scale=scene.scale, dx=scene.dx, dy=scene.dy)
        caption = scene.caption()
        if caption in seen and not hard:
            continue
        seen.add(caption)
        picture = render(scene, 128)[0]
        if rng.random() < 0.3:  # a generated picture is softer than a drawn one
            picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 2.5)))
        pictures.append(picture)
        texts.append(vary(caption, scene, rng))
    ids = torch.from_numpy(tokenizer.encode(words, texts).astype(np.int64))
    return pixels(pictures), ids


def contrastive_loss(model: CLIPModel, images: Tensor, ids: Tensor) -> Tensor:
    """Return the symmetric cross-entropy of CLIP over the batch."""
    logits = model(input_ids=ids, pixel_values=images).logits_per_image.float()
    labels = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=8)
    parser.set_defaults(batch=64, lr=1e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    words = tokenizer.load(args.out)
    model = build(words).to(args.device)
    run = loop.Run("clip", {"clip": model}, args, decay=0.99)
    rng = np.random.default_rng([args.seed, run.rank, run.step, 5])
    for _ in run.steps():
        images, ids = batch(rng, args.batch, words, hard=bool(rng.random() < 0.7))
        with loop.autocast(args.device):
            loss = contrastive_loss(model, images.to(args.device), ids.to(args.device))
        run.update(loss)
    if run.rank == 0:
        held = np.random.default_rng(10_000_033)
        images, ids = batch(held, 200, words)
        with torch.no_grad():
            logits = load(args.out)(input_ids=ids, pixel_values=images).logits_per_image
        right = (logits.argmax(1) == torch.arange(200)).float().mean()
        print(f"clip: {run.samples} pairs, {run.minutes:.1f} min, 1 of 200 right: {right:.3f}")


if __name__ == "__main__":
    main()
