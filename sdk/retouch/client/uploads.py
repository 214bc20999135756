"""Pictures on their way to a daemon: by content, only what it lacks, from where it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
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
    """Names what a message refers to, and gathers it in ``pending``, by digest."""

    def __init__(self) -> None:
        self.pending: dict[str, bytes] = {}

    def image(self, picture: Picture) -> image_pb2.ImageRef:
        """Return the reference of a picture: of pixels as they are, or of the bytes of a file."""
        if isinstance(picture, str | Path):
            picture = Path(picture).read_bytes()
        if isinstance(picture, bytes):
            return self.data(picture)
        ref = self._rows(picture.pixels, picture.alpha)
        if picture.icc is not None:
            ref.color_profile.icc_sha256 = self.data(picture.icc).sha256
        return ref

    def mask(self, mask: Mask | Picture) -> mask_pb2.Mask:
        """Return the message of a mask in which white is edited."""
        ref = self._rows(mask.strength) if isinstance(mask, Mask) else self.image(mask)
        return mask_pb2.Mask(image=ref, polarity=mask_pb2.MASK_POLARITY_EDIT_WHITE)

    def data(self, data: bytes) -> image_pb2.ImageRef:
        """Return the reference of bytes."""
        digest = hashlib.sha256(data).hexdigest()
        self._take(digest, data)
        return image_pb2.ImageRef(sha256=digest, size_bytes=len(data))

    def _take(self, digest: str, data: bytes) -> None:
        self.pending[digest] = data

    def _rows(self, pixels: NDArray[Any], alpha: NDArray[Any] | None = None) -> image_pb2.ImageRef:
        rows, layout = raw_rows(pixels, alpha)
        ref = self.data(rows)
        ref.raw.CopyFrom(layout)
        return ref


class SentUploads(Uploads):
    """Sends at once what a message refers to.

    Args:
        blobs: the daemon's.
        metadata: of every call.
    """

    def __init__(self, blobs: BlobServiceStub, metadata: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self._blobs, self._metadata = blobs, metadata

    def _take(self, digest: str, data: bytes) -> None:
        asked = pb.MissingRequest(sha256=[digest])
        for missing in self._blobs.Missing(asked, metadata=self._metadata).missing:
            pieces = pieces_of(digest, data, missing.uploaded_bytes)
            self._blobs.Put(pieces, metadata=self._metadata)


def asked_in_parts(digests: Iterable[str], most: int = 1000) -> Iterator[pb.MissingRequest]:
    """Yield the questions that say which of any number of blobs are missing."""
    known = list(digests)
    for start in range(0, len(known), most):
        yield pb.MissingRequest(sha256=known[start : start + most])


def pieces_of(digest: str, data: bytes, offset: int) -> Iterator[pb.PutRequest]:
    """Yield a blob in pieces, from a byte on."""
    offset = min(offset, len(data))
    yield pb.PutRequest(sha256=digest, offset=offset, chunk=data[offset : offset + CHUNK])
    for start in range(offset + CHUNK, len(data), CHUNK):
        yield pb.PutRequest(chunk=data[start : start + CHUNK])
