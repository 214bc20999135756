"""A loss that can be compared: the same held-out pictures, the same noise, no gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SEED = 5


@torch.no_grad()
def fixed_loss(loss: Callable[[], Tensor], device: str, repeats: int) -> float:
    """Return the mean of ``repeats`` calls; all draw the same noise whenever this is called.

    Every generator goes on afterwards where it was.
    """
    cuda = torch.device(device).type == "cuda"
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if cuda else ()):
        torch.manual_seed(SEED)
        return float(torch.stack([loss() for _ in range(repeats)]).mean())
