"""Keeps each noun's cross-attention on its object (TokenCompose, arXiv 2312.03626).

The scenes' masks are exact, so the share of a noun's attention that falls outside its object can
be a loss. It makes objects bind to their own colours and places sooner, and it gives
Prompt-to-Prompt and its local blend the sharp word maps that they rest on.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor
from torch.nn import functional


class Focus:
    """Collects the loss of every watched cross-attention layer during one forward pass.

    Attributes:
        tokens: (N, S, 77) weights that average the tokens of S objects; zero rows: no object.
        masks: (N, S, H, W) objects in [0, 1].
    """

    def __init__(self) -> None:
        self.tokens: Tensor | None = None
        self.masks: Tensor | None = None
        self._losses: list[Tensor] = []

    def aim(self, tokens: Tensor, masks: Tensor) -> None:
        """Set what the next forward pass is measured against."""
        self.tokens, self.masks = tokens, masks
        self._losses.clear()

    def collect(self, probabilities: Tensor, heads: int) -> None:
        """Add a layer: (N * heads, H * W, 77) attention probabilities."""
        if self.tokens is None or self.masks is None:
            return
        rows, cells, _ = probabilities.shape
        side = int(cells**0.5)
        maps = torch.einsum(
            "nhct,nst->nsc",
            probabilities.view(rows // heads, heads, cells, -1),
            self.tokens.to(probabilities.dtype),
        ).float()
        masks = functional.adaptive_avg_pool2d(self.masks, side).flatten(2)
        # 1.25: a cell that the object only touches is not outside.
        inside = (maps * (1.25 * masks).clamp(max=1)).sum(-1) / maps.sum(-1).clamp(min=1e-6)
        present = (self.tokens.sum(-1) > 0).float()
        self._losses.append(((1 - inside).square() * present).sum() / present.sum().clamp(min=1))

    def loss(self) -> Tensor:
        """Return the mean over the layers of the last forward pass."""
        return torch.stack(self._losses).mean()


class WatchedAttention:
    """Plain cross-attention that reports its probabilities to a ``Focus``."""

    def __init__(self, focus: Focus) -> None:
        self.focus = focus

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """Return (N, H * W, C) for queries (N, H * W, C) and text states (N, 77, D)."""
        query = attn.head_to_batch_dim(attn.to_q(hidden_states))
        key = attn.head_to_batch_dim(attn.to_k(encoder_hidden_states))
        value = attn.head_to_batch_dim(attn.to_v(encoder_hidden_states))
        probabilities = attn.get_attention_scores(query, key, attention_mask)
        self.focus.collect(probabilities, attn.heads)
        output = attn.batch_to_head_dim(torch.bmm(probabilities, value))
        return attn.to_out[1](attn.to_out[0](output))


def watch(unet: UNet2DConditionModel) -> Focus:
    """Watch the cross-attention at 1/8 and 1/16 of the picture; return the collector."""
    focus = Focus()
    processors = dict(unet.attn_processors)
    for name in processors:
        if ".attn2." in name and not name.startswith("mid_block"):
            processors[name] = WatchedAttention(focus)
    unet.set_attn_processor(processors)
    return focus
