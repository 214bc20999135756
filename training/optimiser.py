"""Muon for the hidden weights, AdamW for the rest.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) orthogonalises the momentum of
every weight matrix, so that all its directions move equally far. Convolutions count as matrices
(outputs, inputs * height * width), as there. Inputs, outputs, embeddings, norms and biases stay
with AdamW. Updates are scaled to AdamW's usual size (arXiv 2502.16982), so both share a learning
rate.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, distributed, nn

from training.muon import StackedMuon

#: Parts of names whose weights are no hidden matrices.
OUTER: Final = ("conv_in", "conv_out", "embeddings.", "embedding.")
MOMENTUM: Final = 0.95
#: Muon's learning rate as a multiple of AdamW's.
RATIO: Final = 3.0


def _matrix(tensor: Tensor, weight: Tensor) -> Tensor:
    """Return (outputs, everything else) of a weight or its gradient, in the weight's memory order.

    A view, where ``tensor`` has that order too.
    """
    if weight.dim() == 4 and not weight.is_contiguous():
        tensor = tensor.permute(0, 2, 3, 1)
    return tensor.flatten(1)


class Optimiser:
    """Both optimisers as one; with several processes each orthogonalises its share.

    ``rank`` and ``world`` tell which share. Gradients must have been averaged before ``step``.
    """

    def __init__(
        self,
        modules: dict[str, nn.Module],
        lr: float,
        weight_decay: float,
        *,
        muon: bool = True,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.rank, self.world = rank, world
        self._hidden: list[nn.Parameter] = []
        outer: list[nn.Parameter] = []
        for module in modules.values():
            for name, parameter in module.named_parameters():
                if parameter.requires_grad:
                    hidden = muon and parameter.dim() > 1 and not any(o in name for o in OUTER)
                    (self._hidden if hidden else outer).append(parameter)
        # The largest first, so that the processes get equal shares.
        self._hidden.sort(key=lambda parameter: -parameter.numel())
        self.adam = torch.optim.AdamW(
            outer, lr=lr, betas=(0.9, 0.98), weight_decay=weight_decay, fused=True
        )
        self._views = [nn.Parameter(_matrix(p.detach(), p)) for p in self._hidden]
        pairs = zip(self._views, self._hidden, strict=True)
        if any(view.data_ptr() != parameter.data_ptr() for view, parameter in pairs):
            raise ValueError("a weight has a memory format that cannot be viewed as a matrix")
        cuda = any(view.is_cuda for view in self._views)
        self.muon = (StackedMuon if cuda else torch.optim.Muon)(
            self._own(self._views) or [nn.Parameter(torch.zeros(1, 1))],
            lr=lr * RATIO,
            weight_decay=weight_decay,
            momentum=MOMENTUM,
            adjust_lr_fn="match_rms_adamw",
        )

    def _own(self, items: list[Any]) -> list[Any]:
        return items[self.rank :: self.world]

    def rate(self, lr: float) -> None:
        """Set the learning rate of both."""
        for group in self.adam.param_groups:
            group["lr"] = lr
        for group in self.muon.param_groups:
            group["lr"] = lr * RATIO

    @torch.no_grad()
    def step(self) -> None:
        """Move the weights and forget the gradients."""
        for view, parameter in zip(self._views, self._hidden, strict=True):
            view.grad = None if parameter.grad is None else _matrix(parameter.grad, parameter)
        self.muon.step()
        self._exchange()
        self.adam.step()
        self.forget()

    def forget(self) -> None:
        """Drop the gradients."""
        for parameter in (*self._hidden, *self._views):
            parameter.grad = None
        self.adam.zero_grad(set_to_none=True)

    def _exchange(self) -> None:
        """Give every process the weights that the others have moved."""
        if self.world == 1 or not self._views:
            return
        own = {id(view) for view in self._own(self._views)}
        parts = [v if id(v) in own else torch.zeros_like(v) for v in self._views]
        flat = torch.cat([part.flatten() for part in parts])
        distributed.all_reduce(flat)
        offset = 0
        for view in self._views:
            view.copy_(flat[offset : offset + view.numel()].view_as(view))
            offset += view.numel()

    def state_dict(self) -> dict[str, Any]:
        """Return what a later start goes on with; Muon's momentum, 20 steps long, starts anew."""
        return self.adam.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``."""
        self.adam.load_state_dict(state)
