"""A connection to a daemon for asyncio; see ``retouch.client.connection``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc

from retouch.client.calls import PATIENCE, metadata_of, picture_file
from retouch.client.channels import open_async_channel
from retouch.client.connection import OnLoading, ignore_loading
from retouch.client.failures import error_of_call
from retouch.client.finding import Endpoint
from retouch.client.starting import start_daemon
from retouch.client.uploads import Picture, Uploads, asked_in_parts, pieces_of
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

if TYPE_CHECKING:  # they are not there when it runs
    from retouch.v1.blob_service_pb2_grpc import BlobServiceAsyncStub
    from retouch.v1.catalog_service_pb2_grpc import CatalogServiceAsyncStub
    from retouch.v1.edit_service_pb2_grpc import EditServiceAsyncStub
    from retouch.v1.trust_service_pb2_grpc import TrustServiceAsyncStub


class AsyncConnection:
    """What a client can ask besides edits. Make it on the event loop that uses it.

    Args:
        endpoint, name, patience: as of ``Connection``.
        start: as there; the daemon is started when the block begins.

    Raises:
        As ``Connection``, when the block begins.
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
        self._name, self._start = name, start

    async def __aenter__(self) -> Self:
        if self._start:
            await asyncio.to_thread(start_daemon, self.endpoint)
        self._metadata = metadata_of(self.endpoint, self._name)
        self._channel = open_async_channel(self.endpoint)
        self._edits: EditServiceAsyncStub = EditServiceStub(self._channel)
        self._blobs: BlobServiceAsyncStub = BlobServiceStub(self._channel)
        self._catalog: CatalogServiceAsyncStub = CatalogServiceStub(self._channel)
        self._trust: TrustServiceAsyncStub = TrustServiceStub(self._channel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; jobs go on. Harmless twice."""
        await self._channel.close()

    async def describe(self) -> catalog_pb2.Catalog:
        """Return what the daemon can do. Raises RetouchError."""
        async with self._saying():
            asked = catalog_service_pb2.DescribeRequest()
            return (await self._catalog.Describe(asked, metadata=self._metadata)).catalog

    async def load_model(self, name: str, *, on_loading: OnLoading = ignore_loading) -> None:
        """Load a model ahead of its use, and wait until it is in memory. Raises RetouchError."""
        asked = catalog_service_pb2.LoadModelRequest(model=name)
        async with self._saying():
            async for progress in self._catalog.LoadModel(asked, metadata=self._metadata):
                on_loading(progress)

    async def unload_model(self, name: str) -> bool:
        """Give a model's memory back; return whether it was loaded. Raises RetouchError."""
        asked = catalog_service_pb2.UnloadModelRequest(model=name)
        async with self._saying():
            return (await self._catalog.UnloadModel(asked, metadata=self._metadata)).was_loaded

    async def upload(self, picture: Picture) -> image_pb2.ImageRef:
        """Upload a picture that the daemon lacks; return its reference. Raises RetouchError."""
        uploads = Uploads()
        found = await asyncio.to_thread(uploads.image, picture)
        await self._send(uploads)
        return found

    async def fetch(self, sha256: str) -> bytes:
        """Return the bytes of a blob. Raises RetouchError."""
        data = bytearray()
        async with self._saying():
            asked = blob_service_pb2.GetRequest(sha256=sha256)
            async for piece in self._blobs.Get(asked, metadata=self._metadata):
                data += piece.chunk
        return bytes(data)

    async def verify(
        self, file: bytes | str | Path, *, search: bool = False
    ) -> trust_service_pb2.VerifyResponse:
        """Say everything that the daemon knows about a picture file; as ``Client.verify``."""
        uploads = Uploads()
        picture = await asyncio.to_thread(picture_file, file, uploads)
        await self._send(uploads)
        asked = trust_service_pb2.VerifyRequest(picture=picture, search=search)
        async with self._saying():
            return await self._trust.Verify(asked, metadata=self._metadata)

    async def receipts(self, record: str) -> tuple[trust_pb2.CheckedReceipt, ...]:
        """Return the receipts of a record that the daemon keeps. Raises RetouchError."""
        asked = trust_service_pb2.ReceiptRequest(record=record)
        async with self._saying():
            return tuple((await self._trust.Receipt(asked, metadata=self._metadata)).receipts)

    async def sign_export(
        self, file: bytes | str | Path, *, title: str = "", search: bool = False
    ) -> tuple[bytes, trust_service_pb2.SignExportResponse]:
        """Sign a picture file that a host exported; as ``Client.sign_export``."""
        uploads = Uploads()
        picture = await asyncio.to_thread(picture_file, file, uploads)
        await self._send(uploads)
        asked = trust_service_pb2.SignExportRequest(picture=picture, title=title, search=search)
        async with self._saying():
            signed = await self._trust.SignExport(asked, metadata=self._metadata)
        return await self.fetch(signed.picture.sha256), signed

    async def _send(self, uploads: Uploads) -> None:
        """Upload what has been gathered and the daemon lacks."""
        async with self._saying():
            for asked in asked_in_parts(uploads.pending):
                answer = await self._blobs.Missing(asked, metadata=self._metadata)
                for missing in answer.missing:
                    data = uploads.pending[missing.sha256]
                    pieces = pieces_of(missing.sha256, data, missing.uploaded_bytes)
                    await self._blobs.Put(pieces, metadata=self._metadata)
        uploads.pending.clear()

    @asynccontextmanager
    async def _saying(self) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as problem:
            raise error_of_call(problem, self.endpoint.address) from problem
