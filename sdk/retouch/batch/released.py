"""What the gate released, taken out of the file that it came in, and proven to be just that.

Containers that the gate's encoder does not write (PSD, EXR) take these pixels in, unchanged. The
receipt in the gate's file has a digest of pixels and alpha; what does not fit it goes nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from retouch.client.failures import DaemonFailed
from retouch.imaging.decode import read_image
from retouch.imaging.image import Pixels
from retouch.imaging.region import Rect
from retouch_safety.inspection.receipt_in_files import receipt_text
from retouch_safety.receipt import Receipt, digest_of

#: In which released pictures are asked for that go into a container: it holds every depth.
MEDIA_TYPE: Final = "image/tiff"


@dataclass(frozen=True, eq=False)
class ReleasedPatch:
    """A patch as the gate released it.

    Attributes:
        pixels: h x w x 3, read-only.
        alpha: h x w at the same depth, read-only: its own transparency.
        bounds: where it lies on the canvas.
        receipt: the gate's, whose digest these pixels have.
    """

    pixels: Pixels
    alpha: Pixels
    bounds: Rect
    receipt: Receipt


def released_patch(file: bytes | None, bounds: Rect | None) -> ReleasedPatch:
    """Take a patch out of the file that a daemon's gate has encoded.

    Args:
        file: a TIFF, as of ``RemoteResult.patch``.
        bounds: as of ``RemoteResult.bounds``.

    Raises:
        DaemonFailed: there is none, or it is not what its receipt says.
    """
    if file is None or bounds is None:
        raise DaemonFailed("the daemon sent no patch. Fix: use the same version of Retouch there.")
    image = read_image(file, field="patch")
    try:
        receipt = Receipt.from_json(receipt_text(file))
    except ValueError as problem:
        raise DaemonFailed("the daemon sent a patch without receipt") from problem
    whole = image.alpha is not None and digest_of(image.pixels, image.alpha) == receipt.digest
    if not whole or image.size != bounds.size:
        raise DaemonFailed("the daemon sent a patch that differs from its receipt", retryable=True)
    assert image.alpha is not None
    return ReleasedPatch(image.pixels, image.alpha, bounds, receipt)
