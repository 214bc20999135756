"""The packed art: noun -> sprite, in its natural or a named colour.

The pack ``art/sprites.npz`` holds ``names`` (N,) and ``sprites`` (N, 128, 128, 4) uint8 straight
RGBA; ``training.art`` makes it from openly licensed drawings (``art/LICENSE``).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retouch.evaluation.scenes.vocabulary import COLOURS

#: Side of a sprite in pixels.
SIDE: Final = 128
PACK: Final = Path(__file__).parent / "art" / "sprites.npz"

_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)


@lru_cache(maxsize=1)
def _pack() -> dict[str, NDArray[np.uint8]]:
    with np.load(PACK) as pack:
        pairs = zip(pack["names"], pack["sprites"], strict=True)
        return {str(name): sprite for name, sprite in pairs}


@lru_cache(maxsize=None)
def sprite(noun: str, colour: str) -> NDArray[np.uint8]:
    """Return the (128, 128, 4) premultiplied RGBA drawing of a noun in a colour.

    A named colour replaces hue and saturation; the drawing's light and dark parts stay. An empty
    colour keeps the natural ones. One entry takes 64 KiB; all of them 100 MiB.
    """
    pixels = _pack()[noun].astype(np.float32) / np.float32(255)
    rgb, alpha = pixels[..., :3], pixels[..., 3:]
    if colour:
        rgb = _tinted(rgb, alpha[..., 0], np.array(COLOURS[colour], np.float32))
    layer = np.concatenate([rgb * alpha, alpha], axis=2)
    packed: NDArray[np.uint8] = np.round(np.clip(layer, 0, 1) * 255).astype(np.uint8)
    packed.setflags(write=False)
    return packed


def _tinted(
    rgb: NDArray[np.float32], alpha: NDArray[np.float32], target: NDArray[np.float32]
) -> NDArray[np.float32]:
    light = rgb @ _LUMA
    level = max(float(np.median(light[alpha > 0.5])), 0.12)
    darker = (light / level)[..., None] * target
    span = max(1 - level, 0.15)
    share = np.clip((light - level) / span, 0, 1)[..., None] * 0.75
    lighter = target + (1 - target) * share
    return np.where((light <= level)[..., None], darker, lighter).astype(np.float32)
