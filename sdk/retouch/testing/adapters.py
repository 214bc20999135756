"""Tiny adapters and CLIP models with random weights, in the exact published key layouts."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from retouch.models.checkpoint import Checkpoint
from retouch.testing.checkpoints import enliven, seeded

IMAGE_SIZE = 32
VISION_WIDTH = 32
EMBEDDING_WIDTH = 24


def write_ip_adapter(
    checkpoint: Checkpoint, folder: Path, kind: Literal["base", "plus"] = "base", seed: int = 0
) -> Path:
    """Write an IP-Adapter that fits ``checkpoint`` and its image encoder; return the file.

    The folder gets ``ip-adapter.safetensors`` and ``image_encoder/`` (pictures of 32 px).
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    with seeded(seed):
        width = checkpoint.cross_attention_dim
        image = base_projection(width) if kind == "base" else plus_projection(width)
        weights = {f"image_proj.{name}": tensor for name, tensor in image.items()}
        for j, hidden in enumerate(attn2_widths(checkpoint)):
            for part in "kv":
                spread = torch.randn(hidden, width) * width**-0.5
                weights[f"ip_adapter.{2 * j + 1}.to_{part}_ip.weight"] = spread
        _write_vision(folder / "image_encoder")
    file = folder / "ip-adapter.safetensors"
    save_file(weights, file)
    return file


def attn2_widths(checkpoint: Checkpoint) -> list[int]:
    """Return the width of every cross-attention layer, in processor order: down, up, mid."""
    state = checkpoint.unet.state_dict()
    names = [n for n in checkpoint.unet.attn_processors if "attn2" in n]
    return [int(state[n.replace("processor", "to_k.weight")].shape[0]) for n in names]


def base_projection(width: int) -> dict[str, Tensor]:
    """Return the published weights of a base projection: one embedding to four tokens."""
    return {
        "proj.weight": torch.randn(4 * width, EMBEDDING_WIDTH) * EMBEDDING_WIDTH**-0.5,
        "proj.bias": 0.1 * torch.randn(4 * width),
        "norm.weight": 1 + 0.1 * torch.randn(width),
        "norm.bias": 0.1 * torch.randn(width),
    }


def plus_projection(
    width: int, tokens: int = 16, depth: int = 2, hidden: int = 64
) -> dict[str, Tensor]:
    """Return the published weights of a plus projection, a resampler with heads of 64."""

    def matrix(rows: int, columns: int) -> Tensor:
        return torch.randn(rows, columns) / math.sqrt(columns)

    def norm(name: str, size: int) -> dict[str, Tensor]:
        return {
            f"{name}.weight": 1 + 0.1 * torch.randn(size),
            f"{name}.bias": 0.1 * torch.randn(size),
        }

    weights = {
        "latents": torch.randn(1, tokens, hidden) * hidden**-0.5,
        "proj_in.weight": matrix(hidden, VISION_WIDTH),
        "proj_in.bias": 0.1 * torch.randn(hidden),
        "proj_out.weight": matrix(width, hidden),
        "proj_out.bias": 0.1 * torch.randn(width),
        **norm("norm_out", width),
    }
    for layer in range(depth):
        attention, forward = f"layers.{layer}.0", f"layers.{layer}.1"
        weights |= norm(f"{attention}.norm1", hidden) | norm(f"{attention}.norm2", hidden)
        weights[f"{attention}.to_q.weight"] = matrix(64, hidden)
        weights[f"{attention}.to_kv.weight"] = matrix(128, hidden)
        weights[f"{attention}.to_out.weight"] = matrix(hidden, 64)
        weights |= norm(f"{forward}.0", hidden)
        weights[f"{forward}.1.weight"] = matrix(4 * hidden, hidden)
        weights[f"{forward}.3.weight"] = matrix(hidden, 4 * hidden)
    return weights


def _vision_settings() -> dict[str, Any]:
    return {
        "hidden_size": VISION_WIDTH,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": IMAGE_SIZE,
        "patch_size": 8,
        "projection_dim": EMBEDDING_WIDTH,
    }


def _write_vision(folder: Path) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    vision = CLIPVisionModelWithProjection(CLIPVisionConfig(**_vision_settings()))
    enliven(vision)
    vision.save_pretrained(str(folder))
    write_preprocessor(folder)


def write_preprocessor(folder: Path) -> None:
    """Write the ``preprocessor_config.json`` that CLIP folders carry, for pictures of 32 px."""
    data = {
        "crop_size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_processor_type": "CLIPImageProcessor",
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": IMAGE_SIZE},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(data), encoding="utf-8")


def write_clip(folder: Path, seed: int = 0) -> Path:
    """Write a CLIPModel folder (pictures of 32 px, embeddings of 24) and return it."""
    from transformers import CLIPConfig, CLIPModel

    text = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "projection_dim": EMBEDDING_WIDTH,
        "eos_token_id": 49407,
        "bos_token_id": 49406,
    }
    with seeded(seed):
        model = CLIPModel(
            CLIPConfig(
                text_config=text, vision_config=_vision_settings(), projection_dim=EMBEDDING_WIDTH
            )
        )
        enliven(model)
    model.save_pretrained(str(folder))
    write_preprocessor(folder)
    return folder


def tiny_t2i_adapter(
    checkpoint: Checkpoint, in_channels: int = 3, light: bool = False, seed: int = 0
) -> Any:
    """Build a T2IAdapter whose residuals fit ``checkpoint``: one per level."""
    from diffusers import T2IAdapter

    channels = [int(c) for c in checkpoint.unet.config.block_out_channels]
    xl = checkpoint.family == "sdxl"
    if xl:
        channels.append(channels[-1])
    with seeded(seed):
        adapter = T2IAdapter(
            in_channels=in_channels,
            channels=channels[:-1] if light else channels,
            num_res_blocks=2,
            downscale_factor=16 if xl else 8,
            adapter_type="light_adapter" if light else "full_adapter" + "_xl" * xl,
        )
        enliven(adapter)
    return adapter


def write_preview(folder: Path, scaling_factor: float = 1.0, seed: int = 0) -> Path:
    """Write a tiny ``AutoencoderTiny`` with four latent channels and a factor of 8, as TAESD's."""
    from diffusers import AutoencoderTiny

    with seeded(seed):
        made = AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            num_encoder_blocks=(1, 1, 1, 1),
            num_decoder_blocks=(1, 1, 1, 1),
            scaling_factor=scaling_factor,
        )
    made.save_pretrained(str(folder))
    return folder


def write_t2i_adapter(adapter: Any, folder: Path) -> Path:
    """Write a T2IAdapter as a diffusers folder and return it."""
    adapter.save_pretrained(str(folder))
    return folder


def write_original_t2i_adapter(adapter: Any, path: Path) -> Path:
    """Write a T2IAdapter as an original single ``.safetensors`` file and return its path."""
    from safetensors.torch import save_file

    light = adapter.config.adapter_type == "light_adapter"
    blocks = int(adapter.config.num_res_blocks)
    weights = {}
    for name, tensor in adapter.state_dict().items():
        plain = name.removeprefix("adapter.")
        if light:
            plain = plain.replace(".resnets.", ".body.")
        else:
            plain = re.sub(
                r"body\.(\d)\.resnets\.(\d)",
                lambda m: f"body.{int(m[1]) * blocks + int(m[2])}",
                plain,
            )
            plain = re.sub(
                r"body\.(\d)\.in_conv", lambda m: f"body.{int(m[1]) * blocks}.in_conv", plain
            )
        weights[plain] = tensor.contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
    return path
