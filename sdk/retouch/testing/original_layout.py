"""Checkpoints written as single files in the original (LDM, SGM) layout.

The reverse of what loading does, written independently of diffusers' conversion, so that a round
trip through both proves both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from retouch.models.checkpoint import Checkpoint
from retouch.testing.checkpoints import TEXT_FOLDERS, write_settings

Weights = dict[str, Tensor]
UNET_HEADS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
OPEN_CLIP_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
OPEN_CLIP_HEADS = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}


def write_single_file(
    checkpoint: Checkpoint, path: Path, metadata: Mapping[str, str] | None = None
) -> Path:
    """Write a checkpoint as one original-layout ``.safetensors`` file and return its path.

    The configurations of its unusual (tiny) shape go to a folder beside it with the file's stem
    as its name, where loading looks for them.

    Args:
        checkpoint: for example from `retouch.testing.checkpoints.tiny_sd`.
        path: of the file, ending in ``.safetensors``.
        metadata: the file's notes, for example ``{"modelspec.prediction_type": "v"}``.
    """
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    notes = {"format": "pt", **(metadata or {})}
    save_file({n: t.contiguous() for n, t in original_weights(checkpoint).items()}, path, notes)
    write_configs(checkpoint, path.with_suffix(""))
    return path


def write_configs(checkpoint: Checkpoint, folder: Path) -> Path:
    """Write the configurations of every component, without weights, and return the folder."""
    parts = {"unet": checkpoint.unet, "vae": checkpoint.vae}
    parts |= dict(zip(TEXT_FOLDERS, checkpoint.text_encoders, strict=False))
    for name, module in parts.items():
        target = folder / name / "config.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        to_json = getattr(module, "to_json_string", None) or module.config.to_json_string
        target.write_text(to_json(), encoding="utf-8")
    write_settings(checkpoint, folder)
    return folder


def original_weights(checkpoint: Checkpoint) -> Weights:
    """Return all weights of a checkpoint by their original names."""
    weights = {
        "model.diffusion_model." + name: tensor
        for name, tensor in unet_weights(checkpoint.unet.state_dict(), checkpoint).items()
    }
    for name, tensor in vae_weights(checkpoint.vae.state_dict()).items():
        weights["first_stage_model." + name] = tensor
    texts = [encoder.state_dict() for encoder in checkpoint.text_encoders]
    if checkpoint.family == "sd1":
        weights |= clip_weights(texts[0], "cond_stage_model.transformer.")
    elif checkpoint.family == "sd2":
        weights |= open_clip_weights(with_last_layer(texts[0]), "cond_stage_model.model.")
    else:
        weights |= clip_weights(texts[0], "conditioner.embedders.0.transformer.")
        weights |= open_clip_weights(texts[1], "conditioner.embedders.1.model.")
    return weights


def unet_weights(state: Mapping[str, Tensor], checkpoint: Checkpoint) -> Weights:
    """Rename a UNet's weights: block b, layer j becomes one flat list of blocks."""
    layers = int(checkpoint.unet.config.layers_per_block)
    return {_unet_name(name, layers, state): tensor for name, tensor in state.items()}


def _unet_name(name: str, layers: int, state: Mapping[str, Tensor]) -> str:
    stem, leaf = name.rsplit(".", 1)
    if stem in UNET_HEADS:
        return f"{UNET_HEADS[stem]}.{leaf}"
    middle = re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", name)
    if middle:
        place = 1 if middle[1] == "attentions" else 2 * int(middle[2])
        return f"middle_block.{place}.{_unet_inner(middle[1], middle[3])}"
    found = re.fullmatch(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.+)", name)
    if not found:
        raise ValueError(f"no original name for {name}")
    side, block, kind, layer, inner = found[1], int(found[2]), found[3], int(found[4]), found[5]
    if kind == "downsamplers":
        return f"input_blocks.{(block + 1) * (layers + 1)}.0.op.{leaf}"
    if kind == "upsamplers":
        attended = any(n.startswith(f"up_blocks.{block}.attentions") for n in state)
        return f"output_blocks.{block * (layers + 1) + layers}.{1 + attended}.conv.{leaf}"
    index = block * (layers + 1) + layer + (1 if side == "down" else 0)
    side = "input" if side == "down" else "output"
    return f"{side}_blocks.{index}.{int(kind == 'attentions')}.{_unet_inner(kind, inner)}"


def _unet_inner(kind: str, inner: str) -> str:
    if kind == "attentions":
        return inner
    part, leaf = inner.rsplit(".", 1)
    return f"{UNET_RESNET[part]}.{leaf}"


def vae_weights(state: Mapping[str, Tensor]) -> Weights:
    """Rename an autoencoder's weights; its attention becomes 1x1 convolutions again."""
    ups = {int(n.split(".")[2]) for n in state if n.startswith("decoder.up_blocks.")}
    renamed = {}
    for name, tensor in state.items():
        new = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        new = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", new)
        new = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", new)
        up = re.search(r"up_blocks\.(\d)\.", new)
        if up:
            new = new.replace(up[0], f"up.{max(ups) - int(up[1])}.")
            new = new.replace(".resnets.", ".block.").replace(".upsamplers.0.", ".upsample.")
        new = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", new)
        if "mid_block.attentions.0." in new:
            for ours, theirs in VAE_ATTENTION.items():
                new = new.replace(f"attentions.0.{ours}.", f"attn_1.{theirs}.")
            new = new.replace("mid_block.", "mid.")
            tensor = tensor[:, :, None, None] if tensor.ndim == 2 else tensor
        renamed[new] = tensor
    return renamed


def clip_weights(state: Mapping[str, Tensor], prefix: str) -> Weights:
    """Rename CLIP-L's text weights, with the position ids that the published files carry."""
    renamed = {
        f"{prefix}text_model.{name.removeprefix('text_model.')}": tensor
        for name, tensor in state.items()
    }
    renamed[f"{prefix}text_model.embeddings.position_ids"] = torch.arange(77)[None]
    return renamed


def open_clip_weights(state: Mapping[str, Tensor], prefix: str) -> Weights:
    """Rename OpenCLIP's text weights; queries, keys and values become one tensor."""
    renamed: Weights = {prefix + "logit_scale": torch.tensor(4.6)}
    for full, tensor in state.items():
        name = full.removeprefix("text_model.")
        layer = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
        if name in OPEN_CLIP_HEADS:
            renamed[prefix + OPEN_CLIP_HEADS[name]] = tensor
        elif name == "text_projection.weight":
            renamed[prefix + "text_projection"] = tensor.T.contiguous()
        elif layer and layer[2] in OPEN_CLIP_LAYER:
            block = f"{prefix}transformer.resblocks.{layer[1]}"
            renamed[f"{block}.{OPEN_CLIP_LAYER[layer[2]]}.{layer[3]}"] = tensor
        elif layer and layer[2] == "self_attn.q_proj":
            parts = [state[full.replace("q_proj", f"{letter}_proj")] for letter in "qkv"]
            block = f"{prefix}transformer.resblocks.{layer[1]}"
            renamed[f"{block}.attn.in_proj_{layer[3]}"] = torch.cat(parts)
    return renamed


def with_last_layer(state: Mapping[str, Tensor]) -> Weights:
    """Add what a published SD 2.x file has and the network does not use: one more layer."""
    last = max(int(n.split("layers.")[1].split(".")[0]) for n in state if "layers." in n)
    extra = {
        name.replace(f"layers.{last}.", f"layers.{last + 1}."): tensor.flip(0)
        for name, tensor in state.items()
        if f"layers.{last}." in name
    }
    width = next(t.shape[-1] for n, t in state.items() if n.endswith("token_embedding.weight"))
    return {**state, **extra, "text_projection.weight": torch.eye(int(width))}
