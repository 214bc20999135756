"""Pictures as CLIP wants them: shortest side to size, bicubic; centre crop; normalised."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retouch.models.weights_file import read_json

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class ClipPixels:
    """CLIP's preprocessing as a pure function of tensors (Radford et al. 2021, arXiv:2103.00020).

    Attributes:
        size: side length of the square result in pixels.
        mean: per channel, of values in 0..1.
        std: per channel, of values in 0..1.
    """

    size: int = 224
    mean: tuple[float, ...] = CLIP_MEAN
    std: tuple[float, ...] = CLIP_STD

    @classmethod
    def from_folder(cls, folder: Path) -> ClipPixels:
        """Read ``preprocessor_config.json``, or else the image size of ``config.json``.

        Raises:
            ModelMissing, ModelInvalid: neither can be read.
        """
        file = folder / "preprocessor_config.json"
        if file.is_file():
            data = read_json(file)
            size = _side(data.get("crop_size", data.get("size", 224)))
            mean, std = data.get("image_mean", CLIP_MEAN), data.get("image_std", CLIP_STD)
            return cls(size, tuple(map(float, mean)), tuple(map(float, std)))
        config = read_json(folder / "config.json")
        return cls(int(config.get("vision_config", config).get("image_size", 224)))

    def __call__(self, pictures: Tensor) -> Tensor:
        """Turn pictures [N, 3, H, W] in 0..1, of any size, into [N, 3, size, size], float32."""
        pictures = _without_ends(pictures)
        height, width = pictures.shape[-2:]
        short = min(height, width)
        target = (self.size * height // short, self.size * width // short)
        resized = pictures.float()
        if target != (height, width):
            resized = torch.nn.functional.interpolate(
                resized, target, mode="bicubic", antialias=True, align_corners=False
            ).clamp(0.0, 1.0)
        top, left = (target[0] - self.size) // 2, (target[1] - self.size) // 2
        square = resized[..., top : top + self.size, left : left + self.size]
        mean = square.new_tensor(self.mean)[:, None, None]
        return (square - mean) / square.new_tensor(self.std)[:, None, None]


def _without_ends(pictures: Tensor, longest: int = 4) -> Tensor:
    """Cut the ends of very long pictures: the centre crop drops them anyway, but only after
    resizing the shortest side, which for a line of pixels would take gigabytes."""
    height, width = pictures.shape[-2:]
    limit = longest * min(height, width)
    rows, columns = min(height, limit), min(width, limit)
    top, left = (height - rows) // 2, (width - columns) // 2
    return pictures[..., top : top + rows, left : left + columns]


def _side(size: Any) -> int:
    if isinstance(size, dict):
        size = size.get("shortest_edge", size.get("height", 224))
    return int(size)
