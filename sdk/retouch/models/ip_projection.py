"""The image projections of IP-Adapters: published names into diffusers' modules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from retouch.errors import ModelInvalid
from retouch.models.filling import OTHER_MODEL, fill

HEAD_WIDTH = 64
BASE_TOKENS = 4
PLUS_NAMES = (
    (r"^layers\.(\d+)\.0\.norm1\.", r"layers.\1.ln0."),
    (r"^layers\.(\d+)\.0\.norm2\.", r"layers.\1.ln1."),
    (r"^layers\.(\d+)\.0\.to_out\.", r"layers.\1.attn.to_out.0."),
    (r"^layers\.(\d+)\.0\.to_", r"layers.\1.attn.to_"),
    (r"^layers\.(\d+)\.1\.0\.", r"layers.\1.ff.0."),
    (r"^layers\.(\d+)\.1\.1\.", r"layers.\1.ff.1.net.0.proj."),
    (r"^layers\.(\d+)\.1\.3\.", r"layers.\1.ff.1.net.2."),
)


def image_projection(
    tensors: Mapping[str, Tensor],
    where: str,
    dtype: torch.dtype,
    device: str | torch.device,
) -> tuple[nn.Module, Literal["base", "plus"], int]:
    """Build the image projection of an adapter.

    Args:
        tensors: its ``image_proj.`` weights, without that prefix.
        where: the file, for errors.
        dtype: of the weights.
        device: of the weights.

    Returns:
        The module, its kind, and how many image tokens it gives.

    Raises:
        ModelInvalid: neither a base nor a plus projection, or incomplete.
    """
    if "proj.weight" in tensors and "norm.weight" in tensors:
        names = {name.replace("proj.", "image_embeds."): t for name, t in tensors.items()}
        return fill(_base(tensors), names, where, dtype=dtype, device=device), "base", BASE_TOKENS
    if "latents" in tensors and "proj_in.weight" in tensors:
        module = fill(
            _plus(tensors, where), plus_weights(tensors), where, dtype=dtype, device=device
        )
        return module, "plus", int(tensors["latents"].shape[1])
    fix = "use a base or plus IP-Adapter; face and full variants are not supported"
    raise ModelInvalid(where, "its image projection is of another kind", fix)


def plus_weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a plus projection's weights; keys and values stored as one tensor become two."""
    renamed = {}
    for name, tensor in tensors.items():
        new = name
        for pattern, current in PLUS_NAMES:
            new = re.sub(pattern, current, new)
        if new.endswith("attn.to_kv.weight"):
            key, value = tensor.chunk(2, dim=0)
            renamed[new.replace("to_kv", "to_k")] = key
            renamed[new.replace("to_kv", "to_v")] = value
        else:
            renamed[new] = tensor
    return renamed


def _base(tensors: Mapping[str, Tensor]) -> Any:
    from diffusers.models.embeddings import ImageProjection

    out, width = tensors["proj.weight"].shape
    return lambda: ImageProjection(
        image_embed_dim=int(width),
        cross_attention_dim=int(out) // BASE_TOKENS,
        num_image_text_embeds=BASE_TOKENS,
    )


def _plus(tensors: Mapping[str, Tensor], where: str) -> Any:
    from diffusers.models.embeddings import IPAdapterPlusImageProjection

    try:
        queries, hidden = tensors["latents"].shape[1:]
        inner = tensors["layers.0.0.to_q.weight"].shape[0]
        forward = tensors["layers.0.1.1.weight"].shape[0]
        width, out = tensors["proj_in.weight"].shape[1], tensors["proj_out.weight"].shape[0]
    except (KeyError, ValueError, IndexError) as error:
        raise ModelInvalid(where, f"missing weights: image_proj ({error})", OTHER_MODEL) from error
    depth = len({name.split(".")[1] for name in tensors if name.startswith("layers.")})
    return lambda: IPAdapterPlusImageProjection(
        embed_dims=int(width),
        output_dims=int(out),
        hidden_dims=int(hidden),
        depth=depth,
        dim_head=HEAD_WIDTH,
        heads=int(inner) // HEAD_WIDTH,
        num_queries=int(queries),
        ffn_ratio=int(forward) / int(hidden),
    )
