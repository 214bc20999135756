"""Pictures as raw rows, the form in which both sides of the contract send samples."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retouch.v1 import image_pb2

_SAMPLES: Final = {
    "uint8": image_pb2.SAMPLE_TYPE_UINT8,
    "uint16": image_pb2.SAMPLE_TYPE_UINT16,
    "float32": image_pb2.SAMPLE_TYPE_FLOAT32,
}
_ORDERS: Final = {
    1: image_pb2.CHANNEL_ORDER_GRAY,
    3: image_pb2.CHANNEL_ORDER_RGB,
    4: image_pb2.CHANNEL_ORDER_RGBA,
}


def raw_rows(
    pixels: NDArray[Any],
    alpha: NDArray[Any] | None = None,
    order: image_pb2.ChannelOrder.ValueType = image_pb2.CHANNEL_ORDER_UNSPECIFIED,
) -> tuple[bytes, image_pb2.RawLayout]:
    """Return packed little-endian rows, and how to read them.

    Args:
        pixels: H x W x 3, or H x W for grey; ``uint8``, ``uint16`` or ``float32``.
        alpha: H x W of the same type, straight, or None.
        order: RGBA or BGRA, opaque where there is no alpha; unspecified: as many as there are.
    """
    if alpha is None and order != image_pb2.CHANNEL_ORDER_UNSPECIFIED:
        white = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
        alpha = np.full(pixels.shape[:2], white, pixels.dtype)
    samples = np.dstack([pixels] if alpha is None else [pixels, alpha])
    height, width, channels = samples.shape
    if order == image_pb2.CHANNEL_ORDER_BGRA:
        samples = samples[..., [2, 1, 0, 3]]
    little = samples.astype(samples.dtype.newbyteorder("<"), copy=False)
    layout = image_pb2.RawLayout(
        size=image_pb2.Size(width=width, height=height),
        channel_order=order or _ORDERS[channels],
        sample_type=_SAMPLES[pixels.dtype.name],
        alpha_mode=image_pb2.ALPHA_MODE_STRAIGHT,
    )
    return np.ascontiguousarray(little).tobytes(), layout
