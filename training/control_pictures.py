"""What the T2I-Adapters read of a picture: drawn by the product itself, kept as bytes in shards."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retouch.imaging import control

#: Control -> channels.
CONTROLS: Final[dict[str, int]] = {"canny": 1, "sketch": 1, "color": 3}
#: Side in pixels of the pictures that the base was trained on.
SIDE: Final = 128


def drawn(kind: str, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (H, W, channels) control picture in [0, 1] that the product would draw."""
    lines = control.extract(kind, picture, native_size=SIDE)
    return lines if lines.ndim == 3 else lines[..., None]


def packed(kind: str, picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the same as (channels, H, W) bytes."""
    values = np.round(drawn(kind, picture) * 255).astype(np.uint8)
    return np.ascontiguousarray(values.transpose(2, 0, 1))
