"""Score the exported model with the small CLIP as judge: ``python -m training.judge``.

For held-out scenes the judge picks one of the 32 nouns, and one of the colours, that the caption
could have named. Columns: real scenes, the same after the autoencoder, generated, chance.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import CLIPModel, CLIPTokenizer

from training import clip, samples, tokenizer
from training.export import TARGET
from training.scenes import Scene, render, sample
from training.vocabulary import COLOURS, NOUNS


def scenes(count: int, seed: int = 20_000_003) -> list[Scene]:
    """Return held-out scenes with an object of a named colour in the middle."""
    rng = np.random.default_rng(seed)
    found: list[Scene] = []
    while len(found) < count:
        scene = sample(rng, empty=0.0)
        if scene.colour and scene.position == "centre":
            found.append(scene)
    return found


def right(
    judge: CLIPModel,
    words: CLIPTokenizer,
    pictures: list[NDArray[np.float32]],
    wanted: list[Scene],
    attribute: str,
) -> float:
    """Return the share of pictures for which the judge picks the scene's own ``attribute``."""
    options = list(NOUNS) if attribute == "noun" else list(COLOURS)
    hits = 0
    for picture, scene in zip(pictures, wanted, strict=True):
        changed = [
            replace(scene, noun=option) if attribute == "noun" else replace(scene, colour=option)
            for option in options
        ]
        captions = [changed_scene.caption() for changed_scene in changed]
        ids = torch.from_numpy(tokenizer.encode(words, captions).astype(np.int64))
        logits = judge(input_ids=ids, pixel_values=clip.pixels([picture])).logits_per_image
        hits += options[int(logits.argmax())] == getattr(scene, attribute)
    return hits / len(wanted)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--target", type=Path, default=TARGET)
    parser.add_argument("--count", type=int, default=96)
    args = parser.parse_args()
    judge = CLIPModel.from_pretrained(args.target / "retouch-mini-clip", dtype=torch.float32)
    pipeline = samples.load(args.target)
    wanted = scenes(args.count)
    real = [render(scene)[0] for scene in wanted]
    x = torch.from_numpy(np.stack(real)).permute(0, 3, 1, 2) * 2 - 1
    decoded = pipeline.vae(x).sample.clamp(-1, 1).permute(0, 2, 3, 1).numpy() / 2 + 0.5
    drawn = pipeline(
        [scene.caption() for scene in wanted],
        height=128,
        width=128,
        num_inference_steps=samples.STEPS,
        guidance_scale=samples.GUIDANCE,
        generator=samples.generators(len(wanted)),
        output_type="np",
    ).images
    columns = {"real": real, "round trip": list(decoded), "generated": list(drawn)}
    for attribute in ("noun", "colour"):
        chance = 1 / len(NOUNS if attribute == "noun" else COLOURS)
        scores = [
            f"{name} {right(judge, pipeline.tokenizer, pictures, wanted, attribute):.3f}"
            for name, pictures in columns.items()
        ]
        print(f"{attribute}: {', '.join(scores)}, chance {chance:.3f}", flush=True)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
