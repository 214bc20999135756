"""Image-prompt adapters (IP-Adapter), loaded beside the network, never into it.

Ye et al. 2023, arXiv:2308.06721. Its weights stay separate per edit; diffusers'
``load_ip_adapter`` would change the shared network for every later request.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from retouch.errors import ModelInvalid
from retouch.models.adapter_files import adapter_file, encoder_folder
from retouch.models.clip_pixels import ClipPixels
from retouch.models.content_cache import config_text, weights_digest
from retouch.models.filling import (
    OTHER_MODEL,
    align_prefix,
    bytes_of,
    fill,
    is_finite,
    read_tensors,
    state_names,
)
from retouch.models.ip_projection import image_projection
from retouch.models.weights_file import component_files, read_json, sha256_of

if TYPE_CHECKING:
    from transformers import CLIPVisionModelWithProjection

Kind = Literal["base", "plus"]


@dataclass(frozen=True)
class IPAdapterWeights:
    """An IP-Adapter, verified and ready to be used beside a network.

    Attributes:
        name: stem of the file, or name of the folder.
        kind: ``base`` reads the image embedding [N, e]; ``plus`` reads the last but one hidden
            states of the image encoder [N, patches + 1, w].
        image_projection: those -> image tokens [N, tokens, cross_attention_dim].
        to_k: one [hidden, cross_attention_dim] per cross-attention layer, in the order of
            diffusers' ``attn2`` processors: down, up, mid.
        to_v: like ``to_k``.
        tokens: image tokens per picture, 4 (base) or 16 (plus) in the published ones.
        cross_attention_dim: width of the tokens; must equal the checkpoint's.
        image_encoder: CLIP's vision tower with projection.
        pixels: how a picture becomes the image encoder's input.
        sha256: of the adapter's file and its image encoder's.
        source: the adapter's file.
        bytes: size in memory.
    """

    name: str
    kind: Kind
    image_projection: nn.Module
    to_k: tuple[Tensor, ...]
    to_v: tuple[Tensor, ...]
    tokens: int
    cross_attention_dim: int
    image_encoder: CLIPVisionModelWithProjection
    pixels: ClipPixels
    sha256: str
    source: Path
    bytes: int

    @cached_property
    def digest(self) -> str:
        """Equal for adapters that give equal tokens, to the last bit; see ``weights_digest``."""
        seen = self.pixels.size, self.pixels.mean, self.pixels.std
        config = config_text(self.image_encoder.config)
        return weights_digest(self.sha256, self.kind, config, seen, str(self.image_encoder.dtype))

    def embed(self, pictures: Tensor) -> Tensor:
        """Turn pictures [N, 3, H, W] in 0..1 into image tokens [N, tokens, width]."""
        weight = next(self.image_projection.parameters())
        pixels = self.pixels(pictures).to(weight)
        with torch.no_grad():
            if self.kind == "base":
                seen = self.image_encoder(pixels).image_embeds
            else:
                encoded = self.image_encoder(pixels, output_hidden_states=True)
                seen = encoded.hidden_states[-2]
            tokens: Tensor = self.image_projection(seen)
        return tokens

    def embed_nothing(self, count: int = 1) -> Tensor:
        """Return the tokens of the unconditional branch [N, tokens, width].

        As trained: ``base`` projects a zero embedding, ``plus`` encodes zeros, grey pixels.
        """
        weight = next(self.image_projection.parameters())
        with torch.no_grad():
            if self.kind == "base":
                width = int(self.image_encoder.config.projection_dim)
                seen = weight.new_zeros(count, width)
            else:
                blank = weight.new_zeros(count, 3, self.pixels.size, self.pixels.size)
                encoded = self.image_encoder(blank, output_hidden_states=True)
                seen = encoded.hidden_states[-2]
            tokens: Tensor = self.image_projection(seen)
        return tokens


def load_ip_adapter(
    path: Path,
    *,
    image_encoder: Path | None = None,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> IPAdapterWeights:
    """Load an IP-Adapter file and its image encoder.

    Args:
        path: a ``.safetensors`` file with ``image_proj.*`` and ``ip_adapter.*``, or a folder with
            such a file.
        image_encoder: folder of a CLIPVisionModelWithProjection; by default the
            ``image_encoder`` that fits, where the published adapters have it.
        dtype: of all weights.
        device: of all weights.

    Raises:
        ModelMissing: the file or its image encoder is absent.
        ModelInvalid: pickled, damaged, incomplete or not finite, or a kind of adapter other than
            base and plus.
    """
    file = adapter_file(path)
    tensors = read_tensors((file,))
    image, layers = _split(tensors, str(file))
    projection, kind, tokens = image_projection(image, str(file), dtype, device)
    to_k, to_v = _layers(layers, str(file), dtype, device)
    folder = image_encoder or encoder_folder(file)
    vision = load_vision_encoder(folder, dtype=dtype, device=device)
    _check_widths(file, projection, kind, to_k, vision)
    return IPAdapterWeights(
        name=path.name if path.is_dir() else path.stem,
        kind=kind,
        image_projection=projection,
        to_k=to_k,
        to_v=to_v,
        tokens=tokens,
        cross_attention_dim=int(to_k[0].shape[1]),
        image_encoder=vision,
        pixels=ClipPixels.from_folder(folder),
        sha256=sha256_of((file, *component_files(folder)), file.parent),
        source=file,
        bytes=bytes_of((projection, vision)) + sum(t.nbytes for t in (*to_k, *to_v)),
    )


def load_vision_encoder(
    folder: Path, *, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
) -> CLIPVisionModelWithProjection:
    """Load a CLIP vision tower with projection: pixels [N, 3, s, s] -> embeddings [N, e].

    Raises:
        ModelMissing, ModelInvalid: as `load_ip_adapter`.
    """
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig.from_dict(read_json(folder / "config.json"))

    def build() -> nn.Module:
        module: nn.Module = CLIPVisionModelWithProjection(config)
        return module

    tensors = align_prefix(
        read_tensors(component_files(folder)), state_names(build), "vision_model."
    )
    return fill(build, tensors, f"{folder}", dtype=dtype, device=device)


def _split(tensors: dict[str, Tensor], where: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    prefixes = ("image_proj.", "ip_adapter.")
    odd = [name for name in tensors if not name.startswith(prefixes)]
    if odd or not tensors:
        problem = f"unexpected weights: {', '.join(odd[:3])}" if odd else "no weights at all"
        raise ModelInvalid(where, problem, "use an IP-Adapter's .safetensors file")
    image, layers = (
        {n.removeprefix(p): t for n, t in tensors.items() if n.startswith(p)} for p in prefixes
    )
    return image, layers


def _layers(
    tensors: dict[str, Tensor], where: str, dtype: torch.dtype, device: str | torch.device
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Return ``to_k_ip`` and ``to_v_ip`` by layer j; the file numbers them 2j + 1."""
    count = len(tensors) // 2
    names = [f"{2 * j + 1}.to_{part}_ip.weight" for part in "kv" for j in range(count)]
    if count == 0 or set(names) != set(tensors):
        odd = sorted(set(names) ^ set(tensors))[:3]
        problem = f"missing or unexpected attention weights: {', '.join(odd) or 'there are none'}"
        raise ModelInvalid(where, problem, OTHER_MODEL)
    copies = []
    for name in names:
        copy = tensors[name].to(device=device, dtype=dtype, copy=True)
        if not is_finite(copy):
            problem = f"ip_adapter.{name} has NaN or infinite values"
            raise ModelInvalid(where, problem, "use an undamaged copy of the model")
        copies.append(copy)
    return tuple(copies[:count]), tuple(copies[count:])


def _check_widths(
    file: Path, projection: nn.Module, kind: Kind, to_k: tuple[Tensor, ...], vision: Any
) -> None:
    first: Any = projection.image_embeds if kind == "base" else projection.proj_in
    given = vision.config.projection_dim if kind == "base" else vision.config.hidden_size
    if first.in_features != given:
        problem = f"it reads image features of width {first.in_features}, its encoder gives {given}"
        raise ModelInvalid(str(file), problem, "use the image encoder published with the adapter")
    norm: Any = projection.norm if kind == "base" else projection.norm_out
    width = int(norm.normalized_shape[0])
    if any(tensor.shape[1] != width for tensor in to_k):
        problem = f"its tokens have width {width}, its attention layers read {to_k[0].shape[1]}"
        raise ModelInvalid(str(file), problem, OTHER_MODEL)
