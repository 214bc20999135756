"""Attention that can differ from row to row of one forward.

Every layer gets one stateless processor. What single rows need (image prompts, edits of explicit
probabilities) travels with the forward as a ``RowAttention``; all other rows stay on the fused
kernel, and nothing is ever installed into a network that other edits share.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from retouch.denoiser import AttentionEdit, AttentionPlace, Condition, NoiseLevel

#: (q, k, v), each [rows, heads, tokens, width] -> [rows, heads, queries, width]
FusedAttention = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class RowGroup:
    """The rows of one evaluation within a forward."""

    rows: slice
    condition: Condition
    level: NoiseLevel

    def edits(self, place: AttentionPlace, queries: int) -> list[AttentionEdit]:
        """The attention edits that want this layer now."""
        return [e for e in self.condition.attention if e.wants(place, queries, self.level)]


@dataclass(frozen=True, slots=True, eq=False)
class RowAttention:
    """What attention layers must do for single rows of one forward.

    Attributes:
        groups: the evaluations, in row order, covering all rows.
        size: height and width of the latent, to place region masks.
    """

    groups: tuple[RowGroup, ...]
    size: tuple[int, int]


class RowAttentionProcessor:
    """Processor of one attention layer: fused by default, explicit where an edit asks."""

    def __init__(self, place: AttentionPlace, fused: FusedAttention) -> None:
        self.place = place
        self._fused = fused

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        rows: RowAttention | None = None,
    ) -> Tensor:
        """Attend. ``hidden_states`` is ``[rows, queries, channels]``."""
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query = _heads(attn.to_q(hidden_states), attn.heads)
        key, value = _heads(attn.to_k(source), attn.heads), _heads(attn.to_v(source), attn.heads)
        if rows is None:
            out = self._fused(query, key, value)
        else:
            out = self._attend(query, key, value, attn.scale, rows)
            if self.place.kind == "cross":
                out = self._add_image_prompts(out, query, rows)
        merged = out.transpose(1, 2).flatten(2).to(query.dtype)
        projected: Tensor = attn.to_out[1](attn.to_out[0](merged))
        if attn.residual_connection:
            projected = projected + hidden_states
        factor = float(attn.rescale_output_factor)
        return projected if factor == 1.0 else projected / factor

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, scale: float, rows: RowAttention
    ) -> Tensor:
        queries = query.shape[2]
        explicit = [(g, edits) for g in rows.groups if (edits := g.edits(self.place, queries))]
        if not explicit:
            return self._fused(query, key, value)
        pieces, done = [], 0
        for group, edits in explicit:
            if group.rows.start > done:
                plain = slice(done, group.rows.start)
                pieces.append(self._fused(query[plain], key[plain], value[plain]))
            part = group.rows
            scores = query[part].float() @ key[part].float().transpose(-1, -2) * scale
            probabilities = scores.softmax(dim=-1)
            for edit in edits:
                probabilities = edit(probabilities, self.place, group.level)
            pieces.append(probabilities.to(value.dtype) @ value[part])
            done = part.stop
        if done < query.shape[0]:
            pieces.append(self._fused(query[done:], key[done:], value[done:]))
        return torch.cat(pieces)

    def _add_image_prompts(self, out: Tensor, query: Tensor, rows: RowAttention) -> Tensor:
        added = None
        for group in rows.groups:
            for prompt in group.condition.image_prompts:
                scale = prompt.scale(self.place, group.level)
                if scale == 0.0:
                    continue
                part, heads = query[group.rows], query.shape[1]
                tokens = prompt.tokens.expand(part.shape[0], -1, -1)
                key, value = prompt.project(tokens, self.place.index)
                seen = self._fused(part, _heads(key, heads), _heads(value, heads)) * scale
                if prompt.mask is not None:
                    seen = seen * _mask_queries(prompt.mask, rows.size, part.shape[2])
                added = out.clone() if added is None else added
                added[group.rows] += seen.to(added.dtype)
        return out if added is None else added


def install_row_attention(unet: Any, device_type: str) -> tuple[AttentionPlace, ...]:
    """Give every attention layer of ``unet`` its processor; returns their places in order."""
    fused = choose_fused_attention(device_type)
    places = attention_places(list(unet.attn_processors))
    by_name = zip(unet.attn_processors, places, strict=True)
    unet.set_attn_processor({name: RowAttentionProcessor(p, fused) for name, p in by_name})
    return places


def attention_places(names: list[str]) -> tuple[AttentionPlace, ...]:
    """Places of attention layers from their processor names, in registration order.

    diffusers registers down, up, mid, and published IP-Adapters number cross-attention layers in
    that order.
    """
    counts: dict[tuple[str, ...], int] = {}

    def count(*key: str) -> int:
        counts[key] = counts.get(key, -1) + 1
        return counts[key]

    places = []
    for name in names:
        kind: Literal["cross", "self"] = "cross" if ".attn2." in name else "self"
        found = re.match(r"(down|up)_blocks\.(\d+)\.", name)
        part: Any = found.group(1) if found else "mid"
        block = int(found.group(2)) if found else 0
        layer = count(kind, part, str(block))
        places.append(AttentionPlace(kind, part, count(kind), block, layer))
    return tuple(places)


def choose_fused_attention(device_type: str) -> FusedAttention:
    """torch's fused attention; xformers' where it is installed and the device is CUDA."""
    if device_type == "cuda" and importlib.util.find_spec("xformers") is not None:
        return _xformers_attention
    return F.scaled_dot_product_attention


def _xformers_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    from xformers.ops import memory_efficient_attention

    swapped = (part.transpose(1, 2).contiguous() for part in (query, key, value))
    result: Tensor = memory_efficient_attention(*swapped)
    return result.transpose(1, 2)


def _heads(states: Tensor, heads: int) -> Tensor:
    """``[rows, tokens, heads*width]`` -> ``[rows, heads, tokens, width]``."""
    rows, tokens, _ = states.shape
    return states.view(rows, tokens, heads, -1).transpose(1, 2)


def _mask_queries(mask: Tensor, size: tuple[int, int], queries: int) -> Tensor:
    """A ``[1, 1, H, W]`` mask averaged down to the layer's grid, ``[1, 1, queries, 1]``."""
    height, width = size
    factor = round(math.sqrt(height * width / queries))
    grid = (-(-height // factor), -(-width // factor))
    return F.interpolate(mask.float(), grid, mode="area").reshape(1, 1, queries, 1).to(mask.device)
