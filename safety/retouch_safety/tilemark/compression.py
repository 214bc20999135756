"""What JPEG and WebP do to luma: the loss without the file."""

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


def _cosines(side: int) -> Plane:
    """Return the side x side orthonormal DCT-II."""
    k, n = np.mgrid[:side, :side]
    matrix = np.cos(np.pi * (2 * n + 1) * k / (2 * side)) * np.sqrt(2 / side)
    matrix[0] /= np.sqrt(2)
    cosines: Plane = matrix.astype(np.float32)
    return cosines


_DCT: Final = _cosines(_BLOCK)

_SUBBLOCK: Final = 4  # pixels
_DCT_4: Final = _cosines(_SUBBLOCK)
#: Walsh-Hadamard transform of RFC 6386, section 14.3, scaled to be orthonormal.
_WALSH: Final = np.array(
    [[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, -1, 1], [1, -1, 1, -1]], np.float32
) / np.float32(2)
#: Quantiser steps of the 4 x 4 blocks and of their means, on orthonormal coefficients of luma. At
#: quality 50 an encoder takes about 25 and 19; the third that is added stands for prediction and
#: the loop filter, which are not modelled (chosen by comparison with libwebp on ten flat pictures).
_WEBP_50: Final = (34.0, 26.0)
_BIAS: Final = 0.43  # an encoder rounds up from 1 - 0.43 of a step: small values become 0


def jpeg_loss(luma: Plane, quality: int) -> Plane:
    """Return H x W luma, 0 to 255, after JPEG's transform and quantisation.

    Args:
        luma: H x W.
        quality: 1 to 100, in the scaling of the Independent JPEG Group.
    """
    height, width = luma.shape
    padded = np.pad(luma, ((0, -height % _BLOCK), (0, -width % _BLOCK)), mode="edge") - 128
    # the pixels of a block first: one product for each direction
    blocks = _in_blocks(padded, _BLOCK)
    steps = _steps(quality)[..., None, None]
    kept = np.rint(_both_ways(_DCT, blocks) / steps) * steps
    back = _joined(_both_ways(_DCT.T, kept))
    lossy: Plane = np.clip(np.rint(back[:height, :width] + 128), 0, 255)
    return lossy


def webp_loss(luma: Plane) -> Plane:
    """Return H x W luma, 0 to 255, after about what lossy WebP at quality 50 does to flat areas.

    The transforms and the dead zones of VP8 (RFC 6386): 4 x 4 blocks, whose means are transformed
    once more, 4 x 4 at a time.

    Args:
        luma: H x W.
    """
    height, width = luma.shape
    macroblock = _SUBBLOCK**2
    padding = ((0, -height % macroblock), (0, -width % macroblock))
    padded = np.pad(luma, padding, mode="edge") - 128
    blocks = _both_ways(_DCT_4, _in_blocks(padded, _SUBBLOCK))
    means = _both_ways(_WALSH, _in_blocks(blocks[0, 0], _SUBBLOCK))
    fine, coarse = _WEBP_50
    kept, kept_means = _dead_zone(blocks, fine), _dead_zone(means, coarse)
    # what is predicted from its neighbours has no dead zone
    kept_means[0, 0] = np.rint(means[0, 0] / coarse) * coarse
    kept[0, 0] = _joined(_both_ways(_WALSH.T, kept_means))
    back = _joined(_both_ways(_DCT_4.T, kept))[:height, :width] + 128
    lossy: Plane = np.clip(np.rint(back), 0, 255)
    return lossy


def _in_blocks(plane: Plane, side: int) -> Plane:
    """Return H x W as side x side x rows x columns: the pixels of a block first."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    return plane.reshape(rows, side, columns, side).transpose(1, 3, 0, 2)


def _joined(blocks: Plane) -> Plane:
    """Take back :func:`_in_blocks`."""
    side, _, rows, columns = blocks.shape
    return blocks.transpose(2, 0, 3, 1).reshape(rows * side, columns * side)


def _dead_zone(coefficients: Plane, step: float) -> Plane:
    """Return coefficients in whole steps, those below 0.57 steps as 0."""
    size = np.floor(np.abs(coefficients) / np.float32(step) + np.float32(_BIAS))
    kept: Plane = np.sign(coefficients) * size * np.float32(step)
    return kept


def _both_ways(matrix: Plane, blocks: Plane) -> Plane:
    """Return side x side x ... blocks, their rows and columns multiplied by a matrix."""
    down = np.tensordot(matrix, blocks, axes=(1, 0))
    across: Plane = np.tensordot(matrix, down, axes=(1, 1)).swapaxes(0, 1)
    return across


def _steps(quality: int) -> Plane:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((_TABLE * percent + 50) // 100, 1, 255).astype(np.float32)
