"""What JPEG does to luma: the loss without the file."""

from __future__ import annotations

from typing import Final

import numpy as np

from retouch_safety.tilemark.pattern import Plane

_BLOCK: Final = 8
#: Luminance quantisation of ITU-T T.81, table K.1.
_TABLE: Final = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)


def _cosines() -> Plane:
    """Return the 8 x 8 orthonormal DCT-II."""
    k, n = np.mgrid[:_BLOCK, :_BLOCK]
    matrix = np.cos(np.pi * (2 * n + 1) * k / (2 * _BLOCK)) * np.sqrt(2 / _BLOCK)
    matrix[0] /= np.sqrt(2)
    cosines: Plane = matrix.astype(np.float32)
    return cosines


_DCT: Final = _cosines()


def jpeg_loss(luma: Plane, quality: int) -> Plane:
    """Return H x W luma, 0 to 255, after JPEG's transform and quantisation.

    Args:
        luma: H x W.
        quality: 1 to 100, in the scaling of the Independent JPEG Group.
    """
    height, width = luma.shape
    padded = np.pad(luma, ((0, -height % _BLOCK), (0, -width % _BLOCK)), mode="edge") - 128
    rows, columns = padded.shape[0] // _BLOCK, padded.shape[1] // _BLOCK
    # rows x columns blocks, with the pixels of a block first: one product for each direction
    blocks = padded.reshape(rows, _BLOCK, columns, _BLOCK).transpose(1, 3, 0, 2)
    steps = _steps(quality)[..., None, None]
    kept = np.rint(_both_ways(_DCT, blocks) / steps) * steps
    back = _both_ways(_DCT.T, kept).transpose(2, 0, 3, 1).reshape(padded.shape)
    lossy: Plane = np.clip(np.rint(back[:height, :width] + 128), 0, 255)
    return lossy


def _both_ways(matrix: Plane, blocks: Plane) -> Plane:
    """Return 8 x 8 x ... blocks, their rows and columns multiplied by an 8 x 8 matrix."""
    down = np.tensordot(matrix, blocks, axes=(1, 0))
    across: Plane = np.tensordot(matrix, down, axes=(1, 1)).swapaxes(0, 1)
    return across


def _steps(quality: int) -> Plane:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((_TABLE * percent + 50) // 100, 1, 255).astype(np.float32)
