"""The judge itself: look at pictures, or compare them by its features."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from retouch.evaluation.judge.network import SIDE, JudgeNetwork, meanings
from retouch.evaluation.judge.reading import read
from retouch.evaluation.judge.verdict import Verdict

WEIGHTS: Final = Path(__file__).parent / "judge.safetensors"
_BATCH: Final = 32

Pictures = NDArray[np.float32]


class Judge:
    """A trained detector of the scenes' nouns, colours, places, night, season and foreground."""

    def __init__(self, network: JudgeNetwork, device: str = "cpu") -> None:
        self._device = device
        self._network = network.to(device).eval().requires_grad_(False)

    @classmethod
    def load(cls, device: str = "cpu", weights: Path = WEIGHTS) -> Judge:
        """Return the judge that ships with Retouch.

        Raises:
            FileNotFoundError: there are no weights at ``weights``.
            ValueError: they were trained on another vocabulary.
        """
        with safe_open(weights, framework="pt") as file:
            if file.metadata() != meanings():
                raise ValueError(f"{weights} knows other words; run python -m training.judge")
        network = JudgeNetwork()
        network.load_state_dict({name: w.float() for name, w in load_file(weights).items()})
        return cls(network, device)

    def look(self, pictures: Pictures) -> list[Verdict]:
        """Return one verdict per picture.

        ``pictures`` is (N, H, W, 3) in [0, 1]; any height and width, resized to 128. A picture's
        verdict does not depend on its neighbours.

        Raises:
            ValueError: the shape is not (N, H, W, 3).
        """
        verdicts: list[Verdict] = []
        for x in self._batches(pictures):
            verdicts += read(self._network(x))
        return verdicts

    def features(self, pictures: Pictures) -> list[Tensor]:
        """Return (N, C, H, W) float32 feature maps at 64, 32, 16 and 8 px, finest first.

        Raises:
            ValueError: the shape is not (N, H, W, 3).
        """
        maps = [self._network.features(x) for x in self._batches(pictures)]
        return [torch.cat(scale).float().cpu() for scale in zip(*maps, strict=True)]

    def _batches(self, pictures: Pictures) -> list[Tensor]:
        if pictures.ndim != 4 or pictures.shape[3] != 3:
            raise ValueError(f"pictures must be (N, H, W, 3), not {pictures.shape}")
        x = torch.from_numpy(np.ascontiguousarray(pictures, np.float32)).permute(0, 3, 1, 2)
        if x.shape[2:] != (SIDE, SIDE):
            x = functional.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
        return [part.to(self._device) for part in torch.split(x.clamp(0, 1), _BATCH)]
