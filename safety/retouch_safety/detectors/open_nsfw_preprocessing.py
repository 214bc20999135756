"""From pixels to the input of Open-NSFW: as its weights were calibrated, and with borders padded.

The reference preprocessing squeezes a picture to 256x256, keeps the middle 224x224 and encodes it
as JPEG: an eighth of the width and of the height is never looked at. Padded by 16 of 256 pixels on
every side, all of the picture lies in the part that is kept, and nothing of the padding does: what
remains is the picture squeezed to 224x224, whatever it is padded with.

Measured by benchmarks/detector.py on harmless pictures only, whose scores are all low (mean logits
of three subjects, 240 of 512 pixels, on four grounds): the reference answers -3.8 to a subject in
the middle and -4.7 in a corner. The padded view answers -4.5 in the middle and without JPEG -4.7,
so JPEG is kept; the higher of both is -3.7 in the middle and -4.6 in a corner. Crops of the four
corners at the reference's own scale, instead of the padded view, cost two and a half times as much
and answer 0.2 to 0.4 higher at the border, but 0.4 to 0.5 in the middle as well: more looks, not a
better look at the border.
"""

from __future__ import annotations

import io
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from retouch_safety.content import Bytes8

Planes = npt.NDArray[np.float32]

_INPUT, _SQUEEZED = 224, 256
_MEAN_BGR: Final = np.array([104, 117, 123], dtype=np.float32)


def reference_view(part: Bytes8) -> Planes:
    """Return the 224 x 224 x 3 input as the reference makes it, without an eighth of each side.

    Args:
        part: H x W x 3 RGB.
    """
    edge = (_SQUEEZED - _INPUT) // 2
    return _as_trained(_squeezed(part, _SQUEEZED).crop((edge, edge, edge + _INPUT, edge + _INPUT)))


def padded_view(part: Bytes8) -> Planes:
    """Return the 224 x 224 x 3 input of the padded picture: all of it, at 7/8 of the scale."""
    return _as_trained(_squeezed(part, _INPUT))


def _squeezed(part: Bytes8, side: int) -> Pillow.Image:
    height, width = part.shape[:2]
    # large pictures first by area, which is fast and keeps what Pillow's own filter would keep
    if min(height, width) > 8 * side:
        part = cv2.resize(part, (4 * side, 4 * side), interpolation=cv2.INTER_AREA)
    picture = Pillow.fromarray(np.ascontiguousarray(part))
    return picture.resize((side, side), resample=Pillow.Resampling.BILINEAR)


def _as_trained(picture: Pillow.Image) -> Planes:
    """Encode as JPEG, on which the weights were trained and calibrated; BGR, less the mean."""
    encoded = io.BytesIO()
    picture.save(encoded, format="JPEG")
    with Pillow.open(encoded) as decoded:
        bgr = np.asarray(decoded)[:, :, ::-1]
    return np.ascontiguousarray(bgr - _MEAN_BGR, dtype=np.float32)
