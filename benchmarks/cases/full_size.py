"""Stable Diffusion 1.5 and SDXL in their published sizes; random weights, made on the device."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.models.embeddings import ImageProjection
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from retouch.models.adapters import IPAdapterWeights, T2IAdapterWeights
from retouch.models.checkpoint import Checkpoint, FamilyName
from retouch.models.clip_pixels import ClipPixels
from retouch.models.filling import bytes_of
from retouch.models.tokenizing import CONFIGS, load_tokenizer
from retouch.testing.adapters import attn2_widths
from retouch.testing.checkpoints import (
    TEXT_FOLDERS,
    TOKENIZER_FOLDERS,
    read_config,
    tiny_configs,
)

SIDES: dict[FamilyName, int] = {"sd1": 512, "sdxl": 1024}  # pixels
QUICK_SIDE = 128
#: CLIP's ViT-H/14, which the published base adapters of both families read.
VISION: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
    "projection_dim": 1024,
    "hidden_act": "gelu",
}
QUICK_VISION = VISION | {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "projection_dim": 24,
}
IMAGE_TOKENS = 4


@dataclass(frozen=True)
class Making:
    """What networks are made as.

    Attributes:
        family: ``sd1`` or ``sdxl``.
        device: where they are.
        dtype: of their weights.
        quick: tiny ones with the same layout.
        seed: of their weights.
    """

    family: FamilyName
    device: torch.device
    dtype: torch.dtype
    quick: bool
    seed: int

    @property
    def side(self) -> int:
        """Side of the pictures in pixels."""
        return QUICK_SIDE if self.quick else SIDES[self.family]

    @property
    def configs(self) -> dict[str, Any]:
        """Configurations by component."""
        if self.quick:
            return tiny_configs(self.family)
        folders = ["unet", "vae", *TEXT_FOLDERS]
        shipped = CONFIGS / self.family
        return {
            name: read_config(self.family, name) for name in folders if (shipped / name).is_dir()
        }

    def network(self, build: Callable[[], nn.Module], offset: int) -> Any:
        """Build on the meta device, allocate on the device in its format, fill with noise."""
        with torch.device("meta"):
            made = build()
        move: Any = nn.Module.to  # diffusers' own warns about layers that are not there
        move(made, dtype=self.dtype)
        made.to_empty(device=self.device)
        randomise(made, torch.Generator(self.device).manual_seed(self.seed + offset))
        return made.eval().requires_grad_(False)


def checkpoint(making: Making) -> Checkpoint:
    """All networks of a model; equal weights for equal arguments on one device."""
    configs = making.configs
    count = 2 if making.family == "sdxl" else 1
    kinds = (CLIPTextModel, CLIPTextModelWithProjection)
    unet = making.network(lambda: diffusers.UNet2DConditionModel.from_config(configs["unet"]), 0)
    vae = making.network(lambda: diffusers.AutoencoderKL.from_config(configs["vae"]), 1)
    texts = []
    for i in range(count):
        config = CLIPTextConfig(**configs[TEXT_FOLDERS[i]])
        texts.append(making.network(functools.partial(kinds[i], config), 2 + i))
    _calm(unet, vae)
    folder = CONFIGS / making.family
    return Checkpoint(
        name=f"random-{making.family}",
        family=making.family,
        unet=unet,
        vae=vae,
        text_encoders=tuple(texts),
        tokenizers=tuple(load_tokenizer(folder / TOKENIZER_FOLDERS[i]) for i in range(count)),
        scheduler_config=read_config(making.family, "scheduler"),
        bytes=bytes_of((unet, vae, *texts)),
    )


def _calm(unet: Any, vae: Any) -> None:
    """What cases/setting.py does, and pictures with the spread of photographs in [-1, 1]."""
    unet.conv_out.weight.mul_(0.5)
    unet.conv_out.bias.mul_(0.5)
    vae.decoder.conv_out.weight.mul_(0.8)
    channels = int(vae.config.latent_channels)
    vae.quant_conv.weight[channels:] = 0.0
    vae.quant_conv.bias[channels:] = -30.0


def randomise(module: nn.Module, generator: torch.Generator) -> None:
    """Give every weight noise that keeps the size of what passes through, in place."""
    embeddings = {m.weight for m in module.modules() if isinstance(m, nn.Embedding)}
    for name, weight in module.named_parameters():
        one = weight.ndim == 1
        width = 0.1 if one else (weight.numel() / weight.shape[0]) ** -0.5
        with torch.no_grad():
            weight.normal_(0.0, 0.4 if weight in embeddings else width, generator=generator)
            if one and name.endswith(".weight"):  # of a norm
                weight.add_(1.0)
    for name, buffer in module.named_buffers():
        if not name.endswith("position_ids"):
            raise ValueError(f"no rule for the buffer {name}")
        buffer.copy_(torch.arange(buffer.shape[-1], device=buffer.device).expand_as(buffer))


@dataclass(frozen=True)
class Beside:
    """Adapters of a model: what its operations get weights from."""

    lines: T2IAdapterWeights
    reference: IPAdapterWeights

    def t2i_adapter(self, name: str | None, kind: str, model: Any) -> T2IAdapterWeights:
        """The only T2I-Adapter."""
        return self.lines

    def ip_adapter(self, name: str | None, model: Any) -> IPAdapterWeights:
        """The only IP-Adapter."""
        return self.reference

    def clip(self, name: str | None) -> Any:
        """There is none."""
        raise NotImplementedError


def beside(making: Making, known: Checkpoint) -> Beside:
    """A T2I-Adapter and a base IP-Adapter of the published shapes. ``known`` has no adapter yet."""
    return Beside(lines(making, known), _reference(making, known))


def lines(making: Making, known: Checkpoint) -> T2IAdapterWeights:
    """A T2I-Adapter of the published shape."""
    xl = making.family == "sdxl"
    widths = list(known.unet.config.block_out_channels)
    settings: dict[str, Any] = {
        "in_channels": 3 if xl else 1,
        "channels": [*widths, widths[-1]] if xl else widths,
        "num_res_blocks": 2,
        "downscale_factor": 16 if xl else 8,
        "adapter_type": "full_adapter_xl" if xl else "full_adapter",
    }
    adapter = making.network(lambda: diffusers.T2IAdapter(**settings), 10)
    return T2IAdapterWeights(
        name="lines",
        adapter=adapter,
        in_channels=settings["in_channels"],
        downscale=int(adapter.total_downscale_factor),
        guided=False,
        sha256="",
        source=Path(),
        bytes=bytes_of((adapter,)),
    )


def _reference(making: Making, known: Checkpoint) -> IPAdapterWeights:
    shape = QUICK_VISION if making.quick else VISION
    width = known.cross_attention_dim
    vision = making.network(lambda: CLIPVisionModelWithProjection(CLIPVisionConfig(**shape)), 11)
    projection = making.network(
        lambda: ImageProjection(shape["projection_dim"], width, IMAGE_TOKENS), 12
    )
    generator = torch.Generator(making.device).manual_seed(making.seed + 13)
    to_k, to_v = (
        tuple(
            torch.randn(
                hidden, width, generator=generator, device=making.device, dtype=making.dtype
            )
            * width**-0.5
            for hidden in attn2_widths(known)
        )
        for _ in "kv"
    )
    return IPAdapterWeights(
        name="reference",
        kind="base",
        image_projection=projection,
        to_k=to_k,
        to_v=to_v,
        tokens=IMAGE_TOKENS,
        cross_attention_dim=width,
        image_encoder=vision,
        pixels=ClipPixels(shape["image_size"]),
        sha256="",
        source=Path(),
        bytes=bytes_of((projection, vision)) + sum(t.nbytes for t in (*to_k, *to_v)),
    )


def row_flops(making: Making) -> int:
    """Floating-point operations of one row of the denoising network, counted on meta tensors."""
    config, latent = making.configs["unet"], making.side // 8
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        unet = diffusers.UNet2DConditionModel.from_config(config)
        x = torch.empty(1, config["in_channels"], latent, latent)
        text = torch.empty(1, 77, config["cross_attention_dim"])
        added = None
        if making.family == "sdxl":
            sizes = 6 * config["addition_time_embed_dim"]
            pooled = config["projection_class_embeddings_input_dim"] - sizes
            added = {"text_embeds": torch.empty(1, pooled), "time_ids": torch.empty(1, 6)}
        unet(x, torch.empty(1), text, added_cond_kwargs=added)
    return int(counter.get_total_flops())


def decode_flops(making: Making, side: int) -> int:
    """The same of decoding one picture of ``side`` pixels."""
    config = making.configs["vae"]
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        vae = diffusers.AutoencoderKL.from_config(config)
        vae.decode(torch.empty(1, config["latent_channels"], side // 8, side // 8))
    return int(counter.get_total_flops())
