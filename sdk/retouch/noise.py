"""Noise of one edit: named streams of a seeded CPU generator.

A stream never depends on another operation or on batch-mates, so adding either changes nothing
else. The ``start`` stream is seeded with the plain seed, so the same seed starts from the same
noise as diffusers' pipelines on a CPU generator.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class NoiseStreams:
    """Seeded generators by name."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._open: dict[str, torch.Generator] = {}

    def generator(self, name: str) -> torch.Generator:
        """The generator of stream ``name``; it keeps its position between calls."""
        if name not in self._open:
            self._open[name] = self.fresh(name)
        return self._open[name]

    def fresh(self, name: str) -> torch.Generator:
        """A new generator at the beginning of stream ``name``."""
        import torch

        return torch.Generator("cpu").manual_seed(self._seed_of(name))

    def normal(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """Standard normal noise of ``shape``, float32 on the CPU, always the stream's beginning."""
        import torch

        return torch.randn(shape, generator=self.fresh(name), dtype=torch.float32)

    def _seed_of(self, name: str) -> int:
        if name == "start":
            return self.seed
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big") & (2**63 - 1)
