"""Pictures on their way to a daemon: by content, only what it lacks, from where it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from retouch.imaging.image import Image, Mask
from retouch.v1 import blob_service_pb2 as pb
from retouch.v1 import image_pb2, mask_pb2
from retouch.v1.blob_service_pb2_grpc import BlobServiceStub

CHUNK: Final = 1 << 20
Picture: TypeAlias = "Image | bytes | str | Path"
_SAMPLES: Final = {
    "uint8": image_pb2.SAMPLE_TYPE_UINT8,
    "uint16": image_pb2.SAMPLE_TYPE_UINT16,
    "float32": image_pb2.SAMPLE_TYPE_FLOAT32,
}


class Uploads:
    """Uploads what a request refers to.

    Args:
        blobs: the daemon's.
        metadata: of every call.
    """

    def __init__(self, blobs: BlobServiceStub, metadata: tuple[tuple[str, str], ...]) -> None:
        self._blobs, self._metadata = blobs, metadata

    def image(self, picture: Picture) -> image_pb2.ImageRef:
        """Upload a picture: pixels as they are, or the bytes of a file; return its reference."""
        if isinstance(picture, str | Path):
            picture = Path(picture).read_bytes()
        if isinstance(picture, bytes):
            return self._sent(picture)
        samples = picture.pixels
        order = image_pb2.CHANNEL_ORDER_RGB
        if picture.alpha is not None:
            samples = np.dstack([samples, picture.alpha])
            order = image_pb2.CHANNEL_ORDER_RGBA
        ref = self._sent(_little(samples))
        size = image_pb2.Size(width=picture.width, height=picture.height)
        layout = image_pb2.RawLayout(
            size=size, channel_order=order, sample_type=_SAMPLES[picture.depth]
        )
        ref.raw.CopyFrom(layout)
        if picture.icc is not None:
            ref.color_profile.icc_sha256 = self._sent(picture.icc).sha256
        return ref

    def mask(self, mask: Mask | Picture) -> mask_pb2.Mask:
        """Upload a mask, white is edited; return its message."""
        if isinstance(mask, Mask):
            height, width = mask.strength.shape
            ref = self._sent(_little(mask.strength))
            layout = image_pb2.RawLayout(
                size=image_pb2.Size(width=width, height=height),
                channel_order=image_pb2.CHANNEL_ORDER_GRAY,
                sample_type=image_pb2.SAMPLE_TYPE_FLOAT32,
            )
            ref.raw.CopyFrom(layout)
        else:
            ref = self.image(mask)
        return mask_pb2.Mask(image=ref, polarity=mask_pb2.MASK_POLARITY_EDIT_WHITE)

    def _sent(self, data: bytes) -> image_pb2.ImageRef:
        digest = hashlib.sha256(data).hexdigest()
        asked = pb.MissingRequest(sha256=[digest])
        for missing in self._blobs.Missing(asked, metadata=self._metadata).missing:
            pieces = _pieces(digest, data, missing.uploaded_bytes)
            self._blobs.Put(pieces, metadata=self._metadata)
        return image_pb2.ImageRef(sha256=digest, size_bytes=len(data))


def _pieces(digest: str, data: bytes, offset: int) -> Iterator[pb.PutRequest]:
    offset = min(offset, len(data))
    yield pb.PutRequest(sha256=digest, offset=offset, chunk=data[offset : offset + CHUNK])
    for start in range(offset + CHUNK, len(data), CHUNK):
        yield pb.PutRequest(chunk=data[start : start + CHUNK])


def _little(samples: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    little = samples.astype(samples.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little).tobytes()
