"""Start samples where sampling gets to, not where noising the answer would put them.

A network that has only seen noised answers trusts its input; in sampling the input is its own work,
with lines beside those of the control, and it keeps them there (exposure bias, Ning et al. 2023,
arXiv 2301.11706). So a share of a batch is sampled from pure noise for a few steps, and what is
asked for from there is the exact answer (as in DAgger, Ross et al. 2011, arXiv 1011.0686).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

from training.network import STEPS

#: Most steps before a sample starts, and where it may start, in shares of the schedule.
LONGEST: Final = 4
ENDS: Final = (0.25, 0.85)

#: (x_t (N, 4, h, w), timestep) -> velocity (N, 4, h, w).
Predict = Callable[[Tensor, int], Tensor]


@torch.no_grad()
def sample(predict: Predict, noise: Tensor, alphas: Tensor, end: int, steps: int) -> Tensor:
    """Return x_t (N, 4, h, w) at timestep ``end``, ``steps`` equal DDIM steps after pure noise.

    Args:
        predict: the network.
        noise: of unit deviation.
        alphas: cumulative product of the schedule, by timestep.
        end: timestep, 0 to 999.
        steps: at least 1.
    """
    x = noise
    times = torch.linspace(STEPS - 1, end, steps + 1).long().tolist()
    for time, after in pairwise(times):
        now, then = alphas[time], alphas[after]
        velocity = predict(x, time).float()
        # Salimans & Ho 2022, appendix D: x0 and noise from x_t and v; DDIM's equation 12.
        x0 = now.sqrt() * x - (1 - now).sqrt() * velocity
        drawn = now.sqrt() * velocity + (1 - now).sqrt() * x
        x = then.sqrt() * x0 + (1 - then).sqrt() * drawn
    return x


def velocity_to(z: Tensor, x: Tensor, alpha: Tensor) -> Tensor:
    """Return the velocity that leads from ``x`` at ``alpha`` to the answer ``z``, (N, 4, h, w)."""
    return (alpha.sqrt() * x - z) / (1 - alpha).sqrt()
