"""torch's Muon, the matrices of one shape together.

A denoiser has 130 matrices of 30 shapes. One after the other, their Newton-Schulz steps are
3,000 kernels of a few microseconds, which a GPU spends waiting for the next one; stacked they are
700. The values are those of ``torch.optim.Muon``.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def orthogonal(
    stack: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """Return the nearest half-orthogonal matrices, nearly, of a stack (K, rows, columns)."""
    a, b, c = coefficients
    wide = stack.shape[1] <= stack.shape[2]
    x = stack.bfloat16()
    x = x if wide else x.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.mT
        update = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, update, x, beta=a)
    return x if wide else x.mT


class StackedMuon(torch.optim.Muon):
    """``torch.optim.Muon`` with ``adjust_lr_fn="match_rms_adamw"`` and Nesterov's momentum."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move every weight that has a gradient."""
        if closure is not None:
            raise ValueError("closure: not supported; call backward before step")
        for group in self.param_groups:
            moving = [p for p in group["params"] if p.grad is not None]
            if moving:
                self._move(moving, group)

    def _move(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        for weight in weights:
            if "momentum_buffer" not in self.state[weight]:
                self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
        moments = [self.state[weight]["momentum_buffer"] for weight in weights]
        torch._foreach_lerp_(moments, gradients, 1 - group["momentum"])
        updates = torch._foreach_lerp(gradients, moments, group["momentum"])
        torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
        places: dict[torch.Size, list[int]] = {}
        for index, weight in enumerate(weights):
            places.setdefault(weight.shape, []).append(index)
        for shape, indices in places.items():
            stack = torch.stack([updates[i] for i in indices])
            ready = orthogonal(stack, group["ns_coefficients"], group["ns_steps"], group["eps"])
            # arXiv 2502.16982, equation 4: the root mean square of AdamW's updates.
            rate = -0.2 * math.sqrt(max(shape)) * group["lr"]
            moved = [weights[i] for i in indices]
            torch._foreach_add_(moved, list((ready.float() * rate).unbind()))
