"""Write the trained parts in the standard layouts: ``python -m training.export``.

Weights are float16 safetensors. Parts that are not trained yet are skipped.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import diffusers
import torch
from diffusers import LCMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from retouch.models.t2i_adapter import GUIDED
from training import (
    autoencoder,
    base,
    checkpoints,
    clip,
    image_tokens,
    inpaint,
    instruct,
    ip_adapter,
    lcm,
    loop,
    network,
    t2i_adapter,
    tokenizer,
)
from training.art import cache_dir
from training.latents import scaling_factor

TARGET: Final = Path(__file__).parents[1] / "sdk" / "retouch" / "models" / "embedded"
#: Controls that follow best where guidance strengthens them (docs/quality.md).
GUIDED_CONTROLS: Final = ("canny", "sketch")
TOKENIZER_FILES: Final = (
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer_config.json",
)


def export_base(out: Path, target: Path) -> None:
    """Write ``retouch-mini``, a Stable Diffusion folder."""
    unet, text, words = base.load(out)
    whole = network.build_text_encoder(words, full=True)
    whole.load_state_dict(network.full_table(text.state_dict(), words))
    vae = autoencoder.load(out)
    vae.register_to_config(scaling_factor=scaling_factor(out))
    pipeline = StableDiffusionPipeline(
        vae=vae.half(),
        text_encoder=whole.half(),
        tokenizer=words.tokenizer,
        unet=unet.half(),
        scheduler=network.scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    folder = target / "retouch-mini"
    pipeline.save_pretrained(folder)
    _recommend(folder / "scheduler" / "scheduler_config.json", guidance=3.0, steps=25)
    shutil.rmtree(folder / "tokenizer")
    (folder / "tokenizer").mkdir()
    for name in TOKENIZER_FILES:
        shutil.copyfile(out / "tokenizer" / name, folder / "tokenizer" / name)


def _recommend(settings: Path, *, guidance: float, steps: int, sampler: str = "ddim") -> None:
    """Write what samples best beside the noise schedule; other readers ignore it."""
    recommended = {
        "retouch_guidance": guidance,
        "retouch_sampler": sampler,
        "retouch_steps": steps,
    }
    config = json.loads(settings.read_text("utf-8")) | recommended
    settings.write_text(json.dumps(config, indent=2) + "\n")


def _export_sibling(
    folder: Path, unet: UNet2DConditionModel, pipeline: str, **parts: list[str]
) -> None:
    """Write a folder that holds only a denoiser; the rest comes from ``retouch-mini``."""
    unet.half().save_pretrained(folder / "unet")
    index = {
        "_class_name": pipeline,
        "_diffusers_version": diffusers.__version__,
        **parts,
        "unet": ["diffusers", "UNet2DConditionModel"],
        "_retouch_base": "retouch-mini",
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def export_instruct(out: Path, target: Path) -> None:
    """Write ``retouch-mini-instruct``, whose text scale is lower than the base's guidance.

    At 4 the background changes with the edit (23.5 dB), at 2.5 less (25.6 dB), and as many
    instructions are followed.
    """
    folder = target / "retouch-mini-instruct"
    network.scheduler().save_pretrained(folder / "scheduler")
    _recommend(folder / "scheduler" / "scheduler_config.json", guidance=2.5, steps=25)
    _export_sibling(
        folder,
        instruct.load(out),
        "StableDiffusionInstructPix2PixPipeline",
        scheduler=["diffusers", "DDIMScheduler"],
    )


def export_inpaint(out: Path, target: Path) -> None:
    """Write ``retouch-mini-inpaint``."""
    folder = target / "retouch-mini-inpaint"
    _export_sibling(folder, inpaint.load(out), "StableDiffusionInpaintPipeline")


def export_lcm(out: Path, target: Path) -> None:
    """Write ``retouch-mini-lcm`` with its own scheduler: four steps without guidance."""
    folder = target / "retouch-mini-lcm"
    settings = network.scheduler().config
    names = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "prediction_type")
    scheduler = LCMScheduler(
        **{name: settings[name] for name in names},
        original_inference_steps=lcm.SOLVER,
        clip_sample=False,
        set_alpha_to_one=True,
    )
    scheduler.save_pretrained(folder / "scheduler")
    _recommend(folder / "scheduler" / "scheduler_config.json", guidance=1.0, steps=4, sampler="lcm")
    _export_sibling(
        folder,
        lcm.load(out),
        "LatentConsistencyModelPipeline",
        scheduler=["diffusers", "LCMScheduler"],
    )


def export_preview(out: Path, target: Path) -> None:
    """Write ``retouch-mini-preview``: an AutoencoderTiny whose decoder is small."""
    vae = autoencoder.load_preview(out)
    vae.register_to_config(scaling_factor=scaling_factor(out))
    vae.half().save_pretrained(target / "retouch-mini-preview")


def _processor() -> CLIPImageProcessor:
    size = clip.SIZE
    return CLIPImageProcessor(
        size={"shortest_edge": size},
        crop_size={"height": size, "width": size},
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )


def export_clip(out: Path, target: Path) -> None:
    """Write ``retouch-mini-clip``."""
    folder = target / "retouch-mini-clip"
    words, model = tokenizer.load(out), clip.load(out)
    whole = clip.build(words, full=True)
    whole.load_state_dict(network.full_table(model.state_dict(), words))
    whole.half().save_pretrained(folder)
    _processor().save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copyfile(out / "tokenizer" / name, folder / name)


def export_ip_adapter(out: Path, target: Path) -> None:
    """Write ``retouch-mini-ip-adapter`` in the published layout, with its image encoder."""
    folder = target / "retouch-mini-ip-adapter"
    folder.mkdir(parents=True, exist_ok=True)
    vision = CLIPVisionModelWithProjection(clip.load(out).config.vision_config)
    vision.vision_model.load_state_dict(image_tokens.load(out).vision.state_dict())
    # the plus kind reads hidden states only
    torch.nn.init.zeros_(vision.visual_projection.weight)
    vision.half().save_pretrained(folder / "image_encoder")
    _processor().save_pretrained(folder / "image_encoder")
    state = {name: t.half() for name, t in ip_adapter.load(out).published().items()}
    save_file(state, folder / "ip-adapter.safetensors")


def export_t2i(control: str) -> Callable[[Path, Path], None]:
    """Return the writer of ``retouch-mini-t2i-<control>``."""

    def write(out: Path, target: Path) -> None:
        adapter = t2i_adapter.load(out, control)
        folder = target / f"retouch-mini-t2i-{control}"
        adapter.half().save_pretrained(folder)
        if control in GUIDED_CONTROLS:
            config = json.loads((folder / "config.json").read_text("utf-8")) | {GUIDED: True}
            (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    return write


#: Part -> (the runs it is made of, writer).
PARTS: Final[dict[str, tuple[tuple[str, ...], Callable[[Path, Path], None]]]] = {
    "base": (("autoencoder", "autoencoder-decoder", "base"), export_base),
    "instruct": (("instruct",), export_instruct),
    "inpaint": (("inpaint",), export_inpaint),
    "lcm": (("lcm",), export_lcm),
    "preview": (("autoencoder-preview",), export_preview),
    "clip": (("clip",), export_clip),
    "ip-adapter": (("clip", "image-tokens", "ip-adapter-plus"), export_ip_adapter),
    "t2i-canny": (("t2i-canny", "t2i-canny-rollouts"), export_t2i("canny")),
    "t2i-sketch": (("t2i-sketch", "t2i-sketch-rollouts"), export_t2i("sketch")),
    "t2i-color": (("t2i-color",), export_t2i("color")),
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    parser.add_argument("--target", type=Path, default=TARGET)
    parser.add_argument("--parts", nargs="*", choices=tuple(PARTS), default=list(PARTS))
    args = parser.parse_args()
    for part in args.parts:
        needed, write = PARTS[part]
        missing = [run for run in needed if not checkpoints.exists(args.out / f"{run}.pt")]
        if missing:
            print(f"{part}: skipped, not trained yet: {', '.join(missing)}")
            continue
        write(args.out, args.target)
        for run in needed:
            samples, minutes = loop.progress(args.out / f"{run}.pt")
            print(f"{part}: {run}: {samples} samples, {minutes:.1f} min")
    for path in sorted(args.target.rglob("*.safetensors")):
        print(f"{path.stat().st_size / 1e6:6.1f} MB  {path.relative_to(args.target)}")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
