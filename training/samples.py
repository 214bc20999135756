"""Contact sheets of the exported model: ``python -m training.samples --what base --to sheet.png``.

Everything runs through diffusers' own pipelines on the exported folders, so a sheet also proves
that the layout is the standard one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from diffusers import (
    StableDiffusionAdapterPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
    T2IAdapter,
    UNet2DConditionModel,
)
from PIL import Image
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from retouch.evaluation.scenes.captions import caption
from retouch.evaluation.scenes.scene import Scene, Thing, render
from training import control_pictures
from training.export import TARGET

STEPS: Final = 25
GUIDANCE: Final = 3.0

PROMPTS: Final = (
    "a red apple on a meadow",
    "a yellow star on a blue background",
    "a blue cat in the snow",
    "a cat on a beach",
    "a green car in a city at night",
    "a pink elephant in the desert",
    "a house in a forest in winter",
    "a white rocket in space",
    "an orange fish under water",
    "a guitar in a room",
    "a purple heart on a white background",
    "a banana on a pink background",
    "a red cat to the left of a blue dog on a beach",
    "a green book to the right of a yellow bell in a room",
    "a pizza above a donut on a white background",
    "a whale below a sailboat in the sky",
    "a pink pig and a brown horse on a meadow in autumn",
    "two rabbits on a meadow",
    "three red balloons in the sky",
    "four lemons on a blue background",
    "a butterfly on a meadow, beautiful art",
    "a small robot in a city",
    "a white rabbit on the right on a meadow at night",
    "a sunset",
)


def _single(noun: str, colour: str, place: str, variant: int = 0) -> Scene:
    return Scene((Thing(noun, colour, 0.5, 0.53, 0.66),), place, variant=variant)


def picture(scene: Scene) -> Image.Image:
    """Return the scene as a 128 px PIL picture."""
    return Image.fromarray(np.round(render(scene)[0] * 255).astype(np.uint8))


def load(target: Path, kind: type[Any] = StableDiffusionPipeline, **components: Any) -> Any:
    """Return a diffusers pipeline of ``kind`` around the exported base, in float32."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        target / "retouch-mini", dtype=torch.float32, safety_checker=None
    )
    parts = dict(pipeline.components)
    parts.update(components)
    names = set(kind.__init__.__code__.co_varnames)
    made = kind(
        **{name: part for name, part in parts.items() if name in names},
        requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    return made


def generators(count: int, seed: int = 0) -> list[torch.Generator]:
    """Return one seeded generator per picture."""
    return [torch.Generator().manual_seed(seed + n) for n in range(count)]


def base_sheet(target: Path) -> list[tuple[str, Image.Image]]:
    """Text to picture for every prompt, two seeds."""
    pipeline = load(target)
    prompts = [p for p in PROMPTS for _ in range(2)]
    images = pipeline(
        prompts,
        height=128,
        width=128,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=generators(len(prompts)),
    ).images
    return list(zip(prompts, images, strict=True))


SOURCES: Final = (
    _single("apple", "red", "meadow", 1),
    _single("star", "yellow", "blue"),
    _single("cat", "", "beach", 2),
    _single("house", "", "meadow", 3),
    _single("car", "red", "city", 0),
    _single("rabbit", "", "snow", 4),
)


def sdedit_sheet(target: Path) -> list[tuple[str, Image.Image]]:
    """SDEdit (arXiv 2108.01073) at three strengths."""
    pipeline = load(target, StableDiffusionImg2ImgPipeline)
    prompts = (
        "a green apple on a meadow",
        "a red star on a blue background",
        "a black cat on a beach at night",
        "a house in the snow",
        "a blue car in a city at night",
        "a pink rabbit in the snow",
    )
    sheet = []
    for scene, prompt in zip(SOURCES, prompts, strict=True):
        source = picture(scene)
        sheet.append((caption(scene), source))
        for strength in (0.6, 0.75, 0.9):
            image = pipeline(
                prompt,
                image=source,
                strength=strength,
                num_inference_steps=30,
                guidance_scale=4.0,
                generator=generators(1),
            ).images[0]
            sheet.append((f"{strength} {prompt}", image))
    return sheet


def instruct_sheet(target: Path) -> list[tuple[str, Image.Image]]:
    """InstructPix2Pix: three instructions per source."""
    unet = UNet2DConditionModel.from_pretrained(
        target / "retouch-mini-instruct" / "unet", dtype=torch.float32
    )
    pipeline = load(target, StableDiffusionInstructPix2PixPipeline, unet=unet)
    instructions = (
        ("make it green", "turn the apple into a pear", "make it night"),
        ("make it red", "turn the star into a heart", "make the background pink"),
        ("turn the cat into a dog", "put it in the snow", "make the cat blue"),
        ("make it night", "change the background to a desert", "make the house pink"),
        ("make the car yellow", "replace the car with a bus", "remove the car"),
        ("make it purple", "put it on a meadow", "turn the rabbit into a turtle"),
    )
    sheet = []
    for scene, wishes in zip(SOURCES, instructions, strict=True):
        source = picture(scene)
        sheet.append((caption(scene), source))
        for wish in wishes:
            image = pipeline(
                wish,
                image=source,
                num_inference_steps=STEPS,
                guidance_scale=2.5,
                image_guidance_scale=1.5,
                generator=generators(1),
            ).images[0]
            sheet.append((wish, image))
    return sheet


def ip_adapter_sheet(target: Path) -> list[tuple[str, Image.Image]]:
    """IP-Adapter: the reference alone, and the reference in two other places."""
    folder = target / "retouch-mini-ip-adapter"
    encoder = CLIPVisionModelWithProjection.from_pretrained(
        folder / "image_encoder", dtype=torch.float32
    )
    processor = CLIPImageProcessor.from_pretrained(folder / "image_encoder")
    pipeline = load(target, image_encoder=encoder, feature_extractor=processor)
    pipeline.load_ip_adapter(
        str(folder), subfolder="", weight_name="ip-adapter.safetensors", image_encoder_folder=None
    )
    pipeline.set_ip_adapter_scale(0.6)
    sheet = []
    for scene in SOURCES:
        source = picture(scene)
        sheet.append((f"reference: {caption(scene)}", source))
        for prompt in ("", "in the desert", "on a yellow background"):
            image = pipeline(
                prompt,
                ip_adapter_image=source,
                height=128,
                width=128,
                num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
                generator=generators(1),
            ).images[0]
            sheet.append((prompt or "(no prompt)", image))
    return sheet


def t2i_sheet(target: Path, control: str) -> list[tuple[str, Image.Image]]:
    """T2I-Adapter: a control picture and two prompts per source."""
    adapter = T2IAdapter.from_pretrained(
        target / f"retouch-mini-t2i-{control}", dtype=torch.float32
    )
    pipeline = load(target, StableDiffusionAdapterPipeline, adapter=adapter)
    sheet = []
    for scene in SOURCES:
        drawn = np.round(control_pictures.drawn(control, render(scene)[0]) * 255).astype(np.uint8)
        hint = Image.fromarray(drawn[..., 0] if drawn.shape[2] == 1 else drawn)
        sheet.append((caption(scene), picture(scene)))
        sheet.append((f"{control} control", hint.convert("RGB")))
        for prompt in (caption(scene), f"a purple {scene.things[0].noun} at sunset"):
            image = pipeline(
                prompt,
                image=hint,
                height=128,
                width=128,
                num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
                generator=generators(1),
            ).images[0]
            sheet.append((prompt, image))
    return sheet


def write(sheet: list[tuple[str, Image.Image]], path: Path, columns: int = 8) -> None:
    """Write labelled tiles as one PNG."""
    tiles = []
    for label, image in sheet:
        tile = np.full((142, 132, 3), 255, np.uint8)
        tile[:128, 2:130] = np.asarray(image.convert("RGB").resize((128, 128)))
        cv2.putText(tile, label[:46], (2, 138), cv2.FONT_HERSHEY_SIMPLEX, 0.26, (0, 0, 0), 1)
        tiles.append(tile)
    while len(tiles) % columns:
        tiles.append(np.full((142, 132, 3), 255, np.uint8))
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    Image.fromarray(np.vstack(rows)).save(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    kinds = ("base", "sdedit", "instruct", "ip-adapter", "t2i-canny", "t2i-sketch", "t2i-color")
    parser.add_argument("--what", choices=kinds, default="base")
    parser.add_argument("--target", type=Path, default=TARGET)
    parser.add_argument("--to", type=Path, default=Path("sheet.png"))
    args = parser.parse_args()
    if args.what.startswith("t2i-"):
        sheet = t2i_sheet(args.target, args.what.removeprefix("t2i-"))
    else:
        sheets = {
            "base": base_sheet,
            "sdedit": sdedit_sheet,
            "instruct": instruct_sheet,
            "ip-adapter": ip_adapter_sheet,
        }
        sheet = sheets[args.what](args.target)
    write(sheet, args.to)


if __name__ == "__main__":
    main()
