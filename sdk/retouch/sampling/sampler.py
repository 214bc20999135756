"""A sampler: a flow over the noise levels that knows nothing but the denoiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from retouch.denoiser import Condition, Denoiser, Flow, NoiseLevel


class Sampler(Protocol):
    """Takes one edit from its start to its result. Private to the edit."""

    name: str
    #: Noise level of every network call, in order, and the finished level last.
    levels: tuple[NoiseLevel, ...]
    #: Whether equal starts give equal results without further noise.
    deterministic: bool

    def pure_noise(self, noise: Tensor) -> Tensor:
        """The state before the first step when nothing is known: noise at its own scale."""
        ...

    def run(
        self,
        x: Tensor,
        denoiser: Denoiser,
        condition: Condition,
        *,
        project: Callable[[Tensor, NoiseLevel], Tensor],
        generators: list[torch.Generator],
        on_step: Callable[[int, Tensor], None],
    ) -> Flow:
        """Denoise ``x`` (at ``levels[0]``) to the finished state.

        Args:
            x: state ``[lanes, C, h, w]``.
            denoiser: answers x0.
            condition: passed to the denoiser unchanged.
            project: applied to the state after every complete step.
            generators: one per lane, equal, so that all lanes get the same step noise.
            on_step: called with the number of network calls done and the latest x0.
        """
        ...
