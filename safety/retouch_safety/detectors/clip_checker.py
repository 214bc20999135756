"""The CLIP safety checker of Stable Diffusion, as one more detector (Rando et al. 2022).

``StableDiffusionSafetyChecker`` blackens pictures and answers yes or no. Only its weights are used
here, and nothing is blackened.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from retouch_safety.content import Box, Bytes8
from retouch_safety.detectors.clip_preprocessing import inputs
from retouch_safety.detectors.clip_tower import build_tower
from retouch_safety.detectors.clip_weights import (
    Concepts,
    accepted_sha256,
    find_weights,
    read_weights,
)
from retouch_safety.detectors.known_picture import known_picture
from retouch_safety.detectors.views import require_8bit_rgb, views
from retouch_safety.errors import DetectorFailed

if TYPE_CHECKING:
    from torch import Tensor

#: What the checker adds to all cosines of a picture in which it finds a concept of special care.
_SPECIAL_CARE_STEP: Final = 0.01
# A margin of 0 is the score 0.5. The strict profile's 0.3 is one such step below it: strictly
# judged, every picture is one of special care.
_SCALE: Final = _SPECIAL_CARE_STEP / math.log(0.7 / 0.3)


@dataclass(frozen=True)
class _Checker:
    tower: Any
    projection: Tensor
    concepts: Concepts
    special_care: Concepts
    side: int


class ClipSafetyChecker:
    """Scores pictures by their nearest unsafe concept in CLIP's space.

    The score is ``1 / (1 + exp(-margin / 0.0118))``, where margin is the largest of
    ``cosine - threshold`` over the 17 concepts, plus 0.01 where one of the 3 concepts of special
    care is found: 0.5 is the checker's own border. The checker rounds margins to three digits, so
    what it refuses is refused here, and so is what it lets pass by at most 0.0005. A view that is
    no square is scored twice, as the checker does and with all of it in sight; the higher counts.

    Weights are read at first use, by torch and transformers, which load then. A vision transformer
    of 304 million parameters: seconds for each view on a CPU.

    Args:
        path: a ``.safetensors`` file, the checker's folder, or a diffusers checkpoint's.
        pinned_sha256: SHA-256 that the file must have; None takes the published ones alone.
        device: where torch computes.

    Raises:
        InvalidInput: no such file, or a pin that is no SHA-256.
        DetectorFailed: a file that is neither published nor pinned.
    """

    category = "sexual content"

    def __init__(
        self, path: str | Path, *, pinned_sha256: str | None = None, device: str = "cpu"
    ) -> None:
        self._path = find_weights(Path(path))
        self._sha256 = accepted_sha256(self._path, pinned_sha256)
        self._device = device
        self._checker: _Checker | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Name and the start of the weights' SHA-256, for the receipt."""
        return f"clip-safety-checker {self._sha256[:12]}"

    def score(self, rgb: Bytes8, region: Box | None) -> dict[str, float]:
        """Return view -> score in [0, 1]; see :class:`Detector`.

        Raises:
            DetectorFailed: wrong depth or shape, or weights that cannot be trusted.
        """
        require_8bit_rgb(rgb)
        return {name: self._view_score(rgb[box.slices]) for name, box in views(rgb, region)}

    def self_test(self) -> None:
        """Check that every concept can be found, and that the encoder tells pictures apart.

        There is no known answer: no score of the published weights has been measured here.

        Raises:
            DetectorFailed: a concept that is its own picture is not refused, or the encoder
                answers the same for different pictures.
        """
        checker = self._loaded()
        # a cosine of 1 crosses every threshold, so each concept must be found in itself
        embeds = checker.concepts.embeds
        own = _above(embeds, checker.concepts).diagonal().cpu().numpy()
        missed = np.flatnonzero(~((own > 0) & (_margins(checker, embeds) >= own)))
        if missed.size:
            raise DetectorFailed(f"{self.name}: concept {missed[0]} is not found in itself")
        picture = known_picture()
        margins = [self._view_margins(view)[0] for view in (picture, 255 - picture)]
        if not (np.isfinite(margins).all() and margins[0] != margins[1]):
            raise DetectorFailed(f"{self.name}: answers {margins} for two different pictures")

    def _view_score(self, view: Bytes8) -> float:
        # np.max keeps a NaN, which the gate refuses; max() may drop it
        margin = float(np.max(self._view_margins(view)))
        return 0.5 * (1 + math.tanh(margin / _SCALE / 2))  # the logistic, without overflow

    def _view_margins(self, view: Bytes8) -> npt.NDArray[np.float32]:
        import torch

        checker = self._loaded()
        with torch.inference_mode():
            pixels = torch.from_numpy(inputs(view, checker.side)).to(self._device)
            pooled = checker.tower(pixels)[1]
            return _margins(checker, pooled @ checker.projection.T)

    def _loaded(self) -> _Checker:
        with self._lock:
            if self._checker is None:
                self._checker = _load(self._path, self._sha256, self._device)
            return self._checker


def _load(path: Path, sha256: str, device: str) -> _Checker:
    weights = read_weights(path, sha256)
    tower = build_tower(weights.tower).to(device)
    projection = weights.projection.to(device)
    if projection.shape[1] != tower.config.hidden_size:
        raise DetectorFailed(
            f"safety checker: visual_projection.weight takes {projection.shape[1]} numbers, the "
            f"encoder gives {tower.config.hidden_size}. Fix: get the published weights."
        )
    concepts, special_care = (
        Concepts(part.embeds.to(device), part.thresholds.to(device))
        for part in (weights.concepts, weights.special_care)
    )
    return _Checker(tower, projection, concepts, special_care, tower.config.image_size)


def _margins(checker: _Checker, embeddings: Tensor) -> npt.NDArray[np.float32]:
    """Return how far each embedding, N x P, is above the border: N numbers, >= 0 is unsafe."""
    special = _above(embeddings, checker.special_care)
    step = _SPECIAL_CARE_STEP * (special > 0).any(dim=1)
    margins = _above(embeddings, checker.concepts).amax(dim=1) + step
    found: npt.NDArray[np.float32] = margins.cpu().numpy()
    return found


def _above(embeddings: Tensor, concepts: Concepts) -> Tensor:
    """Return cosine minus threshold, N x concepts."""
    from torch.nn.functional import normalize

    return normalize(embeddings) @ normalize(concepts.embeds).T - concepts.thresholds
