"""Pictures on their way to a daemon: by content, only what it lacks, from where it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from numpy.typing import NDArray

from retouch.client.raw_rows import raw_rows
from retouch.imaging.image import Image, Mask
from retouch.v1 import blob_service_pb2 as pb
from retouch.v1 import image_pb2, mask_pb2
from retouch.v1.blob_service_pb2_grpc import BlobServiceStub

CHUNK: Final = 1 << 20
Picture: TypeAlias = "Image | bytes | str | Path"


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
        ref = self._rows(picture.pixels, picture.alpha)
        if picture.icc is not None:
            ref.color_profile.icc_sha256 = self._sent(picture.icc).sha256
        return ref

    def mask(self, mask: Mask | Picture) -> mask_pb2.Mask:
        """Upload a mask, white is edited; return its message."""
        ref = self._rows(mask.strength) if isinstance(mask, Mask) else self.image(mask)
        return mask_pb2.Mask(image=ref, polarity=mask_pb2.MASK_POLARITY_EDIT_WHITE)

    def _rows(self, pixels: NDArray[Any], alpha: NDArray[Any] | None = None) -> image_pb2.ImageRef:
        data, layout = raw_rows(pixels, alpha)
        ref = self._sent(data)
        ref.raw.CopyFrom(layout)
        return ref

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
