"""A connection to a daemon: what it knows, pictures up and down, and where pictures come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from retouch.client.calls import PATIENCE, metadata_of, picture_file
from retouch.client.channels import open_channel
from retouch.client.failures import error_of_call
from retouch.client.finding import Endpoint
from retouch.client.starting import start_daemon
from retouch.client.uploads import Picture, SentUploads
from retouch.v1 import (
    blob_service_pb2,
    catalog_pb2,
    catalog_service_pb2,
    image_pb2,
    trust_pb2,
    trust_service_pb2,
)
from retouch.v1.blob_service_pb2_grpc import BlobServiceStub
from retouch.v1.catalog_service_pb2_grpc import CatalogServiceStub
from retouch.v1.edit_service_pb2_grpc import EditServiceStub
from retouch.v1.trust_service_pb2_grpc import TrustServiceStub

#: Told how far loading is.
OnLoading = Callable[[catalog_service_pb2.LoadModelResponse], None]


def ignore_loading(progress: catalog_service_pb2.LoadModelResponse) -> None:
    """Take no interest in how far loading is."""


class Connection:
    """What a client can ask besides edits.

    Args:
        endpoint: where the daemon is; this user's own by default.
        name: of the caller, 1 to 64 letters, digits, dots, dashes: jobs, quotas and fair shares
            belong to it.
        patience: seconds for which a daemon that is gone is waited for, while a job is followed.
        start: whether a daemon is started on this machine where none answers; it goes on when this
            client ends.

    Raises:
        InvalidField: no token can be read, or it would travel to another machine without TLS.
        DaemonFailed: it cannot be started.
    """

    def __init__(
        self,
        endpoint: Endpoint | None = None,
        *,
        name: str = "python",
        patience: float = PATIENCE,
        start: bool = False,
    ) -> None:
        self.endpoint = endpoint or Endpoint()
        self.patience = patience
        if start:
            start_daemon(self.endpoint)
        self._metadata = metadata_of(self.endpoint, name)
        self._channel = open_channel(self.endpoint)
        self._edits = EditServiceStub(self._channel)
        self._blobs = BlobServiceStub(self._channel)
        self._catalog = CatalogServiceStub(self._channel)
        self._trust = TrustServiceStub(self._channel)
        self._uploads = SentUploads(self._blobs, self._metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; jobs go on. Harmless twice."""
        self._channel.close()

    def describe(self) -> catalog_pb2.Catalog:
        """Return what the daemon can do. Raises RetouchError."""
        with self._saying():
            asked = catalog_service_pb2.DescribeRequest()
            return self._catalog.Describe(asked, metadata=self._metadata).catalog

    def load_model(self, name: str, *, on_loading: OnLoading = ignore_loading) -> None:
        """Load a model ahead of its use, and wait until it is in memory. Raises RetouchError."""
        asked = catalog_service_pb2.LoadModelRequest(model=name)
        with self._saying():
            for progress in self._catalog.LoadModel(asked, metadata=self._metadata):
                on_loading(progress)

    def unload_model(self, name: str) -> bool:
        """Give a model's memory back; return whether it was loaded.

        Raises:
            ModelInUse: an edit uses it.
        """
        asked = catalog_service_pb2.UnloadModelRequest(model=name)
        with self._saying():
            return self._catalog.UnloadModel(asked, metadata=self._metadata).was_loaded

    def upload(self, picture: Picture) -> image_pb2.ImageRef:
        """Upload a picture that the daemon lacks; return its reference. Raises RetouchError."""
        with self._saying():
            return self._uploads.image(picture)

    def fetch(self, sha256: str) -> bytes:
        """Return the bytes of a blob. Raises RetouchError."""
        data = bytearray()
        with self._saying():
            asked = blob_service_pb2.GetRequest(sha256=sha256)
            for piece in self._blobs.Get(asked, metadata=self._metadata):
                data += piece.chunk
        return bytes(data)

    def verify(
        self, file: bytes | str | Path, *, search: bool = False
    ) -> trust_service_pb2.VerifyResponse:
        """Say everything that the daemon's installation knows about a picture file.

        Args:
            file: its bytes, or its path.
            search: also look for marks of pictures that were scaled, turned or mirrored; seconds.

        Raises:
            InvalidField: not a picture file. RetouchError.
        """
        with self._saying():
            picture = picture_file(file, self._uploads)
            asked = trust_service_pb2.VerifyRequest(picture=picture, search=search)
            return self._trust.Verify(asked, metadata=self._metadata)

    def receipts(self, record: str) -> tuple[trust_pb2.CheckedReceipt, ...]:
        """Return the receipts of a record that the daemon keeps. Raises RetouchError."""
        asked = trust_service_pb2.ReceiptRequest(record=record)
        with self._saying():
            return tuple(self._trust.Receipt(asked, metadata=self._metadata).receipts)

    def sign_export(
        self, file: bytes | str | Path, *, title: str = "", search: bool = False
    ) -> tuple[bytes, trust_service_pb2.SignExportResponse]:
        """Sign a picture file that a host flattened and exported; return the signed file.

        Args:
            file: its bytes, or its path.
            title: of the picture, in its manifest.
            search: also look for marks of pictures that were scaled, turned or mirrored; seconds.

        Returns:
            The signed file, and what is said of it.

        Raises:
            InvalidField: it has no mark of the daemon's installation. Blocked: the gate refused.
        """
        with self._saying():
            picture = picture_file(file, self._uploads)
            asked = trust_service_pb2.SignExportRequest(picture=picture, title=title, search=search)
            signed = self._trust.SignExport(asked, metadata=self._metadata)
        return self.fetch(signed.picture.sha256), signed

    @contextmanager
    def _saying(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as problem:
            raise error_of_call(problem, self.endpoint.address) from problem
