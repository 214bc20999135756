"""Tiny Stable Diffusion checkpoints with random weights, in the exact published key layout.

Random networks are no use for pictures, but every loader, operation and sampler behaves on them
as on real ones, in milliseconds. Three choices make them honest:

- ``to_q`` and ``to_k`` are multiplied by 4: with plain random weights attention is uniform, and
  a test of Prompt-to-Prompt would prove nothing;
- norms are perturbed, so that two swapped ones are noticed;
- ``deep=True`` gives the key set of the real models (SD 1.5: 686 UNet, 248 VAE, 197 CLIP keys;
  neighbouring widths differ, because equal ones would drop skip connections).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch

from retouch.models.checkpoint import Checkpoint, FamilyName
from retouch.models.tokenizing import CONFIGS, load_tokenizer

TEXT_FOLDERS = ("text_encoder", "text_encoder_2")
TOKENIZER_FOLDERS = ("tokenizer", "tokenizer_2")


def tiny_sd(
    family: FamilyName = "sd1",
    in_channels: int = 4,
    prediction_type: str = "epsilon",
    seed: int = 0,
    deep: bool = False,
    guidance_width: int = 0,
) -> Checkpoint:
    """Build a tiny checkpoint in memory; the same seed gives the same weights.

    Args:
        family: ``sd1``, ``sd2`` or ``sdxl``.
        in_channels: 4, 8 (InstructPix2Pix) or 9 (inpainting).
        prediction_type: ``epsilon`` or ``v_prediction``.
        seed: of the weights.
        deep: the key set of the real model (about 6 M parameters for ``sd1``) instead of one
            layer per block (about 1 M). The vocabulary is the full one either way.
        guidance_width: of the embedded guidance scale, for a network that takes one (LCM: 256).
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    configs = tiny_configs(family, in_channels=in_channels, deep=deep)
    configs["unet"]["time_cond_proj_dim"] = guidance_width or None
    with seeded(seed):
        unet = UNet2DConditionModel.from_config(configs["unet"])
        vae = AutoencoderKL.from_config(configs["vae"])
        texts = [CLIPTextModel(CLIPTextConfig(**configs["text_encoder"]))]
        if family == "sdxl":
            second = CLIPTextConfig(**configs["text_encoder_2"])
            texts.append(CLIPTextModelWithProjection(second))
        for module in (unet, vae, *texts):
            enliven(module)
    scheduler = dict(read_config(family, "scheduler"), prediction_type=prediction_type)
    tokenizers = [
        load_tokenizer(CONFIGS / family / TOKENIZER_FOLDERS[i]) for i in range(len(texts))
    ]
    return Checkpoint(
        name=f"tiny-{family}-{in_channels}",
        family=family,
        unet=unet,
        vae=vae,
        text_encoders=tuple(texts),
        tokenizers=tuple(tokenizers),
        scheduler_config=scheduler,
        bytes=sum(size_of(m) for m in (unet, vae, *texts)),
    )


def tiny_configs(family: FamilyName, in_channels: int = 4, deep: bool = False) -> dict[str, Any]:
    """Return the configurations of `tiny_sd` by component folder (``unet``, ``vae``, ...)."""
    texts = _text_configs(family, deep)
    unet = read_config(family, "unet") | _unet_shape(family, deep)
    unet |= {
        "in_channels": in_channels,
        "cross_attention_dim": sum(c["hidden_size"] for c in texts.values()),
        "sample_size": 16,
    }
    if family == "sdxl":
        unet["addition_time_embed_dim"] = 8
        unet["projection_class_embeddings_input_dim"] = (
            texts["text_encoder_2"]["projection_dim"] + 6 * 8
        )
    vae = read_config(family, "vae") | {"sample_size": 128}
    if deep:
        vae["block_out_channels"] = [32, 64, 128, 128]
    else:
        vae |= {"block_out_channels": [16, 32, 32, 32], "norm_num_groups": 8, "layers_per_block": 1}
    return {"unet": unet, "vae": vae, **texts}


def _text_configs(family: FamilyName, deep: bool) -> dict[str, dict[str, Any]]:
    configs = {}
    for folder, width in zip(TEXT_FOLDERS, (32, 64), strict=True):
        if not (CONFIGS / family / folder).is_dir():
            continue
        config = read_config(family, folder)
        config |= {"hidden_size": width, "intermediate_size": 2 * width, "num_attention_heads": 4}
        config["projection_dim"] = width
        if not deep:
            config["num_hidden_layers"] = 2
        configs[folder] = config
    return configs


def _four_levels(deep: bool) -> dict[str, Any]:
    if deep:
        return {"block_out_channels": [32, 64, 128, 128]}
    return {"block_out_channels": [32, 64, 64, 64], "layers_per_block": 1}


def _unet_shape(family: FamilyName, deep: bool) -> dict[str, Any]:
    if family == "sd1":
        return _four_levels(deep) | {"attention_head_dim": 4}
    if family == "sd2":
        return _four_levels(deep) | {"attention_head_dim": [2, 4, 4, 4]}
    heads = {"attention_head_dim": [2, 4, 4]}
    if deep:
        return heads | {"block_out_channels": [32, 64, 128]}
    return heads | {
        "block_out_channels": [32, 64, 64],
        "layers_per_block": 1,
        "transformer_layers_per_block": [1, 1, 2],
    }


def read_config(family: FamilyName, folder: str) -> dict[str, Any]:
    """Return the shipped JSON configuration of one component of a family."""
    name = "scheduler_config.json" if folder == "scheduler" else "config.json"
    text = (CONFIGS / family / folder / name).read_text(encoding="utf-8")
    return cast(dict[str, Any], json.loads(text))


def enliven(module: torch.nn.Module) -> None:
    """Give random weights effects that tests can see: sharp attention, unequal norms.

    Draws from the global generator: call it inside `seeded`.
    """
    module.eval().requires_grad_(False)
    for name, tensor in module.named_parameters():
        if name.endswith(("to_q.weight", "to_k.weight", "q_proj.weight", "k_proj.weight")):
            tensor.mul_(4.0)
        elif name.endswith(("token_embedding.weight", "position_embedding.weight")):
            tensor.mul_(20.0)  # 0.02 is so narrow that every prompt would look alike
        elif tensor.ndim == 1:
            tensor.add_(0.1 * torch.randn_like(tensor))


def size_of(module: torch.nn.Module) -> int:
    """Return the bytes of a module's parameters and buffers."""
    return sum(t.nbytes for t in (*module.parameters(), *module.buffers()))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global CPU generator inside the block and restore it afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def write_folder(checkpoint: Checkpoint, folder: Path) -> Path:
    """Write a checkpoint as a diffusers folder (safetensors) and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.unet.save_pretrained(str(folder / "unet"))
    checkpoint.vae.save_pretrained(str(folder / "vae"))
    for index, text in enumerate(checkpoint.text_encoders):
        text.save_pretrained(str(folder / TEXT_FOLDERS[index]))
    write_settings(checkpoint, folder)
    return folder


def write_sibling(checkpoint: Checkpoint, folder: Path, base: str) -> Path:
    """Write only a checkpoint's network; the rest is lent by the installed model ``base``."""
    checkpoint.unet.save_pretrained(str(folder / "unet"))
    index = json.dumps({"_retouch_base": base})
    (folder / "model_index.json").write_text(index, encoding="utf-8")
    return folder


def write_settings(checkpoint: Checkpoint, folder: Path) -> None:
    """Write ``model_index.json``, the scheduler's and the tokenizers' settings of a folder."""
    shipped = CONFIGS / checkpoint.family
    names = ["model_index.json"]
    names += [
        f"{TOKENIZER_FOLDERS[i]}/tokenizer_config.json" for i in range(len(checkpoint.tokenizers))
    ]
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((shipped / name).read_bytes())
    scheduler = folder / "scheduler" / "scheduler_config.json"
    scheduler.parent.mkdir(parents=True, exist_ok=True)
    scheduler.write_text(json.dumps(dict(checkpoint.scheduler_config), indent=2), encoding="utf-8")
